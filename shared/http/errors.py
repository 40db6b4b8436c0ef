"""Errors a client is told about, and the one place they become responses (RFC 9457).

* ApiError
  - BadRequest 400, Unauthorized 401, Forbidden 403, NotFound 404, Conflict 409 (Crowded)
  - Gone 410, Stale 412, ContentTooLarge 413, Unsupported 415, Unprocessable 422
  - PreconditionRequired 428, TooMany 429, Unequipped 501, Unavailable 503
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

import orjson

PROBLEM = "application/problem+json; charset=utf-8"


class ApiError(Exception):
    """Base of the errors above: a status, a detail, and what exactly is wrong where.

    ``errors`` is a list of ``{"pointer" | "parameter": place, "message": text}``; ``extra`` are
    members added to the problem document.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, detail: str, errors: list[dict[str, str]] | None = None, **extra: Any):
        super().__init__(detail or summary(errors or []))
        self.errors = errors or []
        self.extra = extra
        self.headers: dict[str, str] = {}


class BadRequest(ApiError):
    """The request cannot be understood: its query string or its JSON is malformed."""

    status = HTTPStatus.BAD_REQUEST

    @classmethod
    def parameter(cls, name: str, text: str) -> "BadRequest":
        """Return the error that says what is wrong with one query parameter."""
        return cls.parameters({name: [text]})

    @classmethod
    def parameters(cls, messages: Mapping[str, Iterable[str]]) -> "BadRequest":
        """Return the error that says what is wrong with several query parameters."""
        return cls(
            "",
            [
                {"parameter": name, "message": str(message)}
                for name, texts in messages.items()
                for message in texts
            ],
        )


class Unauthorized(ApiError):
    """Nobody is known to make this request: it has no token, or one that is not taken."""

    status = HTTPStatus.UNAUTHORIZED


class Forbidden(ApiError):
    """Whoever makes this request may not."""

    status = HTTPStatus.FORBIDDEN


class NotFound(ApiError):
    """Nothing lives at this address."""

    status = HTTPStatus.NOT_FOUND


class Conflict(ApiError):
    """The request clashes with what is stored, such as a taken SKU."""

    status = HTTPStatus.CONFLICT


class WriteConflict(Conflict):
    """Too many others write the same at once; the same request may succeed a moment later."""

    def __init__(self, detail: str):
        super().__init__(detail)
        self.headers = {"Retry-After": "1"}


class Gone(ApiError):
    """What was asked for was here once, and will not be again."""

    status = HTTPStatus.GONE


class PreconditionFailed(ApiError):
    """The ``If-Match`` version is not the stored one: somebody wrote in between."""

    status = HTTPStatus.PRECONDITION_FAILED


class ContentTooLarge(ApiError):
    """The body or the batch has more than is taken at once."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaType(ApiError):
    """The body has a content type that is not taken here."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(ApiError):
    """The body is JSON, but not what the schema asks for."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class PreconditionRequired(ApiError):
    """A change is not made without the version it is for (RFC 6585)."""

    status = HTTPStatus.PRECONDITION_REQUIRED


class TooManyRequests(ApiError):
    """Whoever makes this request has made all they may for now (RFC 6585)."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class NotInstalled(ApiError):
    """This installation lacks what the request needs; the detail names it."""

    status = HTTPStatus.NOT_IMPLEMENTED


class ServiceUnavailable(ApiError):
    """Something this service needs is down; the detail names it."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str):
        super().__init__(detail)
        self.headers = {"Retry-After": "1"}


def pointers(messages: Any, at: str = "") -> list[dict[str, str]]:
    """Flatten marshmallow's nested messages into errors with JSON pointers (RFC 6901)."""
    if isinstance(messages, dict):
        found: list[dict[str, str]] = []
        for key, inner in messages.items():
            step = str(key).replace("~", "~0").replace("/", "~1")
            # marshmallow files what concerns a whole object under "_schema".
            found += pointers(inner, at if key == "_schema" else f"{at}/{step}")
        return found
    each = messages if isinstance(messages, list) else [messages]
    return [{"pointer": at, "message": str(message)} for message in each]


def problem_document(
    status: int,
    detail: str,
    path: str,
    request_id: str | None,
    errors: list[dict[str, str]] | None = None,
    extra: dict[str, Any] | None = None,
) -> bytes:
    """Return one problem document."""
    phrase = HTTPStatus(status).phrase
    body: dict[str, Any] = {
        "type": f"urn:vitrine:problem:{phrase.lower().replace(' ', '-')}",
        "title": phrase,
        "status": int(status),
        "detail": detail,
        "instance": path,
        "request_id": request_id,
    }
    if errors:
        body["errors"] = errors
    body |= extra or {}
    return orjson.dumps(body)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the end of a sentence: "; did you mean x?" for the word most like this one, or "."."""
    match = get_close_matches(word, list(words), 1, 0.6)
    return f"; did you mean {match[0]}?" if match else "."


def summary(errors: list[dict[str, str]]) -> str:
    """Return the first few errors in one line, for people who read only the detail."""
    places = [
        f"{each.get('parameter', each.get('pointer'))}: {each['message']}" for each in errors[:3]
    ]
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return " ".join(places) + more
