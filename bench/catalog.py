"""The products that all targets serve: real ones where they are at hand, else made-up ones."""

import contextlib
import itertools
import json
import random
import sqlite3
import tarfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from bson import Decimal128
from pymongo import MongoClient

from api_products.resource import products
from shared.schema.slugs import make_slug
from shared.storage import documents

ROOT = Path(__file__).parents[1]
REAL = "shared/data/catalog/pcparts-*-jsonl.tar.xz"  # beside the project
# Databases, one per writer.  Eve adds times to its documents, which JSON cannot hold.
VITRINE, PEERS, EVE = "vitrine", "peers", "eve"
INDEXES: list[list[tuple[str, int | str]]] = [
    [("category", 1), ("price", 1)],
    [("price", 1)],
    [("name", "text")],
]
COLUMNS = ("id", "slug", "sku", "name", "stock", "category", "brand", "status", "price")

Product = dict[str, Any]


def catalog(count: int) -> list[Product]:
    """Return so many products as a client would send them, the same ones each time."""
    chance = random.Random(count)
    known = _real() or _made_up(chance)
    chance.shuffle(known)
    return list(_numbered(known, count, chance))


def _real() -> list[tuple[str, Product]]:
    """Return categories and products of real parts, nothing where there are none."""
    found: list[tuple[str, Product]] = []
    for path in sorted(ROOT.parent.glob(REAL))[-1:]:
        with tarfile.open(path) as archive:
            for member in archive.getmembers():
                if file := archive.extractfile(member) if member.isfile() else None:
                    name = Path(member.name).stem
                    found += [(name, json.loads(line)) for line in file]
    return found


def _made_up(chance: random.Random) -> list[tuple[str, Product]]:
    """Return 20,000 made-up products in 25 categories."""
    kinds = ["Lamp", "Chair", "Table", "Shelf", "Clock"]
    makers = ["Acme", "Corsair", "Globex", "Hooli", "Initech", "Umbrella", "Vandelay"]
    colors = ["Black", "White", "Red", "Blue", "Green", "Silver"]
    return [
        (
            f"{chance.choice(kinds).lower()}-{chance.randrange(5)}",
            {
                "name": f"{chance.choice(makers)} {chance.choice(kinds)} {number % 997}",
                "price": chance.randrange(500, 200_000) / 100,
                "color": chance.choice(colors),
                "weight": chance.randrange(1, 400) / 10,
                "dimensions": [chance.randrange(10, 200) for _ in range(3)],
            },
        )
        for number in range(20_000)
    ]


def _numbered(
    known: list[tuple[str, Product]], count: int, chance: random.Random
) -> Iterator[Product]:
    """Yield products with what a shop knows of each; there are copies when there are too few."""
    for number, (category, item) in zip(range(1, count + 1), itertools.cycle(known), strict=False):
        attributes = {name: value for name, value in item.items() if value is not None}
        name, price = attributes.pop("name"), attributes.pop("price", None)
        yield {
            "_id": number,
            "slug": f"{make_slug(name, 'product')}-{number}",
            "sku": f"{category[:3].upper()}-{number:07d}",
            "name": name,
            "description": f"{name}, new, in its original box. " * 3,
            "stock": chance.randrange(60),
            "category": category,
            "brand": name.split()[0],
            "status": "active",
            "price": price or chance.randrange(500, 50_000) / 100,
            "attributes": attributes,
        }


def store(uri: str, sqlite: Path, items: list[Product]) -> None:
    """Store products for Vitrine, for its peers on MongoDB, and for the one on SQL."""
    with MongoClient[Product](uri) as client:
        for name in (PEERS, EVE):
            client[name].products.insert_many(items)
            for index in INDEXES:
                client[name].products.create_index(index)
        client[VITRINE].products.insert_many(map(stored, items))
    columns = [*COLUMNS, "attributes", "description"]
    with sqlite3.connect(sqlite) as database:
        database.execute(
            f"CREATE TABLE products (id INTEGER PRIMARY KEY, {', '.join(columns[1:])})"
        )
        rows = ([item.get(name, item["_id"]) for name in COLUMNS] for item in items)
        extra = ([json.dumps(item["attributes"]), item["description"]] for item in items)
        marks = ", ".join("?" * len(columns))
        database.executemany(
            f"INSERT INTO products ({', '.join(columns)}) VALUES ({marks})",
            (row + more for row, more in zip(rows, extra, strict=True)),
        )
        database.execute("CREATE INDEX shelf ON products (category, price)")
        database.execute("CREATE INDEX prices ON products (price)")
        database.execute("PRAGMA journal_mode=WAL")


def trim(uri: str, sqlite: Path, count: int) -> None:
    """Remove what was created beyond the first products."""
    with MongoClient[Product](uri) as client:
        for name in (VITRINE, PEERS, EVE):
            client[name].products.delete_many({"_id": {"$gt": count}})
    with contextlib.closing(sqlite3.connect(sqlite)) as database, database:
        database.execute("DELETE FROM products WHERE id > ?", (count,))


def stored(item: Product) -> Product:
    """Return a product as its service stores it."""
    values = {name: value for name, value in item.items() if name != "_id"}
    values["price"] = Decimal128(Decimal(str(values["price"])))
    values["category_path"] = [values["category"]]
    return documents.new_document(values, item["_id"], "0" * 16, products.repository.derived)
