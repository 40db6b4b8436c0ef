"""The part of an entry that is stale: the tag or the root, of its own service or of another one."""

import pytest

from shared.cache.entry import Lookup
from shared.cache.keys import Address

ADDRESS = Address("categories", "category:games", "games", ("products", "categories"))
STAMPS = ("root", "tag", "other root", "other all", "own root", "own all")


def lookup(tokens, detail="generation", stamps=STAMPS):
    root, generation, *depends = stamps
    head = {"root": root, "generation": generation, "depends": depends}
    return Lookup(ADDRESS, "stale", detail, tuple(tokens), head)


def changed(*places):
    return [f"new {place}" if place in places else stamp for place, stamp in enumerate(STAMPS)]


@pytest.mark.parametrize(
    ("places", "part", "token"),
    [
        ((0,), "root", "new 0"),
        ((1,), "tag", "new 1"),
        ((2,), "root", "new 2"),
        ((3,), "products", "new 3"),
        ((5,), "categories", "new 5"),
        # A tag leads to a write, a root does not.
        ((0, 1), "tag", "new 1"),
        ((0, 2, 3), "products", "new 3"),
        ((0, 2, 4), "root", "new 0"),
        ((1, 3), "tag", "new 1"),
        ((), "", ""),
    ],
)
def test_the_part_that_is_stale_has_the_token_that_did_it(places, part, token):
    found = lookup(changed(*places))
    assert (found.stale_part, found.stale_token) == (part, token)


@pytest.mark.parametrize("detail", ["ttl", "release", ""])
def test_an_entry_that_is_stale_for_another_reason_has_no_part(detail):
    found = lookup(changed(1), detail)
    assert (found.stale_part, found.stale_token) == ("", "")


def test_an_entry_of_code_with_other_dependencies_is_compared_as_far_as_it_goes():
    found = lookup(STAMPS, stamps=STAMPS[:2])
    assert (found.stale_part, found.stale_token) == ("", "")
