"""Declaration of products: the schema, the query and the resource."""

from decimal import Decimal
from typing import Any

from bson import Decimal128
from flask import has_request_context
from marshmallow import Schema, ValidationError, fields, post_load, validate
from marshmallow.experimental.context import Context
from pymongo import IndexModel

from api_products.images.model import images_of, ready_images_to_json, removed_digests
from api_products.images.sources import with_photos
from api_products.product_fields import Grams, Gtin, Options, PhotoUrls, Tags
from shared.http import import_id, state
from shared.resource import Resource, Visibility, references
from shared.schema import (
    Attributes,
    Currency,
    DocumentSchema,
    Id,
    Key,
    Money,
    Plain,
    Query,
    Revision,
    Searched,
    Slug,
    Text,
    TextOf,
    Timestamp,
    Whole,
    collapse,
    either,
    eq,
    gte,
    lte,
    within,
)
from shared.schema.attribute_rules import misfits
from shared.schema.currency import decimals_error
from shared.schema.derived import SORT_KEYS
from shared.schema.fields import IS_SLUG
from shared.schema.groups import VARIANTS, Groups
from shared.schema.slugs import MAX_SLUG
from shared.storage import documents
from shared.storage.connections import connections, settings

STATUSES = ("active", "draft", "archived")
_NOT_ABOVE = "compare_at_price {compared} is not above price {price}; send a higher one, or null."
CATEGORIES_READ = "categories read"  # the note of the categories that a request has read
# The note of a request that changes photos by URL: the digests of the images that it removes.
PHOTOS_CHANGED = "photos changed"


GROUPS = Groups("group", "options", "price", "stock")


class ThumbnailSchema(Schema):
    """One size of an image: its pixels, and the paths of its files."""

    width = Whole(1)
    height = Whole(1)
    webp = fields.String(metadata={"example": "/media/9f86…/small.webp"})
    jpeg = fields.String(metadata={"example": "/media/9f86…/small.jpeg"})


class ProductImageSchema(Schema):
    """An image with its thumbnails by size."""

    id = Whole(1, required=True)
    url = fields.String(allow_none=True, metadata={"example": "https://shop.example/kettle.jpg"})
    width = Whole(1, allow_none=True)
    height = Whole(1, allow_none=True)
    color = fields.String(allow_none=True, metadata={"example": "#a0522d"})
    alt = fields.String(allow_none=True)
    thumbnails = fields.Dict(fields.String(), fields.Nested(ThumbnailSchema), allow_none=True)


class ProductSchema(DocumentSchema):
    """A product as clients send and receive it."""

    id = Id()
    slug = Slug(metadata={"example": "teapot"})
    sku = Key(64, allow_none=True, metadata={"example": "TP-100"})
    external_ref = Key(200, allow_none=True)
    gtin = Gtin(allow_none=True, metadata={"example": "4006381333931"})
    name = Text(required=True, metadata={"example": "Teapot", "aliases": ("title",)})
    description = Plain(
        allow_none=True, validate=validate.Length(max=100_000), metadata={"example": "Holds 1 l."}
    )
    description_text = TextOf("description")
    price = Money(allow_none=True, metadata={"example": 12.5})
    compare_at_price = Money(
        allow_none=True,
        metadata={"example": 15, "description": "An earlier price, above `price`."},
    )
    currency = Currency(allow_none=True, metadata={"example": "EUR"})
    tax_class = Text(allow_none=True, metadata={"example": "reduced"})
    stock = Whole(0, allow_none=True, metadata={"example": 3, "aliases": ("quantity",)})
    weight = Grams(allow_none=True, metadata={"example": 850, "description": "In grams."})
    category = Text(allow_none=True)
    category_path = fields.Raw(
        dump_only=True,
        metadata={
            "derived": True,
            "shown": fields.List(fields.String()),
            "instead": "send category",
            "example": ["kitchen", "tea"],
        },
    )
    brand = Text(allow_none=True, metadata={"example": "Acme"})
    tags = Tags(allow_none=True, dump_default=[], metadata={"example": ["gift"]})
    group = Key(
        MAX_SLUG,
        allow_none=True,
        validate=IS_SLUG,
        metadata={"example": "linen-shirt", "aliases": ("item_group_id",)},
    )
    options = Options(allow_none=True, dump_default={}, metadata={"example": {"Size": "L"}})
    attributes = Attributes(
        allow_none=True, dump_default={}, metadata={"example": {"color": "blue"}}
    )
    images = fields.Function(
        lambda product: ready_images_to_json(images_of(product)),
        metadata={
            "reads": ("images",),
            "shown": fields.List(fields.Nested(ProductImageSchema)),
            "instead": "send image_urls, or files to POST /products/ID/images",
        },
    )
    image_urls = PhotoUrls(
        allow_none=True,
        dump_default=None,
        metadata={
            "reads": ("images",),
            "stored": fields.Raw(),  # Nothing is stored under this name.
            "description": "The photos that the product has by URL; a worker fetches new ones.",
        },
    )
    status = Plain(
        load_default="active",
        validate=validate.OneOf(STATUSES),
        metadata={"component": "ProductStatus", "example": "active"},
    )
    created_at = Timestamp()
    updated_at = Timestamp()
    revision = Revision()

    @post_load
    def _check_prices(self, product: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Set the currency of a new product, and check the decimals of the prices against it."""
        stored, default = Context[dict[str, Any]].get()["stored"], settings().currency
        if not stored and default:
            product.setdefault("currency", default)
        changed = stored | product
        currency = changed.get("currency") or default
        if not isinstance(currency, str) or not currency:
            return product
        errors: dict[str, list[str]] = {}
        for name in ("price", "compare_at_price"):
            amount = _amount(changed.get(name)) if product.keys() & {name, "currency"} else None
            if amount is not None and (message := decimals_error(amount, currency)):
                errors[name] = [message]
        if errors:
            raise ValidationError(errors)
        return product

    @post_load
    def _check_compare_at_price(self, product: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Check that the price to compare with is above the price, whichever of them changes."""
        changed = Context[dict[str, Any]].get()["stored"] | product
        price, compared = map(_amount, (changed.get("price"), changed.get("compare_at_price")))
        sent = [name for name in ("compare_at_price", "price") if name in product]
        if sent and price is not None and compared is not None and compared <= price:
            text = _NOT_ABOVE.format(compared=compared, price=price)
            raise ValidationError({sent[0]: [text]})
        return product

    @post_load
    def _set_photos(self, product: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add the images of new photos by URL, and remove those of photos that are left out."""
        if "image_urls" not in product:
            return product
        stored = Context[dict[str, Any]].get()["stored"]
        photos = product.pop("image_urls") or []
        changes = with_photos(stored, photos, documents.now(), import_id.import_id())
        if changes and has_request_context():
            state().notes.setdefault(PHOTOS_CHANGED, set()).update(removed_digests(stored, changes))
        return product | changes

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


def _amount(value: Any) -> Decimal | None:
    """Return a stored amount; None for no amount, as a hand edit may have left it."""
    amount = value.to_decimal() if isinstance(value, Decimal128) else None
    return amount if amount is not None and amount.is_finite() else None


def _read_category(name: str) -> dict[str, Any]:
    """Read a category from the categories service, by its slug, id, old slug or exact name."""
    category = None
    if references.is_slug(name):
        fields = "id,slug,path,all_attributes"
        category = connections().services.get("categories", "categories", name, fields=fields)
    if category is None:
        matches = references.ask("categories", name)
        if (match := matches.one()) is None:
            message = matches.refusal(name, "category", "categories")
            raise ValidationError({"category": [message]})
        category = dict(match)
    if has_request_context():
        # It may move before the product is written: see categories.moves.check_again.
        categories = state().notes.setdefault(CATEGORIES_READ, {})
        categories.setdefault(category["id"], (category, documents.now()))
    return category


class ProductQuery(Query):
    """Filters by category, price, stock, availability, brand, attributes or words."""

    sortable = ("name", "price", "stock", "brand", "created_at", "updated_at", "-price,name")
    attributes = "attributes"
    countable = ("brand", "category", "tags", "status", "currency", "price", "stock")

    category = within("category_path", "category", "categories")
    price__gte = gte(Money(), "price", aliases=("price_min",))
    price__lte = lte(Money(), "price", aliases=("price_max",))
    stock__gte = gte(Whole(strict=False), "stock", aliases=("quantity__gte",))
    stock__lte = lte(Whole(strict=False), "stock", aliases=("quantity__lte",))
    available = either(
        {"price": {"$ne": None}, "stock": {"$not": {"$lte": 0}}},
        {"$or": [{"price": None}, {"stock": {"$lte": 0}}]},
        aliases=("in_stock",),
    )
    brand = eq(Text(), "brand")
    tag = eq(Text(), "tags")
    gtin = eq(Gtin(), "gtin")
    group = eq(Key(MAX_SLUG, validate=IS_SLUG), "group", aliases=("item_group_id",))
    collapse = collapse("group", VARIANTS)
    sku = eq(Key(64), "sku")
    external_ref = eq(Key(200), "external_ref")
    status = eq(
        fields.String(validate=validate.OneOf(STATUSES), metadata={"component": "ProductStatus"}),
        "status",
    )


products = Resource(
    "products",
    "product",
    ProductSchema(),
    ProductQuery(),
    slug="name",
    unique=("sku", "external_ref"),
    public=True,
    visibility=Visibility(
        "status",
        public=("active",),
        unlisted=("archived",),
        scopes=("products:read", "products:write"),
    ),
    searched=Searched(
        ("name",),
        ("sku",),
        ("gtin", "brand", "tags", "group", "options", "attributes", "description"),
        places=("category_path", "categories"),
    ),
    groups=GROUPS,
    partition="category",
    counter="stock",
    rechecked=("category",),
    together={"update": {}, "delete": {}, "restore": {}},
    indexes=(
        IndexModel([("attributes.$**", 1)]),
        IndexModel([("brand", 1), ("_id", 1)]),
        # Names begin with their brand, so an index of names has those of a brand far from its ends.
        IndexModel([("brand", 1), (f"{SORT_KEYS}.name", 1), ("_id", 1)]),
        IndexModel([("images.state", 1)], sparse=True),
        IndexModel([("images.sha256", 1)], sparse=True),
    ),
)
