"""What request headers ask for: a version (RFC 9110), a way of counting (RFC 7240)."""

import json
from collections.abc import Mapping
from typing import Any

from flask import current_app, has_request_context, request
from werkzeug.datastructures import ETags

from shared.config.settings import Settings
from shared.http.errors import BadRequest, PreconditionFailed, PreconditionRequired


def asks_for_a_version() -> bool:
    """Whether ``If-Match`` or ``If-None-Match`` of a write names versions.

    Outside of a request nobody asks.  Raise ``BadRequest`` when ``If-Match`` names nothing, and
    ``PreconditionRequired`` when a change is not to be made without it.
    """
    if not has_request_context():
        return False
    if "If-Match" in request.headers and not request.if_match:
        raise BadRequest("If-Match holds no ETag; send it as it was answered, in double quotes.")
    settings: Settings = current_app.extensions["settings"]
    is_change = request.method in ("PUT", "PATCH", "DELETE")
    if settings.require_if_match and is_change and not (request.if_match or creates_only()):
        raise PreconditionRequired(
            "Read it first, and send the ETag of that answer in the header If-Match, or * for "
            "whatever version there is."
        )
    if request.if_none_match:
        return True
    return bool(request.if_match) and not request.if_match.star_tag


def creates_only() -> bool:
    """Whether a write may only make something new: ``If-None-Match: *`` (RFC 9110)."""
    return request.if_none_match.star_tag


def fits(current: str) -> bool:
    """Whether the ``current`` ETag of an item is what the request asks for.

    Behind a hyphen the tag tells of live fields, which no write here depends on.
    """
    tag = current.partition("-")[0]
    if request.if_match and not request.if_match.star_tag and tag not in _tags(request.if_match):
        return False
    return not (creates_only() or tag in _tags(request.if_none_match))


def _tags(named: ETags) -> set[str]:
    return {str(tag).partition("-")[0] for tag in named.as_set()}


def stale(
    current: str, revision: Any, differing: Mapping[str, Mapping[str, Any]]
) -> PreconditionFailed:
    """Return the error for a version that is another: what it is now, and what differs.

    ``differing`` maps fields to ``{"stored": value, "sent": value}``.
    """
    detail = (
        "It exists already; read it, then change it with its ETag in If-Match."
        if creates_only()
        else "It has changed since you read it: read it again, then repeat your change with its "
        "new ETag."
    )
    errors = [
        {"pointer": f"/{name}", "message": f"Is {_said(each['stored'])} now."}
        for name, each in differing.items()
    ]
    error = PreconditionFailed(
        detail,
        errors,
        current_etag=f'"{current}"',
        current_revision=revision,
        differing=differing,
    )
    error.headers["ETag"] = f'"{current}"'
    return error


def _said(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 100 else text[:99] + "…"


def preferred_count(prefer: str) -> str:
    """Return what ``Prefer: count=`` asks for, or nothing (RFC 7240)."""
    for part in prefer.replace(";", ",").split(","):
        name, _, value = part.strip().lower().partition("=")
        if name == "count" and value in ("exact", "none"):
            return value
    return ""
