"""Every list the API can make stands on an index: what MongoDB says of its own plans."""

import itertools
import random
from importlib import import_module

import pytest
from bson import Decimal128
from pymongo import MongoClient
from pymongo.monitoring import CommandListener
from redis import Redis

from shared.cache.cache import Cache
from shared.config.settings import Settings
from shared.http.service_client import ServiceClient
from shared.storage import documents
from shared.storage.connections import Connections
from shared.storage.repository import SORT_IN_MEMORY_LIMIT

SIZE = 20_000
# For each parameter a value that many products have, and one that few have.
VALUES = {
    "category": ("books", "maps"),
    "price__gte": ("10", "990"),
    "price__lte": ("995", "991"),
    "stock__gte": ("5", "99"),
    "stock__lte": ("100", "99"),
    "available": ("true", "false"),
    "brand": ("Common", "Rare"),
    "tag": ("common", "rare"),
    "gtin": ("96385074", "4006381333931"),
    "group": ("group-1", "group-0"),
    "sku": ("S-5", "S-6"),
    "external_ref": ("none", "nothing"),
    "status": ("active", "draft"),
    "attr.color": ("blue", "mint"),
    "attr.weight__gte": ("10", "999"),
    "attr.weight__lte": ("1000", "1001"),
    "q": ("tea", "pot 99"),
}
ORDERS = ("", "-price,name", "price,-name")


class Categories:
    """Stands in for the categories service, of which searches ask the names."""

    def send(self, *request):
        return 200, b'{"maps": "Maps"}'


class Commands(CommandListener):
    """Keeps the reading commands that were sent."""

    def __init__(self):
        self.seen = []

    def started(self, event):
        if event.command_name in ("find", "aggregate", "count", "getMore"):
            own = ("lsid", "$clusterTime", "$db", "txnNumber", "$readPreference")
            self.seen.append({k: v for k, v in event.command.items() if k not in own})

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


def product(number, chance):
    words = f"tea pot {number}" if number % 3 else f"cup {number}"
    return {
        "slug": f"product-{number}",
        "sku": f"S-{number}",
        "name": words,
        "price": Decimal128(str(chance.randrange(1, 1000))),
        "stock": chance.randrange(100),
        "brand": chance.choice(("Common",) * 20 + ("Other",) * 79 + ("Rare",)),
        "tags": ["common", "rare"] if number % 300 == 0 else ["common"],
        "gtin": "4006381333931" if number % 400 == 0 else "96385074",
        "group": f"group-{number % 5000}" if number % 3 else "group-1",
        "category_path": ["paper", "maps" if number % 200 == 0 else "books"],
        "status": "draft" if number % 500 == 0 else "active",
        "attributes": {
            "color": "mint" if number % 400 == 0 else "blue",
            "weight": chance.randrange(1000),
        },
    }


@pytest.fixture(scope="module")
def large(servers):
    """The products service over 20,000 products, its database, and what it asks MongoDB."""
    commands = Commands()
    uri = f"mongodb://127.0.0.1:{servers[0]}"
    module = import_module("api_products.resource")
    with (
        MongoClient(uri, tz_aware=True, event_listeners=[commands]) as client,
        Redis(port=servers[1], socket_timeout=2) as redis,
    ):
        db = client["plans"]
        chance = random.Random(6)
        derived = module.products.repository.derived
        for start in range(0, SIZE, 5000):
            some = (product(n, chance) for n in range(start + 1, start + 5001))
            db["products"].insert_many(
                [
                    documents.new_document(each, start + n, "0" * 16, derived)
                    for n, each in enumerate(some, 1)
                ],
                ordered=False,
            )
        connections = Connections(db, redis, Cache(redis, 60), ServiceClient(Categories()), redis)
        create_app = import_module("api_products.app").create_app
        # The reader of the second client sees no drafts.
        every, some = (
            create_app(settings=settings, connections=connections).test_client()
            for settings in (
                Settings(rate_limit_anonymous=""),
                Settings(rate_limit_anonymous="", auth_mode="token", secret_key="0" * 32),
            )
        )
        yield {"editor": every, "anonymous": some}, db, commands
        client.drop_database("plans")


def queries():
    """Every filter and pair of filters, with every order, both ways round."""
    query = import_module("api_products.resource").products.query
    known = {field.data_key or name for name, field in query.fields.items()}
    shaping = {"page", "per", "ordering", "fields", "cursor", "facets", "deleted"}
    shaping.add("collapse")  # Its pages are walks through the same lists.
    assert known - shaping == {name for name in VALUES if not name.startswith("attr.")}
    filters = [(name, value) for name, values in VALUES.items() for value in values]
    pairs = [pair for pair in itertools.combinations(filters, 2) if pair[0][0] != pair[1][0]]
    orders = [way + name for name in ("id", *query.sortable[:-1]) for way in ("", "-")]
    cycle = itertools.cycle([*ORDERS, *orders])
    for chosen in [(), *((each,) for each in filters)]:
        for order in (*ORDERS, *orders):
            yield dict(chosen), order
    # Of the pairs, each meets one of the orders, in turn.
    for chosen in pairs:
        yield dict(chosen), next(cycle)


def stages(plan):
    """Every stage of an explained plan, from the top."""
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan
        for inner in plan.values():
            yield from stages(inner)
    elif isinstance(plan, list):
        for inner in plan:
            yield from stages(inner)


def judge(db, command):
    """Explain a command; return what is wrong with its plan."""
    explained = db.command("explain", command, verbosity="queryPlanner")
    if "stages" in explained:
        explained = explained["stages"][0]["$cursor"]
    names = {stage["stage"] for stage in stages(explained["queryPlanner"]["winningPlan"])}
    if "COLLSCAN" in names:
        return f"COLLSCAN: {command}"
    if "SORT" in names:
        matches = db["products"].count_documents(command["filter"], limit=SORT_IN_MEMORY_LIMIT + 1)
        if matches > SORT_IN_MEMORY_LIMIT:
            return f"sorts more than {SORT_IN_MEMORY_LIMIT}: {command}"
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("query", ["per=100", "per=100&ordering=-price", "per=100&q=tea"])
def test_a_page_comes_in_one_batch(large, query):
    clients, _, commands = large
    commands.seen.clear()
    assert len(clients["editor"].get(f"/products?{query}").get_json()["items"]) == 100
    assert not [each for each in commands.seen if "getMore" in each]


@pytest.mark.slow
@pytest.mark.parametrize("reader", [pytest.param("editor", marks=pytest.mark.long), "anonymous"])
def test_every_list_stands_on_an_index(large, reader):
    clients, db, commands = large
    client = clients[reader]
    per = 2 if reader == "editor" else 3  # Lists with a status are cached for both.
    asked, wrong, judged = 0, [], set()
    for chosen, order in queries():
        if reader == "anonymous" and chosen.get("status") == "draft":
            continue
        given = chosen | ({"ordering": order} if order else {}) | {"per": per}
        commands.seen.clear()
        response = client.get("/products", query_string=given)
        assert response.status_code == 200, (given, response.get_json())
        if (goes_on := response.get_json()["next_cursor"]) and len(chosen) < 2:
            response = client.get("/products", query_string=given | {"cursor": goes_on})
            assert response.status_code == 200, (given, response.get_json())
        sent = list(commands.seen)
        assert sent, given
        # Many lists ask the same, such as for their total; the answer about it is the same as well.
        new = [each for each in sent if repr(each) not in judged]
        judged |= {repr(each) for each in new}
        wrong += [f"{given}: {text}" for each in new if (text := judge(db, each))]
        asked += 1
    assert not wrong, f"{len(wrong)} of {asked}: {wrong[:5]}"
    assert asked > 700
