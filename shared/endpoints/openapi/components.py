"""Named schemas of an OpenAPI document: those of the resource, and those that routes declare."""

from typing import Any

from marshmallow import Schema, fields

from shared.endpoints.openapi import constants, json_schema
from shared.endpoints.openapi.constants import Json
from shared.endpoints.openapi.json_schema import Use
from shared.http import contract
from shared.http.contract import Batch, Shape
from shared.resource import Resource
from shared.resource.batch import InvalidPartSchema
from shared.resource.page_content import PageSchema, summary_schema
from shared.schema.groups import VARIANTS
from shared.schema.query import MISSING_WORDS

# What a field says about its value, beside the schema of the value.
_ANNOTATIONS = ("readOnly", "examples")
# Keywords whose values are JSON values, not schemas.
_VALUES = ("enum", "example", "examples")


class Components:
    """Collection of the schemas that the operations refer to, by name."""

    def __init__(self, resource: Resource):
        self.resource = resource
        self.schemas: dict[str, Json] = {}
        invalid = json_schema.response_schema(InvalidPartSchema(), Use.COMPUTED)
        self._named("InvalidPart", invalid, InvalidPartSchema)
        self.schemas["Problem"] = constants.PROBLEM

    def schema(self, shape: Shape, use: Use) -> Json:
        """Return the schema of a shape, or a reference to it if it has a name."""
        if isinstance(shape, Batch):
            many = {"type": "array", "items": self.schema(shape.of, use), "maxItems": 1000}
            whole = {"type": "object", "properties": {"items": many}, "required": ["items"]}
            return {"anyOf": [many, whole]}
        if isinstance(shape, fields.Field):
            rules: Json = self.refer(json_schema.field_schema(shape, use))
            return rules
        if isinstance(shape, str):
            return self._own(shape)
        name, schema = json_schema.component_name(shape), shape()
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
        form: Json = self.refer(
            {
                "type": "object",
                "properties": {**accepted, "image": pictures},
                "required": [] if properties else ["image"],
            }
        )
        return form

    def refer(self, rules: Any) -> Any:
        """Return a schema that refers to the named schemas inside of it, which become components.

        A named schema has a ``title``.
        """
        if isinstance(rules, list):
            return [self.refer(each) for each in rules]
        if not isinstance(rules, dict):
            return rules
        schema = {k: v if k in _VALUES else self.refer(v) for k, v in rules.items()}
        name = schema.get("title")
        if not isinstance(name, str):  # A property may be named so.
            return schema
        own = (*_ANNOTATIONS, "title", *(() if "properties" in schema else ("description",)))
        outside = {k: v for k, v in schema.items() if k in own and k != "title"}
        return self._add(name, {k: v for k, v in schema.items() if k not in own}) | outside

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
            return self._named(f"New{item}", json_schema.request_schema(schema, True, True), kind)
        if shape == contract.CHANGES:
            return self._named(f"{item}Changes", json_schema.request_schema(schema, False), kind)
        if shape == contract.ITEM:
            rules = json_schema.response_schema(schema, Use.STORED)
            rules["properties"]["deleted_at"] = constants.DELETED_AT
            rules["properties"][MISSING_WORDS] = constants.MISSING_WORDS
            if groups := self.resource.groups:
                rules["properties"][VARIANTS] = self.schema(summary_schema(groups), Use.COMPUTED)
            return self._named(item, rules, kind)
        page = json_schema.response_schema(PageSchema(), Use.COMPUTED)
        page["properties"]["items"] = {"type": "array", "items": self._own(contract.ITEM)}
        return self._named(f"{item}Page", page, PageSchema)

    def _named(self, name: str, rules: Json, kind: type[Schema]) -> Json:
        return self._add(name, {"description": json_schema.about(kind), **self.refer(rules)})

    def _add(self, name: str, rules: Json) -> Json:
        """Make a schema a component, and return a reference to it."""
        is_new = self.schemas.setdefault(name, rules) == rules
        assert is_new, f"{name} is the name of two different schemas"
        return {"$ref": f"#/components/schemas/{name}"}
