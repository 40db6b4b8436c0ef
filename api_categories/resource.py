"""What a category is, and how a list of categories is narrowed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import g
from marshmallow import (
    Schema,
    ValidationError,
    fields,
    post_dump,
    post_load,
    validate,
    validates_schema,
)
from marshmallow.experimental.context import Context

from api_categories.tree import MAX_DEPTH, inherited, path_of
from shared.http.errors import NotFound, ServiceUnavailable
from shared.http.json import MAX_WHOLE
from shared.resource import Resource
from shared.schema.attribute_rules import NUMBERS, TYPES, is_number, misfit
from shared.schema.fields import Id, Plain, Revision, Slug, Text, Timestamp, Whole
from shared.schema.filters import either, eq, titled, within
from shared.schema.query import Query
from shared.schema.serialization import DocumentSchema
from shared.schema.words import ATTRIBUTE_NAME, Searched, to_slug
from shared.storage.connections import connections


def _check_choice(choice: Any) -> None:
    if not isinstance(choice, (str, int, float)):
        raise ValidationError("Not a text, number or boolean.")
    if not isinstance(choice, str) and not abs(choice) <= MAX_WHOLE:
        raise ValidationError("Is too large.")


def _check_bound(bound: Any) -> None:
    if not is_number(bound):
        raise ValidationError("Not a number.")
    _check_choice(bound)


class AttributeSchemas(fields.Dict):
    """Attribute schemas by name; what a hand edit left there is shown as it is."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            # Names and rules are told apart there, which is no place in the body.
            wrong = {name: next(iter(each.values())) for name, each in error.messages.items()}
            raise ValidationError(wrong) from error

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return {} if value is None else value


class AttributeSchema(Schema):
    """What the products of a category say under one attribute name.

    One that no product could fit is refused.
    """

    type = fields.String(validate=validate.OneOf(TYPES))
    required = fields.Boolean()
    choices = fields.List(
        fields.Raw(validate=_check_choice),
        validate=validate.Length(1, 200),
    )
    unit = Text(40)
    min = fields.Raw(validate=_check_bound)
    max = fields.Raw(validate=_check_bound)

    @validates_schema
    def _check_fit(self, rule: dict[str, Any], **_: Any) -> None:
        """Check the bounds against the type and each other, and the choices against them all."""
        low, high = rule.get("min", -math.inf), rule.get("max", math.inf)
        bounds = [name for name in ("min", "max") if name in rule]
        if bounds and rule.get("type") not in NUMBERS:
            needs = f"Needs a type of {' or '.join(NUMBERS)}."
            raise ValidationError({name: [needs] for name in bounds})
        if low > high:
            raise ValidationError({"max": [f"Is less than min, {low}."]})
        if rule.get("type") == "integer" and len(bounds) == 2 and math.ceil(low) > high:
            raise ValidationError({"max": [f"No integer is from {low} to {high}."]})
        among = {name: value for name, value in rule.items() if name != "choices"}
        reasons = {n: misfit(each, among) for n, each in enumerate(rule.get("choices", ()))}
        if wrong := {n: [reason] for n, reason in reasons.items() if reason}:
            raise ValidationError({"choices": wrong})


_SCHEMAS = fields.Dict(fields.String(), fields.Nested(AttributeSchema))


class CategorySchema(DocumentSchema):
    """A category as clients send and receive it."""

    id = Id()
    slug = Slug(metadata={"example": "kitchen"})
    external_ref = Text(200, allow_none=True)
    name = Text(200, required=True, metadata={"example": "Kitchen"})
    parent = Text(200, allow_none=True)
    description = Plain(allow_none=True, validate=validate.Length(max=100_000))
    position = Whole(allow_none=True, metadata={"example": 1})
    attributes = AttributeSchemas(
        fields.String(
            validate=validate.Regexp(
                ATTRIBUTE_NAME.pattern + r"(?<!__gte)(?<!__lte)\Z",
                error="A name has 1 to 64 characters, no outer blanks, no . or $, "
                "and does not end in __gte or __lte.",
            )
        ),
        fields.Nested(AttributeSchema),
        allow_none=True,
        dump_default={},
        metadata={"example": {"color": {"type": "string", "required": True}}},
    )
    all_attributes = fields.Raw(
        dump_only=True,
        metadata={"reads": ("slug", "ancestors", "attributes"), "shown": _SCHEMAS},
    )
    path = fields.Method(
        "_path",
        metadata={
            "reads": ("ancestors", "slug"),
            "shown": fields.List(fields.String()),
            "example": ["kitchen"],
        },
    )
    product_count = fields.Raw(
        dump_only=True, metadata={"reads": ("slug",), "shown": fields.Integer(), "example": 12}
    )
    created_at = Timestamp()
    updated_at = Timestamp()
    revision = Revision()

    def _path(self, category: dict[str, Any]) -> list[str]:
        return path_of(category)

    @post_load
    def _hang(self, category: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Check the parent and take the slugs above along."""
        if "parent" not in category:
            return category
        above: list[str] = []
        if category["parent"] is not None:
            slug = to_slug(category["parent"], "category")
            try:
                parent = categories.repository.locate(slug)[0]
            except NotFound as error:
                raise ValidationError({"parent": [str(error)]}) from error
            above = path_of(parent)
            if Context[dict[str, Any]].get()["stored"].get("slug") in above:
                raise ValidationError({"parent": ["A category cannot be below itself."]})
            if len(above) >= MAX_DEPTH:
                raise ValidationError({"parent": [f"More than {MAX_DEPTH} levels."]})
        return category | {"parent": above[-1] if above else None, "ancestors": above or None}

    @post_dump(pass_collection=True)
    def _add_live(self, dumped: Any, many: bool, **_: Any) -> Any:
        """Add what other documents tell of the categories, asked for all of them at once."""
        found = dumped if many else [dumped]
        shown = Context[dict[str, Any]].get()["shown"]
        if "all_attributes" in shown:
            _inherit(found)
        if "product_count" in shown:
            _count(found)
        return dumped


def _inherit(found: Sequence[dict[str, Any]]) -> None:
    """Add to dumped categories the schemas they have with those of all above them."""
    above = {slug for each in found for slug in each["path"][:-1] if isinstance(slug, str)}
    schemas = _own_attributes(above) if above else {}
    for each in found:
        own = [*(schemas.get(str(slug)) for slug in each["path"][:-1]), each["attributes"]]
        each["all_attributes"] = inherited(own)


def _own_attributes(slugs: Iterable[str]) -> Mapping[str, Any]:
    """Return the schemas that categories have by themselves, by slug."""
    found = categories.repository.collection.find(
        {"slug": {"$in": sorted(slugs)}},
        {"slug": True, "attributes": True},
        session=connections().session,
    )
    return {str(each["slug"]): each.get("attributes") for each in found}


def _count(found: Sequence[dict[str, Any]]) -> None:
    """Add to dumped categories how many products each has."""
    slugs = [each["slug"] for each in found if isinstance(each.get("slug"), str)]
    try:
        query = {"slugs": ",".join(slugs)}
        counts = connections().peers.get("products", "products:category-counts", **query)
    except ServiceUnavailable:
        # A category is worth showing without its count, but not worth keeping so.
        counts, g.incomplete = None, True
    for each in found:
        each["product_count"] = (counts or {}).get(str(each.get("slug")))


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
    public=True,
    searched=Searched(("name",), (), ("description",)),
    partition="parent",
    live=("product_count", "all_attributes"),
    # A category shows what those above it ask for, so it depends on every write of its own service.
    depends=("products", "categories"),
)
