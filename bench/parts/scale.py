"""Hits, misses, writes and many queries at 10,000, 100,000 and 1,000,000 products, side by side.

    .venv/bin/python bench/parts/scale.py FOLDER CATALOG.jsonl...

The catalogs are JSON lines with a name and a price; each file is a category of its stem's name, and
there are copies when there are too few.  The databases stay in FOLDER for the next run.  Each
service answers in this process, through Flask and without HTTP, and has a database of Redis of its
own.  The first part runs without a follower, and so without a root: every response is made from
MongoDB.  The second part has a root, for hits and stored misses.  Times are medians in
milliseconds, with their ratio to the time at 10,000.
"""

import argparse
import itertools
import json
import random
import statistics
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bson import Decimal128
from flask.testing import FlaskClient
from pymongo import MongoClient
from redis import Redis

from api_products.app import create_app
from api_products.resource import products
from shared.cache.keys import new_token, root_of
from shared.config.settings import Settings
from shared.schema import cursor
from shared.schema.slugs import make_slug
from shared.storage import documents
from vitrine.local import embedded
from vitrine.local.processes import free_port, stop

SIZES = (10_000, 100_000, 1_000_000)
ROUNDS = 15
MANY = 200  # rounds of what takes less than a millisecond
QUERIES = {
    "item": "/1",
    "first page": "",
    "first page by price": "?ordering=-price",
    "by price and name": "?ordering=-price,name",
    "of a category": "?category=memory&ordering=price",
    "page 500": "?page=500",
    "two filters: category, price": "?category=memory&price__lte=100&ordering=-price",
    "two filters: category, brand": "?category=memory&brand=Corsair",
    "two filters: brand, status": "?brand=Asus&status=active&ordering=price",
    "three filters": "?category=memory&brand=Corsair&available=true&ordering=price",
    "an attribute": "?attr.color=Black&ordering=price",
    "a rare attribute": "?attr.color=Mint&ordering=price",
    "three facets of a category": "?category=cpu&facets=brand,attr.core_count,price",
    "q: a word": "?q=corsair",
    "q: a very common word": "?q=gb",
    "q: a word to be completed": "?q=cor",
    "q: two letters": "?q=bl",
    "q: two words": "?q=corsair+vengeance",
    "q: two common words": "?q=black+gb",
    "q: three words": "?q=16+gb+black",
    "q: a rare word": "?q=4090",
    "q: none has both": "?q=asus+corsair",
    "q: none has it": "?q=teapot",
    "q in a category": "?q=black&category=keyboard",
    "q by price": "?q=corsair&ordering=price",
}
BEHIND = {
    "cursor after half of all": "ordering=price",
    "cursor after half of a category": "category=memory&ordering=-price",
}


def catalog(paths: list[Path]) -> list[tuple[str, dict[str, Any]]]:
    """Return all products with their categories, in no order."""
    found = [
        (path.stem, json.loads(line)) for path in paths for line in path.read_text().splitlines()
    ]
    random.Random(1).shuffle(found)
    return found


def made(known: list[tuple[str, dict[str, Any]]], count: int) -> Iterator[dict[str, Any]]:
    """Yield so many documents as the service stores them."""
    chance = random.Random(count)
    for number in range(count):
        copy, place = divmod(number, len(known))
        category, item = known[place]
        attributes = {name: value for name, value in item.items() if value is not None}
        name = attributes.pop("name") + (f" Mk{copy + 1}" if copy else "")
        values = {
            "slug": f"{make_slug(name, 'product')}-{number}",
            "sku": f"{category[:3].upper()}-{number:07d}",
            "name": name,
            "stock": chance.randrange(60),
            "category": category,
            "category_path": [category],
            "brand": name.split()[0],
            "status": chance.choice(("active",) * 18 + ("draft", "archived")),
        }
        if price := attributes.pop("price", None):
            part = Decimal(100 + (chance.randrange(-20, 21) if copy else 0)) / 100
            values["price"] = Decimal128(round(Decimal(str(price)) * part, 2))
        values["attributes"] = attributes
        yield documents.new_document(values, number + 1, "0" * 16, products.repository.derived)


def fill(uri: str, paths: list[Path]) -> None:
    """Fill a database for each size, unless it is there."""
    with MongoClient[dict[str, Any]](uri) as client:
        for size in SIZES:
            collection = client[f"scale_{size}"]["products"]
            if collection.estimated_document_count() == size:
                continue
            collection.drop()
            documents = made(catalog(paths), size)
            while some := list(itertools.islice(documents, 2000)):
                collection.insert_many(some, ordered=False)
            print(f"{size:,} products stored", flush=True)


def behind_half(uri: str, size: int, query: str) -> str:
    """Return the query of the page behind the middle of a list."""
    asked = products.parse(query.encode())
    with MongoClient[dict[str, Any]](uri) as client:
        collection = client[f"scale_{size}"]["products"]
        half = collection.count_documents(asked.filter) // 2
        found = collection.find(asked.filter, sort=list(asked.sort), skip=half, limit=1)
        values = [found[0].get(name) for name, _ in asked.sort]
    return f"?{query}&{urlencode({'cursor': cursor.encode(asked.bound, values)})}"


def milliseconds(client: FlaskClient, path: str, hit: bool = False) -> float:
    """Return how long one answer took."""
    started = time.perf_counter()
    answer = client.get(path)
    seconds = time.perf_counter() - started
    assert answer.status_code == 200, answer.text
    assert ("; hit;" in answer.headers.get("Cache-Status", "")) == hit, answer.headers
    return seconds * 1000


def written(client: FlaskClient, path: str, number: int) -> float:
    """Return how long one change of a price took."""
    started = time.perf_counter()
    answer = client.patch(path, json={"price": number})
    seconds = time.perf_counter() - started
    assert answer.status_code == 200, answer.text
    return seconds * 1000


def opened(uri: str, redis: str) -> dict[int, FlaskClient]:
    """Return a client of a service for each size."""
    clients = {}
    for number, size in enumerate(SIZES):
        settings = Settings(
            mongo_uri=uri.replace("/?", f"/scale_{size}?"),
            redis_url=f"{redis}/{number}",
            log_level="WARNING",
            rate_limit_anonymous="",
            rate_limit_writes="",
        )
        clients[size] = create_app(settings=settings).test_client()
        print(f"{size:,} products indexed", flush=True)
    return clients


def tell(name: str, taken: dict[int, list[float]]) -> None:
    """Print what one thing takes at each size."""
    medians = {size: statistics.median(times) for size, times in taken.items()}
    shown = (f"{ms:12.2f} {ms / medians[SIZES[0]]:6.1f}x" for ms in medians.values())
    print(f"{name:32}" + "".join(shown), flush=True)


def measure(uri: str, redis: str) -> None:
    """Print what each query takes at each size, and then what is cached and written."""
    clients = opened(uri, redis)
    print(f"{'':32}" + "".join(f"{size:>20,}" for size in SIZES))
    paths = {name: dict.fromkeys(SIZES, query) for name, query in QUERIES.items()}
    for name, query in BEHIND.items():
        paths[name] = {size: behind_half(uri, size, query) for size in SIZES}
    for name, queries in paths.items():
        taken: dict[int, list[float]] = {size: [] for size in SIZES}
        for _ in range(ROUNDS):
            for size, client in clients.items():
                taken[size].append(milliseconds(client, f"/products{queries[size]}"))
        tell(name, taken)
    for number in range(len(SIZES)):
        with Redis.from_url(f"{redis}/{number}") as client_of_redis:
            client_of_redis.set(root_of("products"), new_token(), ex=3600)
    measure_cached(clients)


def measure_cached(clients: dict[int, FlaskClient]) -> None:
    """Print what hits, misses that are stored, and writes take."""
    chance = random.Random(2)
    ids = {size: chance.sample(range(2, size + 1), MANY) for size in SIZES}
    a_list = "/products?category=memory&ordering=price"
    taken: dict[str, dict[int, list[float]]] = {}
    for client in clients.values():
        for path in ("/products/1", a_list):
            milliseconds(client, path)
    for number in range(MANY):
        for size, client in clients.items():
            item = f"/products/{ids[size][number]}"
            for name, ms in (
                ("hit: an item", milliseconds(client, "/products/1", hit=True)),
                ("hit: a list of 20", milliseconds(client, a_list, hit=True)),
                ("miss, stored: an item", milliseconds(client, item)),
                (
                    "miss, stored: a list of 20",
                    milliseconds(client, f"{a_list}&price__gte={number}"),
                ),
            ):
                taken.setdefault(name, {}).setdefault(size, []).append(ms)
    for number in range(MANY):
        for size, client in clients.items():
            ms = written(client, f"/products/{ids[size][number]}", number + 1)
            taken.setdefault("write: PATCH of a price", {}).setdefault(size, []).append(ms)
    for name, times in taken.items():
        tell(name, times)


def main() -> None:
    """Start the servers, fill them, measure, end them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the databases are, some 6 GB")
    parser.add_argument("catalogs", type=Path, nargs="+", metavar="CATALOG.jsonl")
    options = parser.parse_args()
    folder: Path = options.folder
    ports = free_port(0), free_port(0)
    mongod = embedded.start_mongod(folder / "mongo", ports[0], folder / "mongo.log", cache_gb=6)
    redis = embedded.start_redis(folder / "redis", ports[1], folder / "redis.log")
    try:
        embedded.wait_for_mongod(mongod, ports[0], folder / "mongo.log")
        embedded.wait_for_redis(redis, ports[1], folder / "redis.log")
        uri = f"mongodb://127.0.0.1:{ports[0]}/?directConnection=true"
        fill(uri, options.catalogs)
        measure(uri, f"redis://127.0.0.1:{ports[1]}")
    finally:
        stop(mongod, 30)
        stop(redis, 5)


if __name__ == "__main__":
    main()
