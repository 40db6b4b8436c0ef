"""Which requests the console accepts: not those of other pages, names and machines."""

import re
import time
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import jwt
import pytest

from shared.http.tokens import Tokens

SECRET = "0123456789abcdef" * 2
PAGES = ("/", "/cache", "/jobs", "/trace/abc", "/products/12", "/doctor")
HTML = {"Accept": "text/html,*/*"}
LINK = {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


@pytest.mark.parametrize("path", [*PAGES, "/session", "/services", "/stream", "/nowhere"])
@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.nip.io", "0.0.0.0:5555", "localhost."])
def test_a_foreign_name_is_refused(client, path, host):
    """A domain of another machine may resolve to this one (DNS rebinding)."""
    answer = client.get(path, headers={"Host": host} | HTML)
    assert answer.status_code == 403
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("host", ["localhost:5555", "127.0.0.1:5555", "[::1]:5555"])
def test_the_names_of_this_machine_are_accepted(client, host):
    assert client.get("/session", headers={"Host": host}).status_code == 200


def test_another_machine_is_refused(client):
    elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
    assert client.get("/session", environ_overrides=elsewhere).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {**LINK, "Sec-Fetch-Dest": "iframe"},
        {"Origin": "http://localhost:5000", "Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/session", "/stream", "/api/products/products", "/fuzz"])
def test_a_page_of_another_origin_is_refused(send, upstream, headers, path):
    for method in ("GET", "POST"):
        assert send(path, method, headers | HTML).status_code == 403
    assert upstream.requests == []


def test_a_link_opens_pages_only(send, upstream, base):
    for page in PAGES:
        assert send(page, headers=LINK | HTML).status_code == 200
    for other in ("/api/products/products", "/session", "/samples", f"{base}a.js"):
        assert send(other, headers=LINK | HTML).status_code == 403
    assert upstream.requests == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_needs_the_header_of_the_console(client, upstream, method):
    """A form of another page cannot send it, even where browsers name no site."""
    target = {"RAW_URI": "/api/products/products"}
    for path in ("/api/products/products", "/fuzz", "/doctor/fix"):
        answer = client.open(path, method=method, environ_overrides=target)
        assert answer.status_code in (403, 405)
    assert upstream.requests == []


def test_every_answer_has_the_headers_for_browsers(client, base):
    names = f'{{"imports": {{"a": "{base}a.js"}}}}'
    hash = b64encode(sha256(names.encode()).digest()).decode()
    for path in ("/", f"{base}a.js", "/session", "/nowhere", "/api/none/x"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert f"script-src 'self' 'sha256-{hash}';" in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Set-Cookie" not in headers


def test_the_session_in_open_mode_is_that_of_the_user_of_the_system(client):
    session = client.get("/session").json
    assert (session["mode"], session["signed_in"], session["scopes"]) == ("open", True, ["admin"])
    assert session["subject"]
    assert session["services"] == ["products", "down"]
    assert session["fuzz"]["possible"] is False


# With tokens.


@pytest.fixture
def settings(settings, request):
    if "token" in request.node.name:
        return replace(settings, auth_mode="token", secret_key=SECRET)
    return settings


def bearer(settings, *scopes, seconds=60):
    return {"Authorization": f"Bearer {Tokens(settings).mint('maria', scopes, seconds)}"}


def test_with_a_token_the_services_decide(send, upstream, settings):
    upstream.answers["/__cache"] = (404, {}, {"detail": "no key"})
    session = send("/session", headers=bearer(settings, "admin")).json
    assert (session["mode"], session["subject"], session["signed_in"]) == ("token", "maria", True)
    assert session["scopes"] == ["admin"]
    assert session["expires"] > time.time()
    # The console has asked a service with the token of the caller.
    assert upstream.requests[0][2]["Authorization"].startswith("Bearer ey")
    assert send("/samples", headers=bearer(settings, "admin")).json == {"samples": []}


def test_a_token_that_the_services_refuse_is_no_session(send, upstream, settings):
    upstream.answers["/__cache"] = (401, {}, {"detail": "The token is not valid. It has expired."})
    token = bearer(settings, "admin")
    session = send("/session", headers=token).json
    assert (session["signed_in"], session["subject"]) == (False, None)
    assert session["problem"] == "The token is not valid. It has expired."
    refused = send("/samples", headers=token)
    assert (refused.status_code, refused.json["detail"]) == (401, session["problem"])


def test_a_token_that_nobody_could_check_is_no_verdict(send, upstream, settings):
    for status in (429, 500, 503):
        upstream.answers["/__cache"] = (status, {}, {"detail": "busy"})
        answer = send("/samples", headers=bearer(settings, "admin"))
        assert answer.status_code == 503
        assert f"products answered {status}, down does not answer." in answer.json["detail"]
        assert int(answer.headers["Retry-After"]) > 0


def test_a_token_without_an_end_is_accepted_as_the_services_say(send, upstream):
    upstream.answers["/__cache"] = (404, {}, {"detail": "no key"})
    for claims in ({"sub": "maria"}, {"exp": "soon"}, {"exp": 9e9, "scope": None}):
        header = {"Authorization": f"Bearer {jwt.encode(claims, SECRET)}"}
        session = send("/session", headers=header)
        assert (session.status_code, session.json["signed_in"]) == (200, True)


def test_without_a_token_only_pages_are_shown(send, upstream):
    for path in ("/stream", "/samples", "/services", "/fuzz", "/trace/abc", "/doctor"):
        assert send(path).status_code == 401, path
    assert send("/session").json["signed_in"] is False
    assert send("/", headers=HTML).status_code == 200
    upstream.answers["/products"] = (401, {}, {"detail": "no token"})
    assert send("/api/products/products").status_code == 401
    assert "Authorization" not in upstream.requests[-1][2]


def test_a_token_without_the_scope_sees_no_internals(send, upstream, settings):
    upstream.answers["/__cache"] = (403, {}, {"detail": "scope"})
    token = bearer(settings, "products:write")
    assert send("/session", headers=token).json["signed_in"] is True
    for path in ("/stream", "/samples", "/fuzz", "/trace/abc", "/doctor"):
        refused = send(path, headers=token)
        assert (refused.status_code, "admin" in refused.json["detail"]) == (403, True), path


def test_errors_name_no_code(client):
    answer = client.get("/nowhere")
    assert answer.json["status"] == 404
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert client.post("/session", headers={"X-Console": "1"}).status_code == 405
