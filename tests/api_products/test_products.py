"""Products beyond the contract: categories, attributes, prices, search."""

import pytest

from api_products.resource import products as resource
from tests.support.services import on_real_servers

repository = resource.repository


@pytest.fixture
def tree(categories):
    """Computers > Memory, and Games with an attribute schema."""
    categories.post("/categories", json={"name": "Computers"})
    categories.post("/categories", json={"name": "Memory", "parent": "computers"})
    schema = {
        "platform": {"type": "string", "required": True, "choices": ["PS5", "Xbox"]},
        "year": {"type": "integer", "unit": "AD"},
        "online": {"type": "boolean"},
        "score": {"type": "number"},
    }
    created = categories.post("/categories", json={"name": "Games", "attributes": schema})
    assert created.status_code == 201


def names(response):
    assert response.status_code == 200, response.get_json()
    return [each["name"] for each in response.get_json()["items"]]


def test_a_name_and_a_price_are_enough(products):
    created = products.post("/products", json={"name": "Test Product", "price": 99.99})
    assert created.status_code == 201
    assert (created.get_json()["price"], created.get_json()["status"]) == (99.99, "active")
    assert b'"price":99.99,' in created.data


def test_older_names_of_fields_are_accepted(products):
    created = products.post("/products", json={"title": "FIFA 25", "quantity": 3}).get_json()
    assert (created["name"], created["stock"]) == ("FIFA 25", 3)
    both = products.post("/products", json={"title": "A", "name": "B"})
    assert both.status_code == 422


def test_a_missing_price_is_null_never_0(products):
    created = products.post("/products", json={"name": "Not for sale", "price": None})
    assert created.get_json()["price"] is None
    assert names(products.get("/products?price__lte=5")) == []


@on_real_servers  # The fake cannot compare decimals.
def test_price_bounds_are_inclusive_under_all_their_names(products):
    for price in (99.99, 100, 200, 300, "300.01"):
        products.post("/products", json={"name": f"P{price}", "price": price})
    inside = ["P100", "P200", "P300"]
    assert names(products.get("/products?price_min=100&price_max=300")) == inside
    assert names(products.get("/products?price__gte=100.00&price__lte=300")) == inside
    assert products.get("/products?price_min=300&price_max=100").status_code == 400


def test_available_means_priced_and_not_out_of_stock(products):
    for name, price, stock in (
        ("tracked", 5, 2),
        ("untracked", 5, None),
        ("sold out", 5, 0),
        ("not for sale", None, 2),
    ):
        products.post("/products", json={"name": name, "price": price, "stock": stock})
    assert names(products.get("/products?available=true")) == ["tracked", "untracked"]
    assert names(products.get("/products?in_stock=false")) == ["sold out", "not for sale"]
    assert names(products.get("/products?stock__gte=1")) == ["tracked", "not for sale"]
    assert names(products.get("/products?stock__lte=0")) == ["sold out"]


@pytest.mark.by_hand
def test_a_slug_of_any_script_made_by_hand_is_an_address(products, db):
    products.post("/products", json={"name": "Pot", "slug": "pot"})
    db.products.update_one({"_id": 1}, {"$set": {"slug": "壺", "old_slugs": ["pot"]}})
    moved = products.get("/products/pot?fields=id,name")
    address = "/products/%E5%A3%BA?fields=id,name"
    assert (moved.status_code, moved.headers["Location"]) == (308, address)
    assert products.get(address).get_json() == {"id": 1, "name": "Pot"}


class TestSlugs:
    def test_a_slug_leads_to_the_product(self, products):
        created = products.post("/products", json={"name": "Crépin & Søn"}).get_json()
        assert created["slug"] == "crepin-son"
        assert products.get("/products/crepin-son").get_json() == created

    def test_equal_names_get_numbers(self, products):
        made = [products.post("/products", json={"name": "Same"}).get_json() for _ in range(3)]
        assert [each["slug"] for each in made] == ["same", "same-2", "same-3"]

    def test_a_new_name_keeps_the_slug(self, products):
        products.post("/products", json={"name": "Old"})
        assert products.put("/products/old", json={"name": "New"}).get_json()["slug"] == "old"

    def test_a_new_slug_is_reached_from_the_old_one(self, products):
        products.post("/products", json={"name": "Old"})
        assert products.put("/products/old", json={"slug": "new"}).status_code == 200
        moved = products.get("/products/old")
        assert (moved.status_code, moved.headers["Location"]) == (308, "/products/new")
        products.put("/products/new", json={"slug": "old"})
        assert products.get("/products/old").status_code == 200

    def test_a_slug_in_use_is_a_conflict_that_suggests_a_free_one(self, products):
        products.post("/products", json={"name": "Same"})
        conflict = products.post("/products", json={"name": "Other", "slug": "same"})
        assert conflict.status_code == 409
        problem = conflict.get_json()
        assert (problem["field"], problem["owner"]) == ("slug", "/products/1")
        assert problem["suggestion"] == "same-2"

    @pytest.mark.parametrize("slug", ["123", "!?", "", " ", "changes", "a\x07b"])
    def test_a_slug_that_would_not_do_is_refused(self, products, slug):
        assert products.post("/products", json={"name": "X", "slug": slug}).status_code == 422

    @pytest.mark.parametrize(
        ("sent", "slug"),
        [
            ("Red_Mug", "red-mug"),
            ("pot.html", "pot-html"),
            ("a--b-", "a-b"),
            ("Été", "ete"),
            ("../x", "x"),
        ],
    )
    def test_another_text_is_made_into_a_slug(self, products, sent, slug):
        made = products.post("/products", json={"name": "X", "slug": sent})
        assert (made.status_code, made.get_json()["slug"]) == (201, slug)
        assert products.patch("/products/1", json={"slug": sent}).get_json()["revision"] == 1

    def test_a_deleted_product_holds_neither_slug_nor_sku(self, products):
        products.post("/products", json={"name": "Same", "sku": "S1"})
        products.delete("/products/1")
        again = products.post("/products", json={"name": "Same", "sku": "S1"})
        assert (again.status_code, again.get_json()["slug"]) == (201, "same")
        conflict = products.post("/products/1/restore")
        assert conflict.status_code == 409
        assert conflict.get_json()["suggestion"] == "same-2"
        restored = products.post("/products/1/restore", json={"slug": "same-2", "sku": None})
        assert (restored.status_code, restored.get_json()["slug"]) == (200, "same-2")
        assert products.get("/products/1").get_json()["sku"] is None


def test_an_sku_in_use_is_a_conflict_that_names_its_owner(products):
    products.post("/products", json={"name": "A", "sku": "S1"})
    products.post("/products", json={"name": "B"})
    for conflict in (
        products.post("/products", json={"name": "C", "sku": "S1"}),
        products.patch("/products/2", json={"sku": "S1"}),
    ):
        assert conflict.status_code == 409
        problem = conflict.get_json()
        assert (problem["field"], problem["value"]) == ("sku", "S1")
        assert problem["owner"] == "/products/1"
        assert problem["errors"][0]["pointer"] == "/sku"


def test_a_parameter_of_another_service_is_unknown(products):
    products.post("/products", json={"name": "X"})
    assert products.delete("/products/1?products=detach").status_code == 400


def test_true_is_not_1_and_false_is_not_0(products):
    products.post("/products", json={"name": "X", "attributes": {"a": 1, "b": [0]}})
    changed = products.patch("/products/1", json={"attributes": {"a": True, "b": [False]}})
    assert changed.get_json()["attributes"] == {"a": True, "b": [False]}
    assert b'"a":true,"b":[false]' in products.get("/products/1").data
    again = products.patch("/products/1", json={"attributes": {"a": True, "b": [False]}})
    assert again.get_json()["revision"] == 2


@pytest.mark.parametrize("currency", ["EU\nR", "eur", "EURO", ""])
def test_a_currency_is_three_capitals(products, currency):
    assert products.post("/products", json={"name": "X", "currency": currency}).status_code == 422


@pytest.mark.parametrize(
    ("price", "currency", "is_valid"),
    [
        (100, "JPY", True),
        ("100.00", "JPY", True),
        (100.5, "JPY", False),
        (0.5, "ISK", False),
        (1.234, "KWD", True),
        (1.2345, "KWD", False),
        (12.34, "EUR", True),
        (12.345, "EUR", False),
        (1.2345, "CLF", True),
        (1.2345, None, True),
        (None, "JPY", True),
    ],
)
def test_a_price_has_the_decimals_of_its_currency(products, price, currency, is_valid):
    body = {"price": price, "currency": currency}
    made = products.post("/products", json={"name": "X", **body})
    assert made.status_code == (201 if is_valid else 422), made.get_json()
    products.post("/products", json={"name": "Y", "price": price})
    changed = products.patch(f"/products/{1 + is_valid}", json={"currency": currency})
    assert changed.status_code == (200 if is_valid else 422)
    if not is_valid:
        assert changed.get_json()["errors"][0]["pointer"] == "/price"
        assert currency in changed.get_json()["detail"]


def test_a_whole_number_may_be_written_with_a_fraction(products):
    body = b'{"name": "X", "stock": 5.0, "attributes": {"size": 5.0, "sizes": [1.0, 1.5]}}'
    made = products.post("/products", data=body, content_type="application/json")
    assert (made.status_code, made.get_json()["stock"]) == (201, 5)
    assert b'"stock":5,' in made.data
    assert b'"size":5,"sizes":[1,1.5]' in made.data
    assert products.post("/products", json={"name": "X", "stock": 5.5}).status_code == 422


def test_a_suggestion_for_the_longest_slug_can_be_used(products):
    slug = "a" * 100
    products.post("/products", json={"name": "X", "slug": slug})
    suggestion = products.post("/products", json={"name": "X", "slug": slug}).get_json()[
        "suggestion"
    ]
    assert products.post("/products", json={"name": "X", "slug": suggestion}).status_code == 201


class TestCategories:
    def test_an_edit_by_hand_during_a_write_is_seen(self, products, tree, db):
        """A hand edit keeps the revision, so the write succeeds; the new category is stale too."""
        products.post("/products", json={"name": "Wanders", "category": "memory"})
        with products.application.app_context():
            read = repository.get("1")
            db.products.update_one(
                {"_id": 1}, {"$set": {"category": "games", "category_path": ["games"]}}
            )
            for _ in range(2):
                assert names(products.get("/products?category=games")) == ["Wanders"]
            after = repository.update(read, {"price": 3})
        assert after["category"] == "games"
        assert products.get("/products?category=games").get_json()["items"][0]["price"] == 3

    def test_a_category_may_be_a_slug_or_a_name(self, products, tree):
        for name in ("memory", "Memory", " MEMORY "):
            created = products.post("/products", json={"name": "DDR5", "category": name})
            assert created.get_json()["category"] == "memory"
            assert created.get_json()["category_path"] == ["computers", "memory"]

    def test_a_category_may_be_an_old_slug(self, products, categories, tree):
        assert categories.patch("/categories/memory", json={"slug": "ram"}).status_code == 200
        created = products.post("/products", json={"name": "DDR5", "category": "memory"})
        assert created.get_json()["category_path"] == ["computers", "ram"]

    def test_a_category_that_is_missing_is_named(self, products, tree):
        refused = products.post("/products", json={"name": "X", "category": "Nope"})
        assert refused.status_code == 422
        assert refused.get_json()["errors"][0]["pointer"] == "/category"

    def test_a_category_finds_all_below_it(self, products, tree):
        products.post("/products", json={"name": "DDR5", "category": "memory"})
        products.post("/products", json={"name": "PC", "category": "computers"})
        products.post("/products", json={"name": "Loose"})
        assert names(products.get("/products?category=computers")) == ["DDR5", "PC"]
        assert names(products.get("/products?category=Memory")) == ["DDR5"]
        assert names(products.get("/products?category=games")) == []

    @pytest.mark.parametrize("name", ["12345", "🐔", " Odd  Name "])
    def test_a_cached_list_of_any_category_sees_a_new_product(self, products, categories, name):
        slug = categories.post("/categories", json={"name": name}).get_json()["slug"]
        for asked in (slug, name):
            assert names(products.get("/products", query_string={"category": asked})) == []
        products.post("/products", json={"name": "New", "category": slug})
        for asked in (slug, name):
            assert names(products.get("/products", query_string={"category": asked})) == ["New"]

    def test_a_long_slug_is_not_cut_to_another_categorys(self, products, categories):
        for _ in range(2):
            made = categories.post("/categories", json={"name": "word " * 20}).get_json()
        assert len(made["slug"]) > 80
        product = products.post("/products", json={"name": "X", "category": made["slug"]})
        assert product.get_json()["category"] == made["slug"]
        child = categories.post("/categories", json={"name": "Child", "parent": made["slug"]})
        assert child.get_json()["parent"] == made["slug"]
        assert products.get(f"/products?category={made['slug']}").get_json()["total"] == 1

    def test_a_product_is_restored_to_where_its_category_is_now(self, products, categories, tree):
        products.post("/products", json={"name": "DDR5", "category": "memory"})
        products.delete("/products/1")
        categories.put("/categories/memory", json={"slug": "ram"})
        restored = products.post("/products/1/restore").get_json()
        assert restored["category_path"] == ["computers", "ram"]
        products.delete("/products/1")
        categories.delete("/categories/ram")
        refused = products.post("/products/1/restore")
        assert refused.status_code == 422
        assert refused.get_json()["errors"][0]["pointer"] == "/category"
        assert products.post("/products/1/restore", json={"category": None}).status_code == 200

    def test_null_removes_a_product_from_its_category(self, products, tree):
        products.post("/products", json={"name": "DDR5", "category": "memory"})
        out = products.patch("/products/1", json={"category": None}).get_json()
        assert (out["category"], out["category_path"]) == (None, None)
        assert names(products.get("/products?category=memory")) == []

    def test_a_categories_service_that_is_down_is_named(self, products, tree, transport):
        transport.down.add("categories")
        down = products.post("/products", json={"name": "X", "category": "memory"})
        assert down.status_code == 503
        assert "categories service" in down.get_json()["detail"]
        assert down.headers["Retry-After"] == "1"
        assert products.post("/products", json={"name": "X"}).status_code == 201

    def test_a_batch_reads_each_category_once(self, products, tree, transport):
        transport.calls.clear()
        body = [{"name": f"P{n}", "category": "memory"} for n in range(50)]
        assert products.post("/products:batch", json=body).get_json()["summary"] == {"created": 50}
        asked = [path for _, _, path in transport.calls if path.startswith("/categories")]
        # Once before the write, and once after it, because the category may have moved meanwhile.
        once = ["/categories/memory", "/categories/2"]
        assert [path.partition("?")[0] for path in asked] == once


class TestAttributes:
    @pytest.mark.parametrize(
        "attributes",
        [
            {"platform": "PS5"},
            {"platform": ["PS5", "Xbox"], "year": 2024, "online": True, "score": 9},
            {"platform": "Xbox", "score": 8.5, "anything": "else"},
        ],
    )
    def test_attributes_that_fit_the_category_are_accepted(self, products, tree, attributes):
        body = {"name": "Game", "category": "games", "attributes": attributes}
        created = products.post("/products", json=body)
        assert created.get_json()["attributes"] == attributes

    @pytest.mark.parametrize(
        ("attributes", "named"),
        [
            ({}, "platform"),
            ({"platform": "PC"}, "platform"),
            ({"platform": ["PS5", "PC"]}, "platform"),
            ({"platform": "PS5", "year": "2024"}, "year"),
            ({"platform": "PS5", "year": True}, "year"),
            ({"platform": "PS5", "year": 20.5}, "year"),
            ({"platform": "PS5", "online": 1}, "online"),
            ({"platform": "PS5", "score": "high"}, "score"),
        ],
    )
    def test_attributes_that_do_not_fit_are_named(self, products, tree, attributes, named):
        body = {"name": "Game", "category": "games", "attributes": attributes}
        refused = products.post("/products", json=body)
        assert refused.status_code == 422
        (error,) = refused.get_json()["errors"]
        assert error["pointer"] == f"/attributes/{named}"

    def test_a_change_is_held_against_the_stored_category(self, products, tree):
        body = {"name": "Game", "category": "games", "attributes": {"platform": "PS5"}}
        products.post("/products", json=body)
        assert products.patch("/products/1", json={"price": 5}).status_code == 200
        assert products.patch("/products/1", json={"attributes": {}}).status_code == 422
        moved = products.patch("/products/1", json={"attributes": {}, "category": "memory"})
        assert moved.status_code == 200
        assert products.patch("/products/1", json={"category": "games"}).status_code == 422

    def test_a_merge_patch_reaches_into_attributes(self, products):
        attributes = {"color": "red", "size": 5}
        products.post("/products", json={"name": "X", "attributes": attributes})
        patched = products.patch(
            "/products/1",
            data='{"attributes": {"size": null, "new": true}}',
            content_type="application/merge-patch+json",
        )
        assert patched.get_json()["attributes"] == {"color": "red", "new": True}

    def test_attributes_filter_by_value_and_range(self, products):
        for name, attributes in {
            "A": {"platform": "PS5", "year": 2019, "online": True},
            "B": {"platform": ["PS5", "Xbox"], "year": 2021},
            "C": {"platform": "Xbox", "year": "2021"},
        }.items():
            products.post("/products", json={"name": name, "attributes": attributes})
        assert names(products.get("/products?attr.platform=PS5")) == ["A", "B"]
        assert names(products.get("/products?attr.year__gte=2020")) == ["B"]
        assert names(products.get("/products?attr.year__lte=2019")) == ["A"]
        assert names(products.get("/products?attr.year=2021")) == ["B", "C"]
        assert names(products.get("/products?attr.online=true")) == ["A"]
        assert names(products.get("/products?attr.platform=PS5&attr.year__gte=2020")) == ["B"]

    @pytest.mark.parametrize("name", ["attr.", "attr.a.b", "attr.$where", "attr.x[$gt]$"])
    def test_an_attribute_that_cannot_be_is_named(self, products, name):
        refused = products.get("/products", query_string={name: "1"})
        assert refused.status_code == 400
        assert refused.get_json()["errors"][0]["parameter"] == name


class TestSearch:
    @pytest.fixture
    def games(self, products):
        for name, sku, platform, description in (
            ("FIFA 25", "FI-25-PS5", "PS5", "Football"),
            ("FIFA 25", "FI-25-XB", "Xbox", "Football"),
            ("Astro Bot", "AB-1", "PS5", "Nothing to do with fifa"),
            ("Crépuscule", "CR/99.X", "PC", None),
        ):
            body = {"name": name, "sku": sku, "attributes": {"platform": platform}}
            body |= {"description": description}
            assert products.post("/products", json=body).status_code == 201

    @pytest.mark.parametrize(
        ("q", "found"),
        [
            ("fifa ps5", [1, 3]),
            ("ps5 fifa", [1, 3]),
            ("fi-25-xb", [2]),
            ("fi25xb", [2]),
            ("25-p", [1]),
            ("crepuscule", [4]),
            ("CRÉP", [4]),
            ("cr/99.x", [4]),
            ("99x", [4]),
            ("football xbox", [2]),
            ("fifa", [1, 2, 3]),
            ("fifa basketball", []),
        ],
    )
    def test_people_find_what_they_mean(self, products, games, q, found):
        response = products.get("/products", query_string={"q": q})
        assert [each["id"] for each in response.get_json()["items"]] == found

    def test_search_and_filters_go_together(self, products, games):
        response = products.get("/products?q=fifa&attr.platform=PS5&ordering=-id")
        assert [each["id"] for each in response.get_json()["items"]] == [3, 1]

    def test_a_search_follows_a_change(self, products, games):
        products.patch("/products/1", json={"name": "Renamed"})
        assert names(products.get("/products?q=renamed")) == ["Renamed"]
        assert names(products.get("/products?q=fi-25-ps5")) == ["Renamed"]


class TestCountingMisfits:
    @pytest.fixture
    def games(self, products, tree):
        for platform in ("PS5", "Xbox"):
            attributes = {"platform": platform}
            body = {"name": platform, "category": "games", "attributes": attributes}
            assert products.post("/products", json=body).status_code == 201

    def test_products_are_held_against_the_schemas_in_the_body(self, products, games):
        rule = {"platform": {"choices": ["PS5"]}}
        change = {"categories": ["games"], "before": {}, "after": rule}
        answer = products.post("/products:misfits", json={"category": "games", "changes": [change]})
        assert answer.get_json() == {
            "products": 2,
            "misfits": 1,
            "new_misfits": 1,
            "attributes": {
                "platform": {
                    "misfits": 1,
                    "new_misfits": 1,
                    "message": "Must be one of PS5.",
                    "example": "/products/2",
                }
            },
        }

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"changes": []}, "/category"),
            ({"category": "games", "changes": [], "x": 1}, "/x"),
            ({"category": {"$ne": 1}, "changes": []}, "/category"),
            ({"category": "games", "changes": [5]}, "/changes/0"),
            (
                {"category": "g", "changes": [{"categories": [5], "before": {}, "after": {}}]},
                "/changes/0/categories/0",
            ),
        ],
    )
    def test_an_invalid_body_is_named(self, products, body, pointer):
        refused = products.post("/products:misfits", json=body)
        assert refused.status_code == 422
        assert refused.get_json()["errors"][0]["pointer"] == pointer

    def test_a_body_that_is_too_large_is_a_problem(self, products):
        body = {"category": "x" * 9_000_000, "changes": []}
        refused = products.post("/products:misfits", json=body)
        assert (refused.status_code, refused.mimetype) == (413, "application/problem+json")

    def test_schemas_may_be_anything(self, products, games):
        for odd in ({"platform": 5}, {"platform": {"min": "x", "choices": {}}}):
            change = {"categories": ["games"], "before": odd, "after": odd}
            body = {"category": "games", "changes": [change]}
            assert products.post("/products:misfits", json=body).get_json()["misfits"] == 0


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("attr.speed__gte=3000&attr.speed__lte=4000", [2, 3]),
        ("attr.speed__gte=7&attr.speed__lte=2000", []),
        ("attr.speed__gte=6", [1, 2, 3]),
        ("attr.speed__lte=5", [1]),
    ],
)
def test_both_bounds_apply_to_one_element_of_a_list(products, query, found):
    for number, speed in enumerate(([5, 6000], [4, 3000], 3600), 1):
        body = {"name": f"N {number}", "attributes": {"speed": speed}}
        if number == 2:
            body["attributes"]["speed"] = [6, 3000]
        products.post("/products", json=body)
    response = products.get(f"/products?{query}")
    assert [each["id"] for each in response.get_json()["items"]] == found


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("attr.color__in=red", "attr.color__in"),
        ("attr.year__gt=3", "attr.year__gt"),
        ("attr.year__gte=4&attr.year__lte=3", "attr.year__gte"),
        ("attr.year__gte=x", "attr.year__gte"),
    ],
)
def test_a_comparison_that_there_is_not_is_named(products, query, named):
    response = products.get(f"/products?{query}")
    assert response.status_code == 400
    assert [each["parameter"] for each in response.get_json()["errors"]] == [named]


def test_every_wrong_parameter_is_named_at_once(products):
    query = "pagee=1&price_max=abc&ordering=colour&fields=foo&per=200&facets=x&attr.a__gte=y"
    named = {e["parameter"] for e in products.get(f"/products?{query}").get_json()["errors"]}
    assert named == {"pagee", "price_max", "ordering", "fields", "per", "facets", "attr.a__gte"}


def test_a_write_to_an_old_slug_names_the_new_one(products):
    products.post("/products", json={"name": "Teapot"})
    products.patch("/products/teapot", json={"slug": "pot"})
    response = products.patch("/products/teapot", json={"stock": 1})
    assert response.status_code == 404
    assert response.get_json()["location"] == "/products/pot"
    assert "/products/pot" in response.get_json()["detail"]
