"""Answers that come from the cache, or go into it."""

import time

from flask import Response

from shared.cache.entry import Lookup
from shared.http.responses import CACHE_CONTROL, JSON

# The headers of an answer that are stored with it.
STORED = ("Link", "Vary", "Preference-Applied")


class Clock:
    """Takes the time of each step of an answer, for ``Server-Timing`` (W3C)."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self._laps: list[str] = []

    def lap(self, step: str) -> None:
        """Note the milliseconds since the last lap under the name of a step."""
        now = time.perf_counter()
        self._laps.append(f"{step};dur={(now - self._last) * 1000:.2f}")
        self._last = now

    def tell(self, response: Response) -> Response:
        """Put the laps into the header of a response."""
        response.headers["Server-Timing"] = ", ".join(self._laps)
        return response


def extra_headers(response: Response) -> dict[str, str]:
    """Return the headers that belong to a body and are stored with it."""
    return {name: response.headers[name] for name in STORED if name in response.headers}


def stored(hit: Lookup) -> Response:
    """Answer what the cache holds, as it was answered when it was stored."""
    response = Response(hit.body, 200, dict(hit.head["headers"]), content_type=JSON)
    response.set_etag(hit.head["etag"])
    response.headers["Cache-Status"] = hit.status()
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response
