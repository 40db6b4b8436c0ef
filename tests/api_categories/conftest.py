"""Categories with attribute schemas."""

import pytest


@pytest.fixture
def clothes(categories):
    """Clothes with size and color; below it Shoes with another size, and Boots with a shaft."""
    size, color = {"type": "string"}, {"type": "string", "choices": ["red", "blue"]}
    for name, parent, attributes in (
        ("Clothes", None, {"size": size, "color": color}),
        ("Shoes", "clothes", {"size": {"type": "integer", "min": 15, "max": 60, "unit": "EU"}}),
        ("Boots", "shoes", {"shaft": {"type": "number", "unit": "cm"}}),
        ("Games", None, {}),
    ):
        body = {"name": name, "parent": parent, "attributes": attributes}
        assert categories.post("/categories", json=body).status_code == 201
