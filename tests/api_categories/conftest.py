"""Shelves whose attributes are ruled."""

import pytest


@pytest.fixture
def clothes(categories):
    """Clothes with a size and a color, Shoes and Boots below with a size of their own each."""
    size, color = {"type": "string"}, {"type": "string", "choices": ["red", "blue"]}
    for name, parent, attributes in (
        ("Clothes", None, {"size": size, "color": color}),
        ("Shoes", "clothes", {"size": {"type": "integer", "min": 15, "max": 60, "unit": "EU"}}),
        ("Boots", "shoes", {"shaft": {"type": "number", "unit": "cm"}}),
        ("Games", None, {}),
    ):
        body = {"name": name, "parent": parent, "attributes": attributes}
        assert categories.post("/categories", json=body).status_code == 201
