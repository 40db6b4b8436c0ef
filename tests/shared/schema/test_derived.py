"""Derived fields: the changes of a document that concern them."""

import pytest

from api_products.resource import products
from shared.storage import documents

DERIVED = products.repository.derived
POT = {
    "name": "Pot",
    "sku": "P-1",
    "brand": "Acme",
    "description": "Holds 1 l.",
    "attributes": {"color": "blue"},
    "group": "pots",
    "options": {"Size": "L"},
    "price": 5,
    "stock": 3,
    "terms": ["=pot"],
    "sort_keys": {"name": "pot", "brand": "acme"},
}


@pytest.mark.parametrize("name", ["price", "stock", "status", "images"])
def test_a_change_of_another_field_does_not_concern_them(name):
    assert not DERIVED.is_touched(POT, POT | {name: 9})


@pytest.mark.parametrize(
    "name",
    [
        *("name", "sku", "brand", "description", "attributes", "group", "options"),
        *("terms", "sort_keys", "group_variant"),
    ],
)
def test_a_change_of_what_they_are_made_of_concerns_them(name):
    assert DERIVED.is_touched(POT, POT | {name: "other"})


def test_a_document_that_comes_or_goes_concerns_them():
    assert DERIVED.is_touched(None, POT)
    assert DERIVED.is_touched(POT, None)


# Terms of two releases: of the one before marks, and of one after this.
MARKUP = POT | {"_id": 1, "description": "<p>Holds 1 l.</p>"}
MARKED = MARKUP | DERIVED.fields(MARKUP)
OLDER = MARKED | {"terms": ["=pot", "-p"]}
NEWER = MARKED | {"terms": ["=pot", "-holds", "~99"]}


def test_terms_of_a_newer_release_are_left_alone():
    assert DERIVED.missing(NEWER) == {}
    assert "terms" not in DERIVED.outdated(NEWER, MARKED)
    change = documents.change(NEWER, {"price": 9}, DERIVED)
    assert change.after["terms"] == NEWER["terms"]


def test_terms_of_a_newer_release_do_not_outlive_what_they_are_made_of():
    """After the way back to this release, nothing else would mend them."""
    change = documents.change(NEWER, {"name": "Kettle"}, DERIVED)
    assert "+kettle" in change.after["terms"]
    by_hand = NEWER | {"name": "Kettle"}
    assert "+kettle" in DERIVED.outdated(by_hand, NEWER)["terms"]


def test_a_write_of_a_newer_release_is_not_answered():
    written = NEWER | {"name": "Kettle", "terms": ["=kettle", "~99"]}
    assert "terms" not in DERIVED.outdated(written, NEWER)


def test_the_follower_of_an_older_release_is_not_answered_for_ever():
    """It knows no marks, and would answer each answer."""
    assert not DERIVED.is_touched(MARKED, OLDER)
    assert not DERIVED.is_touched(NEWER, OLDER)
    # A server of that release is answered, and so is one that knows marks.
    assert DERIVED.is_touched(MARKED, OLDER | {"price": 9, "revision": 7})
    assert DERIVED.outdated(OLDER | {"price": 9}, MARKED)["terms"] == MARKED["terms"]
    assert DERIVED.is_touched(NEWER, MARKED)
    assert DERIVED.missing(OLDER) == {"terms": MARKED["terms"]}
