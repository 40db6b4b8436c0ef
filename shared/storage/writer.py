"""Who writes: the mark that every write of ours leaves in a document, for its history.

A change that brings no new mark was made outside of the API.  A copy made by hand has the mark of
what it was copied from, so a mark names the document that it is for.
"""

from typing import Any

from flask import has_app_context

from shared.http import auth
from shared.observability import log_format

# What becomes of a document when it is neither created nor updated.
DELETED, RESTORED, PURGED = "deleted", "restored", "purged"
MAX_NAME = 200


def mark(id: Any, kind: str = "") -> dict[str, Any]:
    """Return ``{"item", "by", "request"}``: the document's id, the principal, the request's id.

    The ``kind`` of the change is told where the change itself does not tell it.
    """
    known = {"item": id, "by": principal(), "request": log_format.request_id() or None}
    return known | ({"kind": kind} if kind else {})


def principal() -> str | None:
    """Return the id of who makes the request, of the service in a job, None outside of both."""
    return auth.caller()[:MAX_NAME] if has_app_context() else None
