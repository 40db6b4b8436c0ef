"""Holds every answer that a test client gets against the OpenAPI document of its service."""

import json
import re
from functools import cache

from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator
from werkzeug.exceptions import MethodNotAllowed, NotFound

from shared.chain.paths import canonical
from shared.endpoints.openapi.document import document

PROBLEM = {"$ref": "#/components/schemas/Problem"}
PROBLEM_MEDIA = "application/problem+json"
# What any answer of any server may have.
GENERAL = {"Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "Date", "Vary"}
GENERAL |= {"Content-Encoding"}
GENERAL |= {"Content-Disposition", "Last-Modified", "X-Content-Type-Options", "X-Accel-Buffering"}
GENERAL |= {"Content-Security-Policy", "Referrer-Policy"}
GENERAL |= {"Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}

# The text of a parameter names its aliases.
ALIASES, NAME = re.compile(r"Also accepted as [^.]*"), re.compile(r"`(\w+)`")

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
    request, whole = response.request, _document(app)
    if request.method == "OPTIONS":
        return ""
    routes = app.url_map.bind("")
    try:
        rule, _ = routes.match(canonical(request.path), request.method, return_rule=True)
    except NotFound:
        return _wrong_problem(app, response, 404)
    except MethodNotAllowed:
        missing = "" if "Allow" in response.headers else "has no Allow"
        return missing or _wrong_problem(app, response, 405)
    path = re.sub(r"<(?:[^<>:]*:)?(\w+)>", r"{\1}", rule.rule)
    verb = "get" if request.method == "HEAD" else request.method.lower()
    operation = whole["paths"][path][verb]
    found = operation["responses"].get(str(response.status_code))
    if found is None:
        return f"{response.status} is not documented: {response.data[:300]}"
    if "$ref" in found:
        found = whole["components"]["responses"][found["$ref"].rpartition("/")[2]]
    wrong = _wrong_head(response, operation, found)
    if wrong or request.method == "HEAD" or not (checks_bodies and response.is_json):
        return wrong
    if "Content-Encoding" in response.headers:
        return ""  # Tests of compression compare the body with the plain one.
    place = (path, verb, response.status_code, response.mimetype)
    # The document describes whole items; a request may select some of their fields.
    return _misfit(app.name, place, response.json, "fields" in request.args)


def _wrong_head(response, operation, found):
    """Say which header, parameter or media type is not documented, if one is not."""
    if unknown := _titled(response.headers.keys()) - _titled(GENERAL | found["headers"].keys()):
        return f"has the headers {unknown}, which are not documented"
    taken = set()
    for parameter in operation["parameters"]:
        if parameter.get("in") == "query":
            aliases = ALIASES.search(parameter.get("description", ""))
            taken |= {parameter["name"], *NAME.findall(aliases[0] if aliases else "")}
    asked = {
        "attr" if each.startswith(("attr.", "attr[")) else each.removesuffix("[]")
        for each in response.request.args
    }
    if response.status_code < 400 and (unknown := asked - taken):
        return f"takes {unknown}, which is not documented"
    content = found.get("content", {})
    if content and response.mimetype not in content:
        return f"is {response.mimetype}, which is not documented"
    return "has a body, which is not documented" if not content and response.data else ""


def _wrong_problem(app, response, status):
    # Access and rate limits are checked before the item is looked up.
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


def _misfit(service, place, value, is_selection=False):
    """Say where a body does not fit its schema, if it does not."""
    validator = _validator(service, place, is_selection)
    if validator.is_valid(value):
        return ""
    error = next(validator.iter_errors(value))
    where = "".join(f"[{each!r}]" for each in error.instance_path)
    return f"at ${where}: {error.message[:500]}"


@cache
def _validator(service, place, is_selection):
    whole = _closed_document(service, is_selection)
    schema = PROBLEM
    if len(place) > 1:
        path, verb, status, media = place
        found = whole["paths"][path][verb]["responses"][str(status)]
        if "$ref" not in found:
            schema = found["content"][media].get("schema", {})
    return _compiled(service, json.dumps(schema), is_selection)


@cache
def _compiled(service, schema, is_selection):
    """Return the validator of a schema, one for all places that have it: each takes 0.6 MB."""
    components = _closed_document(service, is_selection)["components"]
    whole = {**json.loads(schema), "components": components}
    return Draft202012Validator(whole, validate_formats=False)


@cache
def _closed_document(service, is_selection):
    """Return the document of a service whose objects have no members but those it names."""
    whole = _documents[service]
    return _closed(without_required(whole) if is_selection else whole)


def forget_validators():
    """Make the validators again from the documents, which a test has changed."""
    _validator.cache_clear()
    _compiled.cache_clear()
    _closed_document.cache_clear()


def without_required(document):
    """Return a document in which the objects of responses may lack any member."""
    if isinstance(document, list):
        return [without_required(each) for each in document]
    if not isinstance(document, dict):
        return document
    return {
        name: without_required(each)
        for name, each in document.items()
        if not (name == "required" and isinstance(each, list))
    }


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
