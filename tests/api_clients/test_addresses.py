"""Addresses of clients."""

import pytest

ADDRESS = {
    **{"kind": "billing", "name": "Ada Lovelace", "company": "Engines", "street": "Rue Haute 7\nB"},
    **{"postal_code": "1000", "city": "Brussels", "region": "BRU", "country": "BE"},
    "phone": "02 555 01 00",
}


def test_addresses_are_kept_as_they_are_sent(clients):
    sent = [ADDRESS, {"kind": "shipping", "city": "Gent", "country": "be", "street": None}]
    made = clients.post("/clients", json={"name": "Ada", "addresses": sent})
    kept = [ADDRESS, {"kind": "shipping", "city": "Gent", "country": "BE"}]
    assert (made.status_code, made.get_json()["addresses"]) == (201, kept)
    again = clients.put("/clients/1", json=made.get_json() | {"name": "Ada L."}).get_json()
    assert (again["name"], again["addresses"]) == ("Ada L.", kept)
    gone = clients.patch("/clients/1", json={"addresses": None}).get_json()
    assert gone["addresses"] is None


def test_a_client_without_addresses_has_none(clients):
    assert clients.post("/clients", json={"name": "Ada"}).get_json()["addresses"] is None


@pytest.mark.parametrize(
    ("address", "pointer"),
    [
        ({"city": "Gent"}, "/addresses/0/kind"),
        ({"kind": "home", "city": "Gent"}, "/addresses/0/kind"),
        ({"kind": "billing"}, "/addresses/0"),
        ({"kind": "billing", "city": None}, "/addresses/0"),
        ({"kind": "billing", "country": "Belgium"}, "/addresses/0/country"),
        ({"kind": "billing", "street": " "}, "/addresses/0/street"),
        ({"kind": "billing", "door": "7"}, "/addresses/0/door"),
    ],
)
def test_a_mistake_is_named(clients, address, pointer):
    refused = clients.post("/clients", json={"name": "Ada", "addresses": [address]})
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["pointer"] == pointer


def test_a_client_has_at_most_20_addresses(clients):
    refused = clients.post("/clients", json={"name": "Ada", "addresses": [ADDRESS] * 21})
    assert refused.get_json()["errors"][0]["pointer"] == "/addresses"
