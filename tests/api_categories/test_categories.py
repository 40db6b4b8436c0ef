"""Categories beyond the contract: their tree, and the products below it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from bson import Decimal128, ObjectId

from tests.support.services import on_real_servers


@pytest.fixture
def tree(categories):
    """Computers > Parts > Memory, and Games."""
    for name, parent in (
        ("Computers", None),
        ("Parts", "computers"),
        ("Memory", "parts"),
        ("Games", None),
    ):
        body = {"name": name} | ({"parent": parent} if parent else {})
        assert categories.post("/categories", json=body).status_code == 201


def path(categories, ref):
    response = categories.get(f"/categories/{ref}")
    assert response.status_code == 200, response.get_json()
    return response.get_json()["path"]


def test_a_path_leads_from_the_root(categories, tree):
    assert path(categories, "memory") == ["computers", "parts", "memory"]
    assert path(categories, "games") == ["games"]


def test_paths_of_many_categories_come_by_current_and_old_slugs(categories, tree):
    categories.patch("/categories/memory", json={"slug": "ram"})
    asked = categories.get("/categories:paths?slugs=memory,ram,,games,games,nope")
    ram = ["computers", "parts", "ram"]
    assert asked.get_json() == {"memory": ram, "ram": ram, "games": ["games"]}
    assert categories.get("/categories:paths").get_json() == {}


def test_more_than_a_hundred_names_are_refused(categories, products):
    for service, route in (
        (categories, "/categories:paths"),
        (products, "/products:category-counts"),
    ):
        assert service.get(f"{route}?slugs={',' * 8000}").get_json() == {}
        names = ",".join(map(str, range(101)))
        refused = service.get(f"{route}?slugs={names}")
        assert refused.status_code == 400
        assert "slugs: Has 101 names; send at most 100." in refused.get_json()["detail"]


def test_a_parent_may_be_a_name_and_must_exist(categories, tree):
    created = categories.post("/categories", json={"name": "Disks", "parent": "Parts"})
    assert created.get_json()["path"] == ["computers", "parts", "disks"]
    refused = categories.post("/categories", json={"name": "X", "parent": "nope"})
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["pointer"] == "/parent"


def test_lists_narrow_to_children_and_descendants(categories, tree):
    def slugs(query):
        return [each["slug"] for each in categories.get(query).get_json()["items"]]

    assert slugs("/categories?parent=computers") == ["parts"]
    assert slugs("/categories?below=computers") == ["parts", "memory"]
    assert slugs("/categories?root=true") == ["computers", "games"]


@on_real_servers
def test_a_tree_has_twenty_levels_however_it_is_made(categories):
    """A chain of twenty cannot be moved below another, and each of its items can be written."""
    parent = None
    for level in range(1, 21):
        made = categories.post("/categories", json={"name": f"Level {level}", "parent": parent})
        assert made.status_code == 201
        parent = made.get_json()["slug"]
    below = categories.post("/categories", json={"name": "Too deep", "parent": parent})
    assert below.status_code == 422
    assert categories.post("/categories", json={"name": "Top"}).status_code == 201
    moves = [{"slug": "level-1", "parent": "top"}, {"slug": "level-2", "parent": "top"}]
    refused = categories.patch("/categories/level-1", json=moves[0])
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["pointer"] == "/parent"
    batch = categories.post("/categories:batch?key=slug", json=moves[:1])
    assert batch.status_code == 422
    assert categories.get("/categories/level-20").get_json()["path"][0] == "level-1"
    assert categories.patch("/categories/level-2", json=moves[1]).status_code == 200
    for level in (2, 20):
        stored = categories.get(f"/categories/level-{level}").get_json()
        assert categories.put(f"/categories/level-{level}", json=stored).status_code == 200


def test_a_tree_deeper_than_allowed_can_still_be_edited(categories, db):
    slugs = [f"level-{level}" for level in range(1, 23)]
    db["categories"].insert_many(
        {
            "_id": number,
            "slug": slug,
            "name": slug,
            "revision": 1,
            **(
                {"parent": slugs[number - 2], "ancestors": slugs[: number - 1]}
                if number > 1
                else {}
            ),
        }
        for number, slug in enumerate(slugs, 1)
    )
    stored = categories.get("/categories/level-22").get_json()
    put = categories.put("/categories/level-22", json={**stored, "description": "Deep"})
    assert put.status_code == 200


def test_a_tree_is_depth_first(categories, tree):
    categories.post("/categories", json={"name": "Cases", "parent": "computers"})
    found = categories.get("/categories/computers/tree").get_json()
    assert [(each["slug"], each["depth"]) for each in found["items"]] == [
        ("computers", 0),
        ("cases", 1),
        ("parts", 1),
        ("memory", 2),
    ]
    below = categories.get("/categories/parts/tree").get_json()["items"]
    assert [(each["slug"], each["depth"]) for each in below] == [("parts", 0), ("memory", 1)]


@on_real_servers
class TestMoving:
    """Only on real servers: a move is a transaction, and products follow with a pipeline."""

    @pytest.fixture
    def stocked(self, products, tree):
        products.post("/products", json={"name": "DDR5", "category": "memory"})
        products.post("/products", json={"name": "PC", "category": "computers"})

    def test_descendants_and_products_follow_a_move(self, categories, products, stocked):
        moved = categories.put("/categories/parts", json={"parent": "games"})
        assert moved.status_code == 200
        assert path(categories, "memory") == ["games", "parts", "memory"]
        product = products.get("/products/1").get_json()
        assert product["category_path"] == ["games", "parts", "memory"]
        assert product["revision"] == 2
        assert products.get("/products?category=computers").get_json()["total"] == 1
        assert products.get("/products?category=games").get_json()["total"] == 1

    def test_descendants_and_products_follow_a_new_slug(self, categories, products, stocked):
        renamed = categories.put("/categories/computers", json={"slug": "pcs"})
        assert renamed.status_code == 200
        assert path(categories, "memory") == ["pcs", "parts", "memory"]
        assert categories.get("/categories/parts").get_json()["parent"] == "pcs"
        assert products.get("/products/2").get_json()["category"] == "pcs"
        assert products.get("/products/1").get_json()["category_path"][0] == "pcs"
        assert categories.get("/categories/computers").status_code == 308

    def test_a_root_may_be_made_of_a_branch(self, categories, products, stocked):
        categories.put("/categories/parts", json={"parent": None})
        assert path(categories, "memory") == ["parts", "memory"]
        assert products.get("/products/1").get_json()["category_path"] == ["parts", "memory"]

    @pytest.mark.parametrize("parent", ["computers", "parts", "memory"])
    def test_a_category_cannot_be_below_itself(self, categories, tree, parent):
        refused = categories.put("/categories/computers", json={"parent": parent})
        assert refused.status_code == 422
        assert refused.get_json()["errors"][0]["pointer"] == "/parent"
        assert path(categories, "memory") == ["computers", "parts", "memory"]

    def test_products_that_are_away_follow_a_move_when_they_are_back(
        self, categories, products, stocked, transport
    ):
        transport.down.add("products")
        moved = categories.put("/categories/parts", json={"parent": "games"})
        assert moved.status_code == 200
        assert moved.headers["Link"] == '</categories:moves>; rel="monitor"'
        assert path(categories, "memory") == ["games", "parts", "memory"]
        transport.down.clear()
        assert products.get("/products?category=games").get_json()["total"] == 0
        products.post("/products:category-moves")
        assert products.get("/products?category=games").get_json()["total"] == 1
        assert products.get("/products/1").get_json()["category_path"][0] == "games"

    def test_a_move_is_struck_out_once_products_have_followed(
        self, categories, products, stocked, transport
    ):
        transport.down.add("products")
        categories.put("/categories/memory", json={"slug": "ram"})
        (move,) = categories.get("/categories:moves").get_json()["moves"]
        assert (move["slug"], move["path"]) == ("memory", ["computers", "parts", "ram"])
        transport.down.clear()
        assert products.post("/products:category-moves").get_json() == {"left": 0}
        assert categories.get("/categories:moves").get_json()["moves"] == []

    def test_no_other_category_gets_a_slug_that_products_still_leave(
        self, categories, products, stocked, transport
    ):
        transport.down.add("products")
        categories.put("/categories/memory", json={"slug": "ram"})
        for refused in (
            categories.put("/categories/games", json={"slug": "memory"}),
            categories.post("/categories", json={"name": "Memory"}),
            categories.post("/categories:batch", json=[{"name": "Memory"}]),
        ):
            assert refused.status_code == 409, refused.get_json()
            assert refused.headers["Retry-After"] == "1"
        # The category that had it may get it back.
        assert categories.put("/categories/ram", json={"slug": "memory"}).status_code == 200
        transport.down.clear()
        products.post("/products:category-moves")
        assert products.get("/products/1").get_json()["category"] == "memory"
        assert categories.put("/categories/memory", json={"slug": "ram"}).status_code == 200
        assert categories.put("/categories/games", json={"slug": "memory"}).status_code == 200
        assert products.get("/products/1").get_json()["category"] == "ram"

    @pytest.mark.parametrize(
        ("how", "path"), [("products=detach", None), ("move_to=games", "games")]
    )
    def test_a_deleted_category_is_not_confused_with_the_former_owner_of_its_slug(
        self, categories, products, stocked, how, path
    ):
        categories.post("/categories", json={"name": "Books"})
        categories.put("/categories/books", json={"slug": "novels"})
        categories.post("/categories", json={"name": "Books"})
        products.patch("/products/1", json={"category": "books"})
        assert categories.delete(f"/categories/books?{how}").status_code == 204
        assert products.get("/products/1").get_json()["category"] == path

    def test_a_broken_product_does_not_stop_others_from_following(
        self, categories, products, stocked, db
    ):
        db.products.update_one({"_id": 1}, {"$set": {"revision": "3"}})
        categories.put("/categories/computers", json={"slug": "pcs"})
        assert products.get("/products/1").get_json()["category_path"][0] == "pcs"
        assert products.get("/products/2").get_json()["category"] == "pcs"

    def test_a_category_comes_back_under_a_parent_of_another_slug(self, categories, stocked):
        categories.put("/categories/memory", json={"parent": "games"})
        categories.post("/categories", json={"name": "DDR", "parent": "memory"})
        assert categories.delete("/categories/ddr").status_code == 204
        categories.put("/categories/memory", json={"slug": "ram"})
        assert categories.post("/categories/ddr/restore").status_code == 200
        assert path(categories, "ddr") == ["games", "ram", "ddr"]

    @pytest.mark.parametrize(
        "odd", [{"slug": ["a", "b"]}, {"slug": "z", "old_slugs": [{"a": 1}]}, {"_id": {"a": 1}}]
    )
    def test_a_category_made_by_hand_does_not_stop_a_move(self, categories, stocked, db, odd):
        db.categories.insert_one({"slug": "odd", "name": "Odd"} | odd)
        assert categories.put("/categories/parts", json={"parent": "games"}).status_code == 200

    def test_products_go_where_their_category_is_by_then(
        self, categories, products, stocked, transport
    ):
        transport.down.add("products")
        categories.put("/categories/memory", json={"slug": "ram"})
        categories.put("/categories/ram", json={"parent": None})
        categories.put("/categories/ram", json={"slug": "dimms"})
        transport.down.clear()
        products.post("/products:category-moves")
        product = products.get("/products/1").get_json()
        assert (product["category"], product["category_path"]) == ("dimms", ["dimms"])

    def test_products_of_a_new_category_of_an_old_name_stay_there(
        self, categories, products, stocked
    ):
        assert categories.delete("/categories/memory?products=detach").status_code == 204
        assert products.get("/products/1").get_json()["category"] is None
        categories.post("/categories", json={"name": "Memory", "slug": "memory"})
        products.patch("/products/1", json={"category": "memory"})
        products.post("/products:category-moves")
        assert products.get("/products/1").get_json()["category"] == "memory"

    def test_a_batch_that_is_undone_moves_no_product(self, categories, products, stocked):
        categories.put("/categories/memory", json={"parent": None})
        products.patch("/products/1", json={"category": "parts"})
        batch = [
            {"slug": "parts", "parent": "games"},
            {"slug": "computers", "parent": "memory"},
            {"slug": "memory", "parent": "computers"},
        ]
        undone = categories.post("/categories:batch?key=slug", json=batch)
        assert undone.status_code == 422
        assert path(categories, "parts") == ["computers", "parts"]
        product = products.get("/products/1").get_json()
        assert product["category_path"] == ["computers", "parts"]

    def test_a_product_made_by_hand_follows_a_rename(self, categories, products, tree, db):
        hand = {"_id": 9, "name": "By hand", "category": "memory", "category_path": "memory"}
        db.products.insert_one(hand)
        assert categories.put("/categories/memory", json={"slug": "ram"}).status_code == 200
        product = products.get("/products/9").get_json()
        assert (product["category"], product["category_path"][-1]) == ("ram", "ram")

    def test_a_batch_may_move_too(self, categories, products, stocked):
        batch = [{"slug": "parts", "parent": "games"}, {"slug": "computers", "name": "PCs"}]
        assert categories.post("/categories:batch?key=slug", json=batch).status_code == 207
        assert path(categories, "memory") == ["games", "parts", "memory"]
        product = products.get("/products/1").get_json()
        assert product["category_path"] == ["games", "parts", "memory"]

    def test_products_move_on_or_are_left_when_their_category_goes(
        self, categories, products, stocked
    ):
        refused = categories.delete("/categories/memory")
        assert refused.status_code == 409
        assert (refused.get_json()["products"], refused.get_json()["children"]) == (1, 0)
        assert categories.delete("/categories/memory?move_to=nope").status_code == 400
        both = categories.delete("/categories/memory?move_to=games&products=detach")
        assert both.status_code == 400
        assert categories.delete("/categories/memory?move_to=games").status_code == 204
        product = products.get("/products/1").get_json()
        assert (product["category"], product["category_path"]) == ("games", ["games"])
        assert categories.delete("/categories/games?products=detach").status_code == 204
        product = products.get("/products/1").get_json()
        assert (product["category"], product["category_path"]) == (None, None)

    def test_two_moves_at_once_make_no_cycle(self, categories, stocked, transport):
        app = transport.make_app("api_categories")
        transport.make_app("api_products")
        for _ in range(10):
            categories.put("/categories/parts", json={"parent": None})
            categories.put("/categories/games", json={"parent": None})
            with ThreadPoolExecutor(2) as pool:
                moves = [("parts", "games"), ("games", "parts")]
                done = [
                    pool.submit(
                        app.test_client().put, f"/categories/{slug}", json={"parent": parent}
                    )
                    for slug, parent in moves
                ]
            assert sorted(each.result().status_code for each in done) == [200, 422]
            assert len(path(categories, "memory")) in (2, 3)


@on_real_servers
@pytest.mark.parametrize(
    "odd",
    [
        {"ancestors": None},
        {"ancestors": [["x"], 5, None, "games"]},
        {"parent": ["a"]},
        {"parent": "odd"},
        {"old_slugs": None},
        {"attributes": ["a"]},
        {"attributes": {"a": {"choices": 5, "type": ["x"]}, "b": 5}},
        {"attributes": {"a": {"min": Decimal128("5"), "x": ObjectId(), "y": datetime(2026, 1, 1)}}},
        {"slug": None},
        {"position": "first", "name": 5},
    ],
)
@pytest.mark.by_hand
def test_one_odd_category_does_not_stop_the_others(categories, products, tree, db, odd):
    db.categories.insert_one({"_id": 9, "name": "Odd", "slug": "odd"} | odd)
    for ref in ("games", "9"):
        changed = categories.patch(f"/categories/{ref}", json={"description": "X"})
        assert changed.status_code == 200, changed.get_json()
        assert categories.get(f"/categories/{ref}/tree").status_code == 200
        tried = categories.patch(f"/categories/{ref}?dry_run=1", json={"description": "Y"})
        assert tried.status_code == 200, tried.get_json()
    moved = categories.patch("/categories/games", json={"parent": "computers"})
    assert moved.status_code == 200
    assert categories.get("/categories").status_code == 200
    body = {"name": "X", "category": "odd", "attributes": {"a": 1}}
    assert products.post("/products", json=body).status_code in (201, 422)


def test_a_restored_category_hangs_where_its_parent_is_or_says_so(categories, tree):
    categories.delete("/categories/memory")
    categories.put("/categories/parts", json={"slug": "bits"})
    restored = categories.post("/categories/memory/restore")
    assert restored.get_json()["path"] == ["computers", "bits", "memory"]
    categories.delete("/categories/memory")
    categories.delete("/categories/bits")
    refused = categories.post("/categories/memory/restore")
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["pointer"] == "/parent"
    restored = categories.post("/categories/memory/restore", json={"parent": None})
    assert restored.get_json()["path"] == ["memory"]


def test_a_category_with_children_is_not_deleted(categories, tree):
    refused = categories.delete("/categories/computers")
    assert refused.status_code == 409
    assert refused.get_json()["children"] == 1
    assert categories.get("/categories/computers").status_code == 200


def test_products_are_counted_with_all_below(categories, products, tree):
    products.post("/products", json={"name": "DDR5", "category": "memory"})
    products.post("/products", json={"name": "PC", "category": "computers"})
    counts = {
        each["slug"]: each["product_count"]
        for each in categories.get("/categories").get_json()["items"]
    }
    assert counts == {"computers": 2, "parts": 1, "memory": 1, "games": 0}


def test_counts_in_a_cached_list_follow_the_products(categories, products, tree):
    def counts():
        listed = categories.get("/categories?per=40")
        found = {each["slug"]: each["product_count"] for each in listed.get_json()["items"]}
        return [found[slug] for slug in ("computers", "memory", "games")]

    products.post("/products", json={"name": "DDR5", "category": "memory"})
    assert counts() == counts() == [1, 1, 0]
    products.patch("/products/ddr5", json={"category": "games"})
    assert counts() == counts() == [0, 0, 1]
    products.patch("/products/ddr5", json={"status": "archived"})
    assert counts() == counts() == [0, 0, 0]
    products.patch("/products/ddr5", json={"status": "active"})
    products.delete("/products/ddr5")
    assert counts() == [0, 0, 0]
    products.post("/products/ddr5/restore")
    assert counts() == [0, 0, 1]


@pytest.mark.parametrize("more", ["", "&unlisted=true"])
def test_the_products_of_a_hundred_categories_are_counted(products, db, more):
    db.products.insert_many(
        {"_id": n, "slug": f"p-{n}", "name": "P", "category_path": ["all", f"c-{n % 98}"]}
        | ({"status": "draft"} if n >= 98 else {})
        for n in range(1, 197)
    )
    slugs = ["all", "none", *(f"c-{n}" for n in range(98))]
    found = products.get(f"/products:category-counts?slugs={','.join(slugs)}{more}").get_json()
    assert list(found) == slugs
    drafts = 99 if more else 0
    assert (found["all"], found["none"], found["c-1"]) == (97 + drafts, 0, 2 if more else 1)
    assert products.get("/products:category-counts?slugs=").get_json() == {}


def test_a_list_asks_for_all_counts_at_once(categories, tree, transport):
    transport.calls.clear()
    categories.get("/categories")
    assert len(transport.calls) == 1
    transport.calls.clear()
    categories.get("/categories?fields=name")
    assert transport.calls == []


def test_categories_are_shown_without_counts_while_products_are_down(categories, tree, transport):
    transport.down.add("products")
    listed = categories.get("/categories")
    assert listed.status_code == 200
    assert {each["product_count"] for each in listed.get_json()["items"]} == {None}


def test_a_new_product_does_not_make_a_categorys_etag_stale(categories, products, tree):
    etag = categories.get("/categories/memory").headers["ETag"]
    products.post("/products", json={"name": "DDR5", "category": "memory"})
    assert categories.get("/categories/memory").headers["ETag"] != etag
    saved = categories.put(
        "/categories/memory", json={"description": "RAM"}, headers={"If-Match": etag}
    )
    assert saved.status_code == 200
    again = categories.put(
        "/categories/memory", json={"description": "X"}, headers={"If-Match": etag}
    )
    assert again.status_code == 412


@pytest.mark.parametrize(
    "attributes",
    [
        {"a.b": {}},
        {"a": {"type": "date"}},
        {"a": {"choices": []}},
        {"a": {"choices": [{"$ne": 1}]}},
        {"a": {"choices": [10**30]}},
        {"a\nb": {}},
        {"a": {}, "a ": {}},
        {"a": {"nope": 1}},
        [],
    ],
)
def test_an_attribute_schema_that_cannot_be_is_refused(categories, attributes):
    refused = categories.post("/categories", json={"name": "X", "attributes": attributes})
    assert refused.status_code == 422


@on_real_servers
def test_a_slug_that_is_taken_is_a_conflict_in_a_transaction_too(categories):
    for name in ("Games", "Books"):
        assert categories.post("/categories", json={"name": name}).status_code == 201
    refused = categories.patch("/categories/books", json={"slug": "games"})
    assert refused.status_code == 409
    assert refused.get_json()["suggestion"] == "games-2"


@pytest.mark.parametrize("above", ["parent", "below"])
def test_a_root_has_no_category_above(categories, above):
    categories.post("/categories", json={"name": "Books"})
    refused = categories.get(f"/categories?root=true&{above}=books")
    assert refused.status_code == 400
    (error,) = refused.get_json()["errors"]
    assert (error["parameter"], "root=true" in error["message"]) == (above, True)
    assert categories.get(f"/categories?root=false&{above}=books").get_json()["total"] == 0


def test_a_filter_by_slug_needs_a_slug(categories):
    assert categories.get("/categories?slug=Two+Words").status_code == 400
    assert categories.get("/categories?slug=two-words").get_json()["total"] == 0
