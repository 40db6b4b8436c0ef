"""Parameters of requests in OpenAPI: path, query string and headers."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import fields
from werkzeug.routing import Rule

from shared.cache.keys import prefixes_of
from shared.endpoints.openapi import constants, json_schema
from shared.endpoints.openapi.constants import Json
from shared.endpoints.openapi.json_schema import Use
from shared.http import auth, contract
from shared.http.contract import Contract
from shared.resource import Resource
from shared.schema.query import Query

_CONVERTED = re.compile(r"<(?:(\w+)(?:\((.*?)\))?:)?(\w+)>")


def path(rule: Rule, resource: Resource) -> tuple[str, list[Json]]:
    """Return the path of a route as OpenAPI writes it, and its parameters."""
    parameters = []
    for kind, options, name in _CONVERTED.findall(rule.rule):
        schema: Json = {"type": "string", "minLength": 1}
        if kind == "int":
            schema = {"type": "integer", "minimum": 0}
        elif kind == "uuid":
            schema = {"type": "string", "format": "uuid"}
        elif kind == "any":
            schema = {"type": "string", "enum": [option.strip() for option in options.split(",")]}
        parameter: Json = {"name": name, "in": "path", "required": True, "schema": schema}
        if name == "ref":
            key = "id or slug" if resource.slug else "id"
            parameter |= {"description": f"The {key} of the {resource.item}.", "example": "1"}
        parameters.append(parameter)
    return _CONVERTED.sub(r"{\3}", rule.rule), parameters


def query(declared: Contract, resource: Resource) -> Iterator[Json]:
    """Yield the parameters of a query string; the text of each names its aliases."""
    asked: Any = resource.query if declared.query == contract.LIST else declared.query or {}
    if isinstance(asked, type):
        asked = asked()
    options = _options(asked if isinstance(asked, Query) else resource.query, resource)
    for key, field in (asked if isinstance(asked, Mapping) else asked.load_fields).items():
        if _has_values(field, options):
            yield _parameter(field.data_key or key, field, options)
    if getattr(asked, "attributes", ""):
        yield constants.ATTRIBUTES


def _options(query: Query, resource: Resource) -> dict[str, Json]:
    """Return the values of parameters that hold names of fields, where there are any."""
    orders = [name for name in ("id", *query.sortable) if "," not in name]
    facets: list[Json] = [{"enum": [*query.countable]}] if query.countable else []
    facets += [{"pattern": r"^attr\.[^,.$\s]+$"}] if query.attributes else []
    return {
        "names": {"enum": [*resource.showable]},
        "keys": {"enum": [*resource.keys]},
        **({"objects": {"enum": [*resource.objects]}} if resource.objects else {}),
        "orders": {"enum": [sign + name for name in orders for sign in ("", "-")]},
        **({"facets": {"anyOf": facets} if len(facets) > 1 else facets[0]} if facets else {}),
        "prefixes": {"pattern": f"^({'|'.join(prefixes_of(resource.name, resource.item))})"},
    }


def _has_values(field: fields.Field[Any], options: Mapping[str, Json]) -> bool:
    named = field.metadata.get("list_of") or field.metadata.get("one_of")
    return not named or named in options


def _parameter(name: str, field: fields.Field[Any], options: Mapping[str, Json]) -> Json:
    schema = json_schema.with_default(json_schema.field_schema(field, Use.REQUEST), field)
    parameter: Json = {"name": name, "in": "query"}
    texts = [schema.pop("description", "")]
    if examples := schema.pop("examples", []):
        parameter["example"] = examples[0]
    if several := field.metadata.get("list_of"):
        items = {"type": "string"} | options[several]
        schema = {"type": "array", "items": items, "minItems": 1}
        parameter |= {"style": "form", "explode": False}
        texts.append("Several values between commas, or the parameter several times.")
    elif one := field.metadata.get("one_of"):
        schema |= options[one]
    if any(texts):
        parameter["description"] = " ".join(filter(None, texts))
    return parameter | {"schema": schema} | ({"required": True} if field.required else {})


def headers(declared: Contract, verb: str) -> Iterator[Json]:
    """Yield references to the request headers that the route honours."""
    names = [*declared.headers]
    names += ["If-None-Match"] if 304 in declared.answers else []
    names += ["Idempotency-Key"] if verb == "POST" else []
    names += ["Import-ID"] if verb not in auth.READING else []
    for name in (*names, "X-Request-ID"):
        yield {"$ref": f"#/components/parameters/{name}"}
