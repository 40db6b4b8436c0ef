"""Fields of products that shops have: tags, GTIN, an earlier price, weight, tax class."""

import pytest
from bson import Decimal128

from api_products.resource import products as resource
from tests.support.services import on_real_servers

repository = resource.repository


def create(client, **fields):
    response = client.post("/products", json={"name": "Teapot", **fields})
    assert response.status_code == 201, response.get_json()
    return response.get_json()


def refusal(response):
    """Return the place and the text of the only error of a 422."""
    assert response.status_code == 422, response.get_json()
    (error,) = response.get_json()["errors"]
    return error["pointer"], error["message"]


def ids(response):
    assert response.status_code == 200, response.get_json()
    return [item["id"] for item in response.get_json()["items"]]


class TestTags:
    def test_are_trimmed_and_distinct_in_their_order(self, products):
        created = create(products, tags=[" new ", "Sale", "new", "sale"])
        assert created["tags"] == ["new", "Sale", "sale"]

    def test_of_a_product_without_any_are_an_empty_list(self, products):
        assert create(products)["tags"] == []
        assert create(products, tags=None)["tags"] == []

    def test_find_products_and_are_counted(self, products):
        first = create(products, tags=["new", "sale"])
        second = create(products, tags=["sale"])
        create(products)
        assert ids(products.get("/products?tag=new")) == [first["id"]]
        assert ids(products.get("/products?tag=sale")) == [first["id"], second["id"]]
        assert ids(products.get("/products?q=sale")) == [first["id"], second["id"]]

    @on_real_servers
    def test_are_a_facet(self, products):
        create(products, tags=["new", "sale"])
        create(products, tags=["sale"])
        facet = products.get("/products?facets=tags").get_json()["facets"]["tags"]
        assert facet["values"] == [{"value": "sale", "count": 2}, {"value": "new", "count": 1}]

    def test_are_bounded(self, products):
        numbers = list(map(str, range(101)))
        assert len(create(products, tags=numbers[:100])["tags"]) == 100
        answer = products.post("/products", json={"name": "Teapot", "tags": numbers})
        assert refusal(answer) == ("/tags", "Has more than 100 tags; send fewer.")
        answer = products.post("/products", json={"name": "Teapot", "tags": ["x" * 101]})
        assert refusal(answer)[0] == "/tags/0"

    @pytest.mark.parametrize("wrong", ["sale, new", [""], [" "], [None], [1], {"a": "b"}])
    def test_are_a_list_of_texts(self, products, wrong):
        answer = products.post("/products", json={"name": "Teapot", "tags": wrong})
        assert refusal(answer)[0].startswith("/tags")


class TestGtin:
    @pytest.mark.parametrize(
        "number",
        ["96385074", "036000291452", "4006381333931", "9783161484100", "00012345600012"],
    )
    def test_keeps_its_digits(self, products, number):
        created = create(products, gtin=number)
        assert created["gtin"] == number
        assert ids(products.get(f"/products?gtin={number}")) == [created["id"]]
        assert ids(products.get(f"/products?q={number}")) == [created["id"]]

    @pytest.mark.parametrize(
        "number",
        ["4006381333932", "036000291453", "400638133393", "4006381333931x", "", "٩٦٣٨٥٠٧٤"],
    )
    def test_with_a_wrong_digit_is_refused(self, products, number):
        answer = products.post("/products", json={"name": "Teapot", "gtin": number})
        assert refusal(answer)[0] == "/gtin"
        if number:
            assert products.get(f"/products?gtin={number}").status_code == 400

    def test_names_the_right_check_digit(self, products):
        answer = products.post("/products", json={"name": "Teapot", "gtin": "4006381333932"})
        assert "the last digit of 4006381333932 would be 1" in refusal(answer)[1]

    def test_is_a_key(self, products):
        created = create(products, gtin="\u200b'4006381333931 ")
        assert created["gtin"] == "4006381333931"
        assert ids(products.get("/products?gtin=%204006381333931")) == [created["id"]]

    def test_is_a_text(self, products):
        answer = products.post("/products", json={"name": "Teapot", "gtin": 4006381333931})
        assert refusal(answer) == ("/gtin", "Is not a text; send a JSON string.")


class TestComparePrice:
    def test_is_above_the_price(self, products):
        created = create(products, price=10, compare_at_price="15.50")
        assert created["compare_at_price"] == 15.5
        for price in (10, 9.99):
            body = {"name": "Teapot", "price": 10, "compare_at_price": price}
            assert refusal(products.post("/products", json=body))[0] == "/compare_at_price"

    def test_stays_above_when_either_changes(self, products):
        url = f"/products/{create(products, price=10, compare_at_price=15)['id']}"
        assert refusal(products.patch(url, json={"price": 15}))[0] == "/price"
        assert refusal(products.patch(url, json={"compare_at_price": 10}))[0] == "/compare_at_price"
        assert products.patch(url, json={"price": 15, "compare_at_price": 20}).status_code == 200
        assert products.patch(url, json={"price": 20, "compare_at_price": None}).status_code == 200
        assert products.patch(url, json={"price": 99}).status_code == 200

    def test_needs_no_price(self, products):
        url = f"/products/{create(products, compare_at_price=15)['id']}"
        assert refusal(products.patch(url, json={"price": 16}))[0] == "/price"
        assert products.patch(url, json={"price": 14}).status_code == 200

    def test_has_the_decimals_of_the_currency(self, products):
        body = {"name": "Teapot", "currency": "JPY", "price": 10, "compare_at_price": 12.5}
        text = "Has too many decimals: an amount in JPY has no decimals."
        assert refusal(products.post("/products", json=body)) == ("/compare_at_price", text)
        url = f"/products/{create(products, currency='EUR', compare_at_price=12.5)['id']}"
        answer = products.patch(url, json={"currency": "JPY"})
        assert refusal(answer) == ("/compare_at_price", text)
        assert products.patch(url, json={"stock": 1}).status_code == 200

    def test_in_a_batch_fails_alone(self, products):
        good, bad = ({"name": "A", "price": 5, "compare_at_price": price} for price in (6, 4))
        answer = products.post("/products:batch", json=[good, bad]).get_json()
        assert answer["summary"] == {"created": 1, "failed": 1}

    @pytest.mark.by_hand
    def test_is_not_compared_with_what_a_hand_edit_left(self, products, db):
        created = create(products, compare_at_price=15)
        for price in (Decimal128("NaN"), "cheap"):
            db["products"].update_one({"_id": created["id"]}, {"$set": {"price": price}})
            answer = products.patch(f"/products/{created['id']}", json={"compare_at_price": 14})
            assert answer.status_code == 200


def test_a_weight_is_exact_grams(products):
    assert create(products, weight=250)["weight"] == 250
    assert create(products, weight="12.5")["weight"] == 12.5
    assert create(products, weight=0.1)["weight"] == 0.1
    assert create(products)["weight"] is None
    for wrong in (-1, "2 kg", 0.00001):
        answer = products.post("/products", json={"name": "Teapot", "weight": wrong})
        assert refusal(answer)[0] == "/weight"


def test_a_tax_class_is_a_text(products):
    assert create(products, tax_class="reduced")["tax_class"] == "reduced"
    answer = products.post("/products", json={"name": "Teapot", "tax_class": "x" * 256})
    assert refusal(answer)[0] == "/tax_class"


def test_a_product_of_the_version_before_works_unchanged(products, db):
    db["products"].insert_one({"_id": 7, "name": "Old", "slug": "old", "revision": 4})
    answer = products.patch("/products/7", json={"name": "Older"})
    assert answer.status_code == 200
    shown = answer.get_json()
    assert (shown["tags"], shown["gtin"], shown["weight"]) == ([], None, None)
    assert "tags" not in db["products"].find_one({"_id": 7})
