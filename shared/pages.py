"""One page of a list as clients see it: the envelope, its links and totals."""

from collections.abc import Sequence
from typing import Any

from flask import Response

from shared.documents import Document
from shared.mongo import Page
from shared.query import MAX_DEPTH, PageRequest
from shared.responses import respond


def answer(
    name: str,
    asked: PageRequest,
    page: Page,
    items: Sequence[Document],
    count: str,
    **more: Any,
) -> Response:
    """Answer the items of a page, with links in the body and in the header (RFC 8288).

    ``more`` are further members of the body.
    """
    links = _links(f"/{name}", asked, page)
    exactness = "exact" if page.exact else "at_least"
    response = respond(
        {
            "items": items,
            "page": None if asked.after is not None else asked.page,
            "per": asked.per,
            "total": page.total,
            "total_is": "unknown" if page.total is None else exactness,
            "next_cursor": page.cursor,
            "links": links,
            **more,
        }
    )
    response.headers["Link"] = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items())
    response.headers["Vary"] = "Prefer"
    if count:
        response.headers["Preference-Applied"] = f"count={count}"
    return response


def _links(path: str, asked: PageRequest, page: Page) -> dict[str, str]:
    given = dict(asked.given).get("cursor")
    links = {"self": asked.url_behind(path, given) if given else asked.url(path, asked.page)}
    if asked.page > 1:
        links["prev"] = asked.url(path, asked.page - 1)
    too_deep = (asked.page + 1) * asked.per > MAX_DEPTH
    if page.more and page.cursor and (given or too_deep):
        links["next"] = asked.url_behind(path, page.cursor)
    elif page.more:
        links["next"] = asked.url(path, asked.page + 1)
    return links
