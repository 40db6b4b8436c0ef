"""Each test of this folder runs over every service on disk."""

from importlib import import_module

import pytest

from tests.scaffold import SERVICES


@pytest.fixture(params=SERVICES)
def package(request):
    return request.param


@pytest.fixture
def resource(package):
    return getattr(import_module(f"{package}.resource"), package.removeprefix("api_"))


@pytest.fixture
def client(make_client, package):
    return make_client(package)


@pytest.fixture
def url(resource):
    return f"/{resource.name}"


@pytest.fixture
def serves(client):
    """Skip a test, visibly, when the service leaves a method out."""

    def check(*methods):
        endpoints = {name.rpartition(".")[2] for name in client.application.view_functions}
        for method in methods:
            if method not in endpoints:
                pytest.skip(f"{client.application.name} has no {method}")

    return check


@pytest.fixture
def text_field(resource):
    """The name of the field that names an item."""
    return next(name for name, field in resource.schema.load_fields.items() if field.required)
