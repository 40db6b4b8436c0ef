"""What a category is, and how a list of categories is narrowed."""

from typing import Any

from flask import g
from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate
from marshmallow.experimental.context import Context

from api_categories.tree import MAX_DEPTH, path_of
from shared.backends import backends
from shared.errors import NotFound, Unavailable
from shared.fields import MAX_WHOLE, Id, Slug, Text, Timestamp, Whole
from shared.query import Query, either, eq, titled, within
from shared.resource import Resource
from shared.words import ATTRIBUTE_NAME, Searched, to_slug


def _check_choice(choice: Any) -> None:
    if not isinstance(choice, (str, int, float)):
        raise ValidationError("Not a text, number or boolean.")
    if not isinstance(choice, str) and not abs(choice) <= MAX_WHOLE:
        raise ValidationError("Is too large.")


class AttributeSchemas(fields.Dict):
    """Attribute schemas by name; what a hand edit left there is shown as it is."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return {} if value is None else value


class AttributeSchema(Schema):
    """What the products of a category say under one attribute name."""

    type = fields.String(validate=validate.OneOf(("string", "integer", "number", "boolean")))
    required = fields.Boolean()
    choices = fields.List(
        fields.Raw(validate=_check_choice),
        validate=validate.Length(1, 200),
    )
    unit = Text(40)


class CategorySchema(Schema):
    """A category as clients send and receive it."""

    id = Id()
    slug = Slug(metadata={"example": "kitchen"})
    external_ref = Text(200, allow_none=True)
    name = Text(200, required=True, metadata={"example": "Kitchen"})
    parent = Text(200, allow_none=True)
    description = fields.String(allow_none=True, validate=validate.Length(max=100_000))
    position = Whole(allow_none=True, metadata={"example": 1})
    attributes = AttributeSchemas(
        fields.String(validate=validate.Regexp(ATTRIBUTE_NAME.pattern + r"\Z")),
        fields.Nested(AttributeSchema),
        allow_none=True,
        dump_default={},
        metadata={"example": {"color": {"type": "string", "required": True}}},
    )
    path = fields.Method("_path", metadata={"reads": ("ancestors", "slug")})
    product_count = fields.Raw(dump_only=True, metadata={"reads": ("slug",)})
    created_at = Timestamp()
    updated_at = Timestamp()
    revision = fields.Raw(dump_only=True)

    def _path(self, category: dict[str, Any]) -> list[str]:
        return path_of(category)

    @post_load
    def _hang(self, category: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Check the parent and take the slugs above along."""
        if "parent" not in category:
            return category
        above: list[str] = []
        if category["parent"] is not None:
            try:
                parent = categories.repository.get(to_slug(category["parent"], "category"))
            except NotFound as error:
                raise ValidationError({"parent": [str(error)]}) from error
            above = path_of(parent)
            if Context[dict[str, Any]].get()["stored"].get("slug") in above:
                raise ValidationError({"parent": ["A category cannot be below itself."]})
            if len(above) >= MAX_DEPTH:
                raise ValidationError({"parent": [f"More than {MAX_DEPTH} levels."]})
        return category | {"parent": above[-1] if above else None, "ancestors": above or None}

    @post_dump(pass_collection=True)
    def _count(self, dumped: Any, many: bool, **_: Any) -> Any:
        """Add how many products each category has, asked for all of them at once."""
        found = dumped if many else [dumped]
        if "product_count" in Context[dict[str, Any]].get()["shown"]:
            slugs = [each["slug"] for each in found if isinstance(each.get("slug"), str)]
            try:
                query = {"slugs": ",".join(slugs)}
                counts = backends().peers.get("products", "products:category-counts", **query)
            except Unavailable:
                # A category is worth showing without its count, but not worth keeping so.
                counts, g.incomplete = None, True
            for each in found:
                each["product_count"] = (counts or {}).get(str(each.get("slug")))
        return dumped


class CategoryQuery(Query):
    """Narrow by parent, by what they are below, or by words of the name."""

    sortable = ("name", "position", "created_at", "updated_at")
    countable = ("parent",)

    parent = within("parent", "category")
    below = within("ancestors", "category")
    root = either({"parent": None}, {"parent": {"$ne": None}})
    slug = eq(fields.String(), "slug")
    external_ref = eq(fields.String(), "external_ref")
    name = titled()


categories = Resource(
    "categories",
    "category",
    CategorySchema(),
    CategoryQuery(),
    slug="name",
    unique=("external_ref",),
    searched=Searched(("name",), (), ("description",)),
    partition="parent",
    live=("product_count",),
    depends=("products",),
)
