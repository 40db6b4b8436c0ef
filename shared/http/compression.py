"""Compression of responses: zstd or gzip, as the client accepts (RFC 9110, section 12.5.3).

A compressed response is a representation of its own, so its ETag has the coding after a hyphen:
``"5f3c-gzip"``.  ``If-Match`` accepts it as the version ``"5f3c"``.
"""

import gzip
import sys
from functools import lru_cache

from werkzeug.http import parse_accept_header

from shared.http.request_state import Answer, Middleware, RequestState
from shared.http.responses import is_known

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIN_BYTES = 1_000  # bytes of a body; in fewer, the headers outweigh what is saved
MAX_KEPT = 200_000  # bytes of a body whose compressed form is kept
MAX_CACHED = 1_000_000  # bytes of a cached body; a larger one would delay the event loop by 10 ms
MAX_HEADER = 200  # characters of Accept-Encoding that are read
KEPT = 64  # bodies
GZIP_LEVEL = 4  # half the time of level 6, for a tenth more bytes
_CHANGED = ("Content-Length", "ETag")
_TEXT = ("text/", "application/json", "application/problem+json", "application/javascript")


class Compression(Middleware):
    """Compresses the body of a response if the client accepts that.

    Responses that are sent in parts, such as event streams and exports, are not compressed.
    """

    def after(self, state: RequestState, answer: Answer) -> None:
        """Compress a body of text of ``MIN_BYTES`` and more."""
        headers = dict(answer.headers)
        length = int(headers.get("Content-Length", 0))
        if length < MIN_BYTES or "Content-Encoding" in headers:
            return
        if state.lookup and length > MAX_CACHED:
            return
        if not headers.get("Content-Type", "").startswith(_TEXT):
            return
        answer.headers.append(("Vary", "Accept-Encoding"))
        coding = choose(state.environ.get("HTTP_ACCEPT_ENCODING", "")[:MAX_HEADER])
        if not coding:
            return
        answer.headers = [each for each in answer.headers if each[0] not in _CHANGED]
        answer.headers.append(("Content-Encoding", coding))
        if etag := headers.get("ETag"):
            answer.headers.append(("ETag", f'{etag[:-1]}-{coding}"'))
        # The next link of the chain answers 304 if the client has the body.  The response to a HEAD
        # has no body to compress, so its length stays unknown.
        if not is_known(state, answer) and (body := b"".join(answer.body)):
            compressed = _kept if len(body) <= MAX_KEPT else compress
            answer.body = [compressed(body, coding)]
            answer.headers.append(("Content-Length", str(len(answer.body[0]))))


@lru_cache(maxsize=256)
def choose(accept: str) -> str:
    """Return the coding that a client prefers by its ``Accept-Encoding``; empty for none.

    zstd comes first among codings that the client likes equally.
    """
    quality = parse_accept_header(accept).quality
    coding = max(("zstd", "gzip"), key=quality)
    return coding if quality(coding) and quality(coding) >= quality("identity") else ""


def compress(body: bytes, coding: str) -> bytes:
    """Return a body in a coding, ``zstd`` (RFC 8878) or ``gzip`` (RFC 1952)."""
    if coding == "zstd":
        return zstd.compress(body)
    return gzip.compress(body, GZIP_LEVEL, mtime=0)


# Hits send the same bodies again and again; to find one takes 0.2 us for each kB.
_kept = lru_cache(KEPT)(compress)
