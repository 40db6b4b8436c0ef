"""Threads that write without end, through the API and straight into MongoDB."""

import random
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import orjson
import urllib3
from pymongo.database import Database
from pymongo.errors import PyMongoError

from vitrine.client import authorization
from vitrine.fuzz.documents import GONE, Scratch, Subject
from vitrine.fuzz.readers import Versions

REMEMBERED = 40  # writes of each document
BY_HAND = "straight in MongoDB"
HAND_SHARE = 0.3


@dataclass(slots=True)
class Bounds:
    """Seconds after which a write must be seen; they may be changed while a run goes on."""

    by_api: float = 0.0
    by_hand: float = 1.0


@dataclass(slots=True)
class Writer:
    """Writes some documents in turn, some seconds ``pause`` between; nobody else writes them."""

    scratch: Scratch
    subjects: Sequence[Subject]
    urls: Mapping[str, Sequence[str]]
    db: Database[dict[str, Any]]
    floors: Versions
    ceilings: Versions
    bounds: Bounds
    pause: float
    stopping: Event = field(default_factory=Event)
    writes: int = 0
    hand_writes: int = 0
    failed: list[str] = field(default_factory=list)
    history: dict[int, deque[str]] = field(default_factory=dict)
    _removed: dict[int, dict[str, Any]] = field(default_factory=dict)
    _unseen: list[tuple[float, bool, int, int]] = field(default_factory=list)
    _http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(
            retries=False, timeout=30, headers={"Authorization": authorization()}
        )
    )

    def run(self, until: float) -> None:
        """Write until the time has come and all must be seen, or until ``stopping`` is set."""
        while time.monotonic() < until and not self.stopping.is_set():
            subject = random.choice(self.subjects)
            version = self.ceilings[subject.number] + 1
            self.ceilings[subject.number] = version  # type: ignore[index]
            started = time.monotonic()
            try:
                acknowledged, how = self._write(subject, version)
            except PyMongoError as error:
                acknowledged, how = False, f"{BY_HAND} failed: {type(error).__name__}"
                self.failed.append(f"{subject.path} {how}")
            now = time.monotonic()
            history = self.history.setdefault(subject.number, deque(maxlen=REMEMBERED))
            history.append(f"{started:.3f}-{now:.3f} version {version}: {how}")
            if acknowledged:
                by_hand = how.endswith(BY_HAND)
                self.writes += 1
                self.hand_writes += by_hand
                self._unseen.append((now, by_hand, subject.number, version))
            self._pass(now)
            time.sleep(random.uniform(0, 2 * self.pause))
        while self._unseen and not self.stopping.is_set():
            self._pass(time.monotonic())
            time.sleep(0.01)

    def _pass(self, now: float) -> None:
        """Raise the floors of what must be seen by now."""
        unseen = []
        for write in self._unseen:
            moment, by_hand, number, version = write
            if now - moment < (self.bounds.by_hand if by_hand else self.bounds.by_api):
                unseen.append(write)
            elif version > self.floors[number]:
                self.floors[number] = version  # type: ignore[index]
        self._unseen = unseen

    def _write(self, subject: Subject, version: int) -> tuple[bool, str]:
        """Bring a document to a version; return whether it surely is there, and what was done."""
        collection = self.db[subject.service]
        stored = collection.find_one({"_id": subject.id})
        gone = subject.shelf(version) == GONE
        change = {"name": self.scratch.name(subject.number, version)}
        if stored is None and gone:
            return True, "stays deleted"
        if stored is None and subject.number in self._removed:
            path = self._path(subject, version)
            collection.insert_one(self._removed.pop(subject.number) | change | path)
            return True, f"inserted {BY_HAND}"
        if stored is None:
            body = change | self._category(subject, version)
            return self._send("POST", f"{subject.path}/restore", body)
        if random.random() >= HAND_SHARE:
            if gone:
                return self._send("DELETE", subject.path, None)
            return self._send("PATCH", subject.path, change | self._category(subject, version))
        if gone:
            self._removed[subject.number] = stored
            collection.delete_one({"_id": subject.id})
            return True, f"deleted {BY_HAND}"
        change |= self._path(subject, version)
        if random.random() < 0.5:
            collection.replace_one({"_id": subject.id}, stored | change)
            return True, f"replaced {BY_HAND}"
        collection.update_one({"_id": subject.id}, {"$set": change})
        return True, f"updated {BY_HAND}"

    def _category(self, subject: Subject, version: int) -> dict[str, Any]:
        """Return where a product goes at a version, as a client says it."""
        if subject.service != "products" or "categories" not in self.urls:
            return {}
        return {"category": self.scratch.shelf(subject.shelf(version))}

    def _path(self, subject: Subject, version: int) -> dict[str, Any]:
        """Return where a product goes at a version, as it is stored."""
        category = self._category(subject, version)
        return category and {**category, "category_path": [category["category"]]}

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[bool, str]:
        url = random.choice(self.urls[path.split("/")[1]])
        headers = {"Content-Type": "application/json", **self._http.headers}
        try:
            answer = self._http.request(
                method,
                url + path,
                body=None if body is None else orjson.dumps(body),
                headers=headers,
            )
        except urllib3.exceptions.HTTPError as error:
            self.failed.append(f"{method} {url}{path}: {type(error).__name__}")
            return False, f"{method} not answered"
        if answer.status >= 400:
            self.failed.append(f"{method} {url}{path}: {answer.status} {answer.data[:300]!r}")
        return answer.status < 400, f"{method} {url} {answer.status}"
