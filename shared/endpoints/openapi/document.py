"""OpenAPI 3.1 document of a service, made from its routes, contracts and schemas.

Paths come from Flask's routes, bodies and responses from ``shared.http.contract``, schemas from
``shared.endpoints.openapi.json_schema``, texts from the docstrings of views and schemas.  Parts
that routes share, such as ``Idempotency-Key`` on every POST, are added here.
"""

import inspect
from collections.abc import Callable, Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from shared.endpoints.openapi import constants, parameters
from shared.endpoints.openapi.components import Components
from shared.endpoints.openapi.constants import Json
from shared.endpoints.openapi.json_schema import Use
from shared.http import contract
from shared.http.auth import is_public, required_scope
from shared.http.contract import Answer, Body, Contract, contract_of
from shared.resource import Resource

View = Callable[..., Any]

_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_STANDARD = ("get", "create", "update", "delete", "restore")
_UPKEEP, _SERVICE = "upkeep", "service"
_TAGS = [
    {"name": _UPKEEP, "description": "Checks, repairs, and requests between services."},
    {"name": _SERVICE, "description": "The state and the documentation of the service."},
]
_ABOUT = """{0}.

Errors are problem documents (RFC 9457). A document that was edited by hand in MongoDB is shown as \
it is, even if it does not fit the schema.

Every path also answers with `/api`, `/v1` or `/api/v1` before it, and with a slash behind it."""


def document(app: Flask) -> Json:
    """Return the OpenAPI document of a service."""
    resource: Resource = app.extensions["resource"]
    components = Components(resource)
    paths: dict[str, Json] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        path, steps = parameters.path(rule, resource)
        for verb in _VERBS:
            if verb in (rule.methods or ()):
                operation = _operation(rule, verb, app.view_functions[rule.endpoint], components)
                operation["parameters"] = [*steps, *operation["parameters"]]
                paths.setdefault(path, {})[verb.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Vitrine: {resource.name}",
            "version": version("vitrine"),
            "description": _ABOUT.format(_words(type(resource.schema))[0]),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": resource.name}, *_TAGS],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.schemas.items())),
            "responses": constants.RESPONSES,
            "parameters": constants.PARAMETERS,
            "headers": constants.HEADERS,
            "securitySchemes": constants.SECURITY,
        },
    }


def _operation(rule: Rule, verb: str, view: View, components: Components) -> Json:
    declared, resource = contract_of(view), components.resource
    summary, description = _words(view)
    if declared.query == contract.LIST:
        # The docstring of the query names the filters.
        description = f"{description}\n\n{_words(type(resource.query))[0]}.".strip()
    is_exempt = is_public(view)
    scope = required_scope(view, verb, resource.name, resource.public)
    # A client may send a token even for a public read.
    free: list[Json] = [] if scope else [{}]
    needs = f"Needs a token with the scope `{scope}`." if scope else ""
    operation: Json = {
        "operationId": _id(rule, verb, resource),
        "summary": summary,
        "description": "\n\n".join(filter(None, (description, needs))),
        "tags": [_tag(rule, resource)],
        "security": [*free, {"bearer": [scope] if scope else []}],
        "parameters": [*parameters.query(declared, resource), *parameters.headers(declared, verb)],
        "responses": _answers(declared, verb, is_exempt, components)
        | {
            str(status): {"$ref": f"#/components/responses/{constants.response_name(status)}"}
            for status in sorted(_errors(rule, verb, declared, is_exempt))
            if status not in declared.answers
        },
    }
    if declared.body:
        operation["requestBody"] = _body(declared.body, components)
    return operation


def _id(rule: Rule, verb: str, resource: Resource) -> str:
    name = rule.endpoint.rpartition(".")[2]
    if name in ("list", "batch"):
        return f"{name}_{resource.name}"
    if name == "update" and len(rule.methods or ()) > 2:
        name = verb.lower()  # One view for both, with an OPTIONS from Flask.
        return f"{name}_{resource.item}"
    return f"{name}_{resource.item}" if name in _STANDARD else name


def _tag(rule: Rule, resource: Resource) -> str:
    rest = rule.rule.removeprefix(f"/{resource.name}")
    if rest == rule.rule:
        return _SERVICE
    return _UPKEEP if rest.startswith(":") and rest != ":batch" else resource.name


def _words(documented: Any) -> tuple[str, str]:
    """Return the first sentence of a docstring as plain text, and the rest as Markdown."""
    text = (inspect.getdoc(documented) or "").replace("``", "`")
    first, _, rest = text.partition("\n\n")
    summary, _, more = " ".join(first.split()).partition(". ")
    return summary.removesuffix(".").replace("`", ""), "\n\n".join(filter(None, (more, rest)))


def _body(body: Body, components: Components) -> Json:
    content: Json = {}
    for media in body.media:
        if media == contract.FORM:
            content[media] = {"schema": components.form(body.shape)}
            continue
        content[media] = {"schema": components.schema(body.shape, Use.REQUEST)}
        if example := components.example(body.shape):
            content[media]["example"] = example
    return {"content": content, "required": not body.optional}


def _answers(declared: Contract, verb: str, is_exempt: bool, components: Components) -> Json:
    responses: Json = {}
    for status, answers in sorted(declared.answers.items()):
        if status == 201 and verb == "PATCH":
            continue  # Only the PUT of a view for both creates items.
        names = ["X-Request-ID", *(() if is_exempt else ("RateLimit", "RateLimit-Policy"))]
        names += ["Idempotency-Replayed"] if verb == "POST" else []
        names += [header for answer in answers for header in answer.headers]
        content = _content(answers, components)
        names += ["ETag"] if status == 304 or contract.JSON in content else []
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "headers": constants.header_references(tuple(dict.fromkeys(names))),
            **({"content": content} if content else {}),
        }
    return responses


def _content(answers: tuple[Answer, ...], components: Components) -> Json:
    """Return the media types of the responses with one status, and the schemas of JSON."""
    shapes = [answer.shape for answer in answers if answer.shape is not None]
    schemas = [components.schema(shape, Use.COMPUTED) for shape in shapes]
    content: Json = {media: {} for answer in answers for media in answer.media}
    if schemas:
        content[contract.JSON] = {"schema": {"anyOf": schemas} if len(schemas) > 1 else schemas[0]}
    return content


def _errors(rule: Rule, verb: str, declared: Contract, is_exempt: bool) -> Iterator[int]:
    """Yield the status codes of the errors of a request."""
    yield from declared.errors
    if is_exempt:
        yield from (403, 500)
        return
    yield from (400, 401, 403, 429, 500, 503)
    if rule.arguments:
        yield 404
    if verb != "GET":
        yield 409
    if declared.body:
        yield from (413, 415, 422)
    if verb == "POST":
        yield 422  # The Idempotency-Key was used for another request.
    if "If-Match" in declared.headers:
        yield from (412, 428)
