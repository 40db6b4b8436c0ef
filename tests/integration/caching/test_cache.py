"""The cache on a whole stack: hits, reasons, edits by hand, deaths."""

import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from pymongo import MongoClient
from redis import Redis

from shared.cache.cache import LEASE_SECONDS
from tests.support.polling import poll
from tests.support.processes import is_alive, suspended_process
from tests.support.stack import process_of, redis_program, running_stack
from vitrine import stack as stacks


@pytest.fixture(scope="module")
def stack():
    """A stack of this module's own, whose parts the tests may kill."""
    with running_stack("--only", "products,categories") as stack:
        yield stack


@pytest.fixture
def mongo(stack):
    with MongoClient(stacks.read(stack.folder).mongo_uri) as client:
        yield client["vitrine"]


@pytest.fixture
def redis(stack):
    with Redis.from_url(stacks.read(stack.folder).redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def product(stack):
    """A new product's path."""
    _, value = stack.request("POST", "products", "/products", {"name": "Cached", "price": 1})
    return f"/products/{value['id']}"


def ask(stack, path, **headers):
    answer = stack._http.request("GET", stack.url("products") + path, headers=headers)
    assert answer.status in (200, 304), answer.data
    return answer


def status(stack, path):
    return ask(stack, path).headers["Cache-Status"]


def is_hit_with_price(stack, path, price):
    response = ask(stack, path)
    return "hit" in response.headers["Cache-Status"] and response.json()["price"] == price


FOLLOWER = (b"shared\0follow\0", b"api_products")


def test_the_second_answer_is_a_hit_and_says_so(stack, product):
    # The follower may still be about to see the product being made.
    poll(lambda: "hit" in status(stack, product))
    hit = ask(stack, product)
    key = product.removeprefix("/products/")
    assert re.fullmatch(rf'vitrine; hit; ttl=\d+; key="product:{key}"', hit.headers["Cache-Status"])
    assert hit.headers["Cache-Control"] == "private, no-cache"
    assert ask(stack, product, **{"If-None-Match": hit.headers["ETag"]}).status == 304


def test_a_write_says_stale_then_miss_then_hit(stack, product):
    path = f"/products?q=cached&per=3&fields=id,price&price__gte=0&sku=S{product[10:]}"
    poll(lambda: "hit" in status(stack, path))
    body = {"sku": f"S{product[10:]}"}
    assert stack.request("PATCH", "products", product, body)[0] == 200
    first = status(stack, path)
    assert "fwd=stale; detail=generation" in first or "fwd=miss" in first
    poll(lambda: "hit" in status(stack, path))
    assert ask(stack, path).json()["total"] == 1


def test_an_edit_in_mongodb_shows(stack, mongo, product):
    """Within a second, which ``bench.parts.visibility`` measures."""
    id = int(product.removeprefix("/products/"))
    for price in range(10, 15):
        poll(lambda: "hit" in status(stack, product))
        mongo.products.update_one({"_id": id}, {"$set": {"price": price}})
        assert poll(lambda price=price: ask(stack, product).json()["price"] == price)


def test_a_name_edited_in_mongodb_is_found_by_its_new_words(stack, mongo, product):
    id = int(product.removeprefix("/products/"))
    mongo.products.update_one({"_id": id}, {"$set": {"name": f"Rebaptised {id}"}})
    mongo.products.insert_one({"name": f"Newborn {id}"})
    for words in (f"rebaptised {id}", f"newborn {id}"):
        poll(lambda words=words: ask(stack, f"/products?q={words}").json()["total"] == 1)
    assert ask(stack, f"/products?q=cached&sku=nope{id}").json()["total"] == 0


def test_a_document_added_or_removed_in_mongodb_shows_in_lists(stack, mongo):
    path = "/products?per=100&sku=BY-HAND"
    poll(lambda: "hit" in status(stack, path))
    mongo.products.insert_one({"name": "By hand", "sku": "BY-HAND"})
    assert poll(lambda: ask(stack, path).json()["total"] == 1)
    poll(lambda: "hit" in status(stack, path))
    mongo.products.delete_one({"sku": "BY-HAND"})
    assert poll(lambda: ask(stack, path).json()["total"] == 0)


def test_keys_are_as_documented_and_vanish_after_a_write(stack, redis, product):
    key = f"product:{product.removeprefix('/products/')}"
    listed = "products:list:page=2:per=5:brand=A%3Ab%3Dc:price__gte=0"
    path = "/products?price_min=0&brand=A:b%3Dc&limit=5&page=2"
    poll(lambda: "hit" in status(stack, product) and "hit" in status(stack, path))
    for name in (key, listed):
        entry = json.loads(redis.get(name))
        assert 0 < redis.ttl(name) <= 132
        assert entry["body"]
    searched = ask(stack, "/products?q=cached").headers["Cache-Status"]
    search = re.search(r'key="(products:search:[0-9a-f]{40})"', searched)[1]
    poll(lambda: redis.get(search))
    assert json.loads(redis.get(search))["query"] == "page=1&per=20&q=cached"
    stack.request("PATCH", "products", product, {"brand": "New"})
    assert redis.exists(key) == 0
    poll(lambda: not redis.exists(listed) and not redis.exists(search))


def test_the_command_line_looks_into_the_cache(stack, product):
    key = f"product:{product.removeprefix('/products/')}"
    poll(lambda: "hit" in status(stack, product))
    assert f"{key} is valid: Its stamps are the current generations." in (
        stack.run("cache", "show", key).stdout
    )
    assert "products:list:" in stack.run("cache", "stats").stdout
    assert "1 entries removed." in stack.run("cache", "purge", key).stdout
    assert f"{key} is not valid" in stack.run("cache", "show", key).stdout
    listed = "products:list:page=1:per=20"

    def shown_after_a_write():
        stack.get("products", "/products")
        stack.request("PATCH", "products", product, {"brand": uuid4().hex})
        return stack.run("cache", "show", listed).stdout

    # The sweeper may be faster.
    poll(lambda: f"{listed} is not valid: a write invalidated the entry" in shown_after_a_write())
    assert "No service" in stack.run("cache", "show", "toy:1").stderr
    assert "Must begin with one of" in stack.run("cache", "purge", "products:gen").stderr


def test_a_write_in_one_category_leaves_the_lists_of_another(stack):
    for name in ("Left", "Right"):
        stack.request("POST", "categories", "/categories", {"name": name})
        body = {"name": f"In {name}", "category": name.lower()}
        assert stack.request("POST", "products", "/products", body)[0] == 201
    paths = [f"/products?category={name}" for name in ("left", "right")]
    poll(lambda: all("hit" in status(stack, path) for path in paths))
    body = {"name": "Another", "category": "left"}
    assert stack.request("POST", "products", "/products", body)[0] == 201
    assert "hit" in status(stack, paths[1])
    assert ask(stack, paths[0]).json()["total"] == 2


def test_a_killed_follower_bypasses_within_the_lease_and_comes_back(stack, kill, product):
    poll(lambda: "hit" in status(stack, product))
    kill(process_of(stack, *FOLLOWER))
    poll(lambda: "products follower ended" in stack.said())
    assert stack.get("products", "/health")["follower"][:4] in ("ok", "away")
    poll(lambda: "hit" in status(stack, product))


def test_a_stopped_follower_bounds_staleness_by_the_lease(stack, mongo, product):
    id = int(product.removeprefix("/products/"))
    poll(lambda: "hit" in status(stack, product))
    with suspended_process(process_of(stack, *FOLLOWER)):
        mongo.products.update_one({"_id": id}, {"$set": {"price": 77}})
        poll(lambda: ask(stack, product).json()["price"] == 77)
        assert "detail=lease" in status(stack, product)
        assert stack.get("products", "/health")["follower"].startswith("away")
    poll(lambda: "hit" in status(stack, product))
    assert ask(stack, product).json()["price"] == 77


def test_a_killed_redis_costs_hits_and_nothing_else(stack, kill, mongo, product):
    id = int(product.removeprefix("/products/"))
    poll(lambda: "hit" in status(stack, product))
    kill(process_of(stack, redis_program()))
    for price in range(20, 30):
        assert stack.request("PATCH", "products", product, {"price": price})[0] == 200
        assert ask(stack, product).json()["price"] == price
    # Redis comes back with its last entries and its lease, until the follower renews the root.
    poll(lambda: is_hit_with_price(stack, product, 29))
    mongo.products.update_one({"_id": id}, {"$set": {"price": 30}})
    poll(lambda: ask(stack, product).json()["price"] == 30)


def test_a_redis_that_comes_back_with_an_old_state_revives_nothing(stack, kill, product):
    """Tokens and entries of the past are back, and they fit each other."""
    server = process_of(stack, redis_program())
    poll(lambda: "hit" in status(stack, product))
    data, copy = stack.folder / "redis", stack.folder / "redis-old"
    shutil.copytree(data, copy)
    assert stack.request("PATCH", "products", product, {"price": 55})[0] == 200
    assert ask(stack, product).json()["price"] == 55
    # The supervisor would start Redis again before the old state is in its place.
    with suspended_process(stack.process.pid):
        kill(server)
        poll(lambda: not is_alive(server))
        shutil.rmtree(data)
        copy.rename(data)
    for _ in range(300):
        assert ask(stack, product).json()["price"] == 55
        time.sleep(0.01)
    poll(lambda: "hit" in status(stack, product))
    assert ask(stack, product).json()["price"] == 55


def test_200_at_once_for_one_cold_list_cost_2_queries_at_the_most(stack, mongo, product):
    def count_queries(brand):
        path = f"/products?per=7&ordering=-price&brand={brand}"
        poll(lambda: "hit" in status(stack, product))
        mongo.command("profile", 2)
        try:
            with ThreadPoolExecutor(50) as pool:
                answers = list(pool.map(lambda _: ask(stack, path).json()["total"], range(200)))
        finally:
            mongo.command("profile", 0)
        asked = {"op": "query", "command.find": "products", "command.limit": 8}
        queries = mongo["system.profile"].count_documents(asked)
        mongo.drop_collection("system.profile")
        assert answers == [0] * 200
        assert queries
        return queries

    # On a busy machine the filler may be late, or Redis, and then other requests ask as well.
    assert any(count_queries(f"nobody-{at}") <= 2 for at in range(5))


def test_a_stream_of_writes_without_end_keeps_the_lease(stack, mongo, product):
    other = stack.request("POST", "products", "/products", {"name": "Busy", "sku": "BUSY"})[1]
    poll(lambda: "hit" in status(stack, product))

    def is_leased():
        mongo.products.update_one({"_id": other["id"]}, {"$inc": {"stock": 1}})
        return "bypass" not in status(stack, product)

    def is_leased_all_the_time():
        until = time.monotonic() + LEASE_SECONDS + 3  # The lease has been extended by then.
        return all(is_leased() for _ in iter(lambda: time.monotonic() < until, False))

    # A busy machine may lose the lease once; a follower that cannot keep it loses it each time.
    assert any(is_leased_all_the_time() for _ in range(5))


def test_metrics_count_hits_and_misses_of_all_workers(stack, product):
    path = f"{product}?fields=id"
    before = scrape(stack)
    poll(lambda: "hit" in status(stack, path))
    reads = 20
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ask(stack, path), range(reads)))
    after = scrape(stack)
    hits = 'vitrine_cache_lookups_total{detail="",state="hit"}'
    asked = 'vitrine_requests_total{method="GET",route="/products/<ref>",status="200"}'
    assert after[hits] - before.get(hits, 0) >= reads
    assert after[asked] - before.get(asked, 0) > reads
    assert after["vitrine_cache_fills_total"] > before.get("vitrine_cache_fills_total", 0)
    assert after["vitrine_follower_up"] == 1
    assert 0 <= after["vitrine_follower_lag_seconds"] < 5


def scrape(stack):
    answer = stack._http.request("GET", stack.url("products") + "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.data.decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")
    }
