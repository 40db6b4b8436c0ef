"""Variants: products that share a group and differ in their options."""

import json
import threading

import pytest

from shared.schema.groups import VARIANT
from tests.support.services import on_real_servers

SHIRTS = [
    {"name": "Shirt S", "price": 9, "stock": 1, "options": {"Size": "S", "Color": "Red"}},
    {"name": "Shirt M", "price": 7, "stock": 2, "options": {"Size": "M", "Color": "Red"}},
    {"name": "Shirt L", "price": 11, "stock": 4, "options": {"Size": "L", "Color": "Blue"}},
]


@pytest.fixture
def shirts(products):
    return [create(products, group="shirt", **shirt)["id"] for shirt in SHIRTS]


def create(client, **fields):
    response = client.post("/products", json={"name": "Thing", **fields})
    assert response.status_code == 201, response.get_json()
    return response.get_json()


def ids(response):
    assert response.status_code == 200, response.get_json()
    return [item["id"] for item in response.get_json()["items"]]


def conflict(response):
    assert response.status_code == 409, response.get_json()
    return response.get_json()


class TestOptions:
    def test_keep_their_order_and_their_spelling(self, products):
        options = {"Size": "L", "Color": "Red", "No. of pieces": "6"}
        body = json.dumps({"name": "Shirt", "group": "shirt", "options": options})
        answer = products.post("/products", data=body, content_type="application/json")
        created = json.loads(products.get(answer.location).data)
        assert (created["group"], created["options"]) == ("shirt", options)
        assert list(created["options"]) == list(options)
        assert create(products)["options"] == {}

    def test_are_replaced_as_a_whole_or_merged(self, products, shirts):
        url = f"/products/{shirts[0]}"
        merge = {"Content-Type": "application/merge-patch+json"}
        answer = products.patch(url, json={"options": {"Size": "XL"}}, headers=merge)
        assert answer.get_json()["options"] == {"Size": "XL", "Color": "Red"}
        answer = products.patch(url, json={"options": {"Size": "XS"}})
        assert answer.get_json()["options"] == {"Size": "XS"}

    @pytest.mark.parametrize(
        "wrong",
        [
            "L",
            ["L"],
            {"Size": 5},
            {"Size": ""},
            {"Size": None},
            {"Size": "x" * 101},
            {"x" * 101: "L"},
            {"": "L"},
            {"$set": "L"},
            {"Size": "L", " Size\u200b": "M"},
            {str(number): "x" for number in range(11)},
        ],
    )
    def test_are_a_few_short_texts(self, products, wrong):
        answer = products.post("/products", json={"name": "Shirt", "options": wrong})
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["pointer"].startswith("/options")

    def test_that_are_wrong_are_named_by_a_pointer_into_the_body(self, products):
        wrong = {"Size": 5, "$x": "a", "Color": "Red"}
        answer = products.post("/products", json={"name": "Shirt", "options": wrong})
        pointers = {error["pointer"] for error in answer.get_json()["errors"]}
        assert pointers == {"/options/Size", "/options/$x"}

    @pytest.mark.parametrize("wrong", ["Linen Shirt", "linen_shirt", "-a", "", "x" * 101, 5])
    def test_belong_to_a_group_that_is_a_slug(self, products, wrong):
        answer = products.post("/products", json={"name": "Shirt", "group": wrong})
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["pointer"] == "/group"

    def test_and_the_group_are_found_by_a_search(self, products, shirts):
        create(products, name="Something else")
        assert ids(products.get("/products?q=shirt+blue")) == [shirts[2]]
        other = create(products, name="Scarf", group="linen-collection")
        assert ids(products.get("/products?q=linen")) == [other["id"]]

    def test_of_a_group_are_listed_by_either_name(self, products, shirts):
        create(products, group="scarf")
        assert ids(products.get("/products?group=shirt")) == shirts
        assert ids(products.get("/products?item_group_id=shirt&ordering=-id")) == shirts[::-1]
        created = create(products, item_group_id="12345")
        assert created["group"] == "12345"


class TestSameOptions:
    @pytest.mark.parametrize(
        "options",
        [
            {"Size": "S", "Color": "Red"},
            {"Color": "Red", "Size": "S"},
            {"color": "red", "SIZE": "s"},
            {"Size": " S ", "Color": "Red"},
            {"Si\u00adze": "S\u00ad", "Color": "Red"},
        ],
    )
    def test_are_refused_with_the_name_of_the_other(self, products, shirts, options):
        body = {"name": "Shirt", "group": "shirt", "options": options}
        problem = conflict(products.post("/products", json=body))
        assert problem["owner"] == f"/products/{shirts[0]}"
        assert f"/products/{shirts[0]} has the same group" in problem["detail"]
        assert problem["errors"][0]["pointer"] == "/options"

    def test_are_refused_by_a_change_of_either_field(self, products, shirts):
        loner = create(products, options=SHIRTS[0]["options"])
        answer = products.patch(f"/products/{loner['id']}", json={"group": "shirt"})
        assert conflict(answer)["owner"] == f"/products/{shirts[0]}"
        answer = products.patch(f"/products/{shirts[1]}", json={"options": SHIRTS[0]["options"]})
        assert conflict(answer)["owner"] == f"/products/{shirts[0]}"
        # What was refused is still free elsewhere.
        answer = products.patch(f"/products/{loner['id']}", json={"group": "shirt-2"})
        assert answer.status_code == 200

    def test_may_be_none_once(self, products):
        create(products, group="shirt")
        answer = products.post("/products", json={"name": "Shirt", "group": "shirt"})
        assert conflict(answer)["owner"] == "/products/1"

    def test_are_free_after_a_change_or_a_deletion(self, products, shirts):
        assert products.delete(f"/products/{shirts[0]}").status_code == 204
        other = create(products, group="shirt", options=SHIRTS[0]["options"])
        assert conflict(products.post(f"/products/{shirts[0]}/restore"))["owner"] == (
            f"/products/{other['id']}"
        )
        products.patch(f"/products/{other['id']}", json={"group": None})
        assert products.post(f"/products/{shirts[0]}/restore").status_code == 200

    def test_without_a_group_are_no_conflict(self, products):
        create(products, options={"Size": "S"})
        create(products, options={"Size": "S"})

    def test_are_refused_in_a_batch(self, products, shirts):
        new = {"name": "Shirt XL", "group": "shirt", "options": {"Size": "XL"}}
        taken = {"name": "Shirt", "group": "shirt", "options": SHIRTS[0]["options"]}
        answer = products.post("/products:batch", json=[new, taken, new]).get_json()
        assert answer["summary"] == {"created": 1, "failed": 2}
        texts = [result.get("errors", [{}])[0].get("message") for result in answer["results"]]
        assert texts[1].startswith(f"/products/{shirts[0]} has the same group")
        assert texts[2].startswith("An earlier item of the batch has the same group")

    @on_real_servers
    def test_are_stored_once_by_requests_at_the_same_time(self, products, transport):
        statuses = []

        def post():
            client = transport.make_app("api_products").test_client()
            body = {"name": "Shirt", "group": "shirt", "options": {"Size": "S"}}
            statuses.append(client.post("/products", json=body).status_code)

        threads = [threading.Thread(target=post) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [201, 409, 409, 409, 409, 409]


@pytest.mark.by_hand
def test_a_hand_edit_with_equal_options_can_be_changed_and_parted(products, shirts, db):
    """As the follower leaves it, it has no variant."""
    change = {"$set": {"options": SHIRTS[0]["options"]}, "$unset": {VARIANT: ""}}
    db["products"].update_one({"_id": shirts[1]}, change)
    url = f"/products/{shirts[1]}"
    assert products.patch(url, json={"price": 8, "name": "Shirt"}).status_code == 200
    answer = products.patch(url, json={"options": {"Size": "M"}})
    assert answer.status_code == 200
    taken = {"name": "Shirt", "group": "shirt", "options": {"size": "m"}}
    conflict(products.post("/products", json=taken))


@on_real_servers  # The fake has no JSON schemas.
def test_equal_variants_of_a_hand_edit_are_reported(products, shirts, db):
    """As the follower leaves them: the later one has no variant."""
    db["products"].update_one(
        {"_id": shirts[1]}, {"$set": {"options": SHIRTS[0]["options"]}, "$unset": {VARIANT: ""}}
    )
    (case,) = products.get("/products:documents").get_json()["twice"]["cases"]
    assert case["id"] == shirts[1]
    assert f"/products/{shirts[0]} has the same group" in case["why"]


class TestVariantsOfAProduct:
    def test_are_the_list_of_its_group(self, products, shirts):
        create(products, group="scarf")
        for ref in (shirts[1], "shirt-m"):
            answer = products.get(f"/products/{ref}/variants")
            assert ids(answer) == shirts
            assert answer.data == products.get("/products?group=shirt").data
        assert ids(products.get(f"/products/{shirts[0]}/variants?per=1&page=2")) == [shirts[1]]
        first = products.get(f"/products/{shirts[0]}/variants?fields=id&per=2").get_json()
        assert first["total"] == 3
        rest = f"/products/{shirts[0]}/variants?per=2&cursor={first['next_cursor']}"
        assert ids(products.get(rest)) == shirts[2:]

    def test_are_the_product_alone_without_a_group(self, products):
        alone = create(products)
        create(products)
        answer = products.get(f"/products/{alone['id']}/variants")
        assert ids(answer) == [alone["id"]]
        assert answer.get_json()["total"] == 1
        assert ids(products.get(f"/products/{alone['id']}/variants?brand=Acme")) == []

    @pytest.mark.by_hand
    def test_are_the_product_alone_with_an_empty_group(self, products, db):
        for id in (create(products)["id"], create(products)["id"]):
            db["products"].update_one({"_id": id}, {"$set": {"group": ""}})
        for id in (1, 2):
            assert ids(products.get(f"/products/{id}/variants")) == [id]
            answer = products.patch(f"/products/{id}", json={"options": {"Size": "S"}})
            assert answer.status_code == 200, answer.get_json()

    def test_of_no_product_are_not_found(self, products, shirts):
        assert products.get("/products/99/variants").status_code == 404

    @pytest.mark.parametrize("query", ["group=other", "deleted=only", "colour=red", "page=0"])
    def test_refuse_what_is_not_theirs(self, products, shirts, query):
        loner = create(products)["id"]
        for id in (shirts[0], loner):
            if (id, query) != (loner, "group=other"):
                assert products.get(f"/products/{id}/variants?{query}").status_code == 400

    def test_are_stale_after_each_change_of_the_group(self, products, shirts):
        """Only then: a write to another group leaves the list in the cache."""
        loner, other = create(products)["id"], create(products, group="scarf")["id"]

        def state():
            status = products.get(f"/products/{shirts[0]}/variants").headers["Cache-Status"]
            products.get(f"/products/{shirts[0]}/variants")
            return status.split(";")[1].strip()

        state()
        assert state() == "hit"
        products.patch(f"/products/{other}", json={"price": 1})
        assert state() == "hit"
        products.post(f"/products/{shirts[1]}/stock", json={"change": -1, "reason": "sold"})
        assert state() != "hit"
        products.patch(f"/products/{loner}", json={"group": "shirt"})
        assert state() != "hit"
        products.patch(f"/products/{loner}", json={"group": None})
        assert state() != "hit"
        products.delete(f"/products/{shirts[2]}")
        assert state() != "hit"
        products.post(f"/products/{shirts[2]}/restore")
        assert state() != "hit"
        products.patch(f"/products/{shirts[0]}", json={"group": "new"})
        assert ids(products.get(f"/products/{shirts[0]}/variants")) == [shirts[0]]
