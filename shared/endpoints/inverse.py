"""Inverse requests: for what an import did to an item, the request that undoes it.

A change is undone only where the item still has what the import left there: the request carries
the ETag of the item as it was compared.  All else is listed as kept, with the values.

The requests of many items can be done by a few writes (``undo_together``).  That does nothing that
the requests alone would not do.  What it leaves out is for a request of its own: items whose
methods have rules of the service (``Resource.together``), items that were changed meanwhile, and
values that the service refuses.  That request says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from marshmallow import ValidationError
from marshmallow.experimental.context import Context

from shared.endpoints.import_log import Effect
from shared.http.errors import ApiError
from shared.resource import Resource
from shared.schema.fields import timestamp
from shared.schema.serialization import Document
from shared.storage import documents, trash
from shared.storage.bulk import bulk

# Times of writes, which differ after each.
_STAMPS = ("created_at", "updated_at")
_IN_TRASH = "Is in the trash; restore it first."
_GONE = "Is not in the trash any more."
# The method of the resource that an inverse request calls.
_METHODS = {"DELETE": "delete", "PATCH": "update", "POST": "restore"}
_UNKNOWN = "The history does not have its values any more."


@dataclass(slots=True)
class Inverse:
    """The request that undoes a change, None if there is nothing to do, and what is kept.

    ``kept`` has ``{"pointer", "from", "to", "now", "by", "at"}`` for each field that was changed
    since, or ``{"pointer": "", "message"}``.
    """

    request: Document | None = None
    kept: list[Document] = field(default_factory=list)

    @property
    def restores(self) -> bool:
        """True if the request brings the item back from the trash."""
        return self.request is not None and self.request["method"] == "POST"

    def keep(self, message: str) -> "Inverse":
        """Add a reason why the item as a whole is left as it is; return the same object."""
        self.kept.append({"pointer": "", "message": message})
        return self


@dataclass(frozen=True, slots=True)
class Comparison:
    """One item: what an import did to it, and its present state.

    Attributes:
        resource: The collection.
        effect: What the import did.
        now: The item as it is stored; None if there is none.
        is_in_trash: True if the trash has an item with this id.
        later: The latest entry of the history for each field that was changed since.
    """

    resource: Resource
    effect: Effect
    now: Document | None
    is_in_trash: bool
    later: Mapping[str, Document]

    def inverse(self) -> Inverse:
        """Return the request that puts the item back, and what it leaves as it is."""
        effect, inverse = self.effect, Inverse()
        is_gone = effect.before is None or effect.after is None
        if effect.before is None and (effect.after is None or self.now is None):
            return inverse  # It came and went, or the undo was done before.
        if effect.after is None and self.now is not None:
            return inverse
        if effect.after is None and not self.is_in_trash:
            return inverse.keep(_GONE)
        if self.now is None and not is_gone:
            return inverse.keep(_IN_TRASH if self.is_in_trash else _GONE)
        if not effect.is_known:
            return inverse.keep(_UNKNOWN)
        if effect.after is None:
            inverse.request = self._request("POST", "/restore", self._values_before() or None)
        elif effect.before is None:
            self._remove(inverse)
        else:
            self._put_back(inverse)
        return inverse

    def _remove(self, inverse: Inverse) -> None:
        """Have a new item deleted if it is as the import left it."""
        names = self._names()
        after, now = self._shown(self.effect.after, names), self._shown(self.now, names)
        changed = [
            name for name in names if name in self.later or not _same(now[name], after[name])
        ]
        for name in changed:
            inverse.kept.append(self._conflict(f"/{name}", name, None, after[name], now[name]))
        if not changed:
            inverse.request = self._request("DELETE")

    def _put_back(self, inverse: Inverse) -> None:
        """Have each field that is as the import left it changed back to its value before."""
        writable = self._writable()
        origins = self.resource.origins
        names = [name for name in self._names() if origins[name] & self.effect.touched]
        states = [self.effect.before, self.effect.after, self.now]
        before, after, now = (self._shown(state, names) for state in states)
        changed = [n for n in names if n in writable and not _same(before[n], after[n])]
        follows: set[str] = set().union(*(origins[name] for name in changed))
        body: Document = {}
        for name in names:
            values = before[name], after[name], now[name]
            if name not in writable:
                # No request can change it, except by another field that is made of the same.
                if not origins[name] <= follows and not _same(now[name], before[name]):
                    inverse.kept.append(self._conflict(f"/{name}", name, *values))
                continue
            target = self._target(inverse, name, *values)
            if not _same(now[name], target) and not self._would_stay(name, target):
                was_absent = _same(target, before[name]) and name not in self._values_before()
                body[name] = None if was_absent else target
        if body:
            inverse.request = self._request("PATCH", body=body)

    def _names(self) -> list[str]:
        """Return the fields to compare: those that do not follow from others."""
        fields = self.resource.schema.dump_fields.items()
        derived = {f.data_key or name for name, f in fields if f.metadata.get("derived")}
        return [name for name in self.resource.origins if name not in (*_STAMPS, *derived)]

    def _would_stay(self, name: str, value: Any) -> bool:
        """Return True if the service stores a value as the present one, such as without blanks."""
        fields = self.resource.schema.load_fields.items()
        key, field = next(pair for pair in fields if (pair[1].data_key or pair[0]) == name)
        try:
            with Context({"stored": self.now or {}}):
                loaded = field.deserialize(value)
        except ValidationError:
            return False
        return _same(loaded, (self.now or {}).get(field.attribute or key))

    def _target(self, inverse: Inverse, name: str, before: Any, after: Any, now: Any) -> Any:
        """Return the value that a field is to have; note what was changed since the import."""
        if all(isinstance(value, dict) for value in (before, after, now)):
            target = dict(now)
            for key in dict.fromkeys((*before, *after)):
                old, new, current = (each.get(key) for each in (before, after, now))
                if _same(current, old) or _same(old, new):
                    continue
                if not _same(current, new):
                    step = key.replace("~", "~0").replace("/", "~1")
                    conflict = self._conflict(f"/{name}/{step}", name, old, new, current)
                    inverse.kept.append(conflict)
                elif key in before:
                    target[key] = old
                else:
                    target.pop(key)
            return before if _same(target, before) else target  # With its names in their order.
        if _same(now, before):
            return now
        if name in self.later or not _same(now, after):
            inverse.kept.append(self._conflict(f"/{name}", name, before, after, now))
            return now
        return before

    def _conflict(self, pointer: str, name: str, before: Any, after: Any, now: Any) -> Document:
        conflict = {"pointer": pointer, "from": before, "to": after, "now": now}
        if entry := self.later.get(name):
            conflict |= {"by": entry["by"], "at": timestamp(entry["at"])}
        return conflict

    def _shown(self, document: Document | None, names: list[str]) -> Document:
        stored = {name: value for name, value in (document or {}).items() if value is not None}
        (shown,) = self.resource.dump([stored | {"_id": self.effect.item}], names)
        return shown

    def _writable(self) -> set[str]:
        fields = self.resource.schema.load_fields.items()
        return {field.data_key or name for name, field in fields}

    def _values_before(self) -> Document:
        """Return the values that writable fields had before, of those that the import changed."""
        before = {k: v for k, v in (self.effect.before or {}).items() if v is not None}
        stored = self.effect.touched & before.keys()
        origins = self.resource.origins
        return self._shown(before, [n for n in self._writable() if origins.get(n, set()) & stored])

    def _request(self, method: str, end: str = "", body: Document | None = None) -> Document:
        (shown_id,) = self.resource.dump([{"_id": self.effect.item}], ["id"])
        path = f"/{self.resource.name}/{quote(str(shown_id['id']))}{end}"
        request: Document = {"method": method, "path": path, "if_match": None, "body": body}
        if self.now is not None:
            request["if_match"] = f'"{self.resource.own_etag(self.now)}"'
        return request


def _same(one: Any, other: Any) -> bool:
    return documents.has_values({"": one}, {"": other})


@dataclass(slots=True)
class Undone:
    """Results of an undo: the ids of the items that are undone, and what is left of others.

    ``left`` has the next inverse, by id, of each item that was written and is not undone yet.
    """

    done: set[Any] = field(default_factory=set)
    left: dict[Any, Inverse] = field(default_factory=dict)


def undo_together(
    resource: Resource, pairs: Sequence[tuple[Comparison, Inverse]], deleted: dict[Any, Document]
) -> Undone:
    """Undo what can be undone together.

    Args:
        resource: The collection.
        pairs: Each item as it was compared, and its inverse.
        deleted: The items of the trash, by id.
    """
    by_method: dict[str, list[tuple[Comparison, Document]]] = {name: [] for name in _METHODS}
    for comparison, inverse in pairs:
        stored = comparison.now or deleted.get(comparison.effect.item)
        request = inverse.request
        if request and stored and resource.may_join(_METHODS[request["method"]], stored):
            by_method[request["method"]].append((replace(comparison, now=stored), request))
    removed = [each.now for each, _ in by_method["DELETE"] if each.now]
    # Another service may be asked about values, and not answer: all is loaded before any write.
    restored = _load_all(resource, by_method["POST"], is_restored=True)
    changed = _load_all(resource, by_method["PATCH"], is_restored=False)
    undone = Undone()
    if removed:
        undone.done |= trash.delete_many(resource.repository, removed)
    if restored:
        inputs = [(stored, values) for _, stored, values in restored]
        undone.done |= trash.restore_many(resource.repository, inputs)
    if changed:
        _put_back(resource, changed, undone)
    return undone


# An item as it was compared, the same as it is stored, and the values to write.
_Input = tuple[Comparison, Document, Document]


def _load_all(
    resource: Resource, requests: Sequence[tuple[Comparison, Document]], is_restored: bool
) -> list[_Input]:
    """Validate the values of requests; leave out those that the service refuses."""
    return [
        (comparison, stored, values)
        for comparison, request in requests
        if (stored := comparison.now)
        and (values := _loaded(resource, request, stored, is_restored)) is not None
    ]


def _put_back(resource: Resource, inputs: Sequence[_Input], undone: Undone) -> None:
    """Change items back; note those that have their earlier values now, and what is left."""
    pairs = [(stored, values) for _, stored, values in inputs]
    written = bulk(resource.repository, pairs, atomic=False)
    for (comparison, _, _), document in zip(inputs, written, strict=True):
        if document is None:
            continue  # Another write came first.
        next_inverse = replace(comparison, now=document).inverse()
        if next_inverse.request is None:
            undone.done.add(comparison.effect.item)
        else:
            undone.left[comparison.effect.item] = next_inverse


def _loaded(
    resource: Resource, request: Document, stored: Document, is_restored: bool
) -> Document | None:
    """Return the validated values of a request; None if the service refuses them."""
    values = request["body"] or {}
    try:
        return (resource.load_restored if is_restored else resource.load)(values, stored)
    except ValidationError:
        return None
    except ApiError as error:
        if error.status >= 500:
            raise
        return None
