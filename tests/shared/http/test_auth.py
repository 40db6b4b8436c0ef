"""AUTH_MODE=open: this machine may do everything, other machines nothing."""

import pytest

from shared.config.settings import Settings
from shared.config.startup import is_loopback
from shared.http.tokens import Tokens
from tests.support.services import on_fakes
from vitrine.local.dashboard import build_app

NOWHERE = "redis://127.0.0.1:1/1"


@on_fakes
def test_this_machine_may_do_everything(products):
    assert products.post("/products", json={"name": "Pot"}).status_code == 201
    assert products.get("/__cache").status_code == 200
    assert products.delete("/products/1?purge=true").status_code == 204


@pytest.mark.parametrize("path", ["/products", "/products/1", "/health/live", "/__cache"])
@on_fakes
def test_other_machines_may_do_nothing(products, path):
    products.post("/products", json={"name": "Pot"})
    products.get(path)
    for elsewhere in (
        {"REMOTE_ADDR": "192.0.2.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "evil.example:5000"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost.evil.example"},
    ):
        answer = products.get(path, environ_overrides=elsewhere)
        assert answer.status_code == 403
        assert "AUTH_MODE=token" in answer.json["detail"]


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1", "[::1]:5000", "shop.localhost"])
@on_fakes
def test_this_machine_has_several_host_names(products, host):
    assert products.get("/products", headers={"Host": host}).status_code == 200


@on_fakes
def test_a_page_elsewhere_may_not_send_a_form(products):
    form = {"data": {"name": "Pot"}, "content_type": "multipart/form-data"}
    evil = products.post("/products", headers={"Origin": "https://evil.example"}, **form)
    assert evil.status_code == 403
    assert "CORS_ORIGINS" in evil.json["detail"]
    own = products.post("/products", headers={"Origin": "http://localhost"}, **form)
    assert own.status_code == 201


@on_fakes
def test_a_page_elsewhere_may_only_link_here(products):
    evil = {"Origin": "https://evil.example"}
    picture = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    frame, link = link | {"Sec-Fetch-Dest": "iframe"}, link | {"Sec-Fetch-Dest": "document"}
    for _ in range(2):  # The second one may come from the cache.
        assert products.get("/products", headers=evil).status_code == 403
        assert products.get("/products", headers=picture).status_code == 403
        assert products.get("/products", headers=frame).status_code == 403
        assert products.get("/products", headers=link).status_code == 200
    assert products.post("/products", json={"name": "Pot"}, headers=link).status_code == 403
    assert products.get("/products", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_the_dashboard_of_the_queue_is_for_this_machine_only():
    client = build_app(Settings(redis_queue_url=NOWHERE)).test_client()
    assert client.get("/nowhere").status_code == 404
    rebound = client.get("/", headers={"Host": "evil.example"})
    emptied = client.post("/queue/products/empty", headers={"Origin": "https://evil.example"})
    assert (rebound.status_code, emptied.status_code) == (403, 403)


def test_elsewhere_the_dashboard_needs_a_token_as_password():
    settings = Settings(
        redis_queue_url=NOWHERE, auth_mode="token", secret_key="0123456789abcdef" * 2
    )
    client = build_app(settings, "0.0.0.0").test_client()
    tokens = {
        scope: Tokens(settings).mint("ann", [scope], 60) for scope in ("admin", "orders:read")
    }
    refused = [None, ("ann", "nope"), ("ann", tokens["orders:read"])]
    for auth in refused:
        answer = client.get("/nowhere", auth=auth)
        assert (answer.status_code, answer.www_authenticate.type) == (401, "basic")
    page = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    given = ("whoever", tokens["admin"])
    assert client.get("/nowhere", auth=given).status_code == 404
    assert client.get("/nowhere", auth=given, headers=page).status_code == 403
    bearer = {"Authorization": f"Bearer {tokens['admin']}"}
    assert client.get("/nowhere", headers=bearer).status_code == 404


@on_fakes
def test_a_token_that_is_not_valid_is_refused_in_open_mode(products):
    wrong = products.get("/products", headers={"Authorization": "Bearer nope"})
    assert wrong.status_code == 401


@pytest.mark.parametrize(
    ("host", "is_loopback_host"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("/run/vitrine.sock", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("", False),
    ],
)
def test_only_loopback_is_this_machine(host, is_loopback_host):
    assert is_loopback(host) is is_loopback_host
