"""Codes of currencies."""

import pytest
from marshmallow import ValidationError

from shared.config.currencies import CURRENT, WITHDRAWN
from shared.schema import Currency


def test_currencies_of_today_and_of_the_past_are_accepted():
    assert (len(CURRENT), CURRENT & WITHDRAWN) == (176, frozenset())
    assert [Currency().deserialize(code) for code in ("EUR", "DEM")] == ["EUR", "DEM"]


@pytest.mark.parametrize("code", ["EUX", "XYZ", "XXX", "XTS", "eur", "EURO"])
def test_other_codes_are_refused(code):
    with pytest.raises(ValidationError, match=r"Not a currency code\. Send one such as EUR"):
        Currency().deserialize(code)
