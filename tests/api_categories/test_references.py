"""A category is found by slug, id, old slug or exact name, wherever a request names one."""

import unicodedata
from urllib.parse import quote

import pytest

from tests.support.services import on_real_servers


@pytest.fixture
def tree(categories):
    """C++ (1), C# (2), Toys (3) below Home & Garden (4), Cups twice (5, 6), and Café (7)."""
    for body in (
        {"name": "C++"},
        {"name": "C#"},
        {"name": "Home & Garden", "slug": "home"},
        {"name": "Toys", "parent": "home"},
        {"name": "Cups", "parent": "home"},
        {"name": "Cups", "parent": "Toys"},
        {"name": "Café"},
    ):
        assert categories.post("/categories", json=body).status_code == 201


def listed(products, ref, **others):
    return products.get("/products", query_string={"category": ref, **others})


def place(products, ref):
    """Return the path that a product gets for a category, or the message that it is refused."""
    made = products.post("/products", json={"name": "X", "category": ref})
    value = made.get_json()
    return value["category_path"] if made.status_code == 201 else value["errors"][0]["message"]


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        ("c", ["c"]),
        ("C#", ["c-2"]),
        ("c++", ["c"]),
        (" C++\u00a0", ["c"]),
        ("2", ["c-2"]),
        ("Toys", ["home", "toys"]),
        ("TOYS", ["home", "toys"]),
        ("home  & garden", ["home"]),
        ("cafe\u0301", ["cafe"]),
        ("CAFÉ", ["cafe"]),
        ("cups-2", ["home", "toys", "cups-2"]),
    ],
)
def test_a_category_is_found_for_a_product_a_list_a_parent_and_a_move(
    categories, products, tree, ref, path
):
    assert place(products, ref) == path
    shown = listed(products, ref)
    assert (shown.status_code, shown.get_json()["total"]) == (200, 1), shown.get_json()
    child = categories.post("/categories", json={"name": "Child", "parent": ref}).get_json()
    assert child["path"] == [*path, "child"]
    below = categories.get("/categories", query_string={"parent": ref, "q": "child"})
    assert [each["slug"] for each in below.get_json()["items"]] == ["child"]
    within = categories.get("/categories", query_string={"below": ref, "q": "child"})
    assert [each["slug"] for each in within.get_json()["items"]] == ["child"]
    assert products.post("/products", json={"name": "Y", "category": "child"}).status_code == 201
    assert categories.delete("/categories/child?move_to=" + quote(ref)).status_code == 204
    found = categories.get("/categories:find", query_string={"ref": ref}).get_json()
    assert [each["path"] for each in found["items"]] == [path]
    assert found["similar"] == []


@pytest.mark.parametrize(
    ("ref", "candidates"),
    [
        ("C!", ["c", "c-2"]),
        ("Cups", ["cups", "cups-2"]),
        ("Toyz", ["toys"]),
        ("home garden", ["home"]),
        ("99", []),
        ("qqqqqqqqqqqq", []),
        ("cafe!", ["cafe"]),
        ("changes", []),
    ],
)
def test_a_text_that_names_none_or_several_lists_candidates(
    categories, products, tree, ref, candidates
):
    message = place(products, ref)
    assert isinstance(message, str)
    assert all(slug in message for slug in candidates), message
    made = categories.post("/categories", json={"name": "Child", "parent": ref})
    assert made.status_code == 422
    assert made.get_json()["errors"][0] == {"pointer": "/parent", "message": message}
    for answer, parameter in (
        (listed(products, ref), "category"),
        (listed(products, ref, q="x"), "category"),
        (products.get("/products", query_string={"category": ref, "deleted": "only"}), "category"),
        (categories.get("/categories", query_string={"parent": ref}), "parent"),
        (categories.get("/categories", query_string={"below": ref}), "below"),
        (categories.delete("/categories/c?move_to=" + quote(ref)), "move_to"),
    ):
        assert answer.status_code == 400
        assert answer.get_json()["errors"] == [{"parameter": parameter, "message": message}]


@on_real_servers
def test_a_new_name_and_an_old_slug_are_found(categories, products, tree):
    assert place(products, "toys") == ["home", "toys"]
    categories.patch("/categories/toys", json={"name": "Play"})
    assert place(products, "Play") == ["home", "toys"]
    assert "Similar: Play (slug toys)" in place(products, "Toys")
    categories.patch("/categories/toys", json={"slug": "games"})
    assert place(products, "toys") == ["home", "games"]
    for ref in ("toys", "games", "PLAY", "4"):
        assert listed(products, ref).get_json()["total"] == 3
    # A slug is found before the name of another category.
    categories.post("/categories", json={"name": "games", "slug": "other"})
    assert listed(products, "games").get_json()["total"] == 3


@on_real_servers
def test_lists_by_any_text_follow_every_change(categories, products, tree):
    """A cached list must not outlive the meaning of the text that it was asked for by."""
    refs = ("toys", "Toys", "4", "TOYS")
    for _ in range(2):
        assert [listed(products, ref).get_json()["total"] for ref in refs] == [0] * 4
    place(products, "toys")
    for _ in range(2):
        assert [listed(products, ref).get_json()["total"] for ref in refs] == [1] * 4
    categories.patch("/categories/toys", json={"name": "Play"})
    assert [listed(products, ref).status_code for ref in refs] == [200, 400, 200, 400]
    categories.post("/categories", json={"name": "Toys", "slug": "more-toys"})
    assert [listed(products, ref).get_json()["total"] for ref in refs] == [1, 0, 1, 0]
    place(products, "more-toys")
    assert [listed(products, ref).get_json()["total"] for ref in refs] == [1, 1, 1, 1]
    categories.delete("/categories/more-toys?products=detach")
    assert [listed(products, ref).status_code for ref in refs] == [200, 400, 200, 400]


@on_real_servers
def test_an_old_slug_is_never_answered_from_the_cache_of_the_new_one(categories, products, tree):
    place(products, "toys")
    categories.patch("/categories/toys", json={"slug": "games"})
    for total in (1, 2, 3):
        for _ in range(2):
            assert listed(products, "toys").get_json()["total"] == total
        place(products, "games")


def test_a_category_without_a_slug_is_named_and_not_used(categories, products, db, tree):
    db["categories"].insert_one({"_id": 9, "name": "Made by hand", "terms": ["=made by hand"]})
    for ref in ("9", "Made by hand"):
        message = f"The category {ref!r} has no slug; `vitrine doctor --fix` gives it one."
        assert place(products, ref) == message
        for answer in (listed(products, ref), categories.get(f"/categories?below={ref}")):
            assert answer.status_code == 400
            assert answer.get_json()["errors"][0]["message"] == message
        made = categories.post("/categories", json={"name": "Child", "parent": ref})
        assert made.get_json()["errors"][0]["message"] == message


def test_of_many_items_those_that_begin_alike_are_candidates(categories, db, tree):
    others = ({"_id": id, "name": f"Qq {id}", "slug": f"qq-{id}"} for id in range(100, 400))
    db["categories"].insert_many([*others, {"_id": 400, "name": "Teapots", "slug": "pots"}])
    for ref, slug in (("Toyz", "toys"), ("gardn & home", "home"), ("Pottz", "pots")):
        found = categories.get("/categories:find", query_string={"ref": ref}).get_json()
        assert found["similar"][0]["slug"] == slug, ref


def test_a_name_that_begins_with_a_zero_is_no_id(categories, products, tree):
    """As in a category of zip codes or of agents."""
    assert (
        place(products, "07") == "There is no category '07'. Create it first with POST /categories."
    )
    categories.post("/categories", json={"name": "07"})
    assert place(products, "07") == ["category-07"]
    assert listed(products, "07").get_json()["total"] == 1
    assert place(products, "7") == ["cafe"]


def test_the_first_unknown_texts_of_a_batch_get_candidates(categories, tree):
    """Comparing names takes long, and a batch may have a thousand unknown ones."""
    parents = ["Toyz", *(f"Toyz {number}" for number in range(20)), "Toyz"]
    body = [{"name": f"Child {n}", "parent": parent} for n, parent in enumerate(parents)]
    results = categories.post("/categories:batch", json=body).get_json()["results"]
    messages = [result["errors"][0]["message"] for result in results]
    assert ["Similar: Toys" in message for message in messages] == [True] * 10 + [False] * 11 + [
        True
    ]
    assert messages[0] == messages[-1]
    assert "There is no category 'Toyz 19'. Create it first" in messages[20]


@pytest.mark.by_hand
@pytest.mark.parametrize("left", ["\u200b", "a\nb", "x" * 300])
def test_a_stored_category_that_is_no_name_is_a_mistake(products, db, tree, left):
    place(products, "toys")
    db["products"].update_one({}, {"$set": {"category": left}})
    answer = products.patch("/products/1", json={"attributes": {"size": 5}})
    assert answer.status_code == 422
    assert "There is no category" in answer.get_json()["errors"][0]["message"]


@on_real_servers
def test_a_list_by_slug_and_group_follows_the_last_item_of_the_slug(products, db, tree):
    """Its category is gone, so that only products tell whether there was such a slug."""
    toy = {"name": "X", "category": "toys", "options": {"Size": "S"}}
    products.post("/products", json=toy | {"group": "g"})
    db["categories"].delete_one({"slug": "toys"})
    for _ in range(2):
        assert listed(products, "toys", group="h").status_code == 200
    assert products.patch("/products/1", json={"category": "home"}).status_code == 200
    assert listed(products, "toys", group="h").status_code == 400


def test_a_list_by_slug_is_a_hit_and_by_name_one_too(products, tree):
    place(products, "toys")
    for ref in ("toys", "Toys", "4"):
        assert "stored" in listed(products, ref).headers["Cache-Status"]
        assert "; hit;" in listed(products, ref).headers["Cache-Status"]


def test_pages_of_a_list_by_name_go_on_by_cursor_and_number(products, tree):
    for _ in range(3):
        place(products, "toys")
    first = listed(products, "Toys", per=2, ordering="-id").get_json()
    assert [each["id"] for each in first["items"]] == [3, 2]
    rest = listed(products, "Toys", per=2, ordering="-id", cursor=first["next_cursor"])
    assert [each["id"] for each in rest.get_json()["items"]] == [1]
    for link in (first["links"]["next"], first["links"]["self"]):
        assert products.get(link).status_code == 200
    second = listed(products, "Toys", per=2, page=2).get_json()
    assert (second["total"], len(second["items"])) == (3, 1)


def test_a_name_is_looked_up_once_for_a_batch(categories, products, transport, tree):
    transport.calls.clear()
    items = [{"name": f"P{n}", "category": "C#"} for n in range(50)]
    answer = products.post("/products:batch", json=items).get_json()
    assert answer["summary"] == {"created": 50}
    asked = [path for _, method, path in transport.calls if ":find" in path]
    assert len(asked) == 1


def test_the_first_unknown_names_of_a_batch_get_candidates(products, transport, tree):
    items = [{"name": f"P{n}", "category": f"Toyz {n % 20}"} for n in range(40)]
    results = products.post("/products:batch", json=items).get_json()["results"]
    messages = [result["errors"][0]["message"] for result in results]
    assert ["Similar: Toys" in message for message in messages] == 2 * [*[True] * 10, *[False] * 10]
    assert sum(":find" in path for _, _, path in transport.calls) == 20
    assert messages[10] == "There is no category 'Toyz 10'. Create it first with POST /categories."


def test_without_the_categories_service_a_known_slug_is_still_listed(products, transport, tree):
    place(products, "toys")
    transport.down.add("categories")
    assert listed(products, "toys", per=7).get_json()["total"] == 1
    assert listed(products, "Toys", per=7).status_code == 503


def test_names_are_composed_before_they_are_compared(categories, products):
    categories.post("/categories", json={"name": unicodedata.normalize("NFD", "Möbel")})
    assert categories.get("/categories/mobel").get_json()["name"] == "Möbel"
    assert place(products, unicodedata.normalize("NFD", "MÖBEL")) == ["mobel"]
