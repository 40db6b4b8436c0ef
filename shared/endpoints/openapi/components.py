"""The named schemas of an OpenAPI document: those of a resource, and those that routes declare."""

import inspect
from typing import Any

from marshmallow import Schema, fields

from shared.endpoints.openapi import constants, json_schema
from shared.endpoints.openapi.constants import Json
from shared.endpoints.openapi.json_schema import Way
from shared.http import contract
from shared.http.contract import Batch, Shape
from shared.resource import Resource
from shared.resource.page_response import PageSchema


class Components:
    """The schemas that were needed so far, by name."""

    def __init__(self, resource: Resource):
        self.resource = resource
        self.schemas: dict[str, Json] = {"Problem": constants.PROBLEM}

    def schema(self, shape: Shape, way: Way) -> Json:
        """Return the schema of a shape, or a reference to it where it has a name."""
        if isinstance(shape, Batch):
            many = {"type": "array", "items": self.schema(shape.of, way), "maxItems": 1000}
            whole = {"type": "object", "properties": {"items": many}, "required": ["items"]}
            return {"anyOf": [many, whole]}
        if isinstance(shape, fields.Field):
            return json_schema.shape(shape, way)
        if isinstance(shape, str):
            return self._own(shape)
        name = shape.__name__.strip("_").removesuffix("Schema")
        schema = shape()
        sent = way is Way.SENT
        rules = json_schema.sent(schema, True) if sent else json_schema.given(schema, way)
        return self._named(name, rules, shape)

    def form(self, shape: Shape) -> Json:
        """Return the schema of a form: pictures, and the fields of an item where it has some."""
        rules = self.resource.schema if shape == contract.NEW else Schema()
        known = json_schema.sent(rules, False)["properties"]
        picture = {"type": "string", "format": "binary"}
        least = 0 if known else 1
        pictures = {"type": "array", "items": picture, "minItems": least, "maxItems": 10}
        taken = {name: each for name, each in known.items() if not each.get("readOnly")}
        return {
            "type": "object",
            "properties": {**taken, "image": pictures},
            "required": [] if known else ["image"],
        }

    def example(self, shape: Shape) -> Any:
        """Return what may be sent, made of the examples of fields, or None where there are none."""
        if isinstance(shape, Batch):
            found = self.example(shape.of)
            return [found] if found else None
        if isinstance(shape, str):
            return json_schema.example(self.resource.schema, shape == contract.CHANGES)
        return json_schema.example(shape()) if isinstance(shape, type) else None

    def _own(self, shape: str) -> Json:
        """Return a schema of the resource's own."""
        schema, item = self.resource.schema, self.resource.item.title()
        kind = type(schema)
        if shape == contract.NEW:
            return self._named(f"New{item}", json_schema.sent(schema, True), kind)
        if shape == contract.CHANGES:
            return self._named(f"{item}Changes", json_schema.sent(schema, False), kind)
        if shape == contract.ITEM:
            return self._named(item, json_schema.given(schema, Way.STORED), kind)
        if shape == contract.SELECTION:
            rules = json_schema.given(schema, Way.STORED, whole=False)
            rules["properties"]["deleted_at"] = constants.DELETED_AT
            return self._named(f"{item}Selection", rules, kind)
        page = json_schema.given(PageSchema(), Way.TOLD)
        selection = self._own(contract.SELECTION)
        page["properties"]["items"] = {"type": "array", "items": selection}
        return self._named(f"{item}Page", page, PageSchema)

    def _named(self, name: str, rules: Json, kind: type[Schema]) -> Json:
        about = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("``", "`")
        told = {"description": about, **rules}
        assert self.schemas.setdefault(name, told) == told, f"{name} is two things"
        return {"$ref": f"#/components/schemas/{name}"}
