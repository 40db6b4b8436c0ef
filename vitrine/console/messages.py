"""JSON that the console sends and receives, and the problem documents of its errors."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from shared.http.errors import PROBLEM, ApiError, BadRequest, UnsupportedMediaType, problem_document
from shared.http.responses import JSON_UTF8

MAX_BODY = 10_000  # bytes of a body for the console itself
_SENTENCES = {
    404: "The console has no such address. docs/console_api.md has those that there are.",
    405: "{method} is not allowed for this path. Allowed methods: {allowed}.",
}

log = logging.getLogger("vitrine.console")


def json_response(value: Any, status: int = 200) -> Response:
    """Return a response with a value as JSON, which no cache may keep."""
    body = orjson.dumps(value, default=str, option=orjson.OPT_APPEND_NEWLINE)
    response = Response(body, status, content_type=JSON_UTF8)
    response.headers["Cache-Control"] = "no-store"
    return response


def read_body(fields: Mapping[str, type]) -> dict[str, Any]:
    """Return the body of the request: an object with these fields of these types.

    Raises:
        UnsupportedMediaType: It is not sent as JSON.
        BadRequest: It is another object, or not JSON.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("The body is not JSON. Send Content-Type: application/json.")
    try:
        body = orjson.loads(request.stream.read(MAX_BODY))
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from error
    example = ", ".join(f'"{name}": {kind.__name__}' for name, kind in fields.items())
    is_valid = isinstance(body, dict) and body.keys() == fields.keys()
    # True is an int to Python.
    if not is_valid or any(type(body[name]) is not kind for name, kind in fields.items()):
        raise BadRequest(f"The body must be an object such as {{{example}}}.")
    return dict(body)


def problem(error: Exception) -> Response:
    """Return the answer to an error, without a word about the code."""
    headers: Mapping[str, str] = {}
    errors: list[dict[str, str]] = []
    extra: dict[str, Any] = {}
    if isinstance(error, ApiError):
        status, detail = int(error.status), str(error)
        headers, errors, extra = error.headers, error.errors, error.extra
    elif isinstance(error, HTTPException) and error.code and 400 <= error.code < 500:
        status = error.code
        allowed = error.valid_methods or () if isinstance(error, MethodNotAllowed) else ()
        sentence = _SENTENCES.get(status, f"{HTTPStatus(status).phrase}.")
        detail = sentence.format(method=request.method, allowed=", ".join(sorted(allowed)))
        headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
    else:
        log.error("The console has failed", exc_info=error)
        status, detail = 500, "The console has failed unexpectedly. Its log has the details."
    body = problem_document(status, detail, request.path, g.get("request_id"), errors, extra)
    response = Response(body, status, content_type=PROBLEM)
    response.headers.extend(dict(headers))
    return response
