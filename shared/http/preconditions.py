"""Preconditions of a request: the headers ``If-Match``, ``If-None-Match`` and ``Prefer``.

``If-Match`` and ``If-None-Match`` name the versions that a write is for (RFC 9110), and
``Prefer: count=`` says how the items of a list are counted (RFC 7240).
"""

import json
from collections.abc import Mapping
from typing import Any

from flask import current_app, has_request_context, request
from werkzeug.datastructures import ETags

from shared.config.settings import Settings
from shared.http.errors import BadRequest, PreconditionFailed, PreconditionRequired


def names_versions() -> bool:
    """Return True if ``If-Match`` or ``If-None-Match`` of a write names versions.

    Return False outside of a request.

    Raises:
        BadRequest: ``If-Match`` has no ETag.
        PreconditionRequired: ``If-Match`` is missing, and ``REQUIRE_IF_MATCH`` is on.
    """
    if not has_request_context():
        return False
    if "If-Match" in request.headers and not request.if_match:
        raise BadRequest("If-Match has no ETag. Send the ETag of the item with its double quotes.")
    settings: Settings = current_app.extensions["settings"]
    is_change = request.method in ("PUT", "PATCH", "DELETE")
    if settings.require_if_match and is_change and not (request.if_match or creates_only()):
        raise PreconditionRequired(
            "If-Match is missing. Read the item, and send its ETag in If-Match, or * for any "
            "version."
        )
    if request.if_none_match:
        return True
    return bool(request.if_match) and not request.if_match.star_tag


def creates_only() -> bool:
    """Return True if a write may only create an item: ``If-None-Match: *`` (RFC 9110)."""
    return request.if_none_match.star_tag


def version_matches(current: str) -> bool:
    """Return True if the ``current`` ETag of an item satisfies the headers of the request.

    The part of an ETag after a hyphen is for live fields, which a write does not depend on.
    """
    tag = current.partition("-")[0]
    if request.if_match and not request.if_match.star_tag and tag not in _tags(request.if_match):
        return False
    # If-Match compares strongly and If-None-Match weakly (RFC 9110, 13.1).
    return not (creates_only() or tag in _tags(request.if_none_match, include_weak=True))


def _tags(etags: ETags, include_weak: bool = False) -> set[str]:
    return {str(tag).partition("-")[0] for tag in etags.as_set(include_weak)}


def _conflict(current: str) -> str:
    """Return the detail of a 412 of an item with this ETag."""
    if creates_only():
        return "The item exists already. Read it, then send your change with its ETag in If-Match."
    sent = request.if_match
    if not sent.as_set() and (weak := sent.as_set(include_weak=True)):
        return (
            f'If-Match has the weak ETag W/"{min(weak)[:100]}", and only a strong one names a '
            f'version to change. Read the item again; its strong ETag is "{current}".'
        )
    return (
        "The item has changed since you read it. Read it again, then send your change with its new "
        "ETag in If-Match."
    )


def version_conflict(
    current: str, revision: Any, differing: Mapping[str, Mapping[str, Any]]
) -> PreconditionFailed:
    """Return the error for a write whose version is not the stored one.

    Args:
        current: The ETag of the stored item.
        revision: The revision of the stored item.
        differing: For each field that differs, ``{"stored": value, "sent": value}``.
    """
    errors = [
        {"pointer": f"/{name}", "message": f"The stored value is {_shortened(values['stored'])}."}
        for name, values in differing.items()
    ]
    error = PreconditionFailed(
        _conflict(current),
        errors,
        current_etag=f'"{current}"',
        current_revision=revision,
        differing=differing,
    )
    error.headers["ETag"] = f'"{current}"'
    return error


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 100 else text[:99] + "…"


def applied(prefer: str) -> str:
    """Return the preferences in a ``Prefer`` header that lists honour, in one spelling."""
    count = preferred_count(prefer)
    names = [f"count={count}"] if count else []
    return ", ".join([*names, *(["search=exact"] if prefers_exact_search(prefer) else [])])


def prefers_exact_search(prefer: str) -> bool:
    """Return True if the client wants a search for its very words: ``Prefer: search=exact``."""
    parts = prefer.replace(";", ",").lower().split(",")
    return "search=exact" in map(str.strip, parts)


def preferred_count(prefer: str) -> str:
    """Return the value of ``Prefer: count=``, ``exact`` or ``none``, or an empty text."""
    for part in prefer.replace(";", ",").split(","):
        name, _, value = part.strip().lower().partition("=")
        if name == "count" and value in ("exact", "none"):
            return value
    return ""
