"""Errors a client is told about, and the one place they become responses (RFC 9457).

* ApiError
  - BadRequest 400, Unauthorized 401, Forbidden 403, NotFound 404, Conflict 409 (Crowded)
  - Gone 410, Stale 412, ContentTooLarge 413, Unsupported 415, Unprocessable 422
  - PreconditionRequired 428, TooMany 429, Unequipped 501, Unavailable 503
"""

import logging
from collections.abc import Iterable
from difflib import get_close_matches
from http import HTTPStatus
from traceback import walk_tb
from typing import Any

import orjson
from flask import Flask, Response, current_app, g, request
from marshmallow import ValidationError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    PyMongoError,
)
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as RoutingNotFound

from shared.cache.redis_topology import REDIS_ERRORS
from shared.observability import sentry

log = logging.getLogger(__name__)

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


def problem(
    status: int,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    extra: dict[str, Any] | None = None,
) -> Response:
    """Answer with one problem document."""
    body = document(status, detail, request.path, g.get("request_id"), errors, extra)
    return Response(body, status, content_type=PROBLEM)


def document(
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


def is_outage(error: BaseException | None) -> bool:
    """Whether an error says no more than that a server is down or too slow, which passes."""
    if isinstance(error, PyMongoError):
        return isinstance(error, ConnectionFailure) or error.timeout
    return isinstance(error, (ServiceUnavailable, *REDIS_ERRORS))


def summary(errors: list[dict[str, str]]) -> str:
    """Return the first few errors in one line, for people who read only the detail."""
    places = [
        f"{each.get('parameter', each.get('pointer'))}: {each['message']}" for each in errors[:3]
    ]
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return " ".join(places) + more


def init_app(app: Flask) -> None:
    """Answer every failure with a problem document, whatever raised it."""
    app.register_error_handler(ApiError, answer)
    app.register_error_handler(ValidationError, _invalid_body)
    app.register_error_handler(PyMongoError, _database_failed)
    for kind in REDIS_ERRORS:
        app.register_error_handler(kind, _redis_failed)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def answer(error: ApiError) -> Response:
    """Answer with the problem document of an error."""
    response = problem(error.status, str(error), error.errors, error.extra)
    response.headers.update(error.headers)
    return response


def _invalid_body(error: ValidationError) -> Response:
    errors = pointers(error.messages)
    return problem(422, f"The body does not fit the schema. {summary(errors)}", errors)


def _database_failed(error: PyMongoError) -> Response:
    if isinstance(error, (DuplicateKeyError, BulkWriteError)):
        return answer(WriteConflict("Others are writing the same values at once; try again."))
    if error.has_error_label("TransientTransactionError") and error.timeout:
        return answer(
            ServiceUnavailable("Too many others are writing the same at once; try again.")
        )
    if is_outage(error):
        log.error("MongoDB cannot be reached: %s", str(error).partition(",")[0])
        return answer(ServiceUnavailable("MongoDB cannot be reached; try again shortly."))
    return _unexpected(error)


def _redis_failed(error: Exception) -> Response:
    log.error("Redis cannot be reached: %s", error)
    return answer(ServiceUnavailable("Redis cannot be reached; try again shortly."))


def _http_error(error: HTTPException) -> Response:
    detail = error.description or ""
    if isinstance(error, RoutingNotFound):
        served = current_app.name.removeprefix("api_")
        detail = f"Nothing is served at {request.path[:100]}; this service serves /{served}."
    elif isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        detail = f"{request.method} is not allowed here, only {allowed}."
    elif isinstance(error, RequestEntityTooLarge):
        detail = f"The body is larger than {(request.max_content_length or 0) / 1e6:g} MB."
    response = problem(error.code or 500, detail)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    if _is_from_gunicorn(error):
        return problem(400, f"The body cannot be read: {error}.")
    log.exception("%s %s failed", request.method, request.path, exc_info=error)
    rule = request.url_rule.rule if request.url_rule else ""
    asked = {"method": request.method, "url": request.path}
    sentry.report(error, f"{request.method} {rule}", asked)
    return problem(500, "Something went wrong on our side; the log has the details.")


def _is_from_gunicorn(error: Exception) -> bool:
    """Whether a body broke off, or came in chunks that are none: not only its own errors say so."""
    *_, (last, _) = walk_tb(error.__traceback__)
    return str(last.f_globals["__name__"]).startswith("gunicorn.http")
