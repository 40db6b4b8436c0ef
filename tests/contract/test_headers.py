"""Headers of all responses: Cache-Control, what shared caches may keep, and the last newline."""

from dataclasses import replace

import pytest

from shared.config.settings import Settings, SettingsError
from shared.http.tokens import Tokens
from tests.support.services import example, on_fakes

SECRET = "fedcba9876543210fedcba9876543210"
PUBLIC = "public, max-age=0, s-maxage=30"


@pytest.fixture
def made(client, url, resource, serves):
    serves("create")
    return client.post(url, json=example(resource))


def routes(client, url):
    """Yield the path of each route that answers GET and ends, with the id of the only item."""
    for rule in client.application.url_map.iter_rules():
        if "GET" in rule.methods and not rule.rule.endswith(("changes", "live")):
            values = {"ref": "1", "name": "nope", "id": "nope", "import_id": "nope", "number": 1}
            path = rule.rule
            for name in rule.arguments:
                for kind in ("", "int:", "uuid:", "path:"):
                    path = path.replace(f"<{kind}{name}>", str(values[name]))
            yield path


@on_fakes
def test_every_response_says_which_caches_may_keep_it(client, url, made):
    answers = [client.get(path) for path in routes(client, url)]
    answers += [client.get(f"{url}?nope=1"), client.get("/nope"), client.get(f"{url}/99"), made]
    answers += [client.patch(f"{url}/1", json={}), client.post(url, json={}), client.put("/health")]
    answers += [client.delete(f"{url}/1"), client.head(url)]
    for answer in answers:
        (value,) = answer.headers.getlist("Cache-Control")
        if answer.status_code >= 400 or answer.request.method not in ("GET", "HEAD"):
            assert value == "no-store", answer.request.path
        elif answer.request.path.startswith("/docs/"):
            assert value.startswith("public")
        else:
            is_content = "ETag" in answer.headers
            assert value == ("private, no-cache" if is_content else "no-store")
    assert len(answers) > 20


@on_fakes
def test_json_ends_with_a_newline(client, url, made):
    answers = [client.get(path) for path in routes(client, url)]
    answers += [client.get(url), client.get(url), client.get("/nope"), client.get(f"{url}?nope=1")]
    answers += [made, client.post(url, json={})]
    bodies = [answer.data for answer in answers if answer.is_json]
    assert len(bodies) > 12
    for body in bodies:
        assert body.endswith(b"}\n")
        assert not body.endswith(b"\n\n")
    whole = client.get(url)
    assert int(client.head(url).headers["Content-Length"]) == len(whole.data)


class TestSharedCaches:
    """With CACHE_CONTROL_PUBLIC, a CDN may keep what every reader without a token sees."""

    @pytest.fixture
    def settings(self, settings):
        return replace(
            settings,
            auth_mode="token",
            secret_key=SECRET,
            cache_control_public=30,
            rate_limit_anonymous="1000/minute",
        )

    @pytest.fixture
    def bearer(self, settings):
        token = Tokens(settings).mint("ann", ["admin"], 60)
        return {"Authorization": f"Bearer {token}"}

    @pytest.fixture
    def made(self, client, url, resource, serves, bearer, make_client):
        serves("create")
        if not resource.public:
            pytest.skip(f"{resource.name} are not public")
        assert client.post(url, json=example(resource), headers=bearer).status_code == 201

    @on_fakes
    def test_a_cdn_may_keep_public_lists_and_items(self, client, url, made):
        for path in (url, f"{url}?per=5", f"{url}/1", f"{url}/1?fields=id"):
            for _ in range(2):  # A miss, then a hit.
                answer = client.get(path)
                assert answer.headers.getlist("Cache-Control") == [PUBLIC], path
                assert "Authorization" in ", ".join(answer.headers.getlist("Vary"))
                # They tell about this client.
                assert "RateLimit" not in answer.headers
            again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
            assert (again.status_code, again.headers["Cache-Control"]) == (304, PUBLIC)

    @on_fakes
    def test_a_client_with_a_token_is_told_the_present(self, client, url, made, bearer):
        for path in (url, f"{url}/1"):
            assert client.get(path).headers["Cache-Control"] == PUBLIC
            answer = client.get(path, headers=bearer)
            assert answer.headers.getlist("Cache-Control") == ["private, no-cache"]

    @on_fakes
    def test_all_else_stays_private(self, client, url, made):
        for path in (f"{url}/99", f"{url}?nope=1", "/metrics", f"{url}/1/history"):
            assert client.get(path).headers["Cache-Control"] == "no-store", path
        assert client.get("/openapi.json").headers["Cache-Control"] == "private, no-cache"


def test_a_cdn_needs_tokens():
    with pytest.raises(SettingsError, match="CACHE_CONTROL_PUBLIC needs AUTH_MODE=token"):
        Settings.from_env({"CACHE_CONTROL_PUBLIC": "30"})
