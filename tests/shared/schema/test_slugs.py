"""Slugs, made of the names of items."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schema.fields import Slug
from shared.schema.slugs import as_slug, free_slugs, make_slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("FIFA 25", "fifa-25"),
        ("Crépin & Søn", "crepin-son"),
        ("日本", "ri-ben"),
        ("12345", "product-12345"),
        ("Changes", "product-changes"),
        ("🐔", "product"),
        ("   ", "product"),
        ("", "product"),
        ("-_-", "product"),
        ("Straße", "strasse"),
    ],
)
def test_a_slug_is_readable_ascii(name, slug):
    assert make_slug(name, "product") == slug


@given(st.text())
def test_any_text_makes_a_slug_that_the_api_accepts(text):
    slug = make_slug(text, "product")
    assert Slug().deserialize(slug) == slug
    assert make_slug(slug, "product") == slug


@pytest.mark.parametrize(
    ("text", "slug"),
    [("red-mug", "red-mug"), ("Red_Mug", "red-mug"), ("co\u00adop", "coop"), ("!", "")],
)
def test_another_text_is_made_into_a_slug(text, slug):
    assert as_slug(text) == slug


def test_a_slug_leaves_room_for_a_number():
    slug = make_slug("word " * 100, "product")
    assert len(slug) <= 80
    assert not slug.endswith("-")


def test_taken_slugs_get_the_first_free_number():
    assert free_slugs(["a", "a", "b", "a"], {"a", "a-3"}) == ["a-2", "a-4", "b", "a-5"]
    assert free_slugs(["a-2", "a"], {"a"}) == ["a-2", "a-3"]
