"""The stores of the previous version: its documents, jobs and Redis keys work in this version.

``fixtures/write_before.py`` has written ``fixtures/before.json`` with the previous version.
"""

import base64
import json
import os
import re
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from bson import json_util
from pymongo import MongoClient
from redis import Redis

from api_products import notifications
from shared.config.settings import Settings
from tests.support.polling import poll
from tests.support.services import on_real_servers

STATE = json.loads((Path(__file__).parent / "fixtures" / "before.json").read_text())
CACHE, QUEUE = STATE["redis"]
KEPT_SECONDS = 600  # for keys that would expire while the test runs


def shifted(value, by):
    """Return a document as if it had been written just now, because stores remove old documents."""
    if isinstance(value, datetime):
        return value + by
    if isinstance(value, dict):
        return {name: shifted(each, by) for name, each in value.items()}
    return [shifted(each, by) for each in value] if isinstance(value, list) else value


def restore_documents(db):
    age = datetime.now(UTC) - datetime.fromisoformat(STATE["written"])
    for name, written in STATE["documents"].items():
        documents = json_util.loads(json.dumps(written))
        db.drop_collection(name)
        if documents:
            db[name].insert_many(shifted(documents, age))


def restore_keys(redis, keys):
    for key, (kind, ttl, value) in keys.items():
        if kind == "string":
            redis.set(key, raw(value))
        elif kind == "hash":
            redis.hset(key, mapping={raw(name): raw(each) for name, each in value})
        elif kind == "list":
            redis.rpush(key, *map(raw, value))
        elif kind == "set":
            redis.sadd(key, *map(raw, value))
        else:  # Jobs that are due later are due at once.
            redis.zadd(key, {raw(name): 0 for name, _ in value})
        if ttl:
            redis.expire(key, KEPT_SECONDS)


def raw(value):
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


class TestTheCache:
    """Readers keep the root here, so every current token is the one that stamps the entries."""

    pytestmark = [on_real_servers, pytest.mark.usefixtures("own_apps")]

    @pytest.fixture
    def settings(self, tmp_path):
        return Settings(media_url=f"file://{tmp_path}/media")

    @pytest.fixture
    def before(self, db, redis):
        restore_documents(db)
        restore_keys(redis, CACHE)

    @pytest.mark.parametrize("path", ["products", "clients", "orders"])
    def test_a_cached_entry_is_stale_and_filled_again(self, path, before, make_client, redis):
        client = make_client(f"api_{path}")
        for url, key in (
            (f"/{path}/1", f"{path[:-1]}:1"),
            (f"/{path}?per=10", f"{path}:list:page=1:per=10"),
        ):
            assert json.loads(redis.get(key))["body"]
            first = client.get(url)
            assert first.status_code == 200
            assert (
                f'fwd=stale; detail=release; stored; key="{key}"' in first.headers["Cache-Status"]
            )
            assert json.loads(redis.get(key))["body"] == first.json
            assert "; hit;" in client.get(url).headers["Cache-Status"]

    def test_a_rate_limit_continues_its_window(self, before, make_client):
        count = int(CACHE["limits:LIMITER/127.0.0.1/anonymous/100/1/minute"][2])
        found = make_client("api_clients").get("/clients/1").headers["RateLimit"]
        assert f"r={100 - count - 1};" in found


@pytest.fixture
def received():
    """The messages that an HTTP server of the test has received, and its URL."""
    messages = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            messages.append((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield messages, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shop(fresh_stack, servers, received):
    """A stack that was started on the stores of the previous version."""
    mongod, redis = servers
    media = fresh_stack.folder / "media"
    for name, data in STATE["files"].items():
        file = media / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(data))
        os.utime(file, (0, 0))
    with MongoClient(port=mongod) as client, Redis(port=redis) as keys:
        restore_documents(client["before"])
        for database, state in ((4, CACHE), (5, QUEUE)):
            keys.select(database)
            keys.flushdb()
            restore_keys(keys, state)
        fresh_stack.env |= {
            "MONGO_URI": f"mongodb://127.0.0.1:{mongod}/before",
            "REDIS_URL": f"redis://127.0.0.1:{redis}/4",
            "MEDIA_URL": media.as_uri(),
            "JOB_WORKERS": "1",
            "NOTIFY_URLS": received[1],
            "NOTIFY_SECRET": "secret",
        }
        fresh_stack.up()
        yield fresh_stack
        fresh_stack.down()
        client.drop_database("before")
        for database in (4, 5):
            keys.select(database)
            keys.flushdb()


def test_a_stack_continues_the_work_of_the_previous_version(shop, received):
    # Unfinished work is done: the queued jobs, under their old function names,
    jobs = [key.removeprefix("rq:job:") for key in QUEUE if re.match(r"rq:job:[\w-]+$", key)]
    named = [id for id in jobs if not json.dumps(QUEUE[f"rq:job:{id}"]).count(".sweep()")]
    assert len(named) == 6
    for id in named:
        poll(lambda id=id: shop.get("products", f"/jobs/{id}")["state"] == "finished", what=id)
    (image,) = shop.get("products", "/products/1/images")["items"]
    assert image["state"] == "ready"
    (digest,) = {path.split("/")[1] for path in shop_media(shop)}
    assert image["thumbnails"]["small"]["webp"].startswith(f"/media/{digest}/")
    ((headers, body),) = received[0]
    assert json.loads(body)["type"] == "product.updated"
    assert headers[notifications.SIGNATURE] == notifications.signature(body, "secret")
    # the stock of a cancelled order, and the products of a category that moved.
    poll(lambda: is_settled(shop), what="what was due")
    assert shop.get("orders", "/orders/2")["status"] == "cancelled"

    # Documents are served and written.
    assert shop.get("products", "/products?category=shop")["total"] == 1
    assert shop.get("clients", "/clients?city=London")["total"] == 1
    *_, edited, created = shop.get("products", "/products/1/history")["items"]
    assert (created["type"], created["revision"]) == ("created", {"from": None, "to": 1})
    assert edited["changes"]["stock"] == {"from": 10, "to": 12}
    etag = shop._http.request("GET", f"{shop.url('products')}/products/1").headers["ETag"]
    patch = ("PATCH", "products", "/products/1", {"stock": 20})
    status, patched = shop.request(*patch, **{"If-Match": etag})
    assert (status, patched["stock"]) == (200, 20)
    assert shop.request("POST", "products", "/products/cup/restore")[0] == 200

    # A request that was answered by the previous version is replayed.
    kettle = {"name": "Kettle", "price": "30"}
    again = shop.request("POST", "products", "/products", kettle, **{"Idempotency-Key": "kettle-1"})
    assert (again[0], again[1]["id"]) == (201, 2)
    assert shop.get("products", "/products")["total"] == 3
    assert shop.request("POST", "products", "/products", {"name": "Jug"})[1]["id"] == 4

    # The sums of orders, stock and ledger agree, and every document is as it should be.
    assert shop.run("reconcile").returncode == 0
    checked = shop.run("doctor")
    assert checked.returncode == 0, checked.stdout


def shop_media(shop):
    """Return the remaining files of pictures, relative to their folder."""
    media = shop.folder / "media"
    return [f"/{path.relative_to(media)}" for path in media.rglob("*") if path.is_file()]


def is_settled(shop):
    teapot = shop.get("products", "/products/1")
    return (teapot["stock"], teapot["category_path"]) == (10, ["shop", "tea"])
