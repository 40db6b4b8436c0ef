"""Searches of products, as shoppers type them."""

import pytest

from api_products.resource import products as resource
from shared.storage.search import matching
from shared.storage.search.vocabulary import Vocabulary, VocabularyKeeper
from tests.support.services import on_real_servers

PARTS = [
    {"name": "Corsair Vengeance 16 GB", "brand": "Corsair", "category": "memory", "sku": "CMK16"},
    {"name": "Corsair Vengeance 32 GB", "brand": "Corsair", "category": "memory"},
    {"name": "Asus RTX 4070 Dual", "brand": "Asus", "category": "graphics-cards"},
    {"name": "Logitech C920 Webcam", "brand": "Logitech", "category": "webcams"},
    {"name": "Noctua NH-D15", "brand": "Noctua", "category": "coolers"},
]
OTHERS = [{"name": f"Plain thing {number}", "brand": "Acme"} for number in range(40)]


@pytest.fixture
def shop(products, make_client, db):
    categories = make_client("api_categories")
    for name in ("Memory", "Graphics cards", "Webcams", "Coolers"):
        assert categories.post("/categories", json={"name": name}).status_code == 201
    assert products.post("/products:batch", json=PARTS + OTHERS).get_json()["summary"]
    keeper = VocabularyKeeper(Vocabulary(db["products.words"]), resource.searched)
    for document in db["products"].find():
        keeper.note(None, document)
    keeper.store()
    return products


def search(client, q, more="", **headers):
    answer = client.get("/products", query_string=f"q={q}{more}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def names(page):
    return [item["name"] for item in page["items"]]


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("16gb", "Corsair Vengeance 16 GB"),
        ("rtx4070", "Asus RTX 4070 Dual"),
        ("nhd15", "Noctua NH-D15"),
        ("corsiar 32 gb", "Corsair Vengeance 32 GB"),
        ("corsairs 16 gb", "Corsair Vengeance 16 GB"),
        ("asus graphics card", "Asus RTX 4070 Dual"),
        ("cmk16", "Corsair Vengeance 16 GB"),
        ("brand new corsair vengeance 16gb kit in box", "Corsair Vengeance 16 GB"),
    ],
)
@pytest.mark.parametrize(
    ("bound", "most"), [("MAX_DIRECT", 200), ("MAX_DIRECT", -1), ("SORT_IN_MEMORY_LIMIT", 0)]
)
def test_a_product_is_found_by_what_shoppers_type(shop, monkeypatch, q, first, bound, most):
    """However many products have its words: few, more, or many."""
    monkeypatch.setattr(matching, bound, most)
    assert names(search(shop, q))[0] == first


def test_products_with_most_words_follow_and_say_what_they_lack(shop):
    page = search(shop, "corsair vengeance 16 gb", "&fields=name,missing_words")
    assert page["items"] == [
        {"name": "Corsair Vengeance 16 GB", "missing_words": []},
        {"name": "Corsair Vengeance 32 GB", "missing_words": ["16"]},
    ]
    assert (page["matched"], page["total"], page["total_is"]) == ("most", 2, "exact")


def test_a_search_with_all_words_says_so(shop):
    page = search(shop, "vengeance")
    assert (page["matched"], page["total"]) == ("all", 2)
    assert "corrected" not in page


def test_a_question_has_words_that_no_product_needs(shop):
    page = search(shop, "webcam from the logitech")
    assert (names(page), page["matched"]) == (["Logitech C920 Webcam"], "all")
    assert names(search(shop, "webcam from the logitech", Prefer="search=exact")) == []


def test_facets_and_pages_are_those_of_what_is_shown(shop):
    page = search(shop, "corsair vengeance 16 gb", "&facets=brand&per=1")
    assert page["facets"]["brand"]["values"] == [{"value": "Corsair", "count": 2}]
    assert page["total"] == 2
    assert names(search(shop, "corsair vengeance 16 gb", "&per=1&page=2")) == [
        "Corsair Vengeance 32 GB"
    ]


def test_an_order_shows_all_words_if_a_product_has_them_else_most(shop):
    ordered = search(shop, "corsair vengeance 16 gb", "&ordering=-name")
    assert (names(ordered), ordered["matched"]) == (["Corsair Vengeance 16 GB"], "all")
    most = search(shop, "corsair vengeance 64 pack", "&ordering=-name")
    assert names(most) == ["Corsair Vengeance 32 GB", "Corsair Vengeance 16 GB"]
    assert (most["matched"], most["total"]) == ("most", 2)


def test_a_correction_is_reported_and_can_be_switched_off(shop):
    assert search(shop, "corsiar")["corrected"] == {"corsiar": "corsair"}
    exact = shop.get("/products?q=corsiar", headers={"Prefer": "search=exact, count=exact"})
    assert exact.get_json()["items"] == []
    assert exact.headers["Preference-Applied"] == "count=exact, search=exact"
    assert search(shop, "corsiar")["total"] == 2


@pytest.mark.parametrize(
    "q", ["xyzzy", "xyzzy+plain", "qwert+asdfg+yxcv+thing", "!!!", "%F0%9F%90%94"]
)
def test_nonsense_finds_nothing(shop, q):
    assert shop.get(f"/products?q={q}").get_json()["items"] == []


def test_a_renamed_category_is_found_by_its_new_name(shop, make_client):
    assert names(search(shop, "graphics cards")) == ["Asus RTX 4070 Dual"]
    renamed = make_client("api_categories").patch(
        "/categories/graphics-cards", json={"name": "Pixel pushers"}
    )
    assert renamed.status_code == 200
    assert names(search(shop, "pixel pusher")) == ["Asus RTX 4070 Dual"]
    assert names(search(shop, "graphics cards")) == []


def test_a_search_does_without_names_while_categories_are_down(shop, transport):
    transport.down.add("categories")
    answer = shop.get("/products?q=asus")
    assert [item["name"] for item in answer.get_json()["items"]] == ["Asus RTX 4070 Dual"]


def test_synonyms_stand_for_each_other_at_once(shop):
    assert names(search(shop, "gpu")) == []
    body = {"sets": [["gpu", "graphics card"], ["cam", "c920"]]}
    assert shop.put("/products/search/synonyms", json=body).get_json() == body
    assert shop.get("/products/search/synonyms").get_json() == body
    assert names(search(shop, "gpu")) == ["Asus RTX 4070 Dual"]
    assert names(search(shop, "gpu", Prefer="search=exact")) == []


@pytest.mark.parametrize("sets", [[["one"]], [["a", "..."]], [["a", "b c d e f"]], "x"])
def test_bad_synonyms_are_refused(shop, sets):
    assert shop.put("/products/search/synonyms", json={"sets": sets}).status_code == 422


def test_suggestions_have_words_products_and_categories(shop):
    answer = shop.get("/products/suggest?q=ve").get_json()
    assert answer["words"] == ["vengeance"]
    answer = shop.get("/products/suggest?q=Corsair+v").get_json()
    assert answer["words"] == ["corsair vengeance"]
    assert {each["name"] for each in answer["products"]} == {
        "Corsair Vengeance 16 GB",
        "Corsair Vengeance 32 GB",
    }
    answer = shop.get("/products/suggest?q=mem").get_json()
    assert answer["categories"] == [{"slug": "memory", "name": "Memory"}]


def test_suggestions_leave_drafts_out(shop):
    assert shop.patch("/products/1", json={"status": "draft"}).status_code == 200
    answer = shop.get("/products/suggest?q=corsair").get_json()
    assert [each["name"] for each in answer["products"]] == ["Corsair Vengeance 32 GB"]


def test_no_word_of_drafts_alone_is_suggested(shop):
    for number in (1, 2):
        assert shop.patch(f"/products/{number}", json={"status": "draft"}).status_code == 200
    assert shop.get("/products/suggest?q=venge").get_json()["words"] == []
    assert shop.patch("/products/2", json={"status": "active"}).status_code == 200
    assert shop.get("/products/suggest?q=venge").get_json()["words"] == ["vengeance"]


def test_too_many_words_are_refused_with_the_bound(shop):
    answer = shop.get("/products", query_string={"q": "a " * 60})
    assert answer.status_code == 400
    assert "50 words" in answer.text


def test_missing_words_need_a_search(shop):
    assert shop.get("/products?fields=missing_words").status_code == 400


@on_real_servers
def test_words_that_are_all_frequent_are_found_together(products):
    rows = [{"name": f"Alfa {number}", "description": "red"} for number in range(1100)]
    rows += [{"name": f"Beta {number}"} for number in range(1100)]
    rows += [{"name": f"Alfa beta {number}"} for number in range(3)]
    for start in range(0, len(rows), 800):
        products.post("/products:batch", json=rows[start : start + 800])
    found = search(products, "alfa beta")
    assert [name[:9] for name in names(found)[:3]] == ["Alfa beta"] * 3
    assert found["matched"] in ("all", "most")


@on_real_servers
@pytest.mark.parametrize("q", ["rtx4090", "rtx4090 lamp"])
def test_a_word_is_found_in_pieces_even_if_they_are_frequent(products, monkeypatch, q):
    """The pieces are words of an attribute, which have no joined spelling in the index."""
    monkeypatch.setattr(matching, "SORT_IN_MEMORY_LIMIT", 3)
    for number in range(8):
        body = {"name": f"Lamp {number}", "attributes": {"chipset": "GeForce RTX 4090"}}
        assert products.post("/products", json=body).status_code == 201
    page = products.get(f"/products?q={q}").get_json()
    assert len(page["items"]) == 8
    assert page["total_is"] == "at_least" or page["total"] == 8


def test_suggestions_for_nothing_are_refused(products):
    for query in ("", "?q=", "?q=%20"):
        (error,) = products.get(f"/products/suggest{query}").get_json()["errors"]
        assert error["parameter"] == "q"
        assert "leave it out" not in error["message"]
