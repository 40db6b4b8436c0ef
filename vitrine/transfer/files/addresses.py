"""Files at an address of the web: fetched whole, within limits of size, time and redirects.

A list of a shop that comes in pages is fetched page by page; its rows are then JSON lines.
"""

import io
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import orjson
import urllib3
from urllib3.exceptions import HTTPError, LocationParseError

from vitrine.errors import StackError
from vitrine.transfer.files.copies import DECOMPRESSORS, MAX_BYTES, new_copy
from vitrine.transfer.files.json_rows import json_rows
from vitrine.transfer.files.kinds import ending_of
from vitrine.transfer.files.pages import MAX_PAGES, is_guessed, next_page

SCHEMES = ("http://", "https://")
CHUNK_BYTES = 1 << 16
MAX_PAGE_BYTES = 50_000_000  # of a page of a list; a larger file is read alone
_HEADERS = {
    "User-Agent": "vitrine",
    "Accept": "application/json, application/xml, text/csv, text/html;q=0.8, */*;q=0.5",
    "Accept-Encoding": "gzip",
}
_BY_BROWSER = "Save the file with a browser, and import that file"
_SAVE = f"Or s{_BY_BROWSER[1:]}."
_REASONS = {
    401: f"asks for a login. {_BY_BROWSER}",
    403: f"refuses to answer. {_BY_BROWSER}",
    404: "has no file at this address. Check the address",
    429: "had too many requests. Wait some minutes, then run the command again",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one file.

    Attributes:
        bytes: Unpacked, of all pages together.
        seconds: Of one page.
        wait: Seconds without any byte.
        redirects: Of one page.
        pages: Of one list.
    """

    bytes: int = MAX_BYTES
    seconds: float = 600.0
    wait: float = 30.0
    redirects: int = 3
    pages: int = MAX_PAGES


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was fetched: its content, and the ending that its name would have."""

    file: BinaryIO
    ending: str


def is_address(path: str) -> bool:
    """Return True for an address of the web."""
    return path.lower().startswith(SCHEMES)


def download(address: str, resource: str = "", limits: Limits | None = None) -> Download:
    """Fetch a file, or all pages of a list.

    Args:
        address: The address, with ``http://`` or ``https://``.
        resource: What is imported, such as products.
        limits: The limits; by default those of ``Limits``.

    Raises:
        StackError: The server does not answer, refuses, or answers with more than the limits allow.
    """
    limits = limits or Limits()
    _check(address)
    with ExitStack() as on_error:
        page = on_error.enter_context(new_copy())
        headers = _fetch(address, page, limits, limits.bytes)
        ending = ending_of(urlsplit(address).path, tuple(DECOMPRESSORS))
        if not _is_json(page):
            on_error.pop_all()
            return Download(page, ending)
        first = page.read(MAX_PAGE_BYTES + 1)
        page.seek(0)
        is_page = len(first) <= MAX_PAGE_BYTES
        following = next_page(address, headers, first, resource) if is_page else None
        if following is None:
            on_error.pop_all()
            return Download(page, ending or "json")
        lines = on_error.enter_context(new_copy())
        for row in _rows_of_pages(address, following, first, resource, limits):
            lines.write(orjson.dumps(row) + b"\n")
        lines.seek(0)
        on_error.pop_all()
        page.close()
        return Download(lines, "jsonl")


def _check(address: str) -> None:
    """Raise ``StackError`` for a text that is not an address, or one with a password in it."""
    try:
        server = urlsplit(address).netloc
    except ValueError as error:
        raise StackError(f"{address} cannot be reached: {error}. Check the address.") from error
    if "@" in server:
        raise StackError(
            "An address with a name or a password is not read, because commands show addresses. "
            f"{_BY_BROWSER}."
        )


def _rows_of_pages(
    address: str, following: str | None, first: bytes, resource: str, limits: Limits
) -> Iterator[object]:
    """Yield the rows of the first page and of all that follow it."""
    content, size, count = first, len(first), 1
    while True:
        rows = [row for _, row in json_rows(io.BytesIO(content), address, resource)]
        if broken := next((row for row in rows if isinstance(row, str)), ""):
            raise StackError(f"{address} cannot be read: {broken} {_SAVE}")
        yield from rows
        if following is None or not rows:
            return
        if count == limits.pages:
            raise StackError(
                f"{address} has more than {limits.pages:,} pages. Name a part of the list in the "
                "address."
            )
        address = _same_server(address, following)
        with new_copy() as page:
            headers = _fetch(address, page, limits, limits.bytes - size)
            previous, content = content, page.read()
        if content == previous and is_guessed(address):
            return  # The server does not know pages: the first one was the whole list.
        if content == previous:
            raise StackError(
                f"{address} has the same rows as the page before it. Import each page by itself."
            )
        size, count = size + len(content), count + 1
        following = next_page(address, headers, content, resource, is_first=False)


def _same_server(address: str, following: str) -> str:
    """Return the address of the next page, or raise ``StackError`` if another server has it."""
    target = _joined(address, following)
    if urlsplit(target)[:2] != urlsplit(address)[:2]:
        raise StackError(
            f"{address} names a next page on another server: {target}. Import each page by itself."
        )
    return target


def _is_json(file: BinaryIO) -> bool:
    start = file.read(CHUNK_BYTES).lstrip()
    file.seek(0)
    return start.startswith((b"{", b"["))


def _fetch(address: str, file: BinaryIO, limits: Limits, max_bytes: int) -> dict[str, str]:
    """Write the content at an address to a file, and return the headers of the response."""
    deadline = time.monotonic() + limits.seconds
    with urllib3.PoolManager(headers=_HEADERS, retries=False) as pool:
        response = _answered(pool, address, limits)
        try:
            for chunk in response.stream(CHUNK_BYTES):
                file.write(chunk)
                if file.tell() > max_bytes:
                    raise StackError(
                        f"{address} is larger than {limits.bytes / 1e6:,.0f} MB. Name a part of it "
                        "in the address, or save it in parts."
                    )
                if time.monotonic() > deadline:
                    raise StackError(
                        f"{address} took longer than {limits.seconds:,.0f} s. Run the command "
                        f"again. {_SAVE}"
                    )
        except HTTPError as error:
            raise StackError(
                f"{address} stopped in the middle: {_reason(error)}. Run the command again. {_SAVE}"
            ) from error
        finally:
            response.close()
    file.seek(0)
    return {name.casefold(): value for name, value in response.headers.items()}


def _answered(
    pool: urllib3.PoolManager, address: str, limits: Limits
) -> urllib3.response.BaseHTTPResponse:
    """Return the response to an address after its redirects, whose body is not yet read."""
    target = address
    for _ in range(limits.redirects + 1):
        try:
            response = pool.request(
                "GET", target, preload_content=False, redirect=False, timeout=limits.wait
            )
        except (HTTPError, LocationParseError, UnicodeError, ValueError) as error:
            raise StackError(
                f"{target} cannot be reached: {_reason(error)}. Check the address and the network. "
                f"{_SAVE}"
            ) from error
        if response.status == 200:
            return response
        location = response.get_redirect_location()
        response.close()
        if not location:
            reason = _REASONS.get(response.status, f"answers {response.status}. {_BY_BROWSER}")
            raise StackError(f"{target} {reason}.")
        target = _redirected(target, location)
    raise StackError(
        f"{address} redirects more than {limits.redirects} times. Open it with a browser, and "
        "import the address that it ends at."
    )


def _redirected(address: str, location: str) -> str:
    """Return the target of a redirect, or raise ``StackError`` if it is less safe."""
    target = _joined(address, location)
    is_downgrade = address.lower().startswith("https:") and not target.lower().startswith("https:")
    if is_downgrade or not is_address(target):
        raise StackError(f"{address} redirects to {target}, which is not safe. Name that address.")
    return target


def _joined(address: str, other: str) -> str:
    """Return an address that a server names, which may be relative to another one."""
    try:
        return urljoin(address, other)
    except ValueError as error:
        raise StackError(
            f"{address} leads to {other}, which is not an address: {error}. {_BY_BROWSER}."
        ) from error


def _reason(error: Exception) -> str:
    """Return why a request failed, without the names of objects."""
    text = str(getattr(error, "reason", None) or error)
    return text.rpartition(">: ")[2].rpartition("): ")[2].rstrip(".") or type(error).__name__
