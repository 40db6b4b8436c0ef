"""Answers from the cache: look up, and on a miss make the answer and store it."""

import time
from collections.abc import Callable

from flask import Response

from shared.cache.entry import Lookup
from shared.cache.keys import Address
from shared.http.request_state import state
from shared.http.responses import CACHE_CONTROL, JSON_UTF8
from shared.observability.metrics import LOOKUPS
from shared.storage.connections import connections

# The headers of a response that are stored with its body.
STORED_HEADERS = ("Link", "Vary", "Preference-Applied")


class ServerTiming:
    """Measures the steps of a response for its ``Server-Timing`` header (W3C)."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self._steps: list[str] = []

    def finish(self, step: str) -> None:
        """Note the milliseconds since the previous step under the name of this one."""
        now = time.perf_counter()
        self._steps.append(f"{step};dur={(now - self._last) * 1000:.2f}")
        self._last = now

    def add_to(self, response: Response) -> Response:
        """Set the header of a response and return the response."""
        response.headers["Server-Timing"] = ", ".join(self._steps)
        return response


def cached(
    address: Address, make: Callable[[], Response], *, single_flight: bool = True
) -> Response:
    """Answer from the cache, or make the response and store it.

    A response is stored when its status is 200 and ``state().is_incomplete`` is False.

    Args:
        address: The key in the cache, and the tags that the response depends on.
        make: Returns the response, from MongoDB.
        single_flight: True if requests for a missing entry wait for the first of them.  That costs
            a round trip to Redis, which a cheap response is not worth.
    """
    cache = connections().cache
    timing = ServerTiming()
    current = state()
    lookup = current.lookup
    if lookup is None or lookup.address != address:
        lookup = cache.get(address)
    if single_flight or not all(lookup.tokens):
        lookup = cache.start_fill(lookup)
    LOOKUPS.labels(lookup.state, lookup.detail).inc()
    current.cache = lookup.state
    timing.finish("cache")
    if lookup.is_hit:
        return timing.add_to(cached_response(lookup))
    is_stored = False
    try:
        response = make()
        if response.status_code == 200 and not current.is_incomplete:
            etag = str(response.get_etag()[0])
            is_stored = cache.store(lookup, response.get_data(), etag, _stored_headers(response))
    finally:
        if not is_stored:
            cache.abandon_fill(lookup)
    response.headers["Cache-Status"] = lookup.status(stored=is_stored)
    response.headers["Cache-Control"] = CACHE_CONTROL
    timing.finish("make")
    return timing.add_to(response)


def cached_response(hit: Lookup) -> Response:
    """Return the response that a hit holds, with the headers that were stored with it."""
    response = Response(hit.body, 200, dict(hit.head["headers"]), content_type=JSON_UTF8)
    response.set_etag(hit.head["etag"])
    response.headers["Cache-Status"] = hit.status()
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response


def _stored_headers(response: Response) -> dict[str, str]:
    return {name: response.headers[name] for name in STORED_HEADERS if name in response.headers}
