"""The one way of every request: a chain of middlewares, then Flask.

``shared.server.app.build_app`` lists the middlewares.  After them the cached reads are looked up,
the only step of a hit that waits: in WSGI for a blocking client of Redis, and in the event loop of
``shared.server.asgi`` for an asynchronous one.
"""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.cache.redis_async import AsyncServer
from shared.http.request_state import STATE, Answer, Middleware, RequestState, begin
from shared.server.cached_reads import CachedReads

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
        """Answer one request, which ``answer_hit`` may have looked up before."""
        state: RequestState | None = environ.get(STATE)
        answer = None
        if state is None:
            state = begin(environ)
            answer = self._begin(state) or self._reads.look_up(state)
        return self._end(state, answer or self._enter_flask(environ))

    async def answer_hit(self, environ: "WSGIEnvironment", redis: AsyncServer) -> Answer | None:
        """Answer a request in an event loop; return None if ``respond`` is to go on with it."""
        state = begin(environ)
        answer = self._begin(state) or await self._reads.look_up_async(state, redis)
        return self._end(state, answer) if answer else None

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
        return answer


def _has(link: Middleware, step: str) -> bool:
    """Return True if a middleware has a step of its own."""
    return getattr(type(link), step) is not getattr(Middleware, step)
