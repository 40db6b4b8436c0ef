"""Rate limits: hits and requests that enter Flask are counted under the same keys."""

import re
import time
from dataclasses import replace

import pytest
from fakeredis import FakeRedis, FakeServer
from flask import request
from redis import RedisError

from shared.chain.rate_limits import limiter
from shared.config.settings import Settings, SettingsError
from shared.http.allowance import network_of
from shared.http.tokens import Tokens


@pytest.fixture
def settings(settings):
    return replace(
        settings,
        rate_limit_anonymous="6/minute",
        rate_limit_token="8/minute",
        rate_limit_writes="4/minute",
        rate_limit_uploads="2/minute",
    )


@pytest.fixture
def bearer(settings):
    def bearer(*scopes):
        return {"Authorization": f"Bearer {Tokens(settings).mint('ann', scopes, 60)}"}

    return bearer


def statuses(client, paths, **options):
    return [client.get(path, **options).status_code for path in paths]


def test_hits_misses_and_uncached_requests_share_one_limit(products):
    paths = ["/products", "/products", "/products/9", "/products?nope=1", "/nowhere", "/products"]
    assert statuses(products, paths) == [200, 200, 404, 400, 404, 200]
    for path in ("/products", "/products/9", "/products?nope=1", "/nowhere"):
        refused = products.get(path)
        assert refused.status_code == 429, path
        assert refused.mimetype == "application/problem+json"
        assert refused.json["request_id"] == refused.headers["X-Request-ID"]
        assert refused.json["instance"] == path.partition("?")[0]
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.json["retry_after"] == int(refused.headers["Retry-After"])
        assert "6 requests per minute without a token" in refused.json["detail"]
    assert products.post("/products", json={"name": "Pot"}).status_code == 429
    assert products.head("/products").get_data() == b""


def test_headers_show_the_remaining_requests(products):
    for path in ("/products", "/products", "/nowhere"):
        answer = products.get(path)
    assert answer.headers["RateLimit-Policy"] == '"anonymous";q=6;w=60'
    name, left, reset = answer.headers["RateLimit"].split(";")
    assert (name, left) == ('"anonymous"', "r=3")
    assert 1 <= int(reset.removeprefix("t=")) <= 60
    hit = products.get("/products")
    assert "hit" in hit.headers["Cache-Status"]
    assert '"anonymous";r=2;' in hit.headers["RateLimit"]
    written = products.post("/products", json={"name": "Pot"})
    remaining = written.headers.getlist("RateLimit")
    assert [each.split(";t=")[0] for each in remaining] == ['"anonymous";r=1', '"writes";r=3']


def test_probes_and_documentation_are_not_counted(products):
    for path in ("/health/live", "/health/ready", "/__ping/redis", "/metrics", "/"):
        for _ in range(10):
            assert products.get(path).status_code in (200, 503), path
    assert "RateLimit" not in products.get("/health/live").headers


def test_each_token_has_its_own_limit_and_an_admin_has_no_limit(products, bearer):
    one, other = bearer("products:read"), bearer("products:read")
    paths = ["/products", "/products?nope=1"] * 4
    assert 429 not in statuses(products, paths, headers=one)
    assert products.get("/products", headers=one).status_code == 429
    assert products.get("/products?nope=1", headers=one).status_code == 429
    assert products.get("/products", headers=other).status_code == 200
    assert products.get("/products").status_code == 200
    assert 429 not in statuses(products, paths * 2, headers=bearer("admin"))


def test_a_refused_token_counts_for_its_address(products):
    wrong = {"Authorization": "Bearer nope"}
    assert statuses(products, ["/products"] * 8, headers=wrong) == [401] * 6 + [429] * 2


def test_writes_and_uploads_have_stricter_limits(products, bearer):
    mine = bearer("products:write")
    bodies = [{"name": f"Pot {number}"} for number in range(5)]
    made = [products.post("/products", json=body, headers=mine).status_code for body in bodies]
    assert made == [201, 201, 201, 201, 429]
    assert products.get("/products", headers=mine).status_code == 200
    other = bearer("products:write")
    sent = [
        products.post(
            "/products", data={"name": "Pan"}, content_type="multipart/form-data", headers=other
        )
        for _ in range(3)
    ]
    assert [each.status_code for each in sent] == [201, 201, 429]
    assert sent[2].json["limit"] == "uploads"


def test_forged_addresses_are_ignored(products):
    def ask(number):
        forged = {
            "X-Forwarded-For": f"203.0.113.{number}",
            "Forwarded": f"for=203.0.113.{number}",
            "X-Real-IP": f"203.0.113.{number}",
        }
        return products.get("/products", headers=forged).status_code

    assert [ask(number) for number in range(7)] == [200] * 6 + [429]


def test_as_many_proxies_are_believed_as_are_configured(make_client, settings, transport):
    from api_products.app import create_app

    connections = make_client("api_products").application.extensions["connections"]
    behind = replace(
        settings, trusted_proxies=2, auth_mode="token", secret_key="0123456789abcdef" * 2
    )
    client = create_app(settings=behind, connections=connections).test_client()

    def ask(*hops):
        return client.get("/products", headers={"X-Forwarded-For": ", ".join(hops)}).status_code

    for number in range(6):
        # What stands left of the second from the right was written by the client.
        assert ask(f"198.51.100.{number}", "203.0.113.1", "10.0.0.1") == 200
    assert ask("198.51.100.9", "203.0.113.1", "10.0.0.1") == 429
    assert ask("203.0.113.2", "10.0.0.1") == 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("", "local"),
        ("not an address\r\n", "local"),
    ],
)
def test_an_ipv6_network_is_one_client(address, network):
    assert network_of(address) == network


def test_a_window_ends_even_if_a_client_keeps_sending_requests(products, redis):
    paths = ["/products"] * 7
    assert statuses(products, paths)[-1] == 429
    (key,) = redis.keys("limits:*")
    redis.pexpire(key, 300)
    deadline = time.monotonic() + 5
    while products.get("/products").status_code == 429:
        assert time.monotonic() < deadline, "more requests prolong the window"
        time.sleep(0.02)
    assert 0 < redis.ttl(key) <= 60


def test_a_counter_without_an_expiry_gets_one(products, redis):
    products.get("/products")
    (key,) = redis.keys("limits:*")
    redis.persist(key)
    products.get("/products")
    assert 0 < redis.ttl(key) <= 60
    redis.set(key, "many")
    assert products.get("/products").status_code == 200
    redis.delete(key)
    redis.lpush(key, "1")
    assert statuses(products, ["/products", "/nowhere"]) == [200, 404]


def test_requests_are_accepted_and_counted_while_redis_is_down(make_client, transport):
    app = transport.make_app("api_products")
    cache = app.extensions["connections"].cache
    server = FakeServer()
    cache._redis = FakeRedis(server=server)
    server.connected = False
    client = app.test_client()
    before = unchecked(client)
    assert statuses(client, ["/products", "/nowhere"] * 5) == [200, 404] * 5
    assert unchecked(client) - before == 10
    assert "RateLimit" not in client.get("/products").headers


def unchecked(client):
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    return float(
        next(x for x in lines if x.startswith("vitrine_limits_unchecked_total")).split()[1]
    )


@pytest.mark.parametrize("rate", ["many", "0", "-1/minute", "5/fortnight", "5 per minute", "1e3"])
def test_a_malformed_rate_stops_the_start(rate):
    with pytest.raises(SettingsError, match="RATE_LIMIT_TOKEN"):
        Settings.from_env({"RATE_LIMIT_TOKEN": rate})


@pytest.mark.parametrize(
    ("rate", "read"), [("off", ""), ("50", "50/minute"), ("3/second", "3/second")]
)
def test_a_rate_is_a_number_and_a_unit(rate, read):
    assert Settings.from_env({"RATE_LIMIT_WRITES": rate}).rate_limit_writes == read


class TestLimiter:
    """``limiter`` on views: counted in the same Redis, refused with the same problem."""

    pytestmark = [
        pytest.mark.parametrize(
            "stores", ["fake", pytest.param("real", marks=pytest.mark.real)], indirect=True
        ),
        pytest.mark.usefixtures("own_apps"),
    ]

    @pytest.fixture
    def client(self, transport):
        app = transport.make_app("api_clients")
        app.test_client_class = None

        @app.get("/dice")
        @limiter.limit("2/minute")
        def dice():
            return {"eyes": 4}

        @app.post("/upload")
        @limiter.shared_limit("3/5 minutes", scope="heavy", error_message="Three, please.")
        def upload():
            return {}

        @app.get("/report")
        @limiter.shared_limit("3/5 minutes", scope="heavy")
        def report():
            return {}

        @app.get("/lottery")
        @limiter.limit("1/minute", deduct_when=lambda response: response.status_code == 404)
        def lottery():
            return {}, int(request.args["status"])

        @app.get("/heavy")
        @limiter.limit("6/hour", cost=3)
        def heavy():
            return {}

        limiter.init_app(app)
        return app.test_client()

    def test_a_request_above_the_limit_of_a_view_gets_the_usual_429(self, client, redis):
        first = client.get("/dice")
        assert first.headers.getlist("RateLimit-Policy") == [
            '"anonymous";q=6;w=60',
            '"dice";q=2;w=60',
        ]
        assert [each.split(";t=")[0] for each in first.headers.getlist("RateLimit")] == [
            '"anonymous";r=5',
            '"dice";r=1',
        ]
        assert client.get("/dice").status_code == 200
        refused = client.get("/dice")
        assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
        assert refused.json["limit"] == "dice"
        assert re.fullmatch(
            r"Rate limit exceeded: 2 requests per minute of this kind\. Retry in \d+ s\.",
            refused.json["detail"],
        )
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.json["retry_after"] == int(refused.headers["Retry-After"])
        assert '"dice";r=0' in refused.headers["RateLimit"]
        (key,) = redis.keys("limits:*dice*")
        assert key == b"limits:LIMITER/127.0.0.1/dice/2/1/minute"
        assert 0 < redis.ttl(key) <= 60
        scrape = client.get("/metrics").get_data(as_text=True)
        assert 'vitrine_limits_refused_total{limit="dice"}' in scrape

    def test_views_may_share_a_limit_with_a_message_of_their_own(self, client):
        ways = [("GET", "/report"), ("POST", "/upload")] * 2
        answers = [client.open(path, method=method) for method, path in ways]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert answers[-1].json["detail"] == "Three, please."
        assert '"heavy";q=3;w=300' in answers[0].headers.getlist("RateLimit-Policy")
        assert "3 requests per 5 minutes" in client.get("/report").json["detail"]

    def test_each_token_has_its_own_count_and_an_admin_has_no_limit(self, client, bearer):
        assert [client.get("/dice").status_code for _ in range(3)] == [200, 200, 429]
        assert client.get("/dice", headers=bearer("clients:read")).status_code == 200
        admin = bearer("admin")
        assert {client.get("/dice", headers=admin).status_code for _ in range(5)} == {200}

    def test_conditional_limits_and_costs_work(self, client):
        found = [client.get(f"/lottery?status={code}").status_code for code in (200, 200, 404, 200)]
        assert found == [200, 200, 404, 429]
        assert '"heavy";r=3' in client.get("/heavy").headers.getlist("RateLimit")[-1]

    def test_without_redis_requests_are_accepted_and_redis_is_asked_once(self, client):
        connections = client.application.extensions["connections"]
        server = Silent()
        connections.cache._redis = server
        before = unchecked(client)
        for path in ("/dice", "/lottery?status=404"):
            answers = [client.get(path) for _ in range(4)]
            assert {each.status_code for each in answers} <= {200, 404}
            assert "RateLimit" not in answers[-1].headers
        assert server.asked == 1
        assert unchecked(client) > before


def test_the_example_limits_a_route(make_client):
    games = make_client("api_games")
    assert games.post("/games", json={"title": "FIFA 25"}).status_code == 201
    for _ in range(5):
        shown = games.get("/games/1/preview")
    assert '"preview";r=55' in shown.headers.getlist("RateLimit")[-1].replace("games.", "")


class Silent:
    """A Redis that does not answer, and the number of calls to it."""

    asked = 0

    def __getattr__(self, name):
        self.asked += 1
        raise RedisError("no answer")
