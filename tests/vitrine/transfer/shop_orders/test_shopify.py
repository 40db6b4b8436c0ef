"""Orders and customers of Shopify, as past orders and clients."""

from decimal import Decimal

import pytest

from tests.support.shop_exports import (
    SHOPIFY_CUSTOMERS,
    SHOPIFY_ORDER,
    SHOPIFY_ORDERS,
    kinds,
    total,
)


def line(**cells):
    """Return a further row of an order, with the cells of its line alone."""
    names = {name: f"Lineitem {name}" for name in ("quantity", "name", "price", "sku", "discount")}
    return {"Name": "#1001", "Email": "ada@example.org"} | {
        names[name]: text for name, text in cells.items()
    }


def test_the_rows_of_an_order_are_folded(shopify):
    second = line(quantity="1", name="Cup", price="7.50", sku="C-1")
    first = SHOPIFY_ORDER | {"Subtotal": "47.50", "Total": "52.50", "Notes": "Ring twice"}
    other = SHOPIFY_ORDER | {"Name": "#1002", "Id": "74110"}
    orders = shopify(first, second, other)
    assert list(orders) == ["#1001", "#1002"]
    order = orders["#1001"]
    assert order["placed_at"] == "2025-10-07T09:50:26+02:00"
    assert (order["status"], order["currency"], order["note"]) == ("delivered", "EUR", "Ring twice")
    assert order["items"] == [
        {"quantity": 2, "unit_price": "20.00", "name": "Teapot", "sku": "T-1"},
        {"quantity": 1, "unit_price": "7.50", "name": "Cup", "sku": "C-1"},
        {"quantity": 1, "unit_price": "5.00", "kind": "shipping", "name": "Standard"},
    ]
    assert total(order) == Decimal("52.50")


def test_tax_and_discount_are_lines_that_make_the_total(shopify):
    order = shopify(
        SHOPIFY_ORDER
        | {"Subtotal": "36.00", "Taxes": "8.61", "Total": "49.61"}
        | {"Discount Code": "WELCOME10", "Discount Amount": "4.00"}
        | {"Tax 1 Name": "VAT 21%", "Tax 1 Value": "8.61"}
    )["#1001"]
    assert order["items"][2:] == [
        {"quantity": 1, "unit_price": "8.61", "kind": "tax", "name": "VAT 21%"},
        {"quantity": 1, "unit_price": "-4.00", "kind": "discount", "name": "WELCOME10"},
    ]
    assert total(order) == Decimal("49.61")


def test_each_named_tax_is_a_line_if_together_they_are_the_tax(shopify):
    taxes = {"Taxes": "6.00", "Total": "51.00", "Tax 1 Name": "State", "Tax 1 Value": "4.00"}
    order = shopify(SHOPIFY_ORDER | taxes | {"Tax 2 Name": "City", "Tax 2 Value": "2.00"})["#1001"]
    assert [item["name"] for item in order["items"] if item.get("kind") == "tax"] == [
        "State",
        "City",
    ]
    order = shopify(SHOPIFY_ORDER | taxes)["#1001"]
    assert [item["name"] for item in order["items"] if item.get("kind") == "tax"] == ["Tax"]


def test_tax_that_the_prices_contain_is_no_line_and_is_reported(read):
    rows, source = read(SHOPIFY_ORDERS, SHOPIFY_ORDER | {"Taxes": "7.81"})
    (_, order) = rows[0]
    assert (kinds(order), order["included_tax"]) == (["product", "shipping"], 7.81)
    assert list(source.notes) == [
        "orders with the tax in their prices, and so without a line of tax: 1 (#1001)"
    ]


@pytest.mark.parametrize(
    ("cells", "discount"),
    [
        ({"Subtotal": "36.00", "Lineitem discount": "4.00", "Total": "41.00"}, "-4.00"),
        ({"Subtotal": "33.00", "Lineitem discount": "4.00", "Total": "38.00"}, "-7.00"),
        # The code makes the shipping free: taken off in the column Shipping, or not.
        ({"Subtotal": "40.00", "Shipping": "0.00", "Total": "40.00"}, None),
        ({"Subtotal": "40.00", "Shipping": "3.00", "Total": "40.00"}, "-3.00"),
        ({"Subtotal": "", "Total": "42.00"}, "-3.00"),
    ],
)
def test_discounts_of_lines_of_the_order_and_of_shipping(shopify, cells, discount):
    row = SHOPIFY_ORDER | {"Discount Amount": "3.00"} | cells
    if "Lineitem discount" in cells and discount == "-4.00":
        row["Discount Amount"] = "0.00"
    order = shopify(row)["#1001"]
    found = [item["unit_price"] for item in order["items"] if item.get("kind") == "discount"]
    assert found == ([discount] if discount else [])
    assert total(order) == Decimal(row["Total"])


def test_tips_and_duties_are_lines_of_their_kinds(shopify):
    first = SHOPIFY_ORDER | {"Duties": "3.10", "Total": "50.10"}
    order = shopify(first, line(quantity="1", name="Tip", price="2.00"))["#1001"]
    assert kinds(order) == ["product", "tip", "shipping", "duty"]
    assert total(order) == Decimal("50.10")


def test_a_gift_card_that_was_bought_is_a_product(shopify):
    first = SHOPIFY_ORDER | {"Subtotal": "65.00", "Total": "70.00"}
    order = shopify(first, line(quantity="1", name="Gift Card", price="25.00"))["#1001"]
    assert order["items"][1] == {"quantity": 1, "unit_price": "25.00", "name": "Gift Card"}


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({"Fulfillment Status": "fulfilled"}, "delivered"),
        ({"Fulfillment Status": "unfulfilled"}, "paid"),
        ({"Fulfillment Status": ""}, "paid"),
        ({"Fulfillment Status": "partial"}, "paid"),
        ({"Fulfillment Status": "", "Financial Status": "pending"}, "placed"),
        ({"Fulfillment Status": "", "Financial Status": "authorized"}, "placed"),
        ({"Financial Status": "voided"}, "cancelled"),
        ({"Cancelled at": "2025-10-08 10:00:00 +0200"}, "cancelled"),
        (
            {
                "Fulfillment Status": "restocked",
                "Financial Status": "refunded",
                "Refunded Amount": "45.00",
            },
            "cancelled",
        ),
    ],
)
def test_states_of_payment_and_fulfilment(shopify, cells, status):
    orders = shopify(SHOPIFY_ORDER | cells)
    assert {order["status"] for order in orders.values()} == {status}


def test_an_order_that_was_delivered_and_not_paid_is_reported(read):
    _, source = read(SHOPIFY_ORDERS, SHOPIFY_ORDER | {"Financial Status": "pending"})
    assert list(source.notes) == ["orders that are delivered and were not paid: 1 (#1001)"]


def test_a_whole_refund_is_a_return_of_all_lines(shopify):
    row = SHOPIFY_ORDER | {"Financial Status": "refunded", "Refunded Amount": "45.00"}
    orders = shopify(row)
    sale, back = orders["#1001"], orders["#1001-R1"]
    assert (sale["status"], back["status"]) == ("delivered", "returned")
    assert back["items"] == [
        {"quantity": -2, "unit_price": "20.00", "name": "Teapot", "sku": "T-1"},
        {"quantity": -1, "unit_price": "5.00", "kind": "shipping", "name": "Standard"},
    ]
    assert total(sale) + total(back) == 0


def test_a_part_refund_is_a_return_of_the_kind_refund(shopify):
    row = SHOPIFY_ORDER | {"Financial Status": "partially_refunded", "Refunded Amount": "12.34"}
    back = shopify(row)["#1001-R1"]
    assert back["items"] == [
        {"quantity": 1, "unit_price": "-12.34", "kind": "refund", "name": "Refund"}
    ]
    assert back["placed_at"] == "2025-10-07T09:50:26+02:00"


def test_the_return_of_an_order_that_is_cancelled_later_is_cancelled_too(shopify):
    part = {"Financial Status": "partially_refunded", "Refunded Amount": "12.34"}
    before = shopify(SHOPIFY_ORDER | part)
    whole = {"Financial Status": "refunded", "Refunded Amount": "45.00"}
    after = shopify(SHOPIFY_ORDER | whole | {"Cancelled at": "2025-10-08"})
    assert list(before) == list(after) == ["#1001", "#1001-R1"]
    assert before["#1001-R1"]["status"] == "returned"
    assert {order["status"] for order in after.values()} == {"cancelled"}


def test_a_cancelled_order_that_kept_money_is_reported(read):
    row = SHOPIFY_ORDER | {"Cancelled at": "2025-10-08", "Refunded Amount": "40.00"}
    rows, source = read(SHOPIFY_ORDERS, row | {"Financial Status": "partially_refunded"})
    assert [order["status"] for _, order in rows] == ["cancelled", "cancelled"]
    assert "not all that was paid was given back: 1 (#1001)" in next(source.notes)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"Total": "46.00"}, "together 45.00, but Total is 46.00"),
        ({"Subtotal": "41.00"}, "but Subtotal is 41.00"),
        ({"Subtotal": "30.00", "Total": "35.00"}, "but Subtotal is 30.00"),
        ({"Total": ""}, "has no Total"),
        ({"Total": "much"}, "Total: 'much' is not an amount"),
        ({"Lineitem quantity": "1.5"}, "Lineitem quantity: 1.5 is not a whole number"),
        ({"Refunded Amount": "50.00"}, "50.00 was refunded, but Total is 45.00"),
        ({"Financial Status": "lost"}, "Financial Status: 'lost' is not known; write one of paid"),
        ({"Fulfillment Status": "gone"}, "Fulfillment Status: 'gone' is not known"),
    ],
)
def test_an_order_that_is_not_right_is_refused_and_named(read, cells, reason):
    rows, _ = read(SHOPIFY_ORDERS, SHOPIFY_ORDER | cells, SHOPIFY_ORDER | {"Name": "#2", "Id": "2"})
    assert rows[0][0] == 2
    assert rows[0][1].startswith("Order #1001: ")
    assert reason in rows[0][1]
    assert rows[1][1]["external_ref"] == "#2"


@pytest.mark.parametrize(
    ("column", "first", "second"),
    [
        ("Id", "74109", "74110"),
        ("Email", "ada@example.org", "bob@example.org"),
        ("Created at", "2025-10-07 09:50:26 +0200", "2025-10-08 09:50:26 +0200"),
        ("Financial Status", "paid", "refunded"),
        ("Fulfillment Status", "fulfilled", "unfulfilled"),
        ("Currency", "EUR", "USD"),
        ("Total", "58.69", "58.70"),
    ],
)
def test_rows_of_one_order_that_contradict_each_other_are_refused(read, column, first, second):
    same = line(quantity="1") | {column: first}
    rows, _ = read(SHOPIFY_ORDERS, SHOPIFY_ORDER | {column: first}, same, {**same, column: second})
    ((number, error),) = rows
    assert (number, error) == (
        2,
        f"Order #1001: {column} is {first!r} in row 2 and {second!r} in row 4. Correct one of the "
        "two, or give each order a number of its own.",
    )


def test_the_client_of_an_order_has_its_addresses(shopify):
    row = SHOPIFY_ORDER | {
        **{"Billing Name": "Ada Lovelace", "Billing Company": "Engines"},
        **{"Billing Street": "Rue Haute 7, 2nd floor", "Billing Address1": "Rue Haute 7"},
        **{"Billing Address2": "2nd floor", "Billing Zip": "'01000", "Billing City": "Brussels"},
        **{"Billing Country": "BE", "Billing Phone": "'+3225550100"},
        **{"Shipping Name": "Charles", "Shipping Address1": "Kade 1", "Shipping City": "Gent"},
        **{"Shipping Country": "BE", "Shipping Province Name": "Oost-Vlaanderen"},
    }
    assert shopify(row)["#1001"]["client"] == {
        "email": "ada@example.org",
        "name": "Ada Lovelace",
        "phone": "+3225550100",
        "city": "Brussels",
        "addresses": [
            {
                **{"kind": "billing", "name": "Ada Lovelace", "company": "Engines"},
                **{"street": "Rue Haute 7\n2nd floor", "postal_code": "01000", "city": "Brussels"},
                **{"country": "BE", "phone": "+3225550100"},
            },
            {
                **{"kind": "shipping", "name": "Charles", "street": "Kade 1", "city": "Gent"},
                **{"region": "Oost-Vlaanderen", "country": "BE"},
            },
        ],
    }
    assert "client" not in shopify(SHOPIFY_ORDER | {"Email": ""})["#1001"]


@pytest.mark.parametrize(
    ("text", "country"),
    [("US", "US"), ("United States", "US"), ("deutschland", "DE"), ("Atlantis", "Atlantis")],
)
def test_a_name_of_a_country_becomes_its_code(shopify, text, country):
    row = SHOPIFY_ORDER | {"Billing City": "X", "Billing Country": text}
    assert shopify(row)["#1001"]["client"]["addresses"][0]["country"] == country


def test_customers_are_clients_by_email(read):
    row = {
        **{"Customer ID": "77", "First Name": "Ada", "Last Name": "Lovelace"},
        **{"Email": "ada@example.org", "Default Address Address1": "Rue Haute 7"},
        **{"Default Address City": "Brussels", "Default Address Country Code": "BE"},
        **{"Default Address Zip": "1000", "Phone": "'+3225550100", "Total Spent": "45.00"},
    }
    rows, _ = read(SHOPIFY_CUSTOMERS, row, row | {"Email": "", "Customer ID": "78"})
    first, second = (client for _, client in rows)
    assert first == {
        **{"email": "ada@example.org", "name": "Ada Lovelace", "phone": "+3225550100"},
        "city": "Brussels",
        "addresses": [
            {
                **{"kind": "billing", "name": "Ada Lovelace", "street": "Rue Haute 7"},
                **{"postal_code": "1000", "city": "Brussels", "country": "BE"},
                "phone": "+3225550100",
            }
        ],
    }
    assert (second["external_ref"], second.get("email")) == ("78", None)


def test_an_amount_of_many_digits_is_refused_in_its_order(read):
    rows, _ = read(SHOPIFY_ORDERS, SHOPIFY_ORDER | {"Total": "1" * 30})
    ((_, text),) = rows
    assert text.startswith("Order #1001: Total: '1111")
    assert "is too large; write less than 10,000,000,000" in text
