"""Orders and customers of WooCommerce, in the columns of its common plugins."""

from decimal import Decimal

import pytest

from tests.support.shop_exports import (
    WOO_CUSTOMERS,
    WOO_LINES,
    WOO_ORDER,
    WOO_ORDERS,
    WOO_WORDS,
    kinds,
    total,
)

LINES = {
    **{"order_id": "501", "order_number": "501", "date": "2025-08-05 09:01:16"},
    **{"status": "completed", "shipping_total": "5.00", "shipping_tax_total": "1.05"},
    **{"tax_total": "9.45", "discount_total": "0.00", "order_total": "54.45"},
    **{"refunded_total": "0.00", "order_currency": "EUR", "shipping_method": "Flat rate"},
    **{"item_name": "Teapot", "item_sku": "T-1", "item_quantity": "2"},
    **{"item_subtotal": "32.50", "item_total": "32.50"},
}
CUP = {"item_name": "Cup", "item_sku": "", "item_quantity": "1", "item_subtotal": "7.50"}
CUP |= {"item_total": "7.50"}


def test_lines_in_cells_of_their_own(woo):
    cup = "name:Cup, 3 | 4 l|product_id:8|sku:|quantity:3|total:10.00|sub_total:10.00|meta:Size:L"
    order = woo(WOO_ORDER | {"line_item_2": cup, "order_total": "55.00"})["501"]
    assert order["placed_at"] == "2025-08-05T09:01:16"
    assert order["items"] == [
        {"quantity": 2, "unit_price": "20.00", "name": "Teapot", "sku": "T-1"},
        {"quantity": 3, "unit_price": "3.3333", "total": "10.00", "name": "Cup, 3 | 4 l"},
        {"quantity": 1, "unit_price": "5.00", "kind": "shipping", "name": "Shipping"},
    ]
    assert total(order) == 55


def test_a_row_for_each_line(woo):
    order = woo(LINES, LINES | CUP, header=WOO_LINES)["501"]
    assert kinds(order) == ["product", "product", "shipping", "tax"]
    assert order["items"][2]["name"] == "Flat rate"
    assert total(order) == Decimal("54.45")


@pytest.mark.parametrize(
    "cell",
    [
        "id:1|name:Teapot; blue|sku:T-1|quantity:2|subtotal:32.50|total:32.50;"
        "id:2|name:Cup|quantity:1|subtotal:7.50|total:7.50",
        '[{"id": 1, "name": "Teapot; blue", "sku": "T-1", "quantity": 2, "subtotal": "32.50", '
        '"total": "32.50"}, {"name": "Cup", "quantity": 1, "subtotal": "7.50", "total": "7.50"}]',
    ],
)
def test_all_lines_in_one_cell(woo, cell):
    row = {name: text for name, text in LINES.items() if not name.startswith("item_")}
    header = [*row, "line_items"]
    order = woo(row | {"line_items": cell}, header=header)["501"]
    assert [item["name"] for item in order["items"][:2]] == ["Teapot; blue", "Cup"]
    assert total(order) == Decimal("54.45")


def test_columns_in_words(woo):
    row = {
        **{"Order Number": "501", "Order Status": "Completed", "Order Date": "2025-08-05 09:01"},
        **{"First Name (Billing)": "Ada", "Last Name (Billing)": "Lovelace"},
        **{"Address 1&2 (Billing)": "Rue Haute 7", "City (Billing)": "Brussels"},
        **{"Country Code (Billing)": "BE", "Email (Billing)": "ada@example.org"},
        **{"Cart Discount Amount": "4.00", "Order Shipping Amount": "5.00"},
        **{"Order Total Amount": "41.00", "Order Total Tax Amount": "0", "SKU": "T-1"},
        **{"Item #": "1", "Item Name": "Teapot", "Quantity (- Refund)": "2", "Item Cost": "20.00"},
        **{"Coupon Code": "WELCOME", "Order Refund Amount": "0"},
    }
    order = woo(row, header=WOO_WORDS)["501"]
    assert kinds(order) == ["product", "shipping", "discount"]
    assert (order["items"][2]["name"], total(order)) == ("WELCOME", 41)
    assert order["client"]["name"] == "Ada Lovelace"
    assert order["client"]["addresses"][0]["street"] == "Rue Haute 7"
    # The item cost may be without the discount already.
    order = woo(row | {"Item Cost": "18.00"}, header=WOO_WORDS)["501"]
    assert (kinds(order), total(order)) == (["product", "shipping"], 41)


def test_coupons_fees_and_tax_of_shipping(woo):
    row = WOO_ORDER | {
        "line_item_1": "name:Teapot|sku:T-1|quantity:2|total:36.00|sub_total:40.00",
        "coupon_items": "code:WELCOME|amount:4.00;code:SUMMER|amount:0.00",
        **{
            "fee_items": "id:4|title:Gift wrap|total:2.00",
            "fee_total": "2.00",
            "fee_tax_total": "0.42",
        },
        **{"tax_total": "7.56", "shipping_tax_total": "1.05", "order_total": "52.03"},
    }
    order = woo(row)["501"]
    assert kinds(order) == ["product", "shipping", "fee", "tax", "discount"]
    names = [item["name"] for item in order["items"]]
    assert names == ["Teapot", "Shipping", "Gift wrap", "Tax", "WELCOME, SUMMER"]
    assert total(order) == Decimal("52.03")


def test_a_total_that_the_shop_has_rounded_has_a_line_of_it(woo):
    cell = "name:Teapot|sku:T-1|quantity:1|total:4.132231|sub_total:4.132231"
    row = WOO_ORDER | {"line_item_1": cell, "shipping_total": "0", "tax_total": "0.867769"}
    order = woo(row | {"order_total": "5.00"})["501"]
    assert total(order) == 5
    order = woo(row | {"tax_total": "0.870000", "order_total": "5.00"})["501"]
    assert (kinds(order), total(order)) == (["product", "tax", "rounding"], 5)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("pending", "placed"),
        ("wc-on-hold", "placed"),
        ("On hold", "placed"),
        ("processing", "paid"),
        ("wc-completed", "delivered"),
        ("cancelled", "cancelled"),
        ("failed", "cancelled"),
    ],
)
def test_states(woo, text, status):
    assert woo(WOO_ORDER | {"status": text})["501"]["status"] == status


@pytest.mark.parametrize(
    "cell",
    [
        "amount:5.00|reason:late|date:2025-08-09 10:00:00;amount:2.00|date:2025-08-10 10:00:00",
        '[{"id": 9, "amount": "-5.00", "date": "2025-08-09 10:00:00"}, {"amount": 2}]',
    ],
)
def test_each_refund_is_a_return(woo, cell):
    orders = woo(WOO_ORDER | {"refund_items": cell})
    assert list(orders) == ["501", "501-R1", "501-R2"]
    assert orders["501-R1"]["placed_at"] == "2025-08-09T10:00:00"
    assert [total(orders[ref]) for ref in ("501-R1", "501-R2")] == [-5, -2]


def test_returned_pieces_are_lines_of_the_return(woo):
    row = LINES | {"refunded_total": "19.66", "item_refunded": "16.25", "item_refunded_qty": "1"}
    back = woo(row, row | CUP | {"item_refunded": "0", "item_refunded_qty": "0"}, header=WOO_LINES)
    assert back["501-R1"]["items"] == [
        {"quantity": -1, "unit_price": "16.25", "name": "Teapot", "sku": "T-1"},
        {"quantity": 1, "unit_price": "-3.41", "kind": "refund", "name": "Refund"},
    ]


def test_a_refunded_order_is_a_sale_and_its_return(woo):
    orders = woo(WOO_ORDER | {"status": "refunded"})
    assert [order["status"] for order in orders.values()] == ["delivered", "returned"]
    assert sum(map(total, orders.values())) == 0


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"order_total": "46.00"}, "together 45.00, but order_total is 46.00"),
        ({"status": "checkout-draft"}, "The status 'checkout-draft' is not known"),
        ({"line_item_1": "name:Teapot|quantity:2"}, "A line has no price"),
        ({"order_total": ""}, "has no total"),
    ],
)
def test_an_order_that_is_not_right_is_refused_and_named(read, cells, reason):
    rows, _ = read(WOO_ORDERS, WOO_ORDER | cells)
    assert rows[0][1].startswith("Order 501: ")
    assert reason in rows[0][1]


def test_rows_of_an_order_that_contradict_each_other_are_refused(read):
    for name, text in (
        *(("order_currency", "USD"), ("order_total", "1.00"), ("status", "failed")),
        *(("date", "2001-02-03 04:05:06"), ("billing_email", "bob@example.org")),
    ):
        first = {"billing_email": "ada@example.org"} | LINES
        rows, _ = read(WOO_LINES, first, first | CUP | {name: text})
        ((_, error),) = rows
        assert error.startswith(f"Order 501: {name} is ")
        assert f"in row 2 and {text!r} in row 3" in error


def test_customers(read):
    row = {
        **{"Name": "Ada Lovelace", "Username": "ada", "Email": "ada@example.org", "Orders": "2"},
        **{"Total spend": "90", "AOV": "45", "Country / Region": "BE", "City": "Brussels"},
        **{"Region": "BRU", "Postal code": "1000"},
    }
    rows, _ = read(WOO_CUSTOMERS, row)
    address = {"kind": "billing", "postal_code": "1000", "city": "Brussels", "region": "BRU"}
    assert rows == [
        (
            2,
            {
                **{"email": "ada@example.org", "name": "Ada Lovelace", "city": "Brussels"},
                "addresses": [address | {"country": "BE"}],
            },
        )
    ]


def test_customers_with_both_addresses(read):
    row = {
        **{"customer_id": "9", "user_email": "ada@example.org", "first_name": "Ada"},
        **{"last_name": "Lovelace", "billing_first_name": "Ada", "billing_last_name": "L."},
        **{"billing_city": "Brussels", "billing_country": "BE", "billing_phone": "02 555"},
        **{"shipping_city": "Gent", "shipping_country": "BE"},
    }
    ((_, client),), _ = read(list(row), row)
    assert [each["kind"] for each in client["addresses"]] == ["billing", "shipping"]
    assert (client["name"], client["phone"]) == ("Ada Lovelace", "02 555")
