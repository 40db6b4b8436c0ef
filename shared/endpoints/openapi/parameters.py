"""What requests carry besides a body, as OpenAPI tells it: path, query string and headers."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import fields
from werkzeug.routing import Rule

from shared.cache.keys import prefixes_of
from shared.endpoints.openapi import constants, json_schema
from shared.endpoints.openapi.constants import Json
from shared.endpoints.openapi.json_schema import Way
from shared.http import contract
from shared.http.contract import Contract
from shared.resource import Resource
from shared.schema.query import Query

_CONVERTED = re.compile(r"<(?:(\w+)(?:\((.*?)\))?:)?(\w+)>")


def path(rule: Rule, resource: Resource) -> tuple[str, list[Json]]:
    """Return the path of a route as OpenAPI writes it, and its parameters."""
    found = []
    for kind, options, name in _CONVERTED.findall(rule.rule):
        schema: Json = {"type": "string", "minLength": 1}
        if kind == "int":
            schema = {"type": "integer", "minimum": 0}
        elif kind == "uuid":
            schema = {"type": "string", "format": "uuid"}
        elif kind == "any":
            schema = {"type": "string", "enum": [each.strip() for each in options.split(",")]}
        told: Json = {"name": name, "in": "path", "required": True, "schema": schema}
        if name == "ref":
            what = "id or slug" if resource.slug else "id"
            told |= {"description": f"The {what} of the {resource.item}.", "example": "1"}
        found.append(told)
    return _CONVERTED.sub(r"{\3}", rule.rule), found


def query(declared: Contract, resource: Resource) -> Iterator[Json]:
    """Yield the parameters of a query string; other names of one are told as deprecated."""
    asked: Any = resource.query if declared.query == contract.LIST else declared.query or {}
    if isinstance(asked, type):
        asked = asked()
    options = _options(asked if isinstance(asked, Query) else resource.query, resource)
    for key, field in (asked if isinstance(asked, Mapping) else asked.load_fields).items():
        name = field.data_key or key
        told = _parameter(name, field, options)
        yield told
        for alias in field.metadata.get("aliases", ()):
            yield told | {"name": alias, "deprecated": True, "description": f"As `{name}`."}
    if getattr(asked, "attributes", ""):
        yield constants.ATTRIBUTES


def _options(query: Query, resource: Resource) -> dict[str, Json]:
    """Return what parameters may hold that hold names of fields."""
    orders = [each for each in ("id", *query.sortable) if "," not in each]
    facets: list[Json] = [{"enum": [*query.countable]}] if query.countable else []
    facets += [{"pattern": r"^attr\.[^,.$\s]+$"}] if query.attributes else []
    return {
        "names": {"enum": [*resource.names]},
        "keys": {"enum": [*resource.keys]},
        "orders": {"enum": [sign + each for each in orders for sign in ("", "-")]},
        "facets": {"anyOf": facets} if facets else {"not": {}},
        "prefixes": {"pattern": f"^({'|'.join(prefixes_of(resource.name, resource.item))})"},
    }


def _parameter(name: str, field: fields.Field[Any], options: Mapping[str, Json]) -> Json:
    schema = json_schema.shape(field, Way.SENT)
    told: Json = {"name": name, "in": "query"}
    texts = [schema.pop("description", "")]
    if "default" in schema:
        # Were it told as such, those who try a request out would send it along every time.
        texts.append(f"`{schema.pop('default')}` when left out.")
    if any(texts):
        told["description"] = " ".join(filter(None, texts))
    if examples := schema.pop("examples", []):
        told["example"] = examples[0]
    if several := field.metadata.get("list_of"):
        items = {"type": "string"} | options[several]
        schema = {"type": "array", "items": items, "minItems": 1}
        told |= {"style": "form", "explode": False}
    elif one := field.metadata.get("one_of"):
        schema |= options[one]
    return told | {"schema": schema} | ({"required": True} if field.required else {})


def headers(declared: Contract, verb: str) -> Iterator[Json]:
    """Yield references to the headers that are heeded."""
    names = [*declared.headers]
    names += ["If-None-Match"] if 304 in declared.answers else []
    names += ["Idempotency-Key"] if verb == "POST" else []
    for name in (*names, "X-Request-ID"):
        yield {"$ref": f"#/components/parameters/{name}"}
