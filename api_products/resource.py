"""Declaration of products: the schema, the query and the resource."""

from typing import Any

from flask import has_request_context
from marshmallow import Schema, ValidationError, fields, post_load, validate
from marshmallow.experimental.context import Context
from pymongo import IndexModel

from api_products.images.model import images_of, ready_images_to_json
from shared.http import state
from shared.resource import Resource
from shared.schema import (
    Attributes,
    DocumentSchema,
    Id,
    Money,
    Plain,
    Query,
    Revision,
    Searched,
    Slug,
    Text,
    Timestamp,
    Whole,
    either,
    eq,
    gte,
    lte,
    to_slug,
    within,
)
from shared.schema.attribute_rules import misfits
from shared.storage import documents
from shared.storage.connections import connections

STATUSES = ("active", "draft", "archived")
CATEGORIES_READ = "categories read"  # the note of the categories that a request has read


class ThumbnailSchema(Schema):
    """One size of an image: its pixels, and the paths of its files."""

    width = Whole(1)
    height = Whole(1)
    webp = fields.String(metadata={"example": "/media/9f86…/small.webp"})
    jpeg = fields.String(metadata={"example": "/media/9f86…/small.jpeg"})


class ReadyImageSchema(Schema):
    """An image with its thumbnails by size."""

    id = Whole(1, required=True)
    width = Whole(1, allow_none=True)
    height = Whole(1, allow_none=True)
    color = fields.String(allow_none=True, metadata={"example": "#a0522d"})
    alt = fields.String(allow_none=True)
    thumbnails = fields.Dict(fields.String(), fields.Nested(ThumbnailSchema), allow_none=True)


class ProductSchema(DocumentSchema):
    """A product as clients send and receive it."""

    id = Id()
    slug = Slug(metadata={"example": "teapot"})
    sku = Text(64, allow_none=True, metadata={"example": "TP-100"})
    external_ref = Text(200, allow_none=True)
    name = Text(200, required=True, metadata={"example": "Teapot", "aliases": ("title",)})
    description = Plain(
        allow_none=True, validate=validate.Length(max=100_000), metadata={"example": "Holds 1 l."}
    )
    price = Money(allow_none=True, metadata={"example": 12.5})
    currency = Plain(
        allow_none=True,
        validate=validate.Regexp(
            r"[A-Z]{3}\Z",
            error="Not a currency code. Send one such as EUR (ISO 4217).",
        ),
        metadata={"example": "EUR"},
    )
    stock = Whole(0, allow_none=True, metadata={"example": 3, "aliases": ("quantity",)})
    category = Text(100, allow_none=True)
    category_path = fields.Raw(
        dump_only=True,
        metadata={"shown": fields.List(fields.String()), "example": ["kitchen", "tea"]},
    )
    brand = Text(200, allow_none=True, metadata={"example": "Acme"})
    attributes = Attributes(
        allow_none=True, dump_default={}, metadata={"example": {"color": "blue"}}
    )
    images = fields.Function(
        lambda product: ready_images_to_json(images_of(product)),
        metadata={"reads": ("images",), "shown": fields.List(fields.Nested(ReadyImageSchema))},
    )
    status = Plain(
        load_default="active", validate=validate.OneOf(STATUSES), metadata={"example": "active"}
    )
    created_at = Timestamp()
    updated_at = Timestamp()
    revision = Revision()

    @post_load
    def _set_category(self, product: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Set the slug and path of the category, and check the attributes against its schema."""
        if not product.keys() & {"category", "attributes"}:
            return product
        changed = Context[dict[str, Any]].get()["stored"] | product
        name = changed.get("category")
        category = _read_category(name) if name and isinstance(name, str) else None
        if "category" in product:
            product["category"] = category["slug"] if category else None
            product["category_path"] = category["path"] if category else None
        schema = category["all_attributes"] if category else {}
        if messages := misfits(changed.get("attributes"), schema):
            raise ValidationError({"attributes": messages})
        return product


def _read_category(name: str) -> dict[str, Any]:
    """Read a category from the categories service, by its slug or its name."""
    slug = to_slug(name, "category")
    fields = "id,slug,path,all_attributes"
    answer = connections().services.get("categories", "categories", slug, fields=fields)
    if answer is None:
        message = f"There is no category {name!r}. Create it first with POST /categories."
        raise ValidationError({"category": [message]})
    category: dict[str, Any] = answer
    if has_request_context():
        # It may move before the product is written: see categories.moves.check_again.
        categories = state().notes.setdefault(CATEGORIES_READ, {})
        categories.setdefault(category["id"], (category, documents.now()))
    return category


class ProductQuery(Query):
    """Filters by category, price, stock, availability, brand, attributes or words."""

    sortable = ("name", "price", "stock", "brand", "created_at", "updated_at", "-price,name")
    attributes = "attributes"
    countable = ("brand", "category", "status", "currency", "price", "stock")

    category = within("category_path", "category")
    price__gte = gte(Money(), "price", aliases=("price_min",))
    price__lte = lte(Money(), "price", aliases=("price_max",))
    stock__gte = gte(Whole(strict=False), "stock", aliases=("quantity__gte",))
    stock__lte = lte(Whole(strict=False), "stock", aliases=("quantity__lte",))
    available = either(
        {"price": {"$ne": None}, "stock": {"$not": {"$lte": 0}}},
        {"$or": [{"price": None}, {"stock": {"$lte": 0}}]},
        aliases=("in_stock",),
    )
    brand = eq(fields.String(), "brand")
    sku = eq(fields.String(), "sku")
    external_ref = eq(fields.String(), "external_ref")
    status = eq(fields.String(validate=validate.OneOf(STATUSES)), "status")


products = Resource(
    "products",
    "product",
    ProductSchema(),
    ProductQuery(),
    slug="name",
    unique=("sku", "external_ref"),
    public=True,
    searched=Searched(("name",), ("sku",), ("brand", "attributes", "description")),
    partition="category",
    counter="stock",
    indexes=(
        IndexModel([("attributes.$**", 1)]),
        IndexModel([("images.state", 1)], sparse=True),
        IndexModel([("images.sha256", 1)], sparse=True),
    ),
)
