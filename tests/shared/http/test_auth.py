"""AUTH_MODE=open: this machine may do everything, other machines nothing."""

from dataclasses import replace

import pytest

from shared.config.settings import Settings
from shared.config.startup import check_exposure, is_loopback
from shared.http.auth import Auth
from shared.http.errors import Forbidden
from tests.support.services import on_fakes


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
    for dest, status in (("iframe", 403), ("embed", 403), ("image", 200), ("document", 200)):
        headers = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": dest}
        assert products.get("/products", headers=headers).status_code == status


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


def identify(networks, address, host, **more):
    settings = Settings.from_env({"OPEN_NETWORKS": networks, "AUTH_MODE": "open"})
    environ = {"REMOTE_ADDR": address, "HTTP_HOST": host, "wsgi.url_scheme": "http", **more}
    return Auth(settings).identify(environ | {"REQUEST_METHOD": "POST"})


@pytest.mark.parametrize("host", ["localhost:5000", "products:5000", "127.0.0.1", "orders"])
def test_containers_on_this_machine_may_do_everything(host):
    for address in ("172.18.0.1", "172.18.0.7", "fd00::7", "127.0.0.1"):
        assert identify("172.18.0.0/16, fd00::/64", address, host).may("admin")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("192.0.2.1", "localhost"),
        ("172.19.0.1", "localhost"),
        ("fd01::7", "localhost"),
        ("no address", "localhost"),
        ("172.18.0.1", "evil.example"),
        ("172.18.0.1", "products.evil.example:5000"),
        ("172.18.0.1", "172.18.0.7:5000"),
    ],
)
def test_others_may_do_nothing_where_containers_may(address, host):
    with pytest.raises(Forbidden):
        identify("172.18.0.0/16,fd00::/64", address, host)


def test_headers_of_a_proxy_do_not_make_others_this_machine():
    networks, client = "172.18.0.0/16", ("127.0.0.1", "localhost")
    for peer in ("172.18.0.9", "127.0.0.1"):
        sent = {"werkzeug.proxy_fix.orig": {"REMOTE_ADDR": peer}}
        assert identify(networks, *client, **sent).may("admin")
    for peer, trusted in (("192.168.1.9", networks), ("192.168.1.9", ""), ("172.18.0.9", "")):
        with pytest.raises(Forbidden):
            identify(trusted, *client, **{"werkzeug.proxy_fix.orig": {"REMOTE_ADDR": peer}})


@on_fakes
def test_an_address_in_a_header_does_not_open_a_service(settings, transport, own_apps):
    transport.settings = replace(
        settings, auth_mode="open", trusted_proxies=1, open_networks="172.18.0.0/16"
    )
    app = transport.make_app("api_products")
    for peer, status in (("192.168.1.9", 403), ("172.18.0.9", 200)):
        sent = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "127.0.0.1"}
        assert app.test_client().get("/products", environ_base=sent).status_code == status


def test_pages_elsewhere_may_do_nothing_in_containers():
    with pytest.raises(Forbidden, match="CORS_ORIGINS"):
        identify("172.18.0.0/16", "172.18.0.1", "localhost", HTTP_ORIGIN="https://evil.example")


def test_container_names_are_for_containers_only():
    with pytest.raises(Forbidden):
        identify("", "127.0.0.1", "products:5000")


def test_an_open_service_is_exposed_to_containers_only():
    check_exposure(Settings(open_networks="172.18.0.0/16"), ["0.0.0.0"])
    with pytest.raises(SystemExit, match="AUTH_MODE=open is for this machine only"):
        check_exposure(Settings(), ["0.0.0.0"])
