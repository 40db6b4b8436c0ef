"""Reasons why reads were no hits: the memory of the tap's notes, and what follows from it.

A generation is the token of the write that renewed it.  So the token that made an entry stale leads
to the note of that write.  An entry that is gone was invalidated if the tokens under which it was
stored are not the current ones.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from shared.observability.verdicts import explain

MAX_TOKENS = 10_000  # writes that are remembered, and changes
MAX_TAGS = 50_000  # tags of changes that are remembered
MAX_KEYS = 50_000  # keys that are remembered
MAX_REQUESTS = 2_000  # requests whose notes are remembered
MAX_NOTES = 50  # notes of one request that are remembered
MAX_BYTES = 4_000_000  # bytes of the notes, as JSON, in each of these memories
CLOCK_SECONDS = 1.0  # by which times may differ: those of entries are whole seconds
ALL = "all"  # the tag that every write of a service renews
UNKNOWN = "unknown"  # the code of a reason for which the note of the write is missing
# Details of a verdict that are the reason themselves.
_DETAILS = ("root", "lease", "redis", "release", "undecodable")

Note = Mapping[str, Any]
Because = dict[str, Any]
Value = TypeVar("Value")


class Stored(NamedTuple):
    """An entry as it was known to be stored: when, until when, and under which tokens."""

    at: float
    expires: float
    root: str
    generation: str


class Recent(Generic[Value]):
    """A dictionary of bounded size, which forgets what was set first.

    Args:
        most: The number of values.
        most_bytes: The number of bytes of all values, as far as ``set`` says them.
    """

    def __init__(self, most: int, most_bytes: int = MAX_BYTES):
        self._most, self._most_bytes = most, most_bytes
        self._values: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> Value | None:
        """Return a value; None if there is none."""
        value, _ = self._values.get(key, (None, 0))
        return value

    def size_of(self, key: str) -> int:
        """Return the bytes of a value; 0 if there is none."""
        _, size = self._values.get(key, (None, 0))
        return size

    def set(self, key: str, value: Value, size: int) -> None:
        """Set a value, which has so many bytes, as the newest one."""
        self._bytes += size - self.size_of(key)
        self._values[key] = value, size
        self._values.move_to_end(key)
        while len(self) > self._most or self._bytes > self._most_bytes:
            _, (_, gone) = self._values.popitem(last=False)
            self._bytes -= gone


class Memory:
    """Memory of the notes of all services, in the order of their times."""

    def __init__(self) -> None:
        self._writes: Recent[Note] = Recent(MAX_TOKENS)
        # The last change by its token and each of its tags: the follower may renew the tags of many
        # changes by one token, and an edit in MongoDB itself may be one of many documents.
        self._changes_of: Recent[Note] = Recent(MAX_TAGS)
        self._stored: Recent[Stored] = Recent(MAX_KEYS)
        self._requests: Recent[list[Note]] = Recent(MAX_REQUESTS)
        self._changes: Recent[Note] = Recent(MAX_TOKENS)
        self._without_hits: set[str] = set()  # services some of whose hits have no note
        self._lock = threading.Lock()

    def leave_hits_out(self, service: str) -> None:
        """Remember that a service has answered hits that are not noted."""
        self._without_hits.add(service)

    def add(self, note: Note) -> Because | None:
        """Remember a note; return the reason if it is that of a read that was no hit."""
        with self._lock:
            size = len(orjson.dumps(note))
            self._remember(note, size)
            if note["kind"] != "request":
                self._add_write(note, size)
                return None
            because = self._because(note)
            self._add_read(note)
            return because

    def late_reason(self, read: Note) -> Because:
        """Return the reason for a read whose write was not seen before: it is, if it has come."""
        token = read["token"] if read["cache"] == "stale" else read["generation"]
        is_of_tag = read["cache"] != "stale" or read["part"] in ("tag", "")
        with self._lock:
            return _by(self._write(token, read["tag"] if is_of_tag else ALL), read)

    def notes_of(self, request_id: str) -> list[Note]:
        """Return the notes about one request."""
        with self._lock:
            return list(self._requests.get(request_id) or ())

    def author_of(self, token: str) -> Note | None:
        """Return the note of the follower about a change of a feed, which has this token."""
        # The token begins with the place of the change in MongoDB's change stream.
        with self._lock:
            return self._changes.get(token.partition("-")[0])

    def _remember(self, note: Note, size: int) -> None:
        id = note.get("id")
        notes = (self._requests.get(id) or []) if id else []
        if id and len(notes) < MAX_NOTES:
            size += self._requests.size_of(id)
            self._requests.set(id, [*notes, note], size)

    def _add_write(self, note: Note, size: int) -> None:
        if note["kind"] == "change":
            self._changes.set(note["place"], note, size)
            tags = note.get("tags", ())
            for tag in tags:  # They hold one note together.
                self._changes_of.set(f"{note['token']} {tag}", note, size // len(tags))
        else:
            self._writes.set(note["token"], note, size)

    def _add_read(self, note: Note) -> None:
        """Remember the entry that a read has found or stored."""
        if not note.get("ttl"):
            return
        key, at = note["key"], note["at"]
        known = self._stored.get(key) if note["cache"] == "hit" else None
        since = known.at if known else at
        stored = Stored(since, at + note["ttl"], note["root"], note["generation"])
        self._stored.set(key, stored, len(key))

    def _because(self, note: Note) -> Because | None:
        state, detail = note["cache"], note.get("detail", "")
        if state in ("", "hit"):
            return None
        if detail in _DETAILS:
            return _reason(detail, explain(detail))
        stored = self._stored.get(note["key"])
        if detail == "ttl":
            return _expired(note, stored)
        if state == "stale":
            part = note["part"]
            write = self._write(note["token"], note["tag"] if part in ("tag", "") else ALL)
            return _new_root() if part == "root" else _by(write, note)
        return self._because_gone(note, stored)

    def _because_gone(self, note: Note, stored: Stored | None) -> Because:
        """Return the reason why a key has no entry."""
        if stored is None:
            is_sure = note["service"] not in self._without_hits
            rest = (
                " since the console watches"
                if is_sure
                else ", or only as hits that were counted before"
            )
            return _reason("first", "asked for the first time", rest)
        is_renewed = note["generation"] != stored.generation
        write = self._write(note["generation"], note["tag"]) if is_renewed else None
        if write and write["at"] < stored.expires:
            return _by(write, note)
        if stored.expires <= note["at"] + CLOCK_SECONDS:
            return _expired(note, stored)
        if note["root"] != stored.root:
            return _new_root()
        if is_renewed:
            return _by(None, note)
        return _reason("removed", "removed by hand, or by Redis because its memory is full")

    def _write(self, token: str, tag: str) -> Note | None:
        """Return the note of the write that has renewed a tag by a token.

        The note of the request says more than that of the follower about the same write.
        """
        if not token:
            return None  # It was removed, and is not renewed yet.
        return self._writes.get(token) or self._changes_of.get(f"{token} {tag}")


def is_incomplete(because: Because | None) -> bool:
    """Return True if the note of the request that has written may come and say more.

    The follower notes the same write, perhaps earlier, without the method and the path.
    """
    if because is None:
        return False
    return because["code"] == UNKNOWN or (because["code"] == "write" and not because["path"])


def _expired(read: Note, stored: Stored | None) -> Because:
    since = f": stored {read['at'] - stored.at:.0f} s before" if stored else ""
    return _reason("expired", "expired", since)


def _new_root() -> Because:
    return _reason("root", explain("root"))


def _by(write: Note | None, read: Note) -> Because:
    """Return the reason for a read that a write has made a miss."""
    if write is None:
        return _reason(UNKNOWN, "a write that was not seen")
    began = read["at"] - read.get("ms", 0) / 1000
    before = max(0, round((began - write["at"]) * 1000))
    is_outside = bool(write.get("outside"))
    what = f"{write.get('method', '')} {write.get('path', '')}".strip()
    if is_outside:
        what = "an edit in MongoDB itself"
    elif not what:
        what = str(write.get("type") or "a write")
    who = "" if is_outside or not write.get("by") else f" by {write['by']}"
    return {
        **_reason("outside" if is_outside else "write", what + who, f", {_time(before)} before"),
        "by": write.get("by", ""),
        "request_id": write.get("id", ""),
        "at": write["at"],
        "ms_before": before,
        "method": write.get("method", ""),
        "path": write.get("path", ""),
        "outside": is_outside,
    }


def _reason(code: str, cause: str, rest: str = "") -> Because:
    """Return a reason: ``text`` is the sentence, ``cause`` its beginning, which says the most."""
    return {"code": code, "cause": cause, "text": cause + rest}


def _time(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:.0f} s"


def in_order(notes: Sequence[Note]) -> list[Note]:
    """Return notes of several processes in the order of their times."""
    return sorted(notes, key=lambda note: float(note["at"]))
