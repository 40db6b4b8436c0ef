"""Requests of pages go to a service of the table, and nowhere else."""

import pytest

from shared.http.errors import BadRequest
from vitrine.console import forwarding
from vitrine.console.forwarding import target_of


@pytest.mark.parametrize(
    ("raw", "target"),
    [
        ("/api/products/products?q=a%20b&x=%2F..%2F", "/products?q=a%20b&x=%2F..%2F"),
        ("/api/products/products/12", "/products/12"),
        ("/api/products/", "/"),
        ("/api/products/products:batch?dry_run=1", "/products:batch?dry_run=1"),
        ("/api/products/products/caf%C3%A9", "/products/caf%C3%A9"),
        ("/api/products/__cache?key=products:list:page=1:per=20", None),
    ],
)
def test_the_target_is_that_of_the_client(raw, target):
    assert target_of(raw, "/api/products") == (target or raw.removeprefix("/api/products"))


@pytest.mark.parametrize(
    "raw",
    [
        "http://evil.test/api/products/x",
        "//evil.test/api/products/x",
        "/api/products//evil.test/x",
        "/api/products/../orders/orders",
        "/api/products/%2e%2e/orders",
        "/api/products/%252e%252e/orders",
        "/api/products/a/..%2f..%2fx",
        "/api/products/a%5c..%5cx",
        "/api/products/.\\x",
        "/api/products/x\\..\\y",
        "/api/products/./x",
        "/api/products",
        "/api/productsx/y",
        "/api/products/x y",
        "/api/products/x\ty",
        "/api/products/x#y",
        "/api/products/é",
        "/api/products/x\r\nHost: evil.test",
        "",
    ],
)
def test_a_target_that_leads_elsewhere_is_refused(raw):
    with pytest.raises(BadRequest):
        target_of(raw, "/api/products")


def test_a_request_is_passed_on_as_it_is(send, upstream):
    upstream.answers["/products/12"] = (
        200,
        {"ETag": '"a"', "Cache-Status": "vitrine; hit"},
        {"id": 12},
    )
    answer = send(
        "/api/products/products/12?fields=id",
        "PATCH",
        {"If-Match": '"a"', "Content-Type": "application/merge-patch+json"},
        data=b'{"price": 1}',
    )
    assert (answer.status_code, answer.json) == (200, {"id": 12})
    assert answer.headers["ETag"] == '"a"'
    assert answer.headers["Cache-Status"] == "vitrine; hit"
    ((method, path, headers, body),) = upstream.requests
    assert (method, path, body) == ("PATCH", "/products/12?fields=id", b'{"price": 1}')
    assert headers["If-Match"] == '"a"'
    assert headers["Content-Type"] == "application/merge-patch+json"
    assert headers["Authorization"].startswith("Bearer ")


def test_headers_pass_by_a_list_both_ways(send, upstream):
    upstream.answers["/products"] = (
        200,
        {"Set-Cookie": "a=b", "Server": "x", "Access-Control-Allow-Origin": "*", "Link": "<a>"},
        {},
    )
    answer = send(
        "/api/products/products",
        headers={
            "Cookie": "session=1",
            "Origin": "http://localhost",
            "Sec-Fetch-Site": "same-origin",
            "X-Forwarded-For": "192.0.2.1",
            "X-Forwarded-Host": "evil.test",
            "Forwarded": "for=192.0.2.1",
            "Authorization": "Bearer of-somebody",
            "Connection": "X-Request-ID",
            "X-Request-ID": "mine",
        },
    )
    (_, _, headers, _) = upstream.requests[0]
    names = {name.lower() for name in headers}
    assert not names & {
        "cookie",
        "origin",
        "sec-fetch-site",
        "x-forwarded-for",
        "x-forwarded-host",
        "forwarded",
        "x-console",
        "connection",
    }
    assert headers["X-Request-ID"] == "mine"
    assert "of-somebody" not in headers["Authorization"]  # In open mode the console names the user.
    assert headers["Host"] == upstream.url.removeprefix("http://")
    assert not {"Set-Cookie", "Access-Control-Allow-Origin"} & set(answer.headers.keys())
    assert answer.headers["Link"] == "<a>"


def test_a_redirect_is_answered_and_not_followed(send, upstream):
    upstream.answers["/products/old"] = (307, {"Location": "http://evil.test/"}, {})
    answer = send("/api/products/products/old")
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://evil.test/")
    assert len(upstream.requests) == 1


def test_what_does_not_answer_is_named(send):
    answer = send("/api/down/products")
    assert (answer.status_code, answer.json["service"]) == (502, "down")
    assert "down does not answer at http://127.0.0.1:9" in answer.json["detail"]
    unknown = send("/api/nowhere/x")
    assert unknown.status_code == 404
    assert "products, down" in unknown.json["detail"]


def test_a_refusal_of_a_service_stays_its_own(send, upstream):
    problem = {"detail": "price: Is negative.", "status": 422}
    upstream.answers["/products/1"] = (422, {"Content-Type": "application/problem+json"}, problem)
    answer = send("/api/products/products/1", "PATCH", data=b"{}")
    assert (answer.status_code, answer.json) == (422, problem)
    assert answer.mimetype == "application/problem+json"


def test_the_path_that_flask_has_seen_does_not_count(send, upstream):
    """A request line with a URL has a path as well, which gunicorn passes on."""
    for target in ("http://evil.test/products", "//evil.test/products", "/api/products/../x"):
        answer = send(target, path="/api/products/products")
        assert answer.status_code == 400
    assert upstream.requests == []


def test_head_has_no_body(send, upstream):
    upstream.answers["/products"] = (200, {"ETag": '"b"'}, {"items": []})
    answer = send("/api/products/products", "HEAD")
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (200, b"", '"b"')


def test_a_client_that_leaves_early_does_not_spoil_the_next_request(send, upstream):
    upstream.answers["/products"] = (200, {}, b"x" * 5_000_000)
    upstream.answers["/products/1"] = (200, {}, {"id": 1})
    upstream.answers["/products/2"] = (304, {"ETag": '"c"'}, b"")
    for _ in range(3):
        left = send("/api/products/products", buffered=False)
        next(iter(left.iter_encoded()))
        left.close()
        assert send("/api/products/products/1").json == {"id": 1}
        assert send("/api/products/products/2").status_code == 304


def test_requests_that_are_at_the_services_are_limited(client, upstream):
    """Services that hang do not take every thread of the console."""
    upstream.answers["/products"] = (200, {}, {"items": []})
    environ = {"RAW_URI": "/api/products/products"}

    def ask():
        return client.get("/api/products/products", environ_overrides=environ)

    answers = [ask() for _ in range(forwarding.MAX_FORWARDED)]
    refused = ask()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert str(forwarding.MAX_FORWARDED) in refused.json["detail"]
    assert client.get("/session").status_code == 200
    answers.pop().close()
    assert ask().status_code == 200


def test_a_service_that_does_not_answer_takes_no_place(send):
    for _ in range(forwarding.MAX_FORWARDED + 1):
        assert send("/api/down/products").status_code == 502


class Silent:
    """A body that does not come."""

    def read(self, size=-1):
        raise BlockingIOError


def test_a_client_that_is_silent_is_told_so(app, upstream):
    """The service has no part in it."""
    environ = {
        "RAW_URI": "/api/products/products",
        "HTTP_X_CONSOLE": "1",
        "CONTENT_LENGTH": "10",
        "wsgi.input": Silent(),
        "wsgi.input_terminated": True,
    }
    answer = app.test_client().post("/api/products/products", environ_overrides=environ)
    assert (answer.status_code, answer.json["detail"]) == (
        400,
        "The body is not complete. Send all of it again.",
    )
