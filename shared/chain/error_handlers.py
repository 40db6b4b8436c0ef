"""Handlers that turn every exception of a request into a problem document (RFC 9457)."""

import logging
from typing import Any

from flask import Flask, Response, current_app, request
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
from shared.http.request_state import state
from shared.observability import sentry
from shared.storage.outages import MONGODB_IS_DOWN, is_ended, is_outage

log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Answer every exception of a request with a problem document."""
    app.before_request(_raise_earlier_error)
    app.register_error_handler(ApiError, answer)
    app.register_error_handler(ValidationError, _answer_validation_error)
    app.register_error_handler(PyMongoError, _answer_mongo_error)
    for kind in REDIS_ERRORS:
        app.register_error_handler(kind, _answer_redis_error)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_unexpected)


def _raise_earlier_error() -> None:
    """Raise the error with which a cached read has failed before Flask."""
    current = state()
    error, current.error = current.error, None
    if error:
        raise error


def answer(error: ApiError) -> Response:
    """Return the problem document of an error as a response, with the headers of the error."""
    response = problem(error.status, str(error), error.errors, error.extra)
    response.headers.update(error.headers)
    return response


def _answer_validation_error(error: ValidationError) -> Response:
    errors, total = pointers(error.messages)
    return problem(422, f"The body does not fit the schema. {summary(errors, total)}", errors)


def _answer_mongo_error(error: PyMongoError) -> Response:
    if error.has_error_label("TransientTransactionError") and error.timeout:
        return answer(
            ServiceUnavailable("Too many requests are writing the same. Send the request again.")
        )
    if is_ended(error):
        log.error("MongoDB has ended a query at its time limit")
        return answer(ServiceUnavailable("MongoDB takes too long. Send the request later."))
    if is_outage(error):
        log.error("MongoDB cannot be reached: %s", str(error).partition(",")[0])
        return answer(ServiceUnavailable(MONGODB_IS_DOWN))
    if isinstance(error, (DuplicateKeyError, BulkWriteError)):
        return answer(WriteConflict("Other requests are writing the same values. Send it again."))
    return _answer_unexpected(error)


def _answer_redis_error(error: Exception) -> Response:
    log.error("Redis cannot be reached: %s", error)
    return answer(ServiceUnavailable("Redis cannot be reached. Send the request later."))


def _answer_http_error(error: HTTPException) -> Response:
    detail = error.description or ""
    if isinstance(error, RoutingNotFound):
        collection = current_app.name.removeprefix("api_")
        detail = f"There is no route {request.path[:100]}. This service serves /{collection}."
    elif isinstance(error, MethodNotAllowed):
        methods = ", ".join(sorted(error.valid_methods or ()))
        detail = f"{request.method} is not allowed for this path. Allowed methods: {methods}."
    elif isinstance(error, RequestEntityTooLarge):
        most = request.max_content_length or 0
        detail = f"The body is larger than {most / 1e6:g} MB. Send a smaller one."
        if 0 < (request.content_length or 0) <= most:
            detail = "The form has too many parts, or a text that is too long. Send files alone."
    response = problem(error.code or 500, detail)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _answer_unexpected(error: Exception) -> Response:
    log.exception("%s %s failed", request.method, request.path, exc_info=error)
    rule = request.url_rule.rule if request.url_rule else ""
    facts = {"method": request.method, "url": request.path}
    sentry.report(error, f"{request.method} {rule}", facts)
    return problem(500, "The service has failed unexpectedly. Its log has the details.")


def problem(
    status: int,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    extra: dict[str, Any] | None = None,
) -> Response:
    """Return a problem document as a response.

    Args:
        status: The HTTP status.
        detail: What is wrong, and what to send.
        errors: The wrong values, each with its place.
        extra: More members of the document.
    """
    body = problem_document(status, detail, request.path, state().id, errors, extra)
    return Response(body, status, content_type=PROBLEM)
