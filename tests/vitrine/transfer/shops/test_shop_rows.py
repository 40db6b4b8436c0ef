"""Rows of a shop's file, which are kept up to a limit."""

from contextlib import ExitStack

import pytest

from tests.vitrine.transfer.shops.conftest import FIELDS
from vitrine.transfer.shops.preparation import ShopOptions, open_source, prepare
from vitrine.transfer.sources import ReadOptions

HEADER = "Handle,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Price"


@pytest.mark.parametrize("max_bytes", [None, 2_000])
def test_rows_are_the_same_each_time_also_beyond_the_limit(tmp_path, max_bytes):
    path = tmp_path / "shop.csv"
    lines = (f"tea-{at},Tea {at},Acme,Size,S,T-{at},{at}.50" for at in range(100))
    path.write_text("\n".join([HEADER, *lines]))
    with ExitStack() as opened:
        source = open_source(opened, str(path), ReadOptions(max_bytes=max_bytes), None)
        rows = prepare(opened, source, FIELDS, ShopOptions()).source
        first = list(rows.rows())
        assert first == list(rows.rows())
        assert (len(first), rows.products, rows.filled["Title"]) == (100, 100, 100)
        assert rows.position <= rows.size
