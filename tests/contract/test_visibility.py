"""The declaration of items that some readers do not see."""

import pytest

from shared.http.tokens import Principal
from tests.support.services import example, on_fakes


@pytest.fixture
def visibility(resource):
    if resource.visibility is None:
        pytest.skip(f"all readers see all {resource.name}")
    return resource.visibility


def test_the_field_is_a_filter_and_has_an_index(visibility, resource):
    values = (*visibility.public, *visibility.unlisted)
    for value in values:
        page_request = resource.parse(f"{visibility.field}={value}".encode())
        assert page_request.equal == {visibility.field: value}
    firsts = {next(iter(index.document["key"])) for index in resource.repository.indexes}
    assert visibility.field in firsts
    assert set(values) < set(resource.schema.fields[visibility.field].validate.choices)


def test_a_scope_of_the_service_is_needed(visibility, resource):
    for scope in visibility.scopes:
        assert scope.startswith(f"{resource.name}:")
        assert resource.sees_hidden(Principal("ann", frozenset({scope})))
    assert resource.sees_hidden(Principal("ann", frozenset({"admin"})))
    assert not resource.sees_hidden(Principal("ann", frozenset({"others:read"})))
    assert not resource.sees_hidden(None)


@on_fakes
def test_the_index_names_what_lists_leave_out(client, resource):
    visibility = resource.visibility
    expected = {visibility.field: [*visibility.unlisted]} if visibility else {}
    assert client.get("/").json["unlisted"] == expected


def test_an_item_without_a_value_is_seen(visibility, resource):
    document = example(resource)
    assert visibility.is_hidden(document | {visibility.field: "unheard of"})
    assert not visibility.is_hidden(document | {visibility.field: None})
    assert not visibility.is_hidden({"_id": 1})
