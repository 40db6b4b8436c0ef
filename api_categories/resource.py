"""Declaration of categories: the schemas, the query and the resource."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
from shared.http import ServiceUnavailable, state
from shared.http.json import MAX_WHOLE
from shared.resource import Resource, references
from shared.schema import (
    DocumentSchema,
    Id,
    Key,
    Plain,
    Query,
    Revision,
    Searched,
    Slug,
    Text,
    TextOf,
    Timestamp,
    Truth,
    Whole,
    either,
    eq,
    titled,
    within,
)
from shared.schema.attribute_rules import (
    ATTRIBUTE_NAME,
    INVALID_ATTRIBUTE_NAME,
    NUMBERS,
    TYPES,
    is_number,
    misfit,
)
from shared.schema.fields import IS_SLUG, Members, clean_value
from shared.schema.text import clean_key
from shared.storage.connections import connections


class Choice(fields.Raw):
    """A text, number or boolean that an attribute may be, cleaned as the attribute itself is."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return clean_value(value)


class AttributeName(fields.String):
    """The name of an attribute, cleaned as in a product."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return clean_key(super()._deserialize(value, attr, data, **kwargs))


def _check_choice(choice: Any) -> None:
    if not isinstance(choice, (str, int, float)):
        raise ValidationError("Not a text, number or boolean.")
    if not isinstance(choice, str) and not abs(choice) <= MAX_WHOLE:
        raise ValidationError(f"Is too large: at most {MAX_WHOLE:,}.")


def _check_bound(bound: Any) -> None:
    if not is_number(bound):
        raise ValidationError("Not a number.")
    _check_choice(bound)


class AttributeSchemas(Members):
    """Attribute schemas by name; a value broken by a hand edit is shown as it is."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return {} if value is None else value


_PART = {"optional": True}  # of a rule: a response has only the parts that were sent


class AttributeRuleSchema(Schema):
    """Rules for one attribute of the products in a category.

    Rules that no value can fit are refused.
    """

    type = fields.String(
        validate=validate.OneOf(TYPES), metadata={"component": "AttributeType", **_PART}
    )
    required = Truth(metadata=_PART)
    choices = fields.List(
        Choice(validate=_check_choice),
        validate=validate.Length(1, 200),
        metadata=_PART,
    )
    unit = Text(40, metadata=_PART)
    min = fields.Raw(validate=_check_bound, metadata=_PART)
    max = fields.Raw(validate=_check_bound, metadata=_PART)

    @validates_schema
    def _check_fit(self, rule: dict[str, Any], **_: Any) -> None:
        """Check the bounds against the type and each other, and the choices against all rules."""
        low, high = rule.get("min", -math.inf), rule.get("max", math.inf)
        bounds = [name for name in ("min", "max") if name in rule]
        if bounds and rule.get("type") not in NUMBERS:
            message = f"Needs a type of {' or '.join(NUMBERS)}."
            raise ValidationError({name: [message] for name in bounds})
        if low > high:
            raise ValidationError({"max": [f"Is less than min, {low}."]})
        if rule.get("type") == "integer" and len(bounds) == 2 and math.ceil(low) > high:
            raise ValidationError({"max": [f"No integer lies between {low} and {high}."]})
        other_rules = {name: value for name, value in rule.items() if name != "choices"}
        reasons = [misfit(choice, other_rules) for choice in rule.get("choices", ())]
        if messages := {index: [reason] for index, reason in enumerate(reasons) if reason}:
            raise ValidationError({"choices": messages})


_SCHEMAS = fields.Dict(fields.String(), fields.Nested(AttributeRuleSchema))


class CategorySchema(DocumentSchema):
    """A category as clients send and receive it."""

    id = Id()
    slug = Slug(metadata={"example": "kitchen"})
    external_ref = Key(200, allow_none=True)
    name = Text(required=True, metadata={"example": "Kitchen"})
    parent = Text(allow_none=True)
    description = Plain(allow_none=True, validate=validate.Length(max=100_000))
    description_text = TextOf("description")
    position = Whole(allow_none=True, metadata={"example": 1})
    attributes = AttributeSchemas(
        AttributeName(
            validate=validate.Regexp(
                ATTRIBUTE_NAME.pattern + r"(?<!__gte)(?<!__lte)\Z",
                error=INVALID_ATTRIBUTE_NAME,
            )
        ),
        fields.Nested(AttributeRuleSchema),
        allow_none=True,
        dump_default={},
        metadata={"example": {"color": {"type": "string", "required": True}}},
    )
    all_attributes = fields.Raw(
        dump_only=True,
        metadata={
            "reads": ("slug", "ancestors", "attributes"),
            "shown": _SCHEMAS,
            "instead": "send attributes",
        },
    )
    path = fields.Method(
        "_path",
        metadata={
            "derived": True,
            "reads": ("ancestors", "slug"),
            "shown": fields.List(fields.String()),
            "instead": "send parent or slug",
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
    def _set_ancestors(self, category: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Check the parent and set the slugs of all ancestors."""
        if "parent" not in category:
            return category
        above: list[str] = []
        if category["parent"] is not None:
            matches = references.find(categories.repository, category["parent"])
            if (parent := matches.one()) is None:
                message = matches.refusal(category["parent"], categories.item, categories.name)
                raise ValidationError({"parent": [message]})
            above = path_of(parent)
            stored = Context[dict[str, Any]].get()["stored"]
            if stored.get("slug") in above:
                message = "A category cannot be below itself. Send another parent."
                raise ValidationError({"parent": [message]})
            is_new = stored.get("parent") != above[-1]
            if is_new and len(above) >= MAX_DEPTH:
                message = f"Is {MAX_DEPTH} levels deep, the most. Send a parent nearer to the root."
                raise ValidationError({"parent": [message]})
        return category | {"parent": above[-1] if above else None, "ancestors": above or None}

    @post_dump(pass_collection=True)
    def _add_live_fields(self, dumped: Any, many: bool, **_: Any) -> Any:
        """Add the fields that depend on other documents, with one query for all categories."""
        dumped_categories = dumped if many else [dumped]
        shown = Context[dict[str, Any]].get()["shown"]
        if "all_attributes" in shown:
            _add_all_attributes(dumped_categories)
        if "product_count" in shown:
            _add_product_counts(dumped_categories)
        return dumped


def _add_all_attributes(dumped: Sequence[dict[str, Any]]) -> None:
    """Add to each dumped category its attribute schema, with what it inherits."""
    above = {slug for category in dumped for slug in category["path"][:-1] if isinstance(slug, str)}
    schemas = _own_attributes(above) if above else {}
    for category in dumped:
        path_schemas = [schemas.get(str(slug)) for slug in category["path"][:-1]]
        category["all_attributes"] = inherited([*path_schemas, category["attributes"]])


def _own_attributes(slugs: Iterable[str]) -> Mapping[str, Any]:
    """Return the attribute schemas of categories, without what they inherit, by slug."""
    stored = categories.repository.select(
        {"slug": {"$in": sorted(slugs)}}, {"slug": True, "attributes": True}
    )
    return {str(category["slug"]): category.get("attributes") for category in stored}


def _add_product_counts(dumped: Sequence[dict[str, Any]]) -> None:
    """Add to each dumped category the number of its products, or None while products is down."""
    slugs = [category["slug"] for category in dumped if isinstance(category.get("slug"), str)]
    try:
        query = {"slugs": ",".join(slugs)}
        counts = connections().services.get("products", "products:category-counts", **query)
    except ServiceUnavailable:
        # Categories are shown without counts, but such a response is not cached.
        counts = None
        state().is_uncacheable = True
    for category in dumped:
        category["product_count"] = (counts or {}).get(str(category.get("slug")))


class CategoryQuery(Query):
    """Filters by parent, by ancestor, or by words of the name."""

    sortable = ("name", "position", "created_at", "updated_at")
    countable = ("parent",)

    parent = within("parent", "category", "categories")
    below = within("ancestors", "category", "categories")
    root = either({"parent": None}, {"parent": {"$ne": None}})
    slug = eq(fields.String(validate=IS_SLUG), "slug")
    external_ref = eq(Key(200), "external_ref")
    name = titled()

    def check_together(self, values: Mapping[str, Any]) -> None:
        """Refuse ``root=true`` with a category above: a root has none."""
        if above := [name for name in ("parent", "below") if name in values and values.get("root")]:
            message = "Is not allowed with root=true, because a root has no parent; send one."
            raise ValidationError({name: [message] for name in above})


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
    # A category shows the attributes of its ancestors, so every write of a category concerns it.
    depends=("products", "categories"),
    rechecked=("parent",),
)
