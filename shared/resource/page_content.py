"""The content of a response with one page of a list: its items, links and totals."""

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, fields, validate

from shared.http.responses import Content
from shared.schema.groups import Groups
from shared.schema.query import MAX_DEPTH, PageRequest
from shared.schema.serialization import Document
from shared.storage.repository import Page


class LinksSchema(Schema):
    """The URLs of this page and of its neighbours."""

    self = fields.String(metadata={"example": "/products?page=2&per=20"})
    prev = fields.String(metadata={"optional": True})
    next = fields.String(metadata={"optional": True})


class FacetValueSchema(Schema):
    """A value and the number of items that have it."""

    value = fields.Raw()
    count = fields.Integer()


class FacetRangeSchema(Schema):
    """A range of numbers and the number of items in it."""

    start = fields.Raw(data_key="from")
    end = fields.Raw(data_key="to")
    count = fields.Integer()


class FacetSchema(Schema):
    """The number of items for each value, or for each range of numbers."""

    values = fields.List(fields.Nested(FacetValueSchema), metadata={"optional": True})
    more = fields.Boolean(metadata={"optional": True})
    ranges = fields.List(fields.Nested(FacetRangeSchema), metadata={"optional": True})


def summary_schema(groups: Groups) -> type[Schema]:
    """Return the schema of the summary of a group, as ``Groups.summary`` makes it."""
    amounts: dict[str, fields.Field[Any]] = {"min": fields.Float(), "max": fields.Float()}
    prices = Schema.from_dict(amounts, name="PriceRange")
    prices.__doc__ = "The lowest and the highest price."
    texts = fields.List(fields.String())
    members: dict[str, fields.Field[Any]] = {
        "count": fields.Integer(metadata={"example": 3}),
        groups.price: fields.Nested(prices, allow_none=True),
        groups.stock: fields.Integer(allow_none=True),
        groups.options: fields.Dict(fields.String(), texts, metadata={"example": {"Size": ["S"]}}),
    }
    schema = Schema.from_dict(members, name="Variants")
    schema.__doc__ = "The items of a group that a collapsed list finds."
    return schema


class PageSchema(Schema):
    """One page of a list."""

    items = fields.Raw()
    page = fields.Integer(allow_none=True, metadata={"example": 1})
    per = fields.Integer(metadata={"example": 20})
    total = fields.Integer(allow_none=True, metadata={"example": 1250})
    total_is = fields.String(
        validate=validate.OneOf(("exact", "at_least", "unknown")),
        metadata={"component": "TotalIs"},
    )
    next_cursor = fields.String(allow_none=True)
    links = fields.Nested(LinksSchema)
    matched = fields.String(
        validate=validate.OneOf(("all", "most")),
        metadata={"component": "Matched", "optional": True, "example": "all"},
    )
    corrected = fields.Dict(
        fields.String(),
        fields.String(),
        metadata={"optional": True, "example": {"corsiar": "corsair"}},
    )
    facets = fields.Dict(fields.String(), fields.Nested(FacetSchema), metadata={"optional": True})


def page_content(
    name: str,
    page_request: PageRequest,
    page: Page,
    items: Sequence[Document],
    prefer: str,
    **more: Any,
) -> Content:
    """Return the content of a page, with its links in the body and in ``Link`` (RFC 8288).

    Args:
        name: The collection, which is the path of the links.
        page_request: The query string that selected the page.
        page: The documents, the total and the cursor of the next page.
        items: The documents as clients see them.
        prefer: The preferences that were applied; empty for none.
        more: Further members of the body.
    """
    links = _links(f"/{name}", page_request, page)
    exactness = "exact" if page.exact else "at_least"
    value = {
        "items": items,
        "page": None if page_request.after is not None else page_request.page,
        "per": page_request.per,
        "total": page.total,
        "total_is": "unknown" if page.total is None else exactness,
        "next_cursor": page.cursor,
        "links": links,
        **more,
    }
    headers = {
        "Link": ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items()),
        "Vary": "Prefer",
    }
    if prefer:
        headers["Preference-Applied"] = prefer
    return Content.of(value, headers=headers)


def _links(path: str, page_request: PageRequest, page: Page) -> dict[str, str]:
    cursor = dict(page_request.parameters).get("cursor")
    links = {
        "self": page_request.url_after(path, cursor)
        if cursor
        else page_request.url(path, page_request.page)
    }
    if page_request.page > 1:
        links["prev"] = page_request.url(path, page_request.page - 1)
    too_deep = (page_request.page + 1) * page_request.per > MAX_DEPTH
    if page.more and page.cursor and (cursor or too_deep or page.is_cut):
        links["next"] = page_request.url_after(path, page.cursor)
    elif page.more:
        links["next"] = page_request.url(path, page_request.page + 1)
    return links
