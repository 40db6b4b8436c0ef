"""One page of a list as clients see it: the envelope, its links and totals."""

from collections.abc import Sequence

from flask import Response

from shared.documents import Document
from shared.mongo import Page
from shared.query import PageRequest
from shared.responses import respond


def answer(
    name: str, asked: PageRequest, page: Page, items: Sequence[Document], count: str
) -> Response:
    """Answer the items of a page, with links in the body and in the header (RFC 8288)."""
    links = _links(f"/{name}", asked, page)
    exactness = "exact" if page.exact else "at_least"
    response = respond(
        {
            "items": items,
            "page": asked.page,
            "per": asked.per,
            "total": page.total,
            "total_is": "unknown" if page.total is None else exactness,
            "links": links,
        }
    )
    response.headers["Link"] = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items())
    response.headers["Vary"] = "Prefer"
    if count:
        response.headers["Preference-Applied"] = f"count={count}"
    return response


def _links(path: str, asked: PageRequest, page: Page) -> dict[str, str]:
    links = {"self": asked.url(path, asked.page)}
    if asked.page > 1:
        links["prev"] = asked.url(path, asked.page - 1)
    at_end = page.exact and page.total is not None and asked.page * asked.per >= page.total
    if len(page.documents) == asked.per and not at_end:
        links["next"] = asked.url(path, asked.page + 1)
    return links
