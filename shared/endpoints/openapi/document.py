"""OpenAPI 3.1 document of a service, made from its routes, contracts and schemas.

Paths come from Flask's routes, bodies and responses from ``shared.http.contract``, schemas from
``shared.endpoints.openapi.json_schema``, texts from the docstrings of views and schemas.  Parts
that routes share, such as ``Idempotency-Key`` on every POST, are added here.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
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
from shared.resource import Resource, Visibility

View = Callable[..., Any]

_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_OF_COLLECTION = ("list", "batch")
_OF_ITEM = ("history", "changes")
_UPKEEP, _SERVICE = "upkeep", "service"
_TAGS = [
    {"name": _UPKEEP, "description": "Checks, repairs, and requests between services."},
    {"name": _SERVICE, "description": "The state and the documentation of the service."},
]
_ABOUT = """{0}

Errors are problem documents (RFC 9457). A document that was edited by hand in MongoDB is shown as \
it is, even if it does not fit the schema.

Every path also answers with `/api`, `/v1` or `/api/v1` before it, and with a slash behind it."""


def document(app: Flask) -> Json:
    """Return the OpenAPI document of a service, without the address of a server."""
    resource: Resource = app.extensions["resource"]
    is_open = app.extensions["settings"].auth_mode == "open"
    components = Components(resource)
    paths: dict[str, Json] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        path, steps = parameters.path(rule, resource)
        for verb in _VERBS:
            if verb in (rule.methods or ()):
                view = app.view_functions[rule.endpoint]
                operation = _operation(rule, verb, view, components, is_open)
                operation["parameters"] = [*steps, *operation["parameters"]]
                paths.setdefault(path, {})[verb.lower()] = operation
    parts = {
        "schemas": components.schemas,
        "responses": constants.RESPONSES,
        "parameters": constants.PARAMETERS,
        "headers": constants.HEADERS,
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Vitrine: {resource.name}",
            "version": version("vitrine"),
            "description": _ABOUT.format(_text(type(resource.schema))),
            "contact": {"name": "The authors of Vitrine"},
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": resource.name, "description": f"The {resource.name}."}, *_TAGS],
        "paths": paths,
        "components": {**_used(parts, paths), "securitySchemes": constants.SECURITY},
    }


def _used(parts: Mapping[str, Json], paths: Json) -> dict[str, Json]:
    """Return the components that the paths refer to, directly or by other components."""
    used: dict[str, Json] = {kind: {} for kind in parts}
    found = _references(paths)
    while found:
        kind, name = found.pop()
        if name not in used[kind]:
            part = used[kind][name] = parts[kind][name]
            found |= _references(part)
    return {kind: dict(sorted(named.items())) for kind, named in used.items() if named}


def _references(value: Any) -> set[tuple[str, str]]:
    """Return the kind and the name of each component that a part of the document refers to."""
    if isinstance(value, list):
        return set().union(*map(_references, value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*map(_references, value.values()))
    if isinstance(reference := value.get("$ref"), str):
        _, _, kind, name = reference.split("/")
        found.add((kind, name))
    return found


def _operation(rule: Rule, verb: str, view: View, components: Components, is_open: bool) -> Json:
    declared, resource = contract_of(view), components.resource
    texts = [_text(view)]
    if declared.query == contract.LIST:
        # The docstring of the query names the filters.
        texts.append(_text(type(resource.query)))
    is_exempt = is_public(view)
    scope = required_scope(view, verb, resource.name, resource.public)
    # A client may send a token even where it needs none.
    free: list[Json] = [] if scope and not is_open else [{}]
    needs = f"Needs a token with the scope `{scope}`." if scope else ""
    visibility = resource.visibility
    scopes = [scope] if scope else []
    if visibility and not scope and not is_exempt:
        needs = _seen(visibility, resource, declared.query == contract.LIST)
        scopes = list(visibility.scopes)
    id = _id(rule, verb, resource)
    operation: Json = {
        "operationId": id,
        # Tools name a request by its summary.
        "summary": id.replace("_", " ").capitalize(),
        "description": "\n\n".join(filter(None, (*texts, needs))),
        "tags": [_tag(rule, resource)],
        # Several scopes are alternatives.
        "security": [*free, *({"bearer": [each] if each else []} for each in scopes or [""])],
        "parameters": [
            *map(components.refer, parameters.query(declared, resource)),
            *parameters.headers(declared, verb),
        ],
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


def _seen(visibility: Visibility, resource: Resource, is_list: bool) -> str:
    """Return the text that says which items a reader sees."""
    field, values = visibility.field, [*visibility.public, *visibility.unlisted]
    seen = " or ".join(f"`{value}`" for value in values)
    scopes = " or ".join(f"`{scope}`" for scope in visibility.scopes)
    texts = [f"Without a token with the scope {scopes}, only {resource.name} whose `{field}` is "]
    texts += [f"{seen} exist."]
    if is_list:
        unlisted = " or ".join(f"`{value}`" for value in visibility.unlisted)
        texts += [f" A list has those that are {unlisted} only with `{field}`. To ask for another "]
        texts += [f"`{field}` without such a token is a 401, or a 403 with another token."]
    return "".join(texts)


def _id(rule: Rule, verb: str, resource: Resource) -> str:
    """Return the name of an operation, which no operation of another service has.

    A name of one word, such as ``create``, is completed by the item.
    """
    _, is_of_blueprint, name = rule.endpoint.rpartition(".")
    if name in _OF_COLLECTION:
        return f"{name}_{resource.name}"
    if name == "update" and len(rule.methods or ()) > 2:
        name = verb.lower()  # One view for both, with an OPTIONS from Flask.
    action, _, rest = name.partition("_")
    if is_of_blueprint:
        return name if rest else f"{name}_{resource.item}"
    # A route of every service, such as ``get_health``.
    return f"{action}_{resource.item if rest in _OF_ITEM else resource.name}_{rest}"


def _tag(rule: Rule, resource: Resource) -> str:
    rest = rule.rule.removeprefix(f"/{resource.name}")
    if rest == rule.rule:
        return _SERVICE
    return _UPKEEP if rest.startswith(":") and rest != ":batch" else resource.name


def _text(documented: Any) -> str:
    """Return a docstring as Markdown, each paragraph in one line."""
    paragraphs = (inspect.getdoc(documented) or "").replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


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
        names = [
            "X-Request-ID",
            "Cache-Control",
            *(() if is_exempt else ("RateLimit", "RateLimit-Policy")),
        ]
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
    schemas = [components.schema(shape, Use.COMPUTED) for shape in dict.fromkeys(shapes)]
    content: Json = {}
    if schemas:
        # First, because tools ask for the first one.
        content[contract.JSON] = {"schema": {"anyOf": schemas} if len(schemas) > 1 else schemas[0]}
    return content | {media: {} for answer in answers for media in answer.media}


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
        yield from (409, 422)  # 422 also for a body where none is declared.
    if declared.body:
        yield from (413, 415)
    if "If-Match" in declared.headers:
        yield from (412, 428)
