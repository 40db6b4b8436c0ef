"""The next page of a list in JSON, as the interfaces of shops name it.

* a header ``Link`` with ``rel="next"``
* an address in a member: ``next``, ``_links.next.href``, ``links.next``
* the number of the page, with its size, the number of pages or that of all rows
* a place: ``skip`` or ``offset``, until all rows are read or a page is short or empty
* Stripe's ``has_more``: the parameter ``starting_after``
* Shopify's ``/products.json``: the parameter ``page``, until a page is empty

A list that has more rows, but no way to them that is known here, is refused.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import jmespath
import orjson

from vitrine.errors import StackError
from vitrine.transfer.files.json_rows import ROW_ALONE, ROW_MEMBERS

MAX_PAGES = 2_000

_LINK = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next\b')
_NEXT = (
    *("_links.next.href", "_links.next", "links.next.href", "links.next", "paging.next", "next"),
    *("next_page_url", "next_url", "next_page", '"@odata.nextLink"'),
    "meta.pagination.links.next",
)
_ADDRESS = ("http://", "https://", "/", "?")  # otherwise a text is a token
_SHOPIFY = "/products.json"
# Members about the list, of which some shops put those about pages in an object.
_INNER = (
    *("meta", "pagination", "paging", "page", "pageInfo", "page_info"),
    *("data", "_embedded", "result", "response"),
)
_PLACES = ("skip", "offset")
_PAGES = ("page", "current_page")
_SIZES = ("limit", "page_size", "per_page", "pageSize", "perPage")
_LAST_PAGES = ("total_pages", "totalPages", "last_page", "pages")
_TOTALS = ("total", "total_count", "totalCount", "totalElements", "total_results")
_COUNT = "count"  # of all rows, or of those of the page
_TOKENS = ("next", "next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next_page")
_MORE = ("has_more", "hasMore", "has_next", "hasNext", "hasNextPage", "has_next_page")


def next_page(
    address: str,
    headers: Mapping[str, str],
    content: bytes,
    resource: str = "",
    *,
    is_first: bool = True,
) -> str | None:
    """Return the address of the page after one; None if it is the last one.

    Args:
        address: The address of the page.
        headers: The headers of its response, in lower case.
        content: The page.
        resource: What is imported, whose name the list may have.
        is_first: No page was read before it.

    Raises:
        StackError: The list has more rows, and nothing that is known leads to them.
    """
    if link := _LINK.search(headers.get("link", "")):
        return link[1]
    try:
        page = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(page, dict):
        return None
    for place in _NEXT:
        target = jmespath.search(place, page)
        if isinstance(target, str) and target.startswith(_ADDRESS):
            return target
    facts = _facts(page)
    names = (resource, *ROW_MEMBERS)
    lists = (facts[name] for name in names if isinstance(facts.get(name), list))
    rows: list[Any] = next(filter(None, lists), [])
    if not rows or page.keys() & {*ROW_ALONE} or _says_end(facts):
        return None
    if changed := _changed(facts, rows, address):
        return _with_parameters(address, changed)
    if problem := _unread(facts, rows, is_first):
        raise StackError(
            f"{address} {problem}. Save each page with a browser, and import those files."
        )
    return None


def is_guessed(address: str) -> bool:
    """Return True if nothing but the address says that the list may have more pages."""
    return urlsplit(address).path.endswith(_SHOPIFY)


def _facts(page: Mapping[str, Any], depth: int = 2) -> dict[str, Any]:
    """Return the members of a page, and those of the objects in it that are about pages."""
    facts: dict[str, Any] = {}
    for name in _INNER:
        if depth and isinstance(page.get(name), dict):
            facts |= _facts(page[name], depth - 1)
    return facts | {name: value for name, value in page.items() if not isinstance(value, dict)}


def _says_end(facts: Mapping[str, Any]) -> bool:
    """Return True if a page says that no page follows."""
    names = [name for name in (*_TOKENS, *_MORE) if name in facts]
    return bool(names) and all(facts[name] in (None, False, "") for name in names)


def _changed(facts: Mapping[str, Any], rows: list[Any], address: str) -> dict[str, str]:
    """Return the parameters that lead to the next page; none if it is the last, or not known."""
    size, total, last = (_first(facts, names) for names in (_SIZES, _TOTALS, _LAST_PAGES))
    count = _whole(facts.get(_COUNT)) or 0
    is_full = not size or len(rows) >= size

    def has_more(end: int) -> bool:
        """Return True unless a number of rows is all, by the total or by a short page."""
        return end < total if total is not None else is_full or end < count

    number = _first(facts, _PAGES)
    if number is not None:
        end = number * size if size else len(rows)
        follows = number < last if last else has_more(end)
        return {"page": str(number + 1)} if follows else {}
    for name in _PLACES:
        if (place := _whole(facts.get(name))) is not None:
            end = place + len(rows)
            return {name: str(end)} if has_more(end) else {}
    if facts.get("has_more") is True and isinstance(rows[-1], dict) and rows[-1].get("id"):
        return {"starting_after": str(rows[-1]["id"])}
    if is_guessed(address):
        # The total is not known: the list ends at a page without rows.
        asked = dict(parse_qsl(urlsplit(address).query)).get("page")
        return {"page": str((_whole(asked) or 1) + 1)}
    return {}


def _unread(facts: Mapping[str, Any], rows: list[Any], is_first: bool) -> str:
    """Return why it is not certain that all rows were read; an empty text if it is."""
    if any(facts.get(name) for name in (*_TOKENS, *_MORE)):
        return "has more rows, and does not name the address of the next page"
    if not is_first or any(name in facts for name in (*_PLACES, *_PAGES)):
        return ""  # It says where it is, or an earlier page led to it.
    total = _first(facts, _TOTALS) or _whole(facts.get(_COUNT)) or 0
    if total > len(rows):
        return f"shows {len(rows):,} of {total:,} rows, and does not say where the others are"
    if not total and (size := _first(facts, _SIZES)) and len(rows) >= size:
        return f"shows a page of {size:,} rows, and does not say whether there are more"
    return ""


def _first(facts: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """Return the first whole number among some members."""
    numbers = (_whole(facts.get(name)) for name in names)
    return next((number for number in numbers if number is not None), None)


def _whole(value: Any) -> int | None:
    """Return a whole number, also from a text; None for anything else."""
    is_number = isinstance(value, (int, str)) and not isinstance(value, bool)
    text = str(value) if is_number else ""
    return int(text) if text.isdecimal() and len(text) < 16 else None


def _with_parameters(address: str, changed: Mapping[str, str]) -> str:
    """Return an address with some parameters changed; all others stay, also repeated ones."""
    parts = urlsplit(address)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name not in changed]
    return urlunsplit(parts._replace(query=urlencode([*kept, *changed.items()])))
