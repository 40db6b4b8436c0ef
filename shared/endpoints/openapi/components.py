"""Named schemas of an OpenAPI document: those of the resource, and those that routes declare."""

import inspect
from typing import Any

from marshmallow import Schema, fields

from shared.endpoints.openapi import constants, json_schema
from shared.endpoints.openapi.constants import Json
from shared.endpoints.openapi.json_schema import Use
from shared.http import contract
from shared.http.contract import Batch, Shape
from shared.resource import Resource
from shared.resource.page_content import PageSchema


class Components:
    """Collection of the schemas that the operations refer to, by name."""

    def __init__(self, resource: Resource):
        self.resource = resource
        self.schemas: dict[str, Json] = {"Problem": constants.PROBLEM}

    def schema(self, shape: Shape, use: Use) -> Json:
        """Return the schema of a shape, or a reference to it if it has a name."""
        if isinstance(shape, Batch):
            many = {"type": "array", "items": self.schema(shape.of, use), "maxItems": 1000}
            whole = {"type": "object", "properties": {"items": many}, "required": ["items"]}
            return {"anyOf": [many, whole]}
        if isinstance(shape, fields.Field):
            return json_schema.field_schema(shape, use)
        if isinstance(shape, str):
            return self._own(shape)
        name = shape.__name__.strip("_").removesuffix("Schema")
        schema = shape()
        if use is Use.REQUEST:
            rules = json_schema.request_schema(schema, True)
        else:
            rules = json_schema.response_schema(schema, use)
        return self._named(name, rules, shape)

    def form(self, shape: Shape) -> Json:
        """Return the schema of a form: pictures, and the fields of a new item."""
        schema = self.resource.schema if shape == contract.NEW else Schema()
        properties = json_schema.request_schema(schema, False)["properties"]
        picture = {"type": "string", "format": "binary"}
        minimum = 0 if properties else 1
        pictures = {"type": "array", "items": picture, "minItems": minimum, "maxItems": 10}
        accepted = {name: rules for name, rules in properties.items() if not rules.get("readOnly")}
        return {
            "type": "object",
            "properties": {**accepted, "image": pictures},
            "required": [] if properties else ["image"],
        }

    def example(self, shape: Shape) -> Any:
        """Return an example of a request from the examples of its fields, or None without any."""
        if isinstance(shape, Batch):
            item = self.example(shape.of)
            return [item] if item else None
        if isinstance(shape, str):
            return json_schema.example(self.resource.schema, shape == contract.CHANGES)
        return json_schema.example(shape()) if isinstance(shape, type) else None

    def _own(self, shape: str) -> Json:
        """Return a reference to a schema of the resource."""
        schema, item = self.resource.schema, self.resource.item.title()
        kind = type(schema)
        if shape == contract.NEW:
            return self._named(f"New{item}", json_schema.request_schema(schema, True), kind)
        if shape == contract.CHANGES:
            return self._named(f"{item}Changes", json_schema.request_schema(schema, False), kind)
        if shape == contract.ITEM:
            return self._named(item, json_schema.response_schema(schema, Use.STORED), kind)
        if shape == contract.SELECTION:
            rules = json_schema.response_schema(schema, Use.STORED, whole=False)
            rules["properties"]["deleted_at"] = constants.DELETED_AT
            return self._named(f"{item}Selection", rules, kind)
        page = json_schema.response_schema(PageSchema(), Use.COMPUTED)
        selection = self._own(contract.SELECTION)
        page["properties"]["items"] = {"type": "array", "items": selection}
        return self._named(f"{item}Page", page, PageSchema)

    def _named(self, name: str, rules: Json, kind: type[Schema]) -> Json:
        about = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("``", "`")
        described = {"description": about, **rules}
        is_new = self.schemas.setdefault(name, described) == described
        assert is_new, f"{name} is the name of two different schemas"
        return {"$ref": f"#/components/schemas/{name}"}
