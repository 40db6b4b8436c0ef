"""State and environment of one request, and the interface of the middlewares it passes.

``shared.chain.chain`` runs the middlewares: ``before`` from the first to the last, and ``after``
back again, on cache hits and on responses of Flask alike.
"""

import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from random import getrandbits
from typing import TYPE_CHECKING, Any, Protocol

from flask import has_request_context, request

from shared.http.allowance import Allowance
from shared.http.errors import PROBLEM, ApiError, BadRequest, problem_document
from shared.http.tokens import Principal
from shared.observability import log_format

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from shared.cache.entry import Lookup

# Keys in the environment of a request (PEP 3333): its state; its ``Client``, if it has one; and the
# ``ApiError`` to answer with, if the server could not read the request.
STATE = "vitrine.state"
CLIENT = "vitrine.client"
FAULT = "vitrine.fault"
ANONYMOUS = Principal("anonymous")

_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_current: ContextVar["RequestState | None"] = ContextVar("request", default=None)


class Client(Protocol):
    """The client of a request, where the server can tell whether it is still connected."""

    @property
    def is_connected(self) -> bool:
        """True until the client closes the connection."""


@dataclass(slots=True)
class Answer:
    """A response: its status, its headers, and the parts of its body."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterable[bytes] = ()


@dataclass(slots=True, eq=False)
class RequestState:
    """Facts about one request, and about the answer to it.

    Args:
        environ: The environment of the request (PEP 3333).
        id: The request id.
        passed: The number of middlewares that the request has passed.
        started: The time of ``time.perf_counter`` when the request began.
        path: The path of the URL, as text, without a prefix such as ``/api/v1``.
        route: The rule of the route, empty for none.
        principal: The caller; None if it could not be identified.
        refusal: The reason why the caller could not be identified.
        lookup: The result of the cache lookup.
        cache: The state of the cache for the log: hit, miss, stale or bypass; empty for none.
        stored_seconds: The seconds that the entry of the answer lives; 0 if none was stored.
        is_counted: True if the request was counted in the round trip of the lookup.
        allowances: The rate limits that apply, after the request was counted.
        error: The error with which Flask is to answer.
        is_uncacheable: True if the response must not be stored: a part is missing, or not every
            reader may see it.
        idempotency_token: The name of the request under its ``Idempotency-Key``.
        is_repeated: True if the request was started before, and not finished.
        is_forgotten: True if the request left no effects, and is to start anew.
        notes: What a service keeps until the request ends.
    """

    environ: "WSGIEnvironment"
    id: str
    passed: int = 0
    started: float = field(default_factory=time.perf_counter)
    path: str = ""
    route: str = ""
    principal: Principal | None = None
    refusal: ApiError | None = None
    lookup: "Lookup | None" = None
    cache: str = ""
    stored_seconds: int = 0
    is_counted: bool = False
    allowances: list[Allowance] = field(default_factory=list)
    error: Exception | None = None
    is_uncacheable: bool = False
    idempotency_token: str = ""
    is_repeated: bool = False
    is_forgotten: bool = False
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def client(self) -> Client | None:
        """The client, if the server can tell whether it is connected."""
        client: Client | None = self.environ.get(CLIENT)
        return client

    @property
    def method(self) -> str:
        """The HTTP method."""
        return str(self.environ["REQUEST_METHOD"])

    @property
    def reads(self) -> bool:
        """True for the methods GET and HEAD."""
        return self.environ["REQUEST_METHOD"] in ("GET", "HEAD")


class Middleware:
    """One job that is done for every request."""

    def before(self, state: RequestState) -> Answer | None:
        """Note something about a request, or answer it."""

    def after(self, state: RequestState, answer: Answer) -> None:
        """Complete the answer to a request."""


def begin(environ: "WSGIEnvironment") -> RequestState:
    """Return the new state of a request, with the id that the caller sent, if it is valid."""
    sent = environ.get("HTTP_X_REQUEST_ID", "")
    id = sent if sent and _REQUEST_ID.fullmatch(sent) else f"{getrandbits(128):032x}"
    new = environ[STATE] = RequestState(environ, id)
    return new


@contextmanager
def entered(state: RequestState) -> Iterator[None]:
    """Let code outside of Flask, and its log lines, know the request that it works for."""
    about = log_format.ABOUT.set({"request_id": state.id})
    current = _current.set(state)
    try:
        yield
    finally:
        _current.reset(current)
        log_format.ABOUT.reset(about)


def find_state() -> RequestState | None:
    """Return the state of the current request; None outside of a request, as in a job."""
    if current := _current.get():
        return current
    return state() if has_request_context() else None


def state() -> RequestState:
    """Return the state of the current request.

    Raises:
        RuntimeError: It is called outside of a request.
    """
    current: RequestState | None = _current.get() or request.environ.get(STATE)
    return current or begin(request.environ)


def refuse(state: RequestState, error: ApiError) -> Answer:
    """Return the problem document of an error as an answer."""
    body = problem_document(
        error.status, str(error), state.path, state.id, error.errors, error.extra
    )
    headers = [("Content-Type", PROBLEM), ("Content-Length", str(len(body)))]
    return Answer(
        error.status,
        [*headers, *error.headers.items()],
        [body] if state.method != "HEAD" else [],
    )


def build_environ(scope: Mapping[str, Any]) -> "WSGIEnvironment":
    """Return the environment of a request (PEP 3333), without its body, from its scope (ASGI 3.0).

    Header names with an underscore are left out, because they would pass for others.
    """
    path = scope["path"]
    host, port = scope.get("server") or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path if path.isascii() else path.encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "REMOTE_ADDR": scope["client"][0] if scope.get("client") else "",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,  # It ends where the body ends.
    }
    for header, raw in scope["headers"]:
        if name := _environ_name(header):
            value = raw.decode("latin-1")
            known = environ.get(name)
            environ[name] = value if known is None else f"{known},{value}"
    if "," in environ.get("HTTP_HOST", ""):
        environ[FAULT] = BadRequest("The request has more than one Host. Send one.")
    return environ


@lru_cache(maxsize=512)
def _environ_name(header: bytes) -> str:
    """Return the name of a header in an environment; empty for one with an underscore."""
    name = header.decode("latin-1").upper().replace("-", "_")
    if b"_" in header:
        return ""
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
