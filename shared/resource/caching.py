"""Answers that may be cached: found in the cache, or made from MongoDB and stored."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from flask import Response

from shared.cache.entry import Lookup
from shared.cache.keys import Address
from shared.http.request_state import Answer, RequestState, state
from shared.http.responses import Content
from shared.observability.metrics import LOOKUPS
from shared.storage.connections import connections

_HITS = LOOKUPS.labels("hit", "")


class Outcome(NamedTuple):
    """The content that a lookup has led to: that of a hit, or new content.

    Args:
        lookup: The lookup.
        content: The content to answer with.
        looked_up: The time of ``time.perf_counter`` when the lookup ended.
        is_new: True if the content is to be stored.
    """

    lookup: Lookup
    content: Content
    looked_up: float
    is_new: bool = False

    @property
    def entry(self) -> tuple[Lookup, bytes, str, Mapping[str, str]]:
        """The arguments of ``Cache.store`` for new content."""
        return self.lookup, self.content.body, self.content.etag, self.content.headers

    def answer(self, state: RequestState, seconds: int = 0) -> Answer:
        """Return the answer, which tells how the cache was used and how many ms it took.

        Args:
            state: The state of the request.
            seconds: The seconds that the new entry lives; 0 if none was stored.
        """
        lookup, content = self.lookup, self.content
        state.stored_seconds = seconds
        timing = f"cache;dur={(self.looked_up - state.started) * 1000:.2f}"
        if not lookup.is_hit:
            timing += f", make;dur={(time.perf_counter() - self.looked_up) * 1000:.2f}"
        headers = [
            *content.all_headers(),
            ("Cache-Status", lookup.status(stored=seconds > 0)),
            ("Server-Timing", timing),
        ]
        return Answer(content.status, headers, [content.body] if state.method == "GET" else [])


def cached(
    address: Address, make: Callable[[tuple[str, ...]], Content], *, single_flight: bool = True
) -> Response:
    """Answer from the cache, or make the content of the answer and store it.

    Content is stored when its status is 200 and ``state().is_uncacheable`` is False.

    Args:
        address: The key in the cache, and the tags that the content depends on.
        make: Returns the content, from MongoDB.  It is called with the generations of the cache
            that were current before, see ``Connections.count``; none if nothing can be stored.
        single_flight: True if requests for a missing entry wait for the first of them.  That costs
            a round trip to Redis, which cheap content is not worth.
    """
    current, cache = state(), connections().cache
    lookup = current.lookup = cache.get(address)
    outcome = find(current, lookup) or fill(current, lookup, make, single_flight)
    answer = outcome.answer(current, cache.store(*outcome.entry) if outcome.is_new else 0)
    return Response(answer.body, answer.status, answer.headers)


def find(state: RequestState, lookup: Lookup) -> Outcome | None:
    """Count a hit and return its content; return None for another lookup."""
    if not lookup.is_hit:
        return None
    _HITS.inc()
    state.cache = "hit"
    content = Content(lookup.body, lookup.head["etag"], lookup.head["headers"])
    return Outcome(lookup, content, time.perf_counter())


def fill(
    state: RequestState,
    lookup: Lookup,
    make: Callable[[tuple[str, ...]], Content],
    single_flight: bool,
) -> Outcome:
    """Make the content that a lookup did not find; the arguments are those of ``cached``."""
    cache = connections().cache
    if single_flight or not all(lookup.tokens):
        lookup = state.lookup = cache.start_fill(lookup)
        if outcome := find(state, lookup):
            return outcome  # Another request has stored it meanwhile.
    LOOKUPS.labels(lookup.state, lookup.detail).inc()
    state.cache = lookup.state
    looked_up = time.perf_counter()
    is_new = False
    try:
        # Without a follower, an edit by hand renews no generation.
        is_followed = cache.leased and all(lookup.tokens)
        content = make(lookup.tokens if is_followed else ())
        is_new = content.status == 200 and not state.is_uncacheable
    finally:
        if not is_new:
            cache.abandon_fill(lookup)
    return Outcome(lookup, content, looked_up, is_new)
