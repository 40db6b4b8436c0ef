"""Works of the benchmark, in the requests of each target."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from bench.catalog import Product

HOT = 900, 100  # items and lists that are asked for again and again
WRITES = 0.05  # of the mix
MOST = 20_000  # requests in a plan
PER = 20
UNTOLD = "Prefer: count=none"  # is what a client of Vitrine says that needs no total

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work.

    ``hit`` says whether all answers come from the cache, or none; ``warm`` has everything asked for
    before it is measured; ``once`` asks for nothing twice.
    """

    name: str
    title: str
    status: int = 200
    hit: bool | None = None
    warm: bool = False
    once: bool = False


ITEM_HIT = Work("item hit", "an item, cached", hit=True, warm=True)
LIST_HIT = Work("list hit", "a list of 20, cached", hit=True, warm=True)
NOT_MODIFIED = Work("304", "an item that the client has", status=304, hit=True, warm=True)
ITEM_MISS = Work("item miss", "an item, not cached", hit=False, once=True)
LIST_MISS = Work("list miss", "a list of 20, not cached", hit=False, once=True)
SEARCH_MISS = Work("search miss", "a search for two words, not cached", hit=False, once=True)
UNCOUNTED = Work("uncounted", "a list of 20, not cached and not counted", hit=False, once=True)
MIX = Work("mix 95/5", "95 reads of 1,000 hot URLs to 5 writes", warm=True)
WRITE = Work("write", "PATCH of an item's price")
CREATE = Work("create", "POST of an item without a category", status=201, once=True)
IMPORT = Work("import", "rows of `vitrine import`")
HITS = (ITEM_HIT, LIST_HIT)
COMMON = (ITEM_HIT, LIST_HIT, NOT_MODIFIED, ITEM_MISS, LIST_MISS, SEARCH_MISS, MIX, WRITE, CREATE)
ALL = (*COMMON, UNCOUNTED)


def plain(query: Mapping[str, str]) -> str:
    """Return the query of a list, in words that most understand."""
    return urlencode(query)


def vitrine(query: Mapping[str, str]) -> str:
    """Return the query of a list for Vitrine."""
    return urlencode({**query, "per": PER})


def eve(query: Mapping[str, str]) -> str:
    """Return the query of a list for Eve."""
    where: dict[str, object] = {}
    if "category" in query:
        where["category"] = query["category"]
    if "price__gte" in query:
        where["price"] = {"$gte": float(query["price__gte"])}
    if "q" in query:
        where["$text"] = {"$search": " ".join(f'"{word}"' for word in query["q"].split())}
    asked = {"where": json.dumps(where), "max_results": str(PER)}
    return urlencode(asked | ({"sort": query["ordering"]} if "ordering" in query else {}))


@dataclass(frozen=True, slots=True)
class Requests:
    """Writes down the requests of each work, the same ones for each target and seed.

    ``gives_ids`` says whether who creates an item says what its id is.
    """

    items: list[Product]
    query: Callable[[Mapping[str, str]], str]
    headers: Headers
    seed: int
    gives_ids: bool = True

    def of(self, work: Work, conditions: Headers | None = None) -> list[str]:
        """Return the requests of a work; those of a 304 have ``conditions``."""
        chance = random.Random(f"round {self.seed}")
        if work is MIX:
            hot = self._hot_items() + self._hot_lists()
            return [
                self._patch(chance, HOT[0]) if chance.random() < WRITES else chance.choice(hot)
                for _ in range(MOST)
            ]
        if work is WRITE:
            return [self._patch(chance, len(self.items)) for _ in range(MOST)]
        if work is NOT_MODIFIED:
            return [request("GET", "/products/1", conditions or {})]
        warm = set(self._hot_lists())
        if work is UNCOUNTED:
            lists = self._lists(chance, MOST)
            return [each.replace("\r\n\r\n", f"\r\n{UNTOLD}\r\n\r\n") for each in lists]
        return {
            ITEM_HIT: self._hot_items,
            LIST_HIT: self._hot_lists,
            ITEM_MISS: lambda: self._items(chance),
            LIST_MISS: lambda: [each for each in self._lists(chance, MOST) if each not in warm],
            SEARCH_MISS: lambda: self._searches(chance),
            CREATE: lambda: [self._post(number) for number in range(1, MOST + 1)],
        }[work]()

    def hot(self, work: Work) -> list[str]:
        """Return all that is read in a work, once."""
        if work is MIX:
            return self._hot_items() + self._hot_lists()
        return self.of(work) if work in HITS else [request("GET", "/products/1", {})]

    def every(self, count: int) -> list[str]:
        """Return so many different reads, of which half are of items, in no order."""
        chance = random.Random(self.seed)
        half = count // 2
        found = [request("GET", f"/products/{id}", {}) for id in range(1, half + 1)]
        found += self._lists(chance, count - half)
        chance.shuffle(found)
        return found

    def _hot_items(self) -> list[str]:
        return [request("GET", f"/products/{id}", {}) for id in range(1, HOT[0] + 1)]

    def _hot_lists(self) -> list[str]:
        return self._lists(random.Random(0), HOT[1])

    def _items(self, chance: random.Random) -> list[str]:
        cold = range(HOT[0] + 1, len(self.items) + 1)
        ids = chance.sample(cold, min(MOST, len(cold)))
        return [request("GET", f"/products/{id}", {}) for id in ids]

    def _lists(self, chance: random.Random, count: int) -> list[str]:
        """Return different lists of a category, dearer than something, by price."""
        found: dict[str, None] = {}
        while len(found) < count:
            like = chance.choice(self.items)
            least = round(like["price"] * chance.random() / 2, 2)
            asked = {"category": like["category"], "price__gte": str(least), "ordering": "price"}
            found[request("GET", f"/products?{self.query(asked)}", {})] = None
        return list(found)

    def _searches(self, chance: random.Random) -> list[str]:
        """Return different searches that find something: two words of a product's name."""
        found: dict[str, None] = {}
        for item in chance.sample(self.items, min(MOST, len(self.items))):
            words = [word for word in item["name"].split() if word.isascii() and word.isalnum()]
            if len(words) > 1:
                # In one order only: two orders of the same words may be the same search.
                asked = {"q": " ".join(sorted(chance.sample(words, 2))).lower()}
                found[request("GET", f"/products?{self.query(asked)}", {})] = None
        return list(found)

    def _patch(self, chance: random.Random, among: int) -> str:
        body = {"price": chance.randrange(100, 100_000) / 100}
        return self._write("PATCH", f"/products/{chance.randrange(1, among + 1)}", body)

    def _post(self, number: int) -> str:
        """Return the creation of an item like one that is there.

        It has no category, because only Vitrine would ask another service for it.
        """
        like = self.items[number % len(self.items)]
        made = {name: value for name, value in like.items() if name not in ("_id", "category")}
        made |= {"slug": f"{like.get('slug', '')}-new-{number}", "sku": f"NEW-{number:07d}"}
        made |= {"_id": len(self.items) + number} if self.gives_ids else {}
        return self._write("POST", "/products", made)

    def _write(self, method: str, path: str, body: Mapping[str, object]) -> str:
        return request(
            method, path, {"Content-Type": "application/json", **self.headers}, json.dumps(body)
        )


def request(method: str, path: str, headers: Headers, body: str = "") -> str:
    """Return a whole request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join(lines) + "\r\n\r\n" + body
