"""The one way of every request: a chain of middlewares, then Flask.

``shared.server.app.build_app`` lists the middlewares.  After them the cached reads are looked up,
the only step of a hit that waits: in WSGI for a blocking client of Redis, and in the event loop of
``shared.server.asgi`` for an asynchronous one.
"""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.cache.redis_async import AsyncServer
from shared.chain.cached_reads import CachedReads
from shared.http.errors import ApiError
from shared.http.request_state import Answer, Middleware, RequestState, begin, refuse
from shared.resource.caching import Outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_STATUS = {each.value: f"{each.value} {each.phrase.upper()}" for each in HTTPStatus}


class Chain:
    """WSGI application of a service: middlewares, cached reads, Flask.

    Args:
        middlewares: The middlewares, the outermost first.
        reads: Answers the reads that are in the cache.
        app: The WSGI application of Flask.
    """

    def __init__(
        self, middlewares: Sequence[Middleware], reads: CachedReads, app: "WSGIApplication"
    ):
        # Only the steps that do something are called, because there are many for each request.
        self._before = [
            (number, link.before) for number, link in enumerate(middlewares) if _has(link, "before")
        ]
        self._after = [
            [link.after for link in reversed(middlewares[:number]) if _has(link, "after")]
            for number in range(len(middlewares) + 1)
        ]
        self._reads = reads
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        answer = self.respond(environ)
        start_response(_STATUS.get(answer.status) or f"{answer.status} UNKNOWN", answer.headers)
        return answer.body

    def respond(self, environ: "WSGIEnvironment") -> Answer:
        """Answer one request."""
        state = begin(environ)
        answer = self._begin(state) or self._reads.look_up(state)
        if answer is None:
            outcome = self._reads.make(state)
            answer = self._reads.store(state, outcome) if outcome else self._enter_flask(environ)
        return self._end(state, answer)

    def check(self, state: RequestState) -> Answer | None:
        """Answer a request that is refused by its head; return None if ``make`` is to go on."""
        answer = self._begin(state)
        return self._end(state, answer) if answer else None

    def refuse(self, state: RequestState, error: ApiError) -> Answer:
        """Answer a request that was found to be wrong after ``check``."""
        return self._end(state, refuse(state, error))

    # The same in an event loop: only ``make`` waits for other servers, so it runs in a thread.

    async def look_up(self, state: RequestState, redis: AsyncServer) -> Answer | None:
        """Answer a hit or a refusal; return None if ``make`` and ``complete`` are to go on."""
        answer = self._begin(state) or await self._reads.look_up_async(state, redis)
        return self._end(state, answer) if answer else None

    def make(self, state: RequestState) -> Outcome | Answer:
        """Make what ``look_up`` did not find: content for ``complete``, or else the answer."""
        return self._reads.make(state) or self._end(state, self._enter_flask(state.environ))

    async def complete(self, state: RequestState, outcome: Outcome, redis: AsyncServer) -> Answer:
        """Store the content that ``make`` has returned, if it may be stored, and answer."""
        return self._end(state, await self._reads.store_async(state, outcome, redis))

    def _begin(self, state: RequestState) -> Answer | None:
        """Pass a request through the middlewares until one of them answers it."""
        for number, before in self._before:
            if answer := before(state):
                state.passed = number
                return answer
        state.passed = len(self._after) - 1
        return None

    def _end(self, state: RequestState, answer: Answer) -> Answer:
        """Pass an answer back through the middlewares that the request has passed."""
        for after in self._after[state.passed]:
            after(state, answer)
        return answer

    def _enter_flask(self, environ: "WSGIEnvironment") -> Answer:
        answer = Answer(500, [])

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            answer.status, answer.headers = int(status[:3]), headers

        answer.body = self._app(environ, start)
        if "Content-Length" in dict(answer.headers) or answer.status in (204, 304):
            answer.body = _read_whole(answer.body)
        return answer


def _read_whole(body: Iterable[bytes]) -> list[bytes]:
    try:
        return list(body)
    finally:
        if close := getattr(body, "close", None):
            close()


def _has(link: Middleware, step: str) -> bool:
    """Return True if a middleware has a step of its own."""
    return getattr(type(link), step) is not getattr(Middleware, step)
