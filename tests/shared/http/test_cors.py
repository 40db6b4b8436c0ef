"""CORS: the pages that may call a service, and the headers of its responses."""

from dataclasses import replace

import pytest

from shared.config.settings import Settings, SettingsError
from tests.support.services import on_fakes

SHOP = "https://shop.example"
ASKED = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}


@pytest.fixture
def origins():
    return ""


@pytest.fixture
def settings(settings, origins):
    return replace(settings, cors_origins=origins)


@on_fakes
def test_no_page_may_call_without_cors_origins(products):
    answer = products.get("/products", headers={"Origin": SHOP})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert (
        "Access-Control-Allow-Origin"
        not in products.options("/products", headers={"Origin": SHOP} | ASKED).headers
    )


@on_fakes
@pytest.mark.parametrize("origins", [f"https://other.example,{SHOP}", "*"])
def test_the_pages_of_cors_origins_may_call(products, origins):
    asked = products.options("/products/1", headers={"Origin": SHOP} | ASKED)
    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == SHOP
    assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
    allowed = asked.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"if-match", "last-event-id", "authorization"} <= {*allowed}
    assert {"sentry-trace", "baggage", "traceparent", "tracestate"} <= {*allowed}
    for _ in range(2):  # A miss, then a hit.
        answer = products.get("/products", headers={"Origin": SHOP})
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers.getlist("Vary")
    wrong = products.get("/products?nope=1", headers={"Origin": SHOP})
    assert wrong.headers["Access-Control-Allow-Origin"] == SHOP
    assert (
        products.post("/products", json={"name": "A"}, headers={"Origin": SHOP}).status_code == 201
    )


@on_fakes
@pytest.mark.parametrize("origins", [SHOP])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://shop.example", f"{SHOP}.evil.example", "null", ""]
)
def test_other_pages_may_not_call(products, origin):
    answer = products.get("/products", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers.getlist("Vary")
    asked = products.options("/products", headers={"Origin": origin} | ASKED)
    assert "Access-Control-Allow-Origin" not in asked.headers


@pytest.mark.parametrize(
    "text", ["shop.example", f"{SHOP}/", f"{SHOP}/path", "ftp://x", "https://"]
)
def test_a_text_that_is_not_an_origin_stops_the_start(text):
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        Settings.from_env({"CORS_ORIGINS": text})


def test_all_pages_may_call_only_with_tokens():
    secret = {"AUTH_MODE": "token", "SECRET_KEY": "0123456789abcdef" * 2}
    assert Settings.from_env({"CORS_ORIGINS": "*"} | secret).cors_origins == "*"
    with pytest.raises(SettingsError, match=r"CORS_ORIGINS=\* needs AUTH_MODE=token"):
        Settings.from_env({"CORS_ORIGINS": "*"})


@on_fakes
def test_every_response_has_security_headers(products):
    products.post("/products", json={"name": "Pot"})
    for path in ("/products", "/products", "/products/1", "/products/9", "/nowhere", "/metrics"):
        answer = products.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in answer.headers
