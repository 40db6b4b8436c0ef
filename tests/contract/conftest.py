"""Each test of this folder runs over every service on disk."""

from importlib import import_module
from pathlib import Path

import pytest

from shared.schema.fields import Text
from tests.support.services import SERVICES

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(config, items):
    """Run the example on fakes only: on real servers it would repeat the tests of api_clients."""

    def is_spared(item):
        params = item.callspec.params if hasattr(item, "callspec") else {}
        return (params.get("package"), params.get("stores")) == ("api_games", "real")

    spared = {item for item in items if is_spared(item) and FOLDER in item.path.parents}
    if spared:
        config.hook.pytest_deselected(items=list(spared))
        items[:] = [item for item in items if item not in spared]


@pytest.fixture(params=SERVICES)
def package(request):
    return request.param


@pytest.fixture
def resource(package):
    return getattr(import_module(f"{package}.resource"), package.removeprefix("api_"))


@pytest.fixture
def client(make_client, package):
    if package == "api_orders":  # The example orders a product.
        make_client("api_products").post("/products", json={"name": "Teapot", "price": 12.5})
    return make_client(package)


@pytest.fixture
def url(resource):
    return f"/{resource.name}"


@pytest.fixture
def serves(client):
    """Skip a test, visibly, if the service does not bind a method."""

    def check(*methods):
        endpoints = {name.rpartition(".")[2] for name in client.application.view_functions}
        for method in methods:
            if method not in endpoints:
                pytest.skip(f"{client.application.name} has no {method}")

    return check


@pytest.fixture
def text_field(resource):
    """The field with the name of an item or, where items have no names, a note."""
    fields = resource.schema.load_fields
    texts = {name for name, field in fields.items() if isinstance(field, Text)}
    required = (name for name in texts if fields[name].required)
    return next(required, "note")


@pytest.fixture
def minimal(resource, text_field):
    """Build a body of the required fields and a text."""
    fields = resource.schema.load_fields
    required = {name: field for name, field in fields.items() if field.required}
    examples = {name: field.metadata["example"] for name, field in required.items()}
    return lambda text: examples | {text_field: text}
