"""Addresses of services: a URL that is set is used, or a sentence names it."""

import os

import pytest

from shared.config.settings import Settings
from vitrine import stack
from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.stack import Running

HERE = {
    "products": "http://127.0.0.1:5000",
    "categories": "http://127.0.0.1:5002",
    "games": "http://127.0.0.1:5004",
}
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_urls(monkeypatch, tmp_path):
    for name in ("PRODUCTS", "CLIENTS", "CATEGORIES", "ORDERS", "GAMES"):
        monkeypatch.delenv(f"{name}_URL", raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))


@pytest.fixture
def running(tmp_path):
    with stack.lock(tmp_path):
        stack.write(tmp_path, Running(os.getpid(), "mongodb://there", "redis://there", HERE))
        yield


def set_urls(monkeypatch, **urls):
    for name, url in urls.items():
        monkeypatch.setenv(f"{name.upper()}_URL", url)
    return Settings.from_env()


@pytest.mark.parametrize("service", HERE)
def test_a_url_that_is_set_comes_before_the_running_stack(running, monkeypatch, service):
    settings = set_urls(monkeypatch, **{service: NOWHERE})
    assert stack.address(settings, service) == NOWHERE
    assert Client.find(service, settings).url == NOWHERE
    assert stack.addresses(settings) == {service: NOWHERE}
    assert stack.asked_for(settings) is None


def test_the_other_services_of_another_stack_have_to_be_set_too(running, monkeypatch):
    settings = set_urls(monkeypatch, products=NOWHERE)
    names = "^PRODUCTS_URL names http://127.0.0.1:9, .*: set CATEGORIES_URL as well"
    with pytest.raises(StackError, match=names):
        stack.address(settings, "categories")


@pytest.mark.parametrize("url", [HERE["products"], "http://localhost:5000/"])
def test_the_running_stack_may_be_named(running, monkeypatch, url):
    settings = set_urls(monkeypatch, products=url)
    assert stack.asked_for(settings) is not None
    assert stack.address(settings, "games") == HERE["games"]
    assert set(stack.addresses(settings)) == set(HERE)


def test_a_service_may_be_added_to_the_running_stack(running, monkeypatch):
    there = "https://shop.example"
    settings = set_urls(monkeypatch, clients=there)
    assert stack.addresses(settings) == HERE | {"clients": there}


def test_a_service_that_was_not_started_here_is_left_out(running, monkeypatch):
    settings = set_urls(monkeypatch, clients=NOWHERE, products=HERE["products"])
    assert stack.addresses(settings) == HERE
    assert stack.address(settings, "clients") == NOWHERE


def test_without_settings_the_running_stack_is_used(running):
    settings = Settings.from_env()
    assert stack.addresses(settings) == HERE
    assert stack.address(settings, "orders") == "http://127.0.0.1:5003"
    with pytest.raises(StackError, match=r"No service toys runs here, only .*; set TOYS_URL"):
        stack.address(settings, "toys")


def test_a_service_elsewhere_is_started_there(monkeypatch):
    there = "https://shop.example"
    error = stack.does_not_answer(set_urls(monkeypatch, clients=there), "clients", there)
    assert str(error).endswith("; start it there, or correct or unset CLIENTS_URL.")


def test_a_url_where_nothing_listens_is_named_with_its_setting(running, monkeypatch):
    settings = set_urls(monkeypatch, products=NOWHERE)
    names = "^products does not answer at http://127.0.0.1:9, which PRODUCTS_URL names; "
    with pytest.raises(StackError, match=names):
        raise stack.does_not_answer(settings, "products", NOWHERE)
    with pytest.raises(StackError, match=r"start it with `.*vitrine up`\.$"):
        raise stack.does_not_answer(settings, "products", HERE["products"])
