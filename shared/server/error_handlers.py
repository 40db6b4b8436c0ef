"""Handlers that turn every exception of a request into a problem document (RFC 9457)."""

import logging
from traceback import walk_tb
from typing import Any

from flask import Flask, Response, current_app, g, request
from marshmallow import ValidationError
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as RoutingNotFound

from shared.cache.redis_topology import REDIS_ERRORS
from shared.http.errors import (
    PROBLEM,
    ApiError,
    ServiceUnavailable,
    WriteConflict,
    pointers,
    problem_document,
    summary,
)
from shared.observability import sentry
from shared.storage.connections import is_outage

log = logging.getLogger(__name__)


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


def problem(
    status: int,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    extra: dict[str, Any] | None = None,
) -> Response:
    """Answer with a problem document."""
    body = problem_document(status, detail, request.path, g.get("request_id"), errors, extra)
    return Response(body, status, content_type=PROBLEM)
