"""Items that a file no longer has: ``--missing archive`` and ``--missing trash``.

An item is missing if it has a key of the kind that the file uses, and no row of the file is about
it.  With ``--source``, it has a reference of that shop.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from vitrine.client import Client, threads_for
from vitrine.errors import RequestRefused, StackError
from vitrine.transfer.identity import RowIdentity
from vitrine.transfer.importer import ImportReport, ItemImporter

ARCHIVE, TRASH = "archive", "trash"
_GONE = 404  # the status for an item that was deleted meanwhile
_DONE = {ARCHIVE: "archived", TRASH: "moved to the trash"}


def check(client: Client, action: str, among: Mapping[str, str]) -> None:
    """Raise ``StackError`` for an action or filters that a service does not have."""
    if among:
        client.get(f"/{client.service}", per=1, **among)
    if action == ARCHIVE and not client.get("/").get("unlisted"):
        raise StackError(f"{client.service} cannot be archived; send --missing {TRASH}.")


def remove_missing(
    importer: ItemImporter, action: str, among: Mapping[str, str], dry_run: bool
) -> None:
    """Archive the items that the files no longer have, or move them to the trash.

    If a row has failed, or there was none, nothing is missing: it may be about any of the items.

    Args:
        importer: The import, which has read all rows.
        action: ``ARCHIVE`` or ``TRASH``.
        among: Filters of a list: only these items may be missing.
        dry_run: Only count them.
    """
    report, client, identity = importer.report, importer.client, importer.identity
    if report.counts["failed"] or not report.counts.total():
        report.is_missing_skipped = True
        return
    missing = list(_missing(client, identity, importer.ids or set(), action, among))
    if dry_run:
        report.missing[_DONE[action]] = len(missing)
        return
    body = None
    if action == ARCHIVE:
        ((field, (value, *_)),) = client.get("/")["unlisted"].items()
        body = {field: value}
    _remove(client, missing, body, report)


def _remove(
    client: Client, ids: Sequence[Any], body: dict[str, Any] | None, report: ImportReport
) -> None:
    """Change each item, or without a body move it to the trash; count those that were there.

    A category goes after its children: the latest items are the first, and those that are refused
    are tried again as long as that helps.
    """
    method, done = ("PATCH", _DONE[ARCHIVE]) if body else ("DELETE", _DONE[TRASH])

    def send(id: Any) -> RequestRefused | None:
        try:
            client.write(method, f"/{client.service}/{id}", body, "*")
        except RequestRefused as error:
            return error
        return None

    left = sorted(ids, key=lambda id: (isinstance(id, str), id), reverse=True)
    helps = True
    with ThreadPoolExecutor(threads_for(client.service)) as pool:
        while left and helps:
            results = zip(left, pool.map(send, left), strict=True)
            refusals = {id: error for id, error in results if error}
            report.missing[done] += len(left) - len(refusals)
            waiting = [id for id, error in refusals.items() if error.status != _GONE]
            helps, left = len(waiting) < len(left), waiting
    for id in left:
        report.counts["failed"] += 1
        report.fail(None, "", f"/{client.service}/{id} stays: {refusals[id]}")


def _missing(
    client: Client,
    identity: RowIdentity,
    present: set[Any],
    action: str,
    among: Mapping[str, str],
) -> Iterator[Any]:
    """Yield the id of each missing item."""
    about = client.get("/")
    unlisted = about.get("unlisted", {}) if action == TRASH else {}
    filters = [
        {},
        *({name: v} for name, values in unlisted.items() for v in values if name not in among),
    ]
    names = ",".join(("id", *identity.used))
    for filter in filters:
        for item in client.items(f"/{client.service}", fields=names, **{**among, **filter}):
            has_key = any(_has_key(item, name, identity) for name in identity.keys)
            if has_key and item["id"] not in present:
                yield item["id"]


def _has_key(item: Mapping[str, Any], name: str, identity: RowIdentity) -> bool:
    """Return True if an item has a key of the kind that the rows have, of the same shop."""
    if name not in identity.used or not item[name]:
        return False
    if not identity.prefix:
        return True
    return name == "external_ref" and str(item[name]).startswith(identity.prefix)
