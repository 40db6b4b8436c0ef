"""Imports of all services: their ids, the list of them, and taking one back.

The services know what an import did, and which request undoes it (``GET /products:imports/ID``).
Each request carries the ETag of its item, so an undo never overwrites another change.  A service
does most requests itself, a page at once (``POST``); only the others are sent.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import orjson

from shared.config.settings import Settings
from shared.http.import_id import UNDO, is_valid
from vitrine import stack
from vitrine.client import Client, threads_for
from vitrine.errors import NotAllowed, RequestRefused, StackError, UnknownImport

# An item is moved to the trash before the items that it refers to.
_ORDER = ("orders", "products", "clients", "categories")
_PAGE_ITEMS = 250  # items that a service undoes at once
_MAX_VALUE = 60  # characters of a value that is shown
_MAX_NAMED = 3  # items that are named of one reason
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
    return [Client(name, urls[name], import_id) for name in in_order(urls)]


def in_order(names: Collection[str]) -> list[str]:
    """Return the names of services in the order in which imports are undone, other ones first."""
    ranks = {name: rank for rank, name in enumerate(_ORDER)}
    return sorted(names, key=lambda name: (ranks.get(name, -1), name))


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
    """Return the id of the latest import, leaving out undos, or raise ``StackError``.

    Few are asked for at first, because a service counts all changes of each import that it lists.
    """
    for number in (1, 10, 100):
        for one in find_imports(services, number):
            if not one.id.startswith(UNDO):
                return one.id
    raise StackError("The history of the services knows no import to undo.")


def _ask_all(services: Sequence[Client], question: Callable[[Client], T]) -> list[T]:
    """Ask all services at once: each answers when its history is complete, in about a second."""
    with ThreadPoolExecutor(len(services) or 1) as pool:
        return list(pool.map(question, services))


def _knows(client: Client, id: str) -> bool | NotAllowed:
    """Return True if a service knows an import, or why the caller may not read its history."""
    try:
        client.get(_path(client, id), per=1)
    except NotAllowed as error:
        return error
    except RequestRefused as error:
        if error.status != 404:
            raise
        return False
    return True


def _path(client: Client, id: str) -> str:
    return f"/{client.service}:imports/{id}"


def _pages(client: Client, id: str, dry_run: bool) -> Iterator[list[dict[str, Any]]]:
    """Yield what an import did to the items of a service, page by page.

    Unless ``dry_run``, the service has undone what is ``done``.
    """
    query: dict[str, Any] = {"per": _PAGE_ITEMS}
    while True:
        path = _path(client, id)
        page = client.get(path, **query) if dry_run else client.post(path, None, **query)
        yield page["items"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


class Left(NamedTuple):
    """An item, or a value of it, that an undo leaves as it is.

    Attributes:
        item: The item, such as ``products/1``.
        reason: The reason.
        place: The place of the value in the item; empty for the item as a whole.
        at: When the value was changed; empty if that is not known.
    """

    item: str
    reason: str
    place: str = ""
    at: str = ""


def left_lines(left: Iterable[Left]) -> list[str]:
    """Return a line for each reason, with the first items that have it and the number of others."""
    by_reason: dict[tuple[str, str], list[Left]] = {}
    for one in left:
        by_reason.setdefault((one.place, one.reason), []).append(one)
    lines = []
    for (place, reason), same in by_reason.items():
        items = ", ".join(one.item for one in same[:_MAX_NAMED])
        if more := len(same[_MAX_NAMED:]):
            items += f" and {more:,} more"
        at = max(one.at for one in same)
        lines.append(f"{items}{place and ' '}{place}: {reason}{at and f'; changed {at}'}")
    return lines


@dataclass(slots=True)
class ServiceReport:
    """Results of an undo in one service: what stays as it is, and the requests of the last try.

    Attributes:
        kept: The values and items that were changed since the import.
        refused: The items for which the service refused the request.
        changed: The number of requests that were refused because the item was changed meanwhile.
        sent: The number of requests, by what they have done.
        is_checked: False if a request was sent alone: then the list may have another one for its
            item.
        patches: Digests of the changes that were sent: to the same version of an item, one that
            changes nothing would be sent forever.
    """

    kept: list[Left] = field(default_factory=list)
    refused: list[Left] = field(default_factory=list)
    changed: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    is_checked: bool = True
    patches: set[int] = field(default_factory=set)


@dataclass(slots=True)
class UndoReport:
    """Results of an undo.

    Attributes:
        done: The number of items by what was done.
        services: The results by service.
        hidden: Why a service was left out in which the caller may not look, or write.
    """

    done: Counter[str] = field(default_factory=Counter)
    services: dict[str, ServiceReport] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)

    @property
    def kept(self) -> list[Left]:
        """The values and items that were changed since the import."""
        return [one for service in self.services.values() for one in service.kept]

    @property
    def refused(self) -> list[Left]:
        """The items for which a service refused the request."""
        return [one for service in self.services.values() for one in service.refused]


def undo(services: Sequence[Client], id: str, dry_run: bool) -> UndoReport:
    """Take an import back: have the services undo each change, and send the requests left.

    It may be killed and run again.  A request may be refused until another one was sent, such as
    the deletion of a category before that of its children; so all are tried again as long as that
    helps.  Items that were changed between the answer and the request are tried some times more.

    An undo needs two scopes of a service: to read, since it shows the history, and to write.  A
    service that refuses the caller is left out and named in the report.

    Args:
        services: Clients of the services to ask, whose ``import_id`` is that of the undo, in the
            order in which items are deleted; they are restored in the opposite one.
        id: The import.
        dry_run: Send nothing.

    Raises:
        UnknownImport: No service knows the import.
        NotAllowed: The caller may look into none of the services that could know it.
    """
    report, rounds = UndoReport(), _MAX_ROUNDS
    asked = services if is_valid(id) else []
    answers = _ask_all(asked, lambda client: _knows(client, id))
    report.hidden += [str(answer) for answer in answers if isinstance(answer, NotAllowed)]
    left = [client for client, knows in zip(asked, answers, strict=True) if knows is True]
    if _brings_back(id):
        left.reverse()  # An item is restored after the items that it refers to.
    if not left and report.hidden:
        raise NotAllowed(report.hidden[0])
    if not left:
        raise UnknownImport(f"There is no import {id}; `vitrine imports` lists those there are.")
    while left:
        left = [client for client in left if _undo_in(client, id, report, dry_run)]
        tried = [report.services[client.service] for client in left]
        if dry_run:
            break
        if not any(service.sent for service in tried):
            rounds -= 1
            if rounds < 0 or not any(service.changed for service in tried):
                break
        left = [
            client
            for client, service in zip(left, tried, strict=True)
            if service.refused or not service.is_checked
        ]
    return report


def _brings_back(id: str) -> bool:
    """Return True for the id of an undo: undoing that restores what the import had created."""
    undos = 0
    while id.startswith(UNDO):
        id, undos = id.removeprefix(UNDO), undos + 1
    return undos % 2 == 1


def _undo_in(client: Client, id: str, report: UndoReport, dry_run: bool) -> bool:
    """Undo in one service; return False if it does not know the import, or the caller may not."""
    last = report.services.get(client.service, ServiceReport())
    service = report.services[client.service] = ServiceReport(patches=last.patches)
    try:
        _undo_pages(client, _pages(client, id, dry_run), service, dry_run)
    except NotAllowed as error:
        report.hidden.append(str(error))
        return False
    except RequestRefused as error:
        if error.status != 404:
            raise
        return False
    finally:
        report.done += service.sent
    return True


def _undo_pages(
    client: Client, pages: Iterable[list[dict[str, Any]]], report: ServiceReport, dry_run: bool
) -> None:
    """Count what the service has undone, and send the requests that are left."""

    def is_new(request: Mapping[str, Any]) -> bool:
        """Return False for a change that was sent before to the same version of its item."""
        digest = hash((request["path"], request["if_match"]))
        if request["method"] != "PATCH" or digest not in report.patches:
            return True
        report.kept.append(Left(request["path"].removeprefix("/"), "keeps its values."))
        return False

    def send(effect: dict[str, Any]) -> RequestRefused | None:
        """Send a request; return the error if the service refused it."""
        request = effect["undo"]
        try:
            client.write(request["method"], request["path"], request["body"], request["if_match"])
        except RequestRefused as error:
            return error
        return None

    with ThreadPoolExecutor(threads_for(client.service)) as pool:
        for page in pages:
            for effect in page:
                report.kept += [_kept(_name(client, effect), kept) for kept in effect["kept"]]
                if effect.get("done"):
                    report.sent[_DONE[effect["undo"]["method"]]] += 1
            open_effects = [each for each in page if each["undo"] and not each.get("done")]
            asked = [effect for effect in open_effects if is_new(effect["undo"])]
            refusals = [None] * len(asked) if dry_run else pool.map(send, asked)
            for effect, refusal in zip(asked, refusals, strict=True):
                if refusal:
                    report.changed += refusal.status == _CHANGED
                    report.refused.append(Left(_name(client, effect), str(refusal)))
                    continue
                request = effect["undo"]
                report.is_checked = dry_run
                report.sent[_DONE[request["method"]]] += 1
                if request["method"] == "PATCH":
                    report.patches.add(hash((request["path"], request["if_match"])))


def _name(client: Client, effect: Mapping[str, Any]) -> str:
    return f"{client.service}/{effect['id']}"


def _kept(item: str, kept: Mapping[str, Any]) -> Left:
    """Return a value that stays, or an item as a whole."""
    if "message" in kept:
        return Left(item, kept["message"])
    now, imported, before = (_shown(kept[side]) for side in ("now", "to", "from"))
    by = f" ({kept['by']})" if "by" in kept else ""
    reason = f"is {now}{by}; imported {imported}, before {before}"
    return Left(item, reason, kept["pointer"][1:], str(kept.get("at", "")))


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"
