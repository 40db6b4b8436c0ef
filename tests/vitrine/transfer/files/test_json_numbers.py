"""Numbers of JSON files that are longer than 64 bits."""

import io

import pytest

from vitrine.transfer.files.json_rows import json_rows

LONG = 123456789012345678901234567890


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": 1, "price": 2.50, "name": "a"}, {"id": %s, "sizes": [1.5, {"x": 0.25}]}]',
        '{"products": [{"id": 1, "price": 2.50, "name": "a"}, '
        '{"id": %s, "sizes": [1.5, {"x": 0.25}]}]}',
        '{"data": {"products": {"edges": [{"node": {"id": 1, "price": 2.50, "name": "a"}}, '
        '{"node": {"id": %s, "sizes": [1.5, {"x": 0.25}]}}]}}}',
    ],
)
def test_a_file_with_a_long_number_is_read_with_the_number(text):
    rows = list(json_rows(io.BytesIO((text % LONG).encode()), "x.json", "products"))
    assert rows == [
        (1, {"id": 1, "price": 2.5, "name": "a"}),
        (2, {"id": LONG, "sizes": [1.5, {"x": 0.25}]}),
    ]
    assert type(rows[0][1]["price"]) is float


def test_a_decimal_that_is_too_large_fails_its_row_alone():
    file = io.BytesIO(b'[{"name": "a"}, {"price": 1e400}, {"name": "b"}]')
    assert list(json_rows(file, "x.json")) == [
        (1, {"name": "a"}),
        (2, "Cannot be read: a number is too large."),
        (3, {"name": "b"}),
    ]


def test_an_object_with_a_long_number_may_not_repeat_a_name():
    file = io.BytesIO(b'[{"sku": %d, "sku": 2}]' % LONG)
    assert list(json_rows(file, "x.json")) == [(1, "The key 'sku' occurs twice in one object.")]
