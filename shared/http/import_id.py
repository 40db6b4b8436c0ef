"""The header ``Import-ID``: names the import that a write is a part of.

The history keeps it with each change, so that the changes of one import can be listed and undone
(``shared.endpoints.imports``).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flask import Flask, has_request_context, request

from shared.http.auth import READING
from shared.http.errors import BadRequest

HEADER = "Import-ID"
UNDO = "undo-"  # the beginning of the id of an undo, before the id of what it undoes
# An undo may be undone, and so on; its id may be so much longer.
PATTERN = rf"({UNDO}){{0,100}}[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}"
_VALID = re.compile(PATTERN)
_of_job: ContextVar[str] = ContextVar("import_id", default="")


def import_id() -> str:
    """Return the import that the current request or job is a part of, or an empty text."""
    return request.headers.get(HEADER, "") if has_request_context() else _of_job.get()


def follows_import() -> bool:
    """Return True in a job that is a part of an import, False in a request."""
    return not has_request_context() and bool(_of_job.get())


@contextmanager
def part_of(id: str) -> Iterator[None]:
    """Make the writes of a job a part of an import, inside of a ``with`` block.

    Args:
        id: The import, which has asked for the job; empty for none.
    """
    before = _of_job.set(id)
    try:
        yield
    finally:
        _of_job.reset(before)


def is_valid(id: str) -> bool:
    """Return True if a text can be the id of an import."""
    return bool(_VALID.fullmatch(id))


def init_app(app: Flask) -> None:
    """Refuse writes with an ``Import-ID`` that is not valid."""
    app.before_request(_check)


def _check() -> None:
    if HEADER in request.headers and request.method not in READING and not is_valid(import_id()):
        raise BadRequest(
            f"{HEADER} is not valid. Send 1 to 100 letters, digits, '.', '_' and '-', the first "
            "one a letter or digit."
        )
