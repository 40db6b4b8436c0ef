"""Imports, as the history has them: which there were, and what each did to each item.

A write with the header ``Import-ID`` has that id in its entry of the history
(``shared.storage.audit_log``), with whole values.  So nothing is lost if the import is killed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from pymongo.collection import Collection

from shared.http.import_id import UNDO
from shared.schema import sizes
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.audit_log import OF_IMPORTS
from shared.storage.documents import DELETED, PURGED, RESTORED

CREATED, UPDATED = "created", "updated"

_ORDER = [("item", -1), ("at", 1), ("_id", 1)]


@dataclass(frozen=True, slots=True)
class Import:
    """One import: its id, when it began and last wrote, who sent it, and changes by kind."""

    id: str
    started_at: datetime
    ended_at: datetime
    by: str | None
    changes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Origin:
    """The import that an id is about, and True if the id is that of an undo of it.

    The undo of an undo does what the import did, so it does not count as one.
    """

    id: str
    is_undone: bool


@dataclass(slots=True)
class Effect:
    """All that an import did to one item.

    Attributes:
        item: The id of the item.
        before: Stored values before the import, None where there was no item.
        after: Stored values after it, None where the item is gone.
        touched: The stored fields that it changed in an item that was there.
        is_known: False if the history does not have the values, as after a purge.
        end: The place of its last change in the history.
    """

    item: Any
    before: Document | None = field(default_factory=dict)
    after: Document | None = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    is_known: bool = True
    end: tuple[datetime, str] = (datetime.min, "")

    @property
    def did(self) -> str:
        """The kind of the change from before the import to after it."""
        if self.before is None:
            return CREATED if self.after is not None else DELETED
        return UPDATED if self.after is not None else DELETED


def find_imports(history: Collection[Document], skip: int, limit: int) -> tuple[list[Import], int]:
    """Return some imports, the latest first, and the number of all."""
    # MongoDB jumps in the index from one import to the next.
    firsts: Sequence[Document] = [
        {"$match": OF_IMPORTS},
        {"$sort": {"import": 1, "at": 1}},
        {"$group": {"_id": "$import", "at": {"$first": "$at"}}},
        {"$sort": {"at": -1, "_id": -1}},
    ]
    starts = {document["_id"]: document["at"] for document in history.aggregate(firsts)}
    ids = list(starts)[skip : skip + limit]
    kinds: dict[str, dict[str, Document]] = {id: {} for id in ids}
    sums: Sequence[Document] = [
        {"$match": {"import": {"$in": ids}}},
        {
            "$group": {
                "_id": {"import": "$import", "kind": "$kind"},
                "count": {"$sum": 1},
                "at": {"$max": "$at"},
            }
        },
    ]
    for group in history.aggregate(sums) if ids else ():
        kinds[group["_id"]["import"]][group["_id"]["kind"]] = group
    imports = [
        Import(
            id,
            starts[id],
            max(group["at"] for group in kinds[id].values()),
            _author(history, id),
            {kind: kinds[id][kind]["count"] for kind in sorted(kinds[id])},
        )
        for id in ids
    ]
    return imports, len(starts)


def _author(history: Collection[Document], id: str) -> str | None:
    entry = history.find_one({"import": id}, {"by": True}, sort=[("at", 1)])
    return entry["by"] if entry else None


def find_effects(
    history: Collection[Document], id: str, below: Any, limit: int
) -> tuple[list[Effect], Any]:
    """Return what an import did to some items, the latest items first.

    Args:
        history: The audit log.
        id: The import.
        below: The id of the last item of the previous page; None for the first page.
        limit: The largest number of items.

    Returns:
        The effects, and the id of the last item, None after the last page.
    """
    wanted: Document = {"import": id} | ({} if below is None else _before(below))
    named = history.find(wanted, {"item": True}, sort=[("item", -1)], limit=limit)
    items = list(dict.fromkeys(entry["item"] for entry in named))
    if not items:
        return [], None
    chosen = {"import": id, "item": {"$in": items}}
    entries, is_all = sizes.take(history.find(chosen, sort=_ORDER))
    if not is_all:
        # The entries of the last item may be cut off.
        entries = [e for e in entries if e["item"] != entries[-1]["item"]] or list(
            history.find({"import": id, "item": entries[-1]["item"]}, sort=_ORDER)
        )
    grouped = groupby(entries, key=lambda entry: entry["item"])
    effects = [effect_of(item, list(group)) for item, group in grouped]
    last = effects[-1].item
    return effects, last if history.find_one({"import": id} | _before(last)) else None


def _before(item: Any) -> Document:
    """Return the filter for entries of items with a smaller id; ids may be of several types."""
    return {"$expr": {"$lt": ["$item", {"$literal": item}]}}


def effect_of(item: Any, entries: Sequence[Document]) -> Effect:
    """Return what the entries of one import say of one item, the oldest first."""
    effect = Effect(item, None if entries[0]["kind"] in (CREATED, RESTORED) else {})
    for entry in entries:
        _add(effect, _with_whole_lists(entry, effect))
    effect.end = entries[-1]["at"], str(entries[-1]["_id"])
    return effect


def _with_whole_lists(entry: Document, effect: Effect) -> Document:
    """Return the entry of a job with whole lists, which an earlier entry of the import has.

    Without an earlier one the values are unknown.
    """
    parts, known = entry.get("parts"), effect.after or {}
    if not parts or "after" not in entry:
        return entry
    if not all(isinstance(known.get(name), list) for name in parts):
        return {name: value for name, value in entry.items() if name not in ("before", "after")}
    changed = {name: {each["id"]: each for each in entry["after"][name]} for name in parts}
    whole = {name: [changed[name].get(_id(each), each) for each in known[name]] for name in parts}
    return entry | {
        "before": entry["before"] | {name: known[name] for name in parts},
        "after": entry["after"] | whole,
    }


def _id(element: Any) -> Any:
    return element.get("id") if isinstance(element, dict) else None


def _add(effect: Effect, entry: Document) -> None:
    kind, before, after = entry["kind"], entry.get("before"), entry.get("after")
    if kind == DELETED:
        effect.after = None  # The trash has it.
    elif kind == PURGED or after is None or (before is None and kind not in (CREATED, RESTORED)):
        effect.is_known = False
    elif before is None:
        effect.after = dict(after)
    else:
        effect.touched |= documents.differing_fields(before, after)
        names = before.keys() | after.keys()
        if effect.before is not None:
            effect.before = {name: before.get(name) for name in names} | effect.before
        effect.after = (effect.after or {}) | {name: after.get(name) for name in names}


def find_later(
    history: Collection[Document], id: str, effects: Iterable[Effect]
) -> dict[Any, dict[str, Document]]:
    """Return the latest entry of each field that was changed after an import, by item.

    Left out are changes by the import itself and by its undo, and those of other imports that were
    undone: they have left no trace in the values, or one that shows there.
    """
    ends = {effect.item: effect.end for effect in effects}
    later: dict[Any, dict[str, Document]] = {item: {} for item in ends}
    if not ends:
        return later
    first = min(moment for moment, _ in ends.values())
    wanted = {"item": {"$in": list(ends)}, "at": {"$gte": first}}
    shown = dict.fromkeys(("item", "at", "by", "import", "fields"), True)
    found = history.find(wanted, shown, sort=_ORDER)
    for item, entries in groupby(found, key=lambda entry: entry["item"]):
        end = ends[item]
        later[item] = _by_field(id, (e for e in entries if (e["at"], str(e["_id"])) > end))
    return later


def _by_field(id: str, entries: Iterable[Document]) -> dict[str, Document]:
    """Return the latest entry of each field, for the entries of one item from old to new.

    They are read once, and few are kept, because an item may have any number of them.
    """
    # The latest entry of each field by the import that it is of, and its number.
    latest: dict[tuple[str, str | None], tuple[int, Document]] = {}
    # True for an import that was undone; an undo may be undone, so its latest entry decides.
    undone: dict[str | None, bool] = {}
    for number, entry in enumerate(entries):
        origin = _origin(entry["import"]) if "import" in entry else None
        if origin:
            undone[origin.id] = origin.is_undone
        for name in entry["fields"]:
            latest[name, origin.id if origin else None] = number, entry
    undone[_origin(id).id] = True
    fields: dict[str, Document] = {}
    for (name, of_import), (_, entry) in sorted(latest.items(), key=lambda each: each[1][0]):
        if not undone.get(of_import):
            fields[name] = entry
    return fields


def _origin(id: str) -> Origin:
    """Return the import that an id is about: its own, or the one that it undoes."""
    depth = 0
    while id.startswith(UNDO):
        id, depth = id.removeprefix(UNDO), depth + 1
    return Origin(id, is_undone=depth % 2 == 1)
