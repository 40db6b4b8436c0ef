"""Codes of countries."""

import pytest
from marshmallow import ValidationError

from api_clients.country import Country


@pytest.mark.parametrize(
    ("text", "code"), [("BE", "BE"), ("be", "BE"), (" Us ", "US"), ("XK", "XK"), ("GB", "GB")]
)
def test_codes_are_capitals(text, code):
    assert Country().deserialize(text) == code


@pytest.mark.parametrize("text", ["", "UK", "BEL", "Belgium", "ZZ", 32, ["BE"], "B\u0130"])
def test_another_text_is_refused(text):
    with pytest.raises(ValidationError):
        Country().deserialize(text)
