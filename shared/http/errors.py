"""Exceptions with an HTTP status, and the problem documents they become (RFC 9457).

ApiError                 500
├── BadRequest           400
├── Unauthorized         401
├── Forbidden            403
├── NotFound             404
├── Conflict             409
│   └── WriteConflict    409, with Retry-After
├── Gone                 410
├── PreconditionFailed   412
├── ContentTooLarge      413
├── UnsupportedMediaType 415
├── Unprocessable        422
├── PreconditionRequired 428
├── TooManyRequests      429
├── NotInstalled         501
└── ServiceUnavailable   503, with Retry-After
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

import orjson

PROBLEM = "application/problem+json; charset=utf-8"
MAX_ERRORS = 20  # wrong values that one problem document names


class ApiError(Exception):
    """Base of all errors that are sent to clients.

    Args:
        detail: The text; by default a summary of the errors.
        errors: One ``{"pointer" | "parameter": place, "message": text}`` for each wrong value.
        extra: More members of the problem document.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, detail: str, errors: list[dict[str, str]] | None = None, **extra: Any):
        super().__init__(detail or summary(errors or []))
        self.errors = errors or []
        self.extra = extra
        self.headers: dict[str, str] = {}


class BadRequest(ApiError):
    """The query string or the JSON of the request is malformed."""

    status = HTTPStatus.BAD_REQUEST

    @classmethod
    def parameter(cls, name: str, text: str) -> "BadRequest":
        """Return the error for one query parameter."""
        return cls.parameters({name: [text]})

    @classmethod
    def parameters(cls, messages: Mapping[str, Iterable[str]]) -> "BadRequest":
        """Return the error for several query parameters, with the messages about each."""
        return cls(
            "",
            [
                {"parameter": name, "message": str(text)}
                for name, texts in messages.items()
                for text in texts
            ],
        )


class Unauthorized(ApiError):
    """The request has no token, or one that is not valid."""

    status = HTTPStatus.UNAUTHORIZED


class Forbidden(ApiError):
    """The caller lacks the scope, or sends from a place that may not."""

    status = HTTPStatus.FORBIDDEN


class NotFound(ApiError):
    """The URL names no resource, or no stored item."""

    status = HTTPStatus.NOT_FOUND


class Conflict(ApiError):
    """The request conflicts with stored documents, such as an SKU that is taken."""

    status = HTTPStatus.CONFLICT


class WriteConflict(Conflict):
    """Other requests write the same documents; the request may succeed a moment later."""

    def __init__(self, detail: str):
        super().__init__(detail)
        self.headers = {"Retry-After": "1"}


class Gone(ApiError):
    """The resource existed, and does not come back."""

    status = HTTPStatus.GONE


class PreconditionFailed(ApiError):
    """The version in ``If-Match`` is not the stored one: another request wrote in between."""

    status = HTTPStatus.PRECONDITION_FAILED


class ContentTooLarge(ApiError):
    """The body or the batch is larger than the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaType(ApiError):
    """The content type of the body is not accepted here."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(ApiError):
    """The body is JSON, but does not fit the schema."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class PreconditionRequired(ApiError):
    """The change needs ``If-Match`` with the version it is for (RFC 6585)."""

    status = HTTPStatus.PRECONDITION_REQUIRED


class TooManyRequests(ApiError):
    """The caller has reached a rate limit (RFC 6585)."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class NotInstalled(ApiError):
    """The request needs a part that this installation lacks; the detail names it."""

    status = HTTPStatus.NOT_IMPLEMENTED


class ServiceUnavailable(ApiError):
    """A server that this service needs is down; the detail names it."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str):
        super().__init__(detail)
        self.headers = {"Retry-After": "1"}


def pointers(messages: Any) -> tuple[list[dict[str, str]], int]:
    """Flatten marshmallow's nested messages into errors with JSON pointers (RFC 6901).

    Returns:
        The first ``MAX_ERRORS`` errors, and the number of all errors.
    """
    found = _flatten(messages, "")
    errors = [{"pointer": at, "message": text} for at, text in itertools.islice(found, MAX_ERRORS)]
    return errors, len(errors) + sum(1 for _ in found)


def _flatten(messages: Any, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            step = str(key).replace("~", "~0").replace("/", "~1")
            # "_schema" is marshmallow's key for messages about the whole object.
            yield from _flatten(inner, at if key == "_schema" else f"{at}/{step}")
    else:
        for text in messages if isinstance(messages, list) else [messages]:
            yield at, str(text)


def problem_document(
    status: int,
    detail: str,
    path: str,
    request_id: str | None,
    errors: list[dict[str, str]] | None = None,
    extra: dict[str, Any] | None = None,
) -> bytes:
    """Return a problem document as JSON.

    Args:
        status: The HTTP status.
        detail: The mistake, and the correct request.
        path: The path of the request.
        request_id: The id of the request.
        errors: One ``{"pointer" | "parameter": place, "message": text}`` for each wrong value.
        extra: More members of the document.
    """
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
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the most similar word, or to omit it."""
    match = get_close_matches(word, list(words), 1, 0.6)
    return f"; did you mean {match[0]}?" if match else "; leave it out."


def summary(errors: list[dict[str, str]], total: int = 0) -> str:
    """Return the first three errors in one line, for readers of the detail alone.

    Args:
        errors: The errors.
        total: The number of all errors, if there are more than these.
    """
    texts = [
        f"{error.get('parameter', error.get('pointer'))}: {error['message']}"
        for error in errors[:3]
    ]
    left = max(total, len(errors)) - 3
    more = f" (and {left} more)" if left > 0 else ""
    return " ".join(texts) + more
