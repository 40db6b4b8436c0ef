"""A list sends as many queries for a long page as for a short one."""

import contextlib

import pytest

from tests.support.services import on_real_servers


@pytest.fixture
def profiled(real_servers):
    """Return a block that lists the collections which its queries ask, by MongoDB's profiler."""
    db = real_servers[0]

    @contextlib.contextmanager
    def profiled():
        asked = []
        db.command("profile", 2)
        try:
            yield asked
        finally:
            db.command("profile", 0)
            reads = {"op": {"$in": ["query", "command"]}, "command.profile": {"$exists": False}}
            asked += sorted(entry["ns"] for entry in db["system.profile"].find(reads))
            db.drop_collection("system.profile")

    return profiled


@on_real_servers
@pytest.mark.parametrize("query", ["", "&ordering=-id", "&fields=id"])
def test_a_long_page_needs_no_more(client, url, minimal, serves, transport, profiled, query):
    serves("create")
    for number in range(6):
        assert client.post(url, json=minimal(f"Item {number}")).status_code == 201

    def queries(per):
        transport.calls.clear()
        with profiled() as asked:
            answer = client.get(f"{url}?per={per}{query}")
        assert len(answer.get_json()["items"]) == per
        return asked, [call[:2] for call in transport.calls]

    short = queries(2)
    assert short[0]
    assert queries(6) == short


@on_real_servers
@pytest.mark.leased
@pytest.mark.parametrize("package", ["api_products"], indirect=True)
def test_what_lists_of_a_category_have_in_common_is_asked_once(
    client, categories, minimal, profiled, redis
):
    for service in ("products", "categories"):
        redis.set(f"{service}:generation", "0" * 16)  # As the followers do.
    assert categories.post("/categories", json={"name": "Tea"}).status_code == 201
    for price in (5, 15):
        sent = minimal(f"Tea {price}") | {"price": price, "category": "tea"}
        assert client.post("/products", json=sent).status_code == 201
    asked_for = []
    for least in (1, 2):
        with profiled() as asked:
            answer = client.get(f"/products?category=tea&price__gte={least}&ordering=price")
        assert answer.get_json()["total"] == 2
        asked_for.append(len(asked))
    # The category, what its lists leave out, the number, the page; then the last two.
    assert asked_for == [4, 2]
    # A write renews what is known.
    sent = minimal("Old tea") | {"price": 9, "category": "tea", "status": "archived"}
    assert client.post("/products", json=sent).status_code == 201
    assert client.get("/products?category=tea&price__gte=3").get_json()["total"] == 2
