"""Dates of sales, in the forms that shops write, and what is read out of them."""

from datetime import UTC, datetime

import pytest

from vitrine.errors import StackError
from vitrine.transfer.shops.sale_dates import is_within

MOMENT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def within(since="", until="", during=""):
    cells = {"since": since, "until": until, "during": during}
    return is_within(cells.get, "since", "until", "during", MOMENT)


@pytest.mark.parametrize(
    ("since", "until", "answer"),
    [
        ("", "", True),
        ("2026-11-01", "2026-11-30", True),  # the whole last day
        ("2026-12-01", "", False),
        ("", "2026-11-29", False),
        ("2026-11-30 12:00:01", "", False),
        ("", "2026-11-30 00:00:00", True),
        ("", "2026-11-30T00:00:00+00:00", False),
        ("", "2026-11-30 11:59 +0000", False),
        ("", "9999-12-31", True),
        ("0000-00-00 00:00:00", "0000-00-00", True),
        ("11/1/26, 12:00 AM", "12/24/26, 12:00 AM", True),
        ("24.12.2026", "", False),
        ("3/4/26", "3/4/27", True),  # either day is long past, or to come
        ("1767225600", "1798761599", True),
    ],
)
def test_a_moment_is_within_dates(since, until, answer):
    assert within(since, until) is answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("2026-11-24T13:00-0800/2026-12-24T15:30-0800", True),
        ("2026-11-24T13:00Z/2026-11-30T11:59Z", False),
        ("2026-12-24/2026-12-31", False),
    ],
)
def test_an_interval_in_one_cell(text, answer):
    assert within(during=text) is answer


@pytest.mark.parametrize(
    ("text", "reason"),
    [("12/11/26", "may be two dates"), ("soon", "is not a date"), ("13/13/26", "is not a date")],
)
def test_a_date_that_does_not_decide_is_refused(text, reason):
    with pytest.raises(StackError, match=f"until: '{text}' {reason}; write one such as 2026-12-24"):
        within(until=text)


FILES = {
    "magento": "sku,name,price,special_price,special_price_from_date,special_price_to_date,"
    "attribute_set_code,url_key\nA,Hat,50,40,{},{},x,hat\n",
    "woocommerce": "SKU,Name,Regular price,Sale price,Date sale price starts,"
    "Date sale price ends,Type,Parent\nA,Hat,50,40,{},{},simple,\n",
    "amazon": "item_sku,item_name,standard_price,sale_price,sale_from_date,sale_end_date,"
    "quantity\nA,Hat,50,40,{},{},1\n",
    "google-merchant": "id,title,price,sale_price,sale_price_effective_date,availability,link\n"
    "A,Hat,50,40,{}/{},in_stock,\n",
}


@pytest.mark.parametrize("kind", FILES)
def test_the_price_of_a_sale_is_read_within_its_dates(read, kind):
    now = read(FILES[kind].format("2026-11-01", "2026-12-24"), moment=MOMENT)
    over = read(FILES[kind].format("2025-11-01", "2025-12-24"), moment=MOMENT)
    assert now.kind == over.kind == kind
    (product,), (full,) = now.products, over.products
    assert (product["price"], product["compare_at_price"]) == ("40", "50")
    assert (full["price"], full.get("compare_at_price")) == ("50", None)
    assert not now.prepared.source.notes
    assert "out of its dates, and the next column is read" in str(over.prepared.source.notes)
    assert "2025" not in str(full.get("attributes"))


def test_a_row_with_a_date_that_cannot_be_read_is_named(read):
    file = read(FILES["magento"].format("", "soon"), moment=MOMENT)
    assert not file.products
    assert file.errors == [
        "special_price_to_date: 'soon' is not a date; write one such as 2026-12-24."
    ]
