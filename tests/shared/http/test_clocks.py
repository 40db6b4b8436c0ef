"""How far two clocks differ, by the header Date."""

import time
from email.utils import formatdate

import pytest

from shared.http.clocks import clock_difference, in_words


@pytest.mark.parametrize("ahead", [-3600, -6, 7, 86_400])
def test_the_difference_is_that_of_the_header(ahead):
    headers = {"Date": formatdate(time.time() - ahead, usegmt=True)}
    assert clock_difference(headers) == pytest.approx(ahead, abs=2)


def test_without_a_date_or_with_nearly_the_same_it_is_nothing():
    for headers in ({}, {"Date": "today"}, {"Date": formatdate(time.time() - 1, usegmt=True)}):
        assert clock_difference(headers) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (6, "6 seconds"),
        (-59.6, "1 minute"),
        (3420, "57 minutes"),
        (3598.7, "1 hour"),
        (-7200, "2 hours"),
        (90_000, "1 day"),
    ],
)
def test_a_duration_is_in_its_largest_unit(seconds, words):
    assert in_words(seconds) == words
