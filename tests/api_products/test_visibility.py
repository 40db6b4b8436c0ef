"""Drafts exist for their editors alone; archived products answer, but are listed only if asked."""

import random
import re
from dataclasses import replace
from itertools import product as pairs

import pytest
from bson import Decimal128, ObjectId

from api_products.resource import products as resource
from shared.cache.keys import new_token, root_of
from shared.http.tokens import Tokens
from shared.storage.pages import choose_index
from shared.storage.repository import SORT_IN_MEMORY_LIMIT
from shared.storage.search.vocabulary import Vocabulary, VocabularyKeeper
from tests.support.services import on_fakes, on_real_servers

SECRET = "0123456789abcdef0123456789abcdef"
NAMES = {"active": "Teapot", "draft": "Secretkettle", "archived": "Oldcup"}
EDITORS = ("products:read", "products:write", "admin")
OTHERS = (None, "orders:read")


@pytest.fixture
def settings(settings):
    return replace(settings, auth_mode="token", secret_key=SECRET)


@pytest.fixture
def bearer(settings):
    """Return the header with a token that has a scope; no header for None."""

    def bearer(scope):
        if scope is None:
            return {}
        return {"Authorization": f"Bearer {Tokens(settings).mint('ann', [scope], 60)}"}

    return bearer


@pytest.fixture
def shop(products, categories, bearer):
    """An active product, a draft and an archived one, in a category; return the client."""
    admin = bearer("admin")
    categories.post("/categories", json={"name": "Kitchen"}, headers=admin)
    for number, (status, name) in enumerate(NAMES.items(), 1):
        body = {
            **{"name": name, "status": status, "category": "kitchen", "sku": f"S{number}"},
            **{"price": number, "stock": number, "brand": f"Brand {name}"},
            "attributes": {"color": f"Color {name}"},
        }
        assert products.post("/products", json=body, headers=admin).status_code == 201
    return products


@pytest.fixture
def words(shop, db):
    """The words of all products, as the follower keeps them."""
    keeper = VocabularyKeeper(Vocabulary(db["products.words"]), resource.searched)
    for document in db["products"].find():
        keeper.note(None, document)
    keeper.store()


@pytest.mark.parametrize("status", ["", "&status=active", "&status=archived"])
@pytest.mark.parametrize("scope", ["products:read", None])
@pytest.mark.parametrize("order", ["", "&ordering=name"])
def test_no_correction_names_a_word_of_drafts_alone(shop, bearer, words, scope, status, order):
    answer = shop.get(f"/products?q=secretketle{status}{order}", headers=bearer(scope)).get_json()
    sees_drafts = scope and not status
    assert answer.get("corrected") == ({"secretketle": "secretkettle"} if sees_drafts else None)
    others = shop.get(f"/products?q=teapott{order}", headers=bearer(scope)).get_json()
    assert others["corrected"] == {"teapott": "teapot"}


@pytest.fixture
def change(shop, bearer):
    """Change a product."""

    def change(id, **values):
        answer = shop.patch(f"/products/{id}", json=values, headers=bearer("products:write"))
        assert answer.status_code == 200, answer.json

    return change


def names(answer):
    assert answer.status_code == 200, answer.json
    return [item["name"] for item in answer.json["items"]]


def read_twice(client, path, headers):
    """Return the answer to a miss, after a check that the hit is the same."""
    first, second = (client.get(path, headers=headers) for _ in range(2))
    assert "; hit" in second.headers["Cache-Status"], (path, second.headers["Cache-Status"])
    assert (first.status_code, first.data) == (second.status_code, second.data)
    for name in ("Vary", "Cache-Control", "ETag"):
        assert first.headers[name] == second.headers[name]
    return second


def test_a_draft_exists_for_its_editors_alone(shop, bearer):
    paths = ("/products/2", "/products/secretkettle", "/products/2?fields=id", "/products/2/images")
    for _, path in pairs(range(2), paths):  # After an editor has read it, too.
        for scope in OTHERS:
            answer = shop.get(path, headers=bearer(scope))
            unknown = shop.get(path.replace("2", "99").replace("secretkettle", "never"))
            assert answer.status_code == unknown.status_code == 404, path
            assert answer.json["title"] == unknown.json["title"]
            assert "ETag" not in answer.headers
        for scope in EDITORS:
            answer = shop.get(path, headers=bearer(scope))
            assert answer.status_code == 200, path
            assert answer.headers["Cache-Control"] == "private, no-cache"
            assert answer.headers["Vary"] == "Authorization"
            assert "stored" not in answer.headers.get("Cache-Status", "")
    refused = shop.get("/products/2").json["detail"]
    assert refused == "There is no product 2."


def test_an_old_slug_leads_to_a_draft_for_its_editors_alone(shop, bearer, change):
    change(2, slug="secretkettle-two")
    assert shop.get("/products/secretkettle").status_code == 404
    moved = shop.get("/products/secretkettle", headers=bearer("products:read"))
    assert (moved.status_code, moved.location) == (308, "/products/secretkettle-two")


def test_an_archived_product_answers_all_readers_at_its_address(shop, bearer):
    for scope, ref in pairs((*OTHERS, *EDITORS), ("3", "oldcup", "3?fields=name")):
        answer = read_twice(shop, f"/products/{ref}", bearer(scope))
        assert answer.json["name"] == "Oldcup"
        assert answer.headers["Vary"] == "Authorization"


LISTS = ("", "?category=kitchen", "?ordering=-name", "?fields=name", "?per=5&stock__gte=0")


@pytest.mark.parametrize("query", LISTS)
def test_lists_have_what_the_reader_sees(shop, bearer, query):
    for scope in (*OTHERS, *EDITORS, *OTHERS):
        answer = read_twice(shop, f"/products{query}", bearer(scope))
        shown = {"Teapot"} if scope in OTHERS else {"Teapot", "Secretkettle"}
        assert set(names(answer)) == shown
        assert answer.json["total"] == len(shown)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["Vary"] == "Prefer, Authorization"


@pytest.mark.parametrize("wanted", ["secretkettle", "secret", "S2", "brand"])
def test_searches_have_what_the_reader_sees(shop, bearer, wanted):
    for ordering, prefer in pairs(("", "&ordering=id"), ("", "count=exact", "count=none")):
        for scope in (None, "products:read", None):
            headers = bearer(scope) | ({"Prefer": prefer} if prefer else {})
            answer = read_twice(shop, f"/products?q={wanted}{ordering}", headers)
            found = set(names(answer))
            assert ("Secretkettle" in found) == (scope is not None)
            assert "Oldcup" not in found
            assert answer.json["total"] in (None, len(found))


@on_real_servers
def test_facets_count_what_the_reader_sees(shop, bearer):
    path = "/products?facets=status,brand,attr.color,price,category"
    for scope in (None, "products:read", None):
        facets = read_twice(shop, path, bearer(scope)).json["facets"]
        statuses = {each["value"]: each["count"] for each in facets["status"]["values"]}
        assert statuses == {"active": 1} | ({"draft": 1} if scope else {})
        assert ("Secretkettle" in str(facets)) == (scope is not None)
        assert "Oldcup" not in str(facets)
        assert facets["category"]["values"] == [{"value": "kitchen", "count": 2 if scope else 1}]


def test_a_status_that_is_asked_for_is_listed(shop, bearer):
    for scope in (None, "products:read"):
        for status in ("active", "archived"):
            answer = read_twice(shop, f"/products?status={status}", bearer(scope))
            assert (names(answer), answer.json["total"]) == ([NAMES[status]], 1)
        narrowed = read_twice(shop, "/products?status=archived&q=oldcup", bearer(scope))
        assert names(narrowed) == ["Oldcup"]
    drafts = read_twice(shop, "/products?status=draft", bearer("products:write"))
    assert names(drafts) == ["Secretkettle"]


@pytest.mark.parametrize("more", ["", "&q=secret", "&page=2", "&facets=brand", "&fields=id"])
def test_asking_for_drafts_needs_a_scope(shop, bearer, more):
    path = f"/products?status=draft{more}"
    for _ in range(2):
        anonymous = shop.get(path)
        assert anonymous.status_code == 401
        assert anonymous.headers["WWW-Authenticate"] == 'Bearer realm="vitrine"'
        refused = shop.get(path, headers=bearer("orders:read"))
        assert refused.status_code == 403
        assert 'scope="products:read"' in refused.headers["WWW-Authenticate"]
        for answer in (anonymous, refused):
            assert "products:read or products:write" in answer.json["detail"]
            assert "Cache-Status" not in answer.headers
        if "page" not in more:
            assert shop.get(path, headers=bearer("products:read")).status_code == 200


@pytest.mark.parametrize("scope", [None, "products:read"])
def test_a_product_that_becomes_a_draft_is_gone_at_once(shop, bearer, change, scope):
    paths = ("/products/1", "/products/teapot", "/products/1?fields=id,name")
    lists = ("/products", "/products?category=kitchen", "/products?q=teapot", "/products?per=1")
    headers = bearer(scope)
    for _ in range(2):
        assert {read_twice(shop, path, headers).status_code for path in paths} == {200}
        shown = 1 if scope is None else 2
        assert read_twice(shop, "/products", headers).json["total"] == shown
        for path in lists:
            assert "Teapot" in names(read_twice(shop, path, headers))
        change(1, status="draft")
        for path in paths:
            assert shop.get(path).status_code == 404
            assert shop.get(path, headers=bearer("products:read")).status_code == 200
            assert shop.get(path).status_code == 404
        for path in lists:
            assert ("Teapot" in names(read_twice(shop, path, headers))) == (scope is not None)
        change(1, status="active")


def test_a_product_that_is_archived_leaves_the_lists_and_keeps_its_address(shop, change):
    read_twice(shop, "/products", {})
    read_twice(shop, "/products/1", {})
    change(1, status="archived")
    assert names(read_twice(shop, "/products", {})) == []
    assert read_twice(shop, "/products/1", {}).json["status"] == "archived"
    assert names(read_twice(shop, "/products?status=archived", {})) == ["Teapot", "Oldcup"]


@pytest.mark.by_hand
def test_a_product_without_a_status_counts_as_active(shop, db, bearer):
    db["products"].insert_one({"_id": 7, "name": "By hand", "slug": "by-hand"})
    db["products"].insert_one({"_id": 8, "name": "Null by hand", "status": None})
    for scope in (None, "products:read"):
        assert read_twice(shop, "/products/7", bearer(scope)).status_code == 200
        for query in ("?fields=name", "?status=active", "?ordering=-id"):
            answer = shop.get(f"/products{query}", headers=bearer(scope))
            assert {"By hand", "Null by hand"} <= set(names(answer)), query
            assert answer.json["total"] == len(names(answer))


@pytest.mark.by_hand
@pytest.mark.parametrize("status", ["Active", "secret", 5, True, [], ["draft"], {"a": 1}])
def test_a_status_that_a_hand_edit_made_up_is_hidden(shop, db, bearer, status):
    db["products"].insert_one({"_id": 7, "name": "Made up", "status": status})
    assert shop.get("/products/7").status_code == 404
    assert shop.get("/products/7", headers=bearer("products:read")).status_code == 200
    assert names(shop.get("/products?ordering=id")) == ["Teapot"]
    listed = shop.get("/products?ordering=id", headers=bearer("products:read"))
    assert names(listed) == ["Teapot", "Secretkettle", "Made up"]


@pytest.mark.by_hand
def test_pages_by_cursor_skip_what_the_reader_does_not_see(shop, db, bearer):
    statuses = ("active", "draft", "archived", None)
    db["products"].delete_many({})
    db["products"].insert_many(
        {"_id": n, "name": f"Name {n % 3}", "category_path": ["kitchen"]}
        | ({"status": statuses[n % 4]} if n % 4 < 3 else {})
        for n in range(1, 41)
    )
    active = {n for n in range(1, 41) if n % 4 in (0, 3)}
    drafts = {n for n in range(1, 41) if n % 4 == 1}
    for order, base in pairs(("id", "-name"), ("/products", "/products?category=kitchen")):
        for scope, expected in ((None, active), ("products:read", active | drafts)):
            seen, cursor = [], ""
            while cursor is not None:
                joint = "&" if "?" in base else "?"
                path = f"{base}{joint}per=3&ordering={order}{cursor}"
                answer = shop.get(path, headers=bearer(scope)).json
                seen += [item["id"] for item in answer["items"]]
                cursor = answer["next_cursor"] and f"&cursor={answer['next_cursor']}"
            assert len(seen) == len(expected)
            assert set(seen) == expected


def test_categories_count_the_products_that_are_listed(shop, categories, bearer, change):
    path = "/products:category-counts?slugs=kitchen"
    for scope in (None, "products:read"):
        assert shop.get(path, headers=bearer(scope)).json == {"kitchen": 1}
    assert categories.get("/categories/kitchen").json["product_count"] == 1
    change(1, status="draft")
    assert categories.get("/categories/kitchen").json["product_count"] == 0
    everything = f"{path}&unlisted=true"
    assert shop.get(everything).status_code == 401
    assert shop.get(everything, headers=bearer("products:read")).json == {"kitchen": 3}
    refused = categories.delete("/categories/kitchen", headers=bearer("categories:write"))
    assert (refused.status_code, refused.json["products"]) == (409, 3)


def test_the_two_kinds_of_readers_share_no_list_and_all_items(shop, bearer, redis):
    for scope in (None, "products:read"):
        for path in ("/products/1", "/products/2", "/products", "/products?status=archived"):
            shop.get(path, headers=bearer(scope))
    keys = {key.decode() for key in redis.keys("product*") if b"generation" not in key}
    assert keys == {
        "product:1",
        "products:list:page=1:per=20",
        "products:list:page=1:per=20:public=yes",
        "products:list:page=1:per=20:status=archived",
    }
    forged = shop.get("/products?public=yes")
    assert forged.status_code == 400


@on_fakes
def test_an_invalid_token_gets_no_cached_list(shop, bearer):
    read_twice(shop, "/products", bearer("products:read"))
    assert shop.get("/products", headers={"Authorization": "Bearer x"}).status_code == 401


def test_drafts_and_archived_products_cannot_be_ordered(shop, orders, bearer):
    def place(*ids):
        lines = [{"product_id": id, "quantity": 1} for id in ids]
        answer = orders.post("/orders", json={"items": lines}, headers=bearer("orders:write"))
        return answer.status_code, [each["message"] for each in answer.json.get("errors", ())]

    assert place(1)[0] == 201
    archived = "Oldcup is not for sale: its status is archived."
    assert place(3) == (409, [archived])
    assert place(2) == (422, ["There is no product 2."])
    assert place(99) == (422, ["There is no product 99."])
    assert place(2, 3) == (422, ["There is no product 2.", archived])


def urls(app, document):
    """Yield the URL of each GET route, with each reference and each parameter that it declares."""
    values = ("2", "draft", "true", "secret", "kitchen", "name", "brand", "S2")
    for rule in app.url_map.iter_rules():
        if "GET" not in rule.methods:
            continue
        described = re.sub(r"<(?:[^<>:]*:)?(\w+)>", r"{\1}", rule.rule)
        path = re.sub(r"<uuid:\w+>", "00000000-0000-4000-8000-000000000000", rule.rule)
        path = re.sub(r"<(?:int|path):\w+>", "1", path)
        declared = document["paths"][described]["get"]["parameters"]
        parameters = [each["name"] for each in declared if each.get("in") == "query"]
        queries = [f"?{pair[0]}={pair[1]}" for pair in pairs(parameters, values)]
        for ref in REFS if "<" in path else ("",):
            for query in ("", *queries):
                yield rule.rule, re.sub(r"<[^>]*>", ref, path), query


REFS = ("2", "02", "secretkettle", "newkettle")


@on_real_servers
def test_no_answer_to_an_anonymous_reader_names_a_draft(shop, bearer, change):
    """Of each GET route, so that a route that is added later cannot name one either."""
    change(2, slug="newkettle", description="Hushhush, soon to be sold.")
    document = shop.get("/openapi.json").json
    tried = set()
    for scope in (None, "orders:read"):
        for rule, path, query in urls(shop.application, document):
            answer = shop.get(path + query, headers=bearer(scope))
            tried.add(rule)
            assert answer.status_code < 500 or answer.status_code == 501, path + query
            if answer.status_code < 400:
                shown = answer.get_data(as_text=True) + str(answer.headers)
                for name in ("Secretkettle", "secretkettle", "newkettle", "Hushhush", '"sku":"S2"'):
                    assert name not in shown, (path + query, shown)
                assert "<ref>" not in rule, path + query
        for path in ("/products", "/products/2", "/products?q=secretkettle"):
            shop.get(path, headers=bearer("products:read"))  # The next round meets its entries.
    assert {"/products", "/products/<ref>", "/products/<ref>/images"} <= tried
    assert len(tried) > 20


@on_fakes
def test_the_openapi_document_says_who_sees_drafts(shop):
    paths = shop.get("/openapi.json").json["paths"]
    for path in ("/products", "/products/{ref}", "/products/{ref}/images", "/products/changes"):
        operation = paths[path]["get"]
        assert operation["security"] == [
            {},
            {"bearer": ["products:read"]},
            {"bearer": ["products:write"]},
        ]
        assert {"401", "403"} <= operation["responses"].keys()
        assert (
            "only products whose `status` is `active` or `archived` exist"
            in (operation["description"])
        )
    assert "is a 401, or a 403" in paths["/products"]["get"]["description"]
    assert paths["/products/{ref}/stock"]["get"]["security"] == [{"bearer": ["products:read"]}]


@on_fakes
def test_totals_are_kept_for_each_kind_of_reader(shop, bearer, change, redis):
    cache = shop.application.extensions["connections"].cache
    for service in ("products", "categories"):
        redis.set(root_of(service), new_token())
    cache.leased = True  # As if a follower had renewed the roots.

    def totals(query):
        answers = [shop.get(f"/products{query}", headers=bearer(s)) for s in (None, EDITORS[0])]
        return [answer.json["total"] for answer in answers]

    for query in ("", "?per=1", "?category=kitchen", "?category=kitchen&per=1"):
        assert totals(query) == [1, 2]
    change(1, status="draft")
    for query in ("", "?per=1", "?category=kitchen", "?category=kitchen&per=1"):
        assert totals(query) == [0, 2]
    change(1, status="archived")
    for query in ("", "?per=1", "?category=kitchen", "?category=kitchen&per=1"):
        assert totals(query) == [0, 1]


@on_real_servers
@pytest.mark.by_hand
@pytest.mark.parametrize("order", ["id", "-id", "name", "-price,name"])
def test_long_lists_are_read_along_an_index(products, db, bearer, order):
    chance = random.Random(5)
    stored = [
        {
            "_id": number if number % 50 else ObjectId(),
            **{"name": f"Name {number % 7}", "price": Decimal128(str(number % 11))},
            "category_path": ["all"],
            **chance.choice(({"status": "active"}, {"status": None}, {}, {"status": "draft"})),
        }
        for number in range(1, 1601)
    ]
    stored += [{"_id": -n, "status": "archived", "category_path": ["all"]} for n in range(1, 200)]
    db["products"].insert_many(stored)
    active = {str(each["_id"]) for each in stored if each.get("status") in (None, "active")}
    drafts = {str(each["_id"]) for each in stored if each.get("status") == "draft"}
    for scope, expected in ((None, active), ("products:read", active | drafts)):
        assert len(expected) > SORT_IN_MEMORY_LIMIT
        for within in ("", "&category=all"):
            path = f"/products?per=100&fields=id&ordering={order}{within}"
            first = products.get(path, headers=bearer(scope)).json
            assert (first["total"], first["total_is"]) == (len(expected), "exact")
            by_number = products.get(f"{path}&page=2", headers=bearer(scope)).json["items"]
            pages, cursor = [], ""
            while cursor is not None:
                answer = products.get(path + cursor, headers=bearer(scope)).json
                pages.append([item["id"] for item in answer["items"]])
                cursor = answer["next_cursor"] and f"&cursor={answer['next_cursor']}"
            assert [item["id"] for item in by_number] == pages[1]
            seen = [str(id) for page in pages for id in page]
            assert len(seen) == len(expected)
            assert set(seen) == expected


@pytest.mark.parametrize(
    ("query", "sees_hidden", "keys"),
    [
        ("", False, ["status", "_id"]),
        ("ordering=-id", False, ["status", "_id"]),
        ("status=active", True, ["status", "_id"]),
        ("status=archived", False, ["status", "_id"]),
        ("category=all", False, ["category_path", "status", "_id"]),
        ("category=all&ordering=price", False, ["category_path", "price", "_id"]),
        ("ordering=price", False, ["price", "_id"]),
        ("", True, ["_id"]),
        ("category=all", True, ["category_path", "_id"]),
    ],
)
def test_pages_by_id_skip_nothing(query, sees_hidden, keys):
    page_request = resource.visibility.narrow(
        resource.parse(query.encode()), sees_hidden=sees_hidden
    )
    scan = choose_index(resource.repository.indexes, page_request)
    assert [name for name, _ in scan.keys] == keys


@on_real_servers  # The fake has no aggregation over unions.
def test_drafts_and_archived_variants_are_in_no_summary(products, bearer):
    editor = bearer("products:write")
    for number, status in enumerate(("draft", "active", "archived", "active"), 1):
        body = {"name": f"Shirt {number}", "group": "shirt", "options": {"No": str(number)}}
        body |= {"status": status, "price": number, "stock": number}
        assert products.post("/products", json=body, headers=editor).status_code == 201
    hidden = {"name": "Cap", "group": "cap", "status": "draft", "price": 9}
    products.post("/products", json=hidden, headers=editor)

    def entry(query, **headers):
        answer = read_twice(products, f"/products?collapse=group&{query}", headers)
        (item, *_), total = answer.json["items"], answer.json["total"]
        return item["id"], item["variants"]["options"]["No"], total

    assert entry("ordering=price") == (2, ["2", "4"], 1)
    assert entry("q=shirt") == (2, ["2", "4"], 1)
    assert entry("ordering=price", **editor) == (1, ["1", "2", "4"], 2)
    assert entry("ordering=price&status=archived") == (3, ["3"], 1)
    assert entry("status=active&ordering=-price") == (4, ["2", "4"], 1)
    (item,) = products.get("/products?collapse=group").json["items"]
    assert (item["variants"]["price"], item["variants"]["stock"]) == ({"min": 2, "max": 4}, 6)
    assert products.get("/products?collapse=group&status=draft").status_code == 401
    facets = products.get("/products?collapse=group&facets=status").json["facets"]
    assert facets["status"]["values"] == [{"value": "active", "count": 1}]
    for path in ("/products/1/variants", "/products/5/variants"):
        assert products.get(path).status_code == 404
    assert names(products.get("/products/3/variants")) == ["Shirt 2", "Shirt 4"]
    seen = names(products.get("/products/1/variants", headers=editor))
    assert seen == ["Shirt 1", "Shirt 2", "Shirt 4"]
    assert products.get("/products/2/variants?status=draft").status_code == 401
