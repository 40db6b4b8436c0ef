"""Orders and customers in the JSON of the APIs of Shopify and WooCommerce."""

import json

import pytest

from tests.support.shop_exports import kinds, total
from vitrine.transfer.shop_orders.exports import ExportRows

ADDRESS = {"address1": "Rue Haute 7", "city": "Brussels", "zip": "1000", "country_code": "BE"}
SHOPIFY = {
    **{"id": 74109, "name": "#1001", "email": "ada@example.org", "currency": "EUR"},
    **{"created_at": "2025-10-07T09:50:26+02:00", "cancelled_at": None, "note": None},
    **{"financial_status": "partially_refunded", "fulfillment_status": "fulfilled"},
    **{"subtotal_price": "43.50", "total_tax": "10.19", "total_price": "60.69"},
    **{"total_discounts": "4.00", "total_tip_received": "2.00"},
    "discount_codes": [{"code": "WELCOME", "amount": "4.00", "type": "fixed_amount"}],
    "tax_lines": [{"title": "VAT", "price": "10.19", "rate": 0.21}],
    "shipping_lines": [{"title": "Standard", "price": "5.00"}],
    "billing_address": ADDRESS | {"name": "Ada Lovelace"},
    "line_items": [
        {"title": "Teapot", "name": "Teapot", "quantity": 2, "price": "20.00", "sku": "T-1"},
        {"title": "Cup", "quantity": 1, "price": "7.50", "sku": None},
    ],
    "refunds": [
        {
            "transactions": [
                {"kind": "refund", "status": "success", "amount": "5.00"},
                {"kind": "refund", "status": "failure", "amount": "9.00"},
            ]
        }
    ],
}
WOO = {
    **{"id": 501, "number": "501", "status": "completed", "currency": "EUR"},
    **{"date_created": "2025-08-05T11:01:16", "date_created_gmt": "2025-08-05T09:01:16"},
    **{"discount_total": "4.00", "shipping_total": "5.00", "total_tax": "8.61", "total": "51.61"},
    "billing": {"first_name": "Ada", "last_name": "L.", "city": "Gent", "country": "BE"}
    | {"email": "ada@example.org"},
    "shipping": {"city": "", "country": ""},
    "line_items": [
        {"name": "Teapot", "sku": "T-1", "quantity": 2, "subtotal": "40.00", "total": "36.00"}
    ],
    "shipping_lines": [{"method_title": "Flat rate", "total": "5.00"}],
    "fee_lines": [{"name": "Gift wrap", "total": "2.00"}],
    "coupon_lines": [{"code": "welcome", "discount": "4.00"}],
    "refunds": [{"id": 9, "reason": "late", "total": "-5.00"}],
}


@pytest.fixture
def read(tmp_path):
    """Return a function that returns the rows of a file of JSON, and its label."""

    def read(document, name="orders.json"):
        file = tmp_path / name
        file.write_text(json.dumps(document))
        with ExportRows(str(file)) as source:
            return [row for _, row in source.rows()], source.label

    return read


def test_an_order_of_shopify(read):
    (order, back), label = read({"orders": [SHOPIFY]})
    assert label == "orders of Shopify, UTF-8, JSON"
    assert kinds(order) == ["product", "product", "tip", "shipping", "tax", "discount"]
    names = ["Teapot", "Cup", "Tip", "Standard", "VAT", "WELCOME"]
    assert [item["name"] for item in order["items"]] == names
    assert (f"{total(order)}", order["status"]) == ("60.69", "delivered")
    assert order["client"]["addresses"][0]["street"] == "Rue Haute 7"
    assert (back["external_ref"], total(back)) == ("#1001-R1", -5)


def test_an_order_of_woocommerce(read):
    (order, back), label = read([WOO])
    assert label == "orders of WooCommerce, UTF-8, JSON"
    assert kinds(order) == ["product", "shipping", "fee", "tax", "discount"]
    names = ["Teapot", "Flat rate", "Gift wrap", "Tax", "welcome"]
    assert [item["name"] for item in order["items"]] == names
    assert (f"{total(order)}", order["placed_at"]) == ("51.61", "2025-08-05T09:01:16")
    assert order["client"]["city"] == "Gent"
    assert (back["external_ref"], total(back)) == ("501-R1", -5)


def test_an_amount_that_is_none_is_named(read):
    wrong = SHOPIFY | {"shipping_lines": [{"title": "Standard", "price": "free"}]}
    assert read([wrong])[0] == ["price: 'free' is not an amount."]


@pytest.mark.parametrize(
    "document",
    [
        {"first_name": "Ada", "last_name": "L.", "email": "ada@example.org", "id": 7}
        | {"default_address": ADDRESS},
        {"first_name": "Ada", "last_name": "L.", "email": "ada@example.org", "id": 7}
        | {"billing": {"city": "Brussels", "country": "BE", "postcode": "1000"}},
    ],
)
def test_customers(read, document):
    ((client,), label) = read([document], "customers.json")
    assert label.startswith("clients of ")
    assert (client["name"], client["city"], client["email"]) == (
        *("Ada L.", "Brussels", "ada@example.org"),
    )
    assert client["addresses"][0]["country"] == "BE"


def test_other_json_is_read_as_it_is(read):
    row = {"external_ref": "1", "items": [{"quantity": 1}], "client": {"id": 7}}
    assert read([row]) == ([row], "UTF-8, JSON")
    assert read([]) == ([], "UTF-8, JSON")
