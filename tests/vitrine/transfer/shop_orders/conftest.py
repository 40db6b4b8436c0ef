"""Rows of made-up exports, read as past orders and clients."""

import pytest

from tests.support.shop_exports import SHOPIFY_ORDERS, WOO_ORDERS, table
from vitrine.transfer.shop_orders.exports import ExportRows


@pytest.fixture
def read(tmp_path):
    """Return a function that returns the rows of an export, and the file itself."""

    def read(header, *rows):
        file = tmp_path / "export.csv"
        file.write_text(table(header, rows))
        with ExportRows(str(file)) as source:
            return list(source.rows()), source

    return read


@pytest.fixture
def shopify(read):
    """Return a function that returns the orders of rows of Shopify, by their numbers."""

    def shopify(*rows):
        found, _ = read(SHOPIFY_ORDERS, *rows)
        return {row["external_ref"]: row for _, row in found}

    return shopify


@pytest.fixture
def woo(read):
    """Return a function that returns the orders of rows of WooCommerce, by their numbers."""

    def woo(*rows, header=WOO_ORDERS):
        found, _ = read(header, *rows)
        return {row["external_ref"]: row for _, row in found}

    return woo
