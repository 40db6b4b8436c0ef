"""Download of a photo from a URL, within limits of size, time, redirects and addresses.

Nothing of a response is believed: the caller checks that its bytes are a picture.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    NewConnectionError,
    SSLError,
)
from urllib3.util import Url

from api_products.images.addresses import NotPublic, Unknown, resolve
from api_products.images.sources import is_usual_port, port_of, split_url
from shared.workers.queue import RemoteUnavailable

SECONDS = 15.0  # for a download as a whole
CONNECT_SECONDS = 4.0  # for a connection to one address
READ_SECONDS = 8.0  # without a byte from the server
MAX_REDIRECTS = 3
MAX_ADDRESSES = 4  # of one host that are tried
MAX_VALIDATOR = 500  # characters of an ETag that is stored
CHUNK = 65_536  # bytes
_REDIRECTS = (301, 302, 303, 307, 308)
_LATER = (408, 425, 429, *range(500, 600))  # statuses of servers that may answer later
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "Vitrine"}


class PhotoRefused(Exception):
    """A photo cannot be fetched, now or later; the text says why."""


class PhotoUnavailable(RemoteUnavailable):
    """A photo cannot be fetched now, but perhaps later; the text says why."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a download: its bytes, and the hosts that may have addresses that are private."""

    max_bytes: int
    private_hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Photo:
    """The bytes of a photo, and the validators with which its source has answered."""

    data: bytes
    etag: str | None = None
    modified: str | None = None


def download(url: str, bounds: Bounds, etag: str = "", modified: str = "") -> Photo | None:
    """Return the photo at a URL; None if it has not changed since.

    Args:
        url: The URL.
        bounds: The limits.
        etag: The ETag of the photo that is there already, or an empty text.
        modified: Its ``Last-Modified``, or an empty text.

    Raises:
        PhotoRefused: The server refuses, or the photo exceeds a limit.
        PhotoUnavailable: The server does not answer as it should.
    """
    headers = _HEADERS | ({"If-None-Match": etag} if etag else {})
    headers |= {"If-Modified-Since": modified} if modified else {}
    # In a thread, because a name server, or a server that sends a head byte by byte, may take any
    # time between two time-outs.
    thread = ThreadPoolExecutor(1)
    future = thread.submit(_follow, url, headers, bounds, time.monotonic() + SECONDS)
    try:
        photo = future.result(SECONDS)
    except TimeoutError as error:
        raise _too_slow(url) from error
    finally:
        thread.shutdown(wait=False)
    if photo is None and not (etag or modified):
        raise PhotoRefused("The server has answered 304 to a request without a condition.")
    return photo


def _follow(url: str, headers: dict[str, str], bounds: Bounds, deadline: float) -> Photo | None:
    """Fetch a URL and the URLs that it redirects to, each checked like the first one."""
    for _ in range(MAX_REDIRECTS + 1):
        try:
            target = split_url(url)
        except ValueError as error:
            raise PhotoRefused(f"It redirects to a URL that is not allowed. {error}") from error
        with _opened(target, headers, bounds, deadline) as response:
            if response.status not in _REDIRECTS:
                return _photo(target, response, bounds.max_bytes, deadline)
            location = response.headers.get("Location", "")
        if not location:
            raise PhotoRefused(f"{target.host} redirects to no URL.")
        try:
            url = urljoin(target.url, location)
        except ValueError as error:
            raise PhotoRefused(f"{target.host} redirects to a text that is not a URL.") from error
    raise PhotoRefused(f"It redirects more than {MAX_REDIRECTS} times.")


@contextmanager
def _opened(
    target: Url, headers: dict[str, str], bounds: Bounds, deadline: float
) -> Iterator[BaseHTTPResponse]:
    """Yield the response of a URL whose body is not read, from one of the addresses checked."""
    host, port = str(target.host).strip("[]"), port_of(target)
    if host not in bounds.private_hosts and not is_usual_port(port):
        raise PhotoRefused(f"Port {port} is not allowed: 80, 443, and those from 1024 on are.")
    try:
        addresses = resolve(host, port, bounds.private_hosts)
    except NotPublic as error:
        raise PhotoRefused(str(error)) from error
    except Unknown as error:
        raise PhotoUnavailable(str(error)) from error
    try:
        with _connected(target, addresses[:MAX_ADDRESSES], headers, deadline) as response:
            yield response
    except SSLError as error:
        raise PhotoRefused(f"The certificate of {host} is not valid.") from error
    except DecodeError as error:
        raise PhotoRefused(f"{host} has sent a body that cannot be decoded.") from error
    except HTTPError as error:
        raise PhotoUnavailable(f"{host} does not answer, or not as HTTP.") from error


@contextmanager
def _connected(
    target: Url, addresses: list[str], headers: dict[str, str], deadline: float
) -> Iterator[BaseHTTPResponse]:
    """Yield the response of the first address that accepts a connection."""
    for number, address in enumerate(addresses, 1):
        if time.monotonic() > deadline:
            raise _too_slow(target.url)
        pool = _pool(target, address)
        try:
            response = pool.urlopen(
                "GET",
                target.request_uri,
                headers=headers | {"Host": str(target.netloc)},
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            )
        except (ConnectTimeoutError, NewConnectionError):
            pool.close()
            if number == len(addresses):
                raise
            continue
        try:
            yield response
        finally:
            response.close()
            pool.close()
        return


def _pool(target: Url, address: str) -> HTTPConnectionPool:
    """Return the connections to one address, with the name of the URL for TLS."""
    port = port_of(target)
    if target.scheme == "http":
        return HTTPConnectionPool(address, port)
    name = str(target.host).strip("[]")
    return HTTPSConnectionPool(
        address, port, cert_reqs="CERT_REQUIRED", server_hostname=name, assert_hostname=name
    )


def _photo(
    target: Url, response: BaseHTTPResponse, max_bytes: int, deadline: float
) -> Photo | None:
    """Return the photo in a response that is not a redirect, or None for a 304."""
    if response.status == 304:
        return None
    if response.status in _LATER:
        raise PhotoUnavailable(f"{target.host} has answered {response.status}.")
    if response.status != 200:
        raise PhotoRefused(f"{target.host} has answered {response.status}.")
    data = bytearray()
    while piece := response.read1(CHUNK):
        data += piece
        if len(data) > max_bytes:
            limit = f"{max_bytes / 1_000_000:g} MB"
            raise PhotoRefused(f"The photo is too large. It may have at most {limit}.")
        if time.monotonic() > deadline:
            raise _too_slow(target.url)
    etag, modified = map(response.headers.get, ("ETag", "Last-Modified"))
    return Photo(bytes(data), _usable(etag), _usable(modified))


def _usable(validator: str | None) -> str | None:
    """Return a validator if it can be sent back in a header, else None."""
    is_usable = validator and len(validator) <= MAX_VALIDATOR and validator.isascii()
    return validator if is_usable and str(validator).isprintable() else None


def _too_slow(url: str) -> PhotoUnavailable:
    return PhotoUnavailable(f"{split_url(url).host} takes more than {SECONDS:.0f} seconds.")
