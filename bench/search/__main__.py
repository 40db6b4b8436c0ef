"""Measures how good the answers to searches are, and how long they take.

    .venv/bin/python -m bench.search                     # the two shops, and 66,778 parts
    .venv/bin/python -m bench.search --parts 1000000     # takes a while, and some 3 GB

Each name of one shop is a query in the catalog of the other shop, in both directions; a list of
pairs says which product is the right one.  Then the queries in ``queries.txt`` are asked in
a catalog of computer parts: each says what must be among the first five products.  MongoDB, Redis,
the categories service and the followers run as processes; the products service answers in this
process, through Flask and without HTTP.  All responses are misses.
"""

import argparse
import csv
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from flask.testing import FlaskClient
from pymongo import MongoClient

from api_categories.resource import categories
from api_products.app import create_app
from bench import catalog
from shared.config.settings import Settings
from shared.storage import documents
from vitrine.local import embedded
from vitrine.local.processes import free_port, spawn, stop

SHOPS = catalog.ROOT.parent / "shared" / "data" / "search"
QUERIES = Path(__file__).with_name("queries.txt")
PARTS = 66_778  # products of the catalog of parts, without copies
SHOWN = 10  # products of an answer
FIRST = 5  # products among which the right one must be, of a query in the file
UNLIMITED = "1000000000/minute"
WORDS_SECONDS = 600  # until the follower must have read all words of a catalog


class Service(NamedTuple):
    """The products service on one database: its client and its database."""

    client: FlaskClient
    db: Any


@dataclass
class Figures:
    """The places of the right products in the answers, None if missing, and the milliseconds."""

    places: list[int | None] = field(default_factory=list)
    empty: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def add(self, place: int | None, is_empty: bool, milliseconds: float) -> None:
        """Add the answer to one query."""
        self.places.append(place)
        self.empty += is_empty
        self.milliseconds.append(milliseconds)

    def row(self, name: str) -> str:
        """Return the figures as a row of the table."""
        count = len(self.places)
        ranks = [place + 1 for place in self.places if place is not None]
        shares = (self.empty, sum(rank == 1 for rank in ranks), sum(r <= SHOWN for r in ranks))
        none, first, ten = (f"{share / count:8.1%}" for share in shares)
        mrr = sum(1 / rank for rank in ranks) / count
        median, worst = statistics.median(self.milliseconds), max(self.milliseconds)
        return f"{name:30}{count:6}{none}{first}{ten}{mrr:8.3f}{median:9.1f}{worst:9.1f}"


HEAD = f"{'':30}{'asked':>6}{'none':>8}{'@1':>8}{'@10':>8}{'MRR':>8}{'median':>9}{'worst':>9}"


class Stack:
    """MongoDB and Redis, and a products service with its neighbours for each catalog."""

    def __init__(self, folder: Path, stack: ExitStack):
        self._folder, self._stack = folder, stack
        self._ports = free_port(0), free_port(0)
        mongo_log, redis_log = folder / "mongo.log", folder / "redis.log"
        mongod = embedded.start_mongod(folder / "mongo", self._ports[0], mongo_log, (), 2)
        stack.callback(stop, mongod, 30)
        redis = embedded.start_redis(folder / "redis", self._ports[1], redis_log)
        stack.callback(stop, redis, 5)
        embedded.wait_for_mongod(mongod, self._ports[0], mongo_log)
        embedded.wait_for_redis(redis, self._ports[1], redis_log)
        self._databases = itertools.count()

    def open(self, name: str) -> Service:
        """Start a products service on a database, with its categories and its followers."""
        categories_port = free_port(0)
        environment = {
            "MONGO_URI": f"mongodb://127.0.0.1:{self._ports[0]}/{name}?directConnection=true",
            "REDIS_URL": f"redis://127.0.0.1:{self._ports[1]}/{next(self._databases)}",
            "CATEGORIES_URL": f"http://127.0.0.1:{categories_port}",
            "LOG_LEVEL": "WARNING",
            "RATE_LIMIT_ANONYMOUS": UNLIMITED,
            "RATE_LIMIT_WRITES": UNLIMITED,
            "AUTH_MODE": "open",
        }
        path = {"PATH": "/usr/bin:/bin", "HOME": str(self._folder)}
        for command in ("serve api_categories", "follow api_categories", "follow api_products"):
            arguments = [sys.executable, "-m", "shared", *command.split()]
            own = {"BIND": f"127.0.0.1:{categories_port}"}
            log = self._folder / f"{name}.log"
            process = spawn(arguments, log, environment | own | path)
            self._stack.callback(stop, process, 10)
        client = create_app(settings=Settings.from_env(environment)).test_client()
        mongo: MongoClient[dict[str, Any]] = MongoClient(environment["MONGO_URI"])
        self._stack.callback(mongo.close)
        return Service(client, mongo[name])


@contextmanager
def started(folder: Path) -> Iterator[Stack]:
    """Start MongoDB and Redis in a folder; stop them and all services in the end."""
    with ExitStack() as stack:
        yield Stack(folder, stack)


def shop(name: str) -> list[dict[str, str]]:
    """Return the rows of a file of the two shops."""
    with (SHOPS / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="|"))


def import_shop(service: Service, rows: Sequence[Mapping[str, str]]) -> None:
    """Import the rows of a shop as products; each row's id is the ``external_ref``."""
    products = [
        {"external_ref": row["id"], "name": row["name"], "description": row["description"] or None}
        for row in rows
    ]
    for start in range(0, len(products), 500):
        answer = service.client.post("/products:batch", json=products[start : start + 500])
        assert answer.status_code == 207, answer.text
        assert not answer.get_json()["summary"].get("failed"), answer.text
    wait_for_words(service)


def store_parts(service: Service, count: int) -> None:
    """Store computer parts and their categories."""
    items = catalog.catalog(count)
    stored = map(catalog.stored, items)
    while batch := list(itertools.islice(stored, 2000)):
        service.db["products"].insert_many(batch, ordered=False)
    names = sorted({item["category"] for item in items})
    rows = (
        {"slug": name, "name": name.replace("-", " ").title(), "parent": None} for name in names
    )
    derived = categories.repository.derived
    service.db["categories"].insert_many(
        documents.new_document(row, number, "0" * 16, derived) for number, row in enumerate(rows, 1)
    )
    wait_for_words(service)


def wait_for_words(service: Service) -> None:
    """Wait until the follower has read the words of a catalog."""
    end = time.monotonic() + WORDS_SECONDS
    # A note of the follower; the words of the latest changes follow within a second.
    while not service.db["products.words"].find_one({"_id": " "}):
        assert time.monotonic() < end, "The follower does not read the words."
        time.sleep(0.1)
    time.sleep(2)
    count = service.db["products"].estimated_document_count()
    print(f"{service.db.name}: {count:,} products stored", file=sys.stderr, flush=True)


def ask(service: Service, q: str, fields: str) -> tuple[list[dict[str, Any]], float]:
    """Return the first products of a search, and the milliseconds it took."""
    query = {"q": q, "per": str(SHOWN), "fields": fields}
    began = time.perf_counter()
    answer = service.client.get("/products", query_string=query)
    milliseconds = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items, milliseconds


def measure_pairs(
    service: Service, queries: Sequence[Mapping[str, str]], right: Mapping[str, str], shows: bool
) -> Figures:
    """Ask for each name of one shop in the catalog of the other."""
    figures = Figures()
    for row in queries:
        items, milliseconds = ask(service, row["name"], "name,external_ref")
        refs = [item["external_ref"] for item in items]
        wanted = right[row["id"]]
        place = refs.index(wanted) if wanted in refs else None
        figures.add(place, not refs, milliseconds)
        if shows and place != 0:
            print(f"  {place}  {row['name']}  ->  {[item['name'] for item in items[:1]]}")
    return figures


def measure_queries(service: Service, shows: bool) -> Figures:
    """Ask the queries of the file in the catalog of parts."""
    figures = Figures()
    for q, wanted in queries():
        items, milliseconds = ask(service, q, "name,category,sku")
        fits = (number for number, item in enumerate(items[:FIRST]) if is_wanted(item, wanted))
        place = next(fits, None)
        figures.add(place, not items, milliseconds)
        if shows and place is None:
            print(f"  {q}: wanted {wanted}, not {[item['name'] for item in items[:FIRST]]}")
    return figures


def queries() -> Iterator[tuple[str, str]]:
    """Yield each query of the file with what must be among the first products."""
    for line in QUERIES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            q, _, wanted = line.partition("|")
            yield q.strip(), wanted.strip()


def is_wanted(item: Mapping[str, Any], wanted: str) -> bool:
    """Return True if a product is what a query wants.

    That is a name, in which ``*`` stands for any text, or a field such as ``category=mouse``.
    Several are joined by ``&``.
    """
    return all(_is_one(item, one.strip()) for one in wanted.split("&"))


def _is_one(item: Mapping[str, Any], wanted: str) -> bool:
    field, equals, value = wanted.partition("=")
    if equals:
        return bool(item[field] == value)
    return fnmatchcase(item["name"].casefold(), wanted.casefold())


def index_size(service: Service) -> str:
    """Return the size of the index of search terms, and its part of all indexes."""
    service.db.client.admin.command("fsync")
    sizes = service.db.command("collStats", "products")["indexSizes"]
    return f"{service.db.name}: index of terms {sizes['terms_1__id_1'] / 1e6:.2f} MB"


def main() -> None:
    """Import, ask and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--parts", type=int, default=PARTS, help="products of parts; 0 for none")
    parser.add_argument("--show", action="store_true", help="print the queries that fail")
    options = parser.parse_args()
    abt, buy = shop("abt"), shop("buy")
    pairs = [(row["D1"], row["D2"]) for row in shop("pairs")]
    rows, notes = [], []
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name, started(Path(name)) as stack:
        for title, queries_of, of, right in (
            ("abt -> buy", abt, buy, dict(pairs)),
            ("buy -> abt", buy, abt, {b: a for a, b in pairs}),
        ):
            service = stack.open("of_" + title[-3:])
            import_shop(service, of)
            rows.append(measure_pairs(service, queries_of, right, options.show).row(title))
            notes.append(index_size(service))
            print(HEAD, rows[-1], sep="\n", flush=True)
        if options.parts:
            service = stack.open("parts")
            store_parts(service, options.parts)
            if QUERIES.exists():
                title = f"{options.parts:,} parts, first {FIRST}"
                rows.append(measure_queries(service, options.show).row(title))
            notes.append(index_size(service))
    print("", HEAD, *rows, "", *notes, sep="\n")


if __name__ == "__main__":
    main()
