"""What request headers ask for: a version (RFC 9110), a way of counting (RFC 7240)."""

from typing import Any

from flask import has_request_context, request

from shared.errors import BadRequest, Stale


def asks_for_a_version() -> bool:
    """Whether ``If-Match`` names versions; raise ``BadRequest`` when it names nothing.

    Outside of a request nobody asks.
    """
    if not has_request_context():
        return False
    if "If-Match" in request.headers and not request.if_match:
        raise BadRequest("If-Match holds no ETag; send it as it was answered, in double quotes.")
    return bool(request.if_match) and not request.if_match.star_tag


def check_match(current: str, revision: Any) -> None:
    """Raise ``Stale`` unless ``If-Match`` names the ``current`` ETag of an item.

    Behind a hyphen the tag tells of live fields, which no write here depends on.
    """
    named = {str(tag).partition("-")[0] for tag in request.if_match.as_set()}
    if current.partition("-")[0] in named:
        return
    stale = Stale(
        "It has changed since you read it: read it again, then repeat your change with its new "
        "ETag.",
        current_etag=f'"{current}"',
        current_revision=revision,
    )
    stale.headers["ETag"] = f'"{current}"'
    raise stale


def preferred_count(prefer: str) -> str:
    """Return what ``Prefer: count=`` asks for, or nothing (RFC 7240)."""
    for part in prefer.replace(";", ",").split(","):
        name, _, value = part.strip().lower().partition("=")
        if name == "count" and value in ("exact", "none"):
            return value
    return ""
