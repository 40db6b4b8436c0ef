"""Holds every answer that a test client gets against the OpenAPI document of its service."""

import re
from functools import cache
from http import HTTPStatus

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.exceptions import MethodNotAllowed, NotFound

from shared.front import canonical
from shared.openapi import document

PROBLEM = {"$ref": "#/components/schemas/Problem"}
PROBLEM_MEDIA = "application/problem+json"
# What any answer of any server may have.
GENERAL = {"Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Date", "Vary"}
GENERAL |= {"Content-Disposition", "Last-Modified", "X-Content-Type-Options", "X-Accel-Buffering"}
GENERAL |= {"Content-Security-Policy", "Referrer-Policy"}
GENERAL |= {"Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}

_documents = {}


class CheckedClient(FlaskClient):
    """A client that fails for an answer that the document does not promise."""

    checks_bodies = True

    def open(self, *args, **kwargs):
        response = super().open(*args, **kwargs)
        wrong = _wrong(self.application, response, self.checks_bodies)
        asked = response.request
        assert not wrong, f"{asked.method} {asked.full_path} {response.status_code}: {wrong}"
        return response


class LenientClient(CheckedClient):
    """One that lets bodies be anything, for documents that were put into MongoDB by hand."""

    checks_bodies = False


def _wrong(app, response, checks_bodies):
    """Say what is not as the document of an app says, if anything."""
    request, status = response.request, response.status_code
    if request.method == "OPTIONS":
        return ""
    whole = _document(app)
    try:
        rule, _ = app.url_map.bind("").match(
            canonical(request.path), request.method, return_rule=True
        )
    except NotFound:
        return _wrong_problem(app, response, 404)
    except MethodNotAllowed:
        return _wrong_problem(app, response, 405) or (
            "" if "Allow" in response.headers else "has no Allow"
        )
    path = re.sub(r"<(?:[^<>:]*:)?(\w+)>", r"{\1}", rule.rule)
    verb = "get" if request.method == "HEAD" else request.method.lower()
    operation = whole["paths"][path][verb]
    found = operation["responses"].get(str(status))
    if found is None:
        return f"{HTTPStatus(status).phrase} is not documented: {response.data[:300]}"
    if "$ref" in found:
        found = whole["components"]["responses"][found["$ref"].rpartition("/")[2]]
    known = _titled(GENERAL | found["headers"].keys())
    if unknown := _titled(response.headers.keys()) - known:
        return f"has the headers {unknown}, which are not documented"
    if status < 400 and (unknown := set(request.args) - _parameters(whole, operation)):
        return f"takes {unknown}, which is not documented"
    if request.method == "HEAD" or status in (204, 304):
        return ""
    content = found.get("content", {})
    if not content:
        return ""
    if response.mimetype not in content:
        return f"is {response.mimetype}, which is not documented"
    if not checks_bodies or not response.is_json:
        return ""
    return _misfit(app.name, (path, verb, status, response.mimetype), response.json)


def _wrong_problem(app, response, status):
    # Whoever may not ask, or not any more, is told so before it is looked up.
    if response.status_code not in (status, 401, 403, 429):
        return f"should be {status}"
    if response.request.method == "HEAD":
        return ""
    return _misfit(app.name, (status,), response.json)


def _document(app):
    """Return the document of an app, made once for all apps of a service."""
    if app.name not in _documents:
        _documents[app.name] = document(app)
    return _documents[app.name]


def _titled(names):
    return {name.title() for name in names}


def _parameters(whole, operation):
    known = {each["name"] for each in operation["parameters"] if each.get("in") == "query"}
    return _Prefixed(known) if "attr" in known else known


class _Prefixed(set):
    """Names, and all that begin with ``attr.``."""

    def __rsub__(self, names):
        return {name for name in names if name not in self and not name.startswith("attr.")}


def _misfit(service, place, value):
    """Say where a body does not fit its schema, if it does not."""
    error = next(_validator(service, place).iter_errors(value), None)
    return f"at {error.json_path}: {error.message[:500]}" if error else ""


@cache
def _validator(service, place):
    whole = _documents[service]
    schema = PROBLEM
    if len(place) > 1:
        path, verb, status, media = place
        found = whole["paths"][path][verb]["responses"][str(status)]
        if "$ref" not in found:
            schema = found["content"][media].get("schema", {})
    return Draft202012Validator({**_closed(schema), "components": _closed(whole["components"])})


def _closed(schema):
    """Return a schema whose objects have no members but those it names."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed
