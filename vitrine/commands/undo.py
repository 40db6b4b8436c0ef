"""Imports of all services: their ids, the list of them, and taking one back.

The services know what an import did, and which request undoes it (``GET /products:imports/ID``).
Each request carries the ETag of its item, so an undo never overwrites another change.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, TypeVar

import orjson

from shared.config.settings import Settings
from shared.http.import_id import UNDO, is_valid
from vitrine import stack
from vitrine.client import PAGE_SIZE, Client, threads_for
from vitrine.errors import RequestRefused, StackError

# An item is moved to the trash before the items that it refers to.
_ORDER = ("orders", "products", "clients", "categories")
_MAX_VALUE = 60  # characters of a value that is shown
# Further rounds for items that were changed between the answer and the request, such as products
# whose photos are fetched at the same time.
_MAX_ROUNDS = 5
_CHANGED = 412  # status of a request whose If-Match names an earlier version
T = TypeVar("T")
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_DONE = {"DELETE": "moved to the trash", "PATCH": "put back", "POST": "restored"}


def new_id() -> str:
    """Return the id of a new import: its time, and four random characters."""
    tail = "".join(secrets.choice(_LETTERS) for _ in range(4))
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{tail}"


def clients(settings: Settings, import_id: str = "") -> list[Client]:
    """Return a client of each service of the stack, in the order in which imports are undone."""
    urls = stack.addresses(settings)
    ranks = {name: rank for rank, name in enumerate(_ORDER)}
    names = sorted(urls, key=lambda name: (ranks.get(name, -1), name))
    return [Client(name, urls[name], import_id) for name in names]


@dataclass(slots=True)
class KnownImport:
    """One import: when it began, who sent it, and its changes by service and type."""

    id: str
    started_at: str
    by: str
    changes: dict[str, Mapping[str, int]]


def find_imports(services: Sequence[Client], number: int) -> list[KnownImport]:
    """Return the last imports of all services, the latest first."""
    known: dict[str, KnownImport] = {}

    def page(client: Client) -> Any:
        return client.get(f"/{client.service}:imports", per=number)["items"]

    for client, items in zip(services, _ask_all(services, page), strict=True):
        for each in items:
            new = KnownImport(each["id"], each["started_at"], each["by"], {})
            one = known.setdefault(each["id"], new)
            one.started_at = min(one.started_at, each["started_at"])
            one.changes[client.service] = each["changes"]
    return sorted(known.values(), key=lambda one: one.started_at, reverse=True)[:number]


def latest(services: Sequence[Client]) -> str:
    """Return the id of the latest import, leaving out undos, or raise ``StackError``."""
    for one in find_imports(services, 100):
        if not one.id.startswith(UNDO):
            return one.id
    raise StackError("The history of the services knows no import to undo.")


def _ask_all(services: Sequence[Client], question: Callable[[Client], T]) -> list[T]:
    """Ask all services at once: each answers when its history is complete, in about a second."""
    with ThreadPoolExecutor(len(services) or 1) as pool:
        return list(pool.map(question, services))


def _effects(client: Client, id: str) -> Iterable[dict[str, Any]] | None:
    """Return what an import did to each item of a service, None if it does not know the import.

    The first page is read at once.
    """
    effects = client.items(f"/{client.service}:imports/{id}")
    try:
        first = list(islice(effects, 1))
    except RequestRefused as error:
        if error.status != 404:
            raise
        return None
    return chain(first, effects)


@dataclass(slots=True)
class ServiceReport:
    """Results of an undo in one service: what stays as it is, and the requests of the last try.

    Attributes:
        kept: The values and items that were changed since the import.
        refused: The items for which the service refused the request.
        changed: The number of requests that were refused because the item was changed meanwhile.
        sent: The number of requests, by what they have done.
        patches: Digests of the changes that were sent: to the same version of an item, one that
            changes nothing would be sent forever.
    """

    kept: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    changed: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    patches: set[int] = field(default_factory=set)


@dataclass(slots=True)
class UndoReport:
    """Results of an undo: the number of items by what was done, and the results by service."""

    done: Counter[str] = field(default_factory=Counter)
    services: dict[str, ServiceReport] = field(default_factory=dict)

    @property
    def kept(self) -> list[str]:
        """The values and items that were changed since the import."""
        return [line for service in self.services.values() for line in service.kept]

    @property
    def refused(self) -> list[str]:
        """The items for which a service refused the request."""
        return [line for service in self.services.values() for line in service.refused]


def undo(services: Sequence[Client], id: str, dry_run: bool) -> UndoReport:
    """Take an import back: send the request that undoes each change.

    It may be killed and run again.  A request may be refused until another one was sent, such as
    the deletion of a category before that of its children; so all are tried again as long as that
    helps.  Items that were changed between the answer and the request are tried some times more.

    Args:
        services: Clients of all services, whose ``import_id`` is that of the undo.
        id: The import.
        dry_run: Send nothing.

    Raises:
        StackError: No service knows the import.
    """
    report, rounds = UndoReport(), _MAX_ROUNDS
    left = list(services) if is_valid(id) else []
    is_known = False
    while left:
        pages = _ask_all(left, lambda client: _effects(client, id))
        for client, effects in zip(left, pages, strict=True):
            last = report.services.get(client.service, ServiceReport())
            service = report.services[client.service] = ServiceReport(patches=last.patches)
            is_known = is_known or effects is not None
            _undo_effects(client, effects or (), service, dry_run)
            report.done += service.sent
        tried = [report.services[client.service] for client in left]
        if dry_run:
            break
        if not any(service.sent for service in tried):
            rounds -= 1
            if rounds < 0 or not any(service.changed for service in tried):
                break
        left = [
            c for c, service in zip(left, tried, strict=True) if service.sent or service.refused
        ]
    if not is_known:
        raise StackError(f"There is no import {id}; `vitrine imports` lists those there are.")
    return report


def _undo_effects(
    client: Client, effects: Iterable[dict[str, Any]], report: ServiceReport, dry_run: bool
) -> None:
    """Send the requests that undo what an import did to the items of a service."""

    def is_new(request: Mapping[str, Any]) -> bool:
        """Return False for a change that was sent before to the same version of its item."""
        digest = hash((request["path"], request["if_match"]))
        if request["method"] != "PATCH" or digest not in report.patches:
            return True
        report.kept.append(f"{client.service}: {request['path']} keeps its values.")
        return False

    def send(effect: dict[str, Any]) -> RequestRefused | None:
        """Send a request; return the error if the service refused it."""
        request = effect["undo"]
        try:
            client.write(request["method"], request["path"], request["body"], request["if_match"])
        except RequestRefused as error:
            return error
        return None

    source = iter(effects)
    with ThreadPoolExecutor(threads_for(client.service)) as pool:
        while page := list(islice(source, PAGE_SIZE)):
            for effect in page:
                report.kept += [_kept_line(_name(client, effect), kept) for kept in effect["kept"]]
            asked = [effect for effect in page if effect["undo"] and is_new(effect["undo"])]
            refusals = [None] * len(asked) if dry_run else pool.map(send, asked)
            for effect, refusal in zip(asked, refusals, strict=True):
                if refusal:
                    report.changed += refusal.status == _CHANGED
                    report.refused.append(f"{_name(client, effect)}: {refusal}")
                    continue
                request = effect["undo"]
                report.sent[_DONE[request["method"]]] += 1
                if request["method"] == "PATCH":
                    report.patches.add(hash((request["path"], request["if_match"])))


def _name(client: Client, effect: Mapping[str, Any]) -> str:
    return f"{client.service}/{effect['id']}"


def _kept_line(name: str, kept: Mapping[str, Any]) -> str:
    """Return the line about a value that stays, or about an item as a whole."""
    if "message" in kept:
        return f"{name}: {kept['message']}"
    now, imported, before = (_shown(kept[side]) for side in ("now", "to", "from"))
    by = f" ({kept['by']}, {kept['at']})" if "by" in kept else ""
    return f"{name} {kept['pointer'][1:]}: is {now}{by}; imported {imported}, before {before}"


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"
