"""Which formats are written."""

import io

import pytest

from tests.vitrine.transfer.exports.shop import PRODUCTS
from vitrine.errors import StackError
from vitrine.transfer.exports.products import ProductExport, shop_format, shop_formats

PLAIN = """
title = "Books"
[recognise]
all = ["Title"]
[fields]
name = "Title"
sku = "Number"
status = "State"
"""


@pytest.fixture
def format_file(tmp_path):
    """Return a format of one's own."""

    def write(text):
        path = tmp_path / "books.toml"
        path.write_text(PLAIN + text)
        return str(path)

    return write


def test_a_format_of_ones_own_is_written(format_file):
    format = shop_format(format_file('[export]\nseparator = ";"\n'))
    assert format.export.separator == ";"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is only read: it has no table"),
        (
            '[fold]\nkey = "Title"\nhas_parents = true\n[export]\n',
            "fold in a way that is only read",
        ),
        ('[fold]\nparent = "Parent"\nparent_names = ["Number"]\n[export]\n', "needs id:{ID}"),
        ('[export]\navailability = ["yes"]\n', "needs two texts"),
        ('[export]\ncolour = "red"\n', "export has no colour"),
    ],
)
def test_a_format_that_cannot_be_written_says_why(format_file, text, reason):
    with pytest.raises(StackError, match=reason):
        shop_format(format_file(text))


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(StackError, match="write one of spreadsheet, google, shopify, woocommerce"):
        shop_format("amazon")
    assert list(shop_formats()) == ["google", "shopify", "woocommerce"]


class Categories:
    """A service without categories."""

    def items(self, path, **query):
        return []


@pytest.mark.parametrize(("name", "count"), [("google", 3), ("shopify", 5), ("woocommerce", 5)])
def test_the_products_in_the_file_are_counted(name, count):
    export = ProductExport(None, Categories(), "https://shop.example")
    products = [item | {"category": None} for item in PRODUCTS]
    assert export.write_shop_file(iter(products), io.StringIO(), shop_format(name)) == count
