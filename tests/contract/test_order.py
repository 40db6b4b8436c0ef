"""Order by names in every service: by letters and numbers, without a look at case and accents."""

import threading

import pytest

from shared.schema.derived import SORT_KEYS
from shared.workers.derived_fields import fill_in
from tests.support.services import on_real_servers

NAMES = ("Zebra", "apple", "Äpfel", "Cup 10", "cup 2", "Éclair", "eclair", "_x", "7", "Ωmega", "éa")
ORDERED = ["_x", "7", "Äpfel", "apple", "cup 2", "Cup 10", "éa", "Éclair", "eclair", "Zebra"]
ORDERED += ["Ωmega"]


@pytest.fixture
def items(client, url, minimal, serves, resource, text_field):
    serves("create")
    if text_field not in resource.query.sortable:
        pytest.skip(f"{resource.name} are not ordered by {text_field}")
    for name in NAMES:
        assert client.post(url, json=minimal(name)).status_code == 201


def names(client, link, text_field):
    """Return the names of a list, page by page, and the next links."""
    found = []
    while link:
        page = client.get(link)
        assert page.status_code == 200, page.get_json()
        found += [each[text_field] for each in page.get_json()["items"]]
        cursor = page.get_json()["next_cursor"]
        link = cursor and f"{link.partition('&cursor=')[0]}&cursor={cursor}"
    return found


@pytest.mark.parametrize("per", [100, 2, 3])
@pytest.mark.parametrize("fields", ["", "&fields=FIELD"])
def test_names_are_ordered_as_people_expect(client, url, items, text_field, per, fields):
    query = f"per={per}{fields}".replace("FIELD", text_field)
    assert names(client, f"{url}?{query}&ordering={text_field}", text_field) == ORDERED
    backward = names(client, f"{url}?{query}&ordering=-{text_field}", text_field)
    # Equal names are ordered by their ids, in the direction of the order.
    assert backward == ORDERED[::-1]


def test_a_new_name_has_its_place_at_once(client, url, items, text_field, serves):
    serves("update")
    link = f"{url}?per=100&ordering={text_field}"
    names(client, link, text_field)
    assert client.patch(f"{url}/1", json={text_field: "CUP 3"}).status_code == 200
    expected = [name for name in ORDERED if name != "Zebra"]
    expected.insert(expected.index("Cup 10"), "CUP 3")
    assert names(client, link, text_field) == expected


def test_sort_keys_are_not_shown(client, url, items):
    for link in (url, f"{url}/1", f"{url}/1/history", f"{url}?q=apple", f"{url}?ordering=-id"):
        assert SORT_KEYS not in client.get(link).get_data(as_text=True)
    assert client.get(f"{url}?fields={SORT_KEYS}").status_code == 400
    assert client.get(f"{url}?ordering={SORT_KEYS}").status_code == 400


@on_real_servers
def test_a_document_without_keys_gets_them_from_the_follower(
    client, url, items, resource, text_field, db
):
    db[resource.name].update_many({}, {"$unset": {SORT_KEYS: True, "terms": True}})
    fill_in(resource.repository, db[resource.name], threading.Event())
    assert names(client, f"{url}?per=4&ordering={text_field}", text_field) == ORDERED
    assert client.get(f"{url}?q=eclair").get_json()["total"] == 2
