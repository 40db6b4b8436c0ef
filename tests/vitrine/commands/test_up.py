"""Commands that ``vitrine up`` suggests."""

import json
import shlex
from pathlib import Path

import pytest

from shared.config.settings import Settings
from tests.support.services import SERVICES
from vitrine.commands.up import _suggestions
from vitrine.stack import Service

NAMES = [name.removeprefix("api_") for name in SERVICES]


def suggested(*names):
    """Return the words of each command that is suggested for services."""
    services = [Service(name, Path(name), f"http://{name}:1") for name in names]
    return [shlex.split(command) for command in _suggestions(services, Settings())]


@pytest.mark.parametrize("name", NAMES)
def test_a_suggested_item_is_accepted(make_client, name):
    for words in suggested(name):
        assert words[0] == "curl"
        if "-d" in words:
            url, body = words[words.index("POST") + 1], json.loads(words[-1])
            assert url == f"http://{name}:1/{name}"
            created = make_client(f"api_{name}").post(f"/{name}", json=body)
            assert created.status_code == 201, created.get_json()


def test_products_are_suggested_before_other_services():
    commands = suggested("games", "orders", "clients", "products")
    assert commands == suggested("products")
    assert "http://products:1/products" in commands[1]


def test_without_an_example_the_document_is_suggested():
    assert [words[-1] for words in suggested("games", "orders")] == [
        "http://games:1/games",
        "http://games:1/openapi.json",
        "http://games:1/__ping/redis",
    ]
