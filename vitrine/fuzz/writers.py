"""Writer threads of a fuzz run: change documents through the API and straight in MongoDB."""

import random
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import orjson
import urllib3
from pymongo import ReadPreference
from pymongo.database import Database
from pymongo.errors import PyMongoError

from vitrine.client import authorization
from vitrine.fuzz.documents import DELETED, FuzzDocument, FuzzNamespace
from vitrine.fuzz.readers import Versions

REMEMBERED_WRITES = 40  # of each document, shown with a violation
BY_HAND = "straight in MongoDB"
HAND_SHARE = 0.3  # of the writes that are made straight in MongoDB


@dataclass(slots=True)
class VisibilityLimits:
    """Seconds after which a write must be visible; they may be changed during a run."""

    by_api: float = 0.0
    by_hand: float = 1.0


@dataclass(frozen=True, slots=True)
class _Write:
    """An acknowledged write that readers may still miss."""

    moment: float
    is_by_hand: bool
    number: int
    version: int


@dataclass(slots=True)
class Writer:
    """Writes its documents in random order, ``pause`` seconds apart on average.

    Only this writer writes them.
    """

    namespace: FuzzNamespace
    documents: Sequence[FuzzDocument]
    urls: Mapping[str, Sequence[str]]
    db: Database[dict[str, Any]]
    floors: Versions
    ceilings: Versions
    limits: VisibilityLimits
    pause: float
    stopping: Event = field(default_factory=Event)
    writes: int = 0
    hand_writes: int = 0
    acknowledged: list[float] = field(default_factory=list)  # when, of writes through the API
    refused: list[tuple[float, str]] = field(default_factory=list)  # when, by a 503 or by MongoDB
    failed: list[str] = field(default_factory=list)
    history: dict[int, deque[str]] = field(default_factory=dict)
    _removed: dict[int, dict[str, Any]] = field(default_factory=dict)
    _pending: list[_Write] = field(default_factory=list)
    _http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(
            retries=False, timeout=30, headers={"Authorization": authorization()}
        )
    )

    def run(self, until: float) -> None:
        """Write until a time, then wait until every write must be visible.

        End earlier if ``stopping`` is set.
        """
        while time.monotonic() < until and not self.stopping.is_set():
            self._write_next()
            time.sleep(random.uniform(0, 2 * self.pause))
        while self._pending and not self.stopping.is_set():
            self._raise_floors(time.monotonic())
            time.sleep(0.01)

    def _write_next(self) -> None:
        """Write one version of a random document and record the outcome."""
        document = random.choice(self.documents)
        version = self.ceilings[document.number] + 1
        self.ceilings[document.number] = version  # type: ignore[index]
        started = time.monotonic()
        try:
            is_acknowledged, outcome = self._write(document, version)
        except PyMongoError as error:
            is_acknowledged, outcome = False, f"{BY_HAND} failed: {type(error).__name__}"
            self.refused.append((time.monotonic(), f"{document.path} {outcome}"))
        now = time.monotonic()
        history = self.history.setdefault(document.number, deque(maxlen=REMEMBERED_WRITES))
        history.append(f"{started:.3f}-{now:.3f} version {version}: {outcome}")
        if is_acknowledged:
            is_by_hand = outcome.endswith(BY_HAND)
            self.writes += 1
            self.hand_writes += is_by_hand
            if not is_by_hand:
                self.acknowledged.append(now)
            self._pending.append(_Write(now, is_by_hand, document.number, version))
        self._raise_floors(now)

    def _raise_floors(self, now: float) -> None:
        """Raise the floor of each document to its last version that must be visible."""
        pending = []
        for write in self._pending:
            limit = self.limits.by_hand if write.is_by_hand else self.limits.by_api
            if now - write.moment < limit:
                pending.append(write)
            elif write.version > self.floors[write.number]:
                self.floors[write.number] = write.version  # type: ignore[index]
        self._pending = pending

    def _write(self, document: FuzzDocument, version: int) -> tuple[bool, str]:
        """Write a version; return True if it is surely stored, and a text of the outcome."""
        collection = self.db[document.service]
        # Without a primary, the write is tried all the same.
        readable = collection.with_options(read_preference=ReadPreference.PRIMARY_PREFERRED)
        stored = readable.find_one({"_id": document.id})
        is_deletion = document.category(version) == DELETED
        change = {"name": self.namespace.name(document.number, version)}
        change |= self.namespace.variant(document, version)
        if stored is None and is_deletion:
            return True, "stays deleted"
        if stored is None and document.number in self._removed:
            path = self._stored_category(document, version)
            collection.insert_one(self._removed[document.number] | change | path)
            del self._removed[document.number]
            return True, f"inserted {BY_HAND}"
        if stored is None:
            body = change | self._category(document, version)
            return self._send("POST", f"{document.path}/restore", body)
        self._removed.pop(document.number, None)  # if a deletion has failed
        if random.random() >= HAND_SHARE:
            if is_deletion:
                return self._send("DELETE", document.path, None)
            return self._send("PATCH", document.path, change | self._category(document, version))
        if is_deletion:
            self._removed[document.number] = stored
            collection.delete_one({"_id": document.id})
            return True, f"deleted {BY_HAND}"
        change |= self._stored_category(document, version)
        if random.random() < 0.5:
            collection.replace_one({"_id": document.id}, stored | change)
            return True, f"replaced {BY_HAND}"
        collection.update_one({"_id": document.id}, {"$set": change})
        return True, f"updated {BY_HAND}"

    def _category(self, document: FuzzDocument, version: int) -> dict[str, Any]:
        """Return the category of a product at a version as the API accepts it; else nothing."""
        if document.service != "products" or "categories" not in self.urls:
            return {}
        return {"category": self.namespace.category_slug(document.category(version))}

    def _stored_category(self, document: FuzzDocument, version: int) -> dict[str, Any]:
        """Return the category of a product at a version as MongoDB stores it; else nothing."""
        category = self._category(document, version)
        return category and {**category, "category_path": [category["category"]]}

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[bool, str]:
        """Write through a random instance; return True on success, and a text of the outcome."""
        url = random.choice(self.urls[path.split("/")[1]])
        headers = {"Content-Type": "application/json", **self._http.headers}
        try:
            response = self._http.request(
                method,
                url + path,
                body=None if body is None else orjson.dumps(body),
                headers=headers,
            )
        except urllib3.exceptions.HTTPError as error:
            self.failed.append(f"{method} {url}{path}: {type(error).__name__}")
            return False, f"{method} without a response"
        if response.status == 503:
            self.refused.append(
                (time.monotonic(), f"{method} {url}{path}: 503 {response.data[:300]!r}")
            )
        elif response.status >= 400:
            self.failed.append(f"{method} {url}{path}: {response.status} {response.data[:300]!r}")
        return response.status < 400, f"{method} {url} {response.status}"
