"""HTTP client of the command line: one service, its JSON, and the token to be let in."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlencode

import click
import orjson
import urllib3
from urllib3.filepost import encode_multipart_formdata

from shared.config.settings import Settings
from shared.http.auth import READING
from shared.http.clocks import clock_difference, clocks_differ
from shared.http.import_id import HEADER
from shared.http.tokens import ADMIN, Tokens
from vitrine import stack
from vitrine.errors import NotAllowed, RequestRefused, StackError

PAGE_SIZE = 100  # items
CONNECTIONS = 8  # that are kept, for as many threads
MAX_SHOWN_ERRORS = 5  # of one refused request

QUIET_SECONDS = 8.0  # that a service may take before the user is shown that the command waits
ANSWER_SECONDS = 120.0  # that a service may take to answer


class _Retries(urllib3.Retry):
    """Retries of what fails at once; a service that is silent for so long is not asked again."""

    def increment(self, *args: Any, **kwargs: Any) -> Self:
        """Return the retries that are left, or raise the error."""
        error = kwargs.get("error")
        if isinstance(error, urllib3.exceptions.ReadTimeoutError):
            raise error
        return super().increment(*args, **kwargs)


# Every request may be repeated: posted items carry a key, so the second time changes nothing.
_RETRIES = _Retries(
    total=5,
    backoff_factor=0.2,
    status_forcelist=(502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
)

_TOKEN_SECONDS = 12 * 3600  # An import may take hours.
_WRONG_SECRET = "Set AUTH_MODE and SECRET_KEY to the values the service was started with."
_JSON = "application/json; charset=utf-8"
_MERGE_PATCH = "application/merge-patch+json"


def threads_for(service: str) -> int:
    """Return the number of threads that may write the items of a service at once."""
    return 1 if service == "categories" else CONNECTIONS  # A category goes before its parent.


def authorization() -> str:
    """Return an Authorization header with the scope ``admin``, which has no rate limit."""
    settings = Settings.from_env()
    check_secret(settings)
    token = Tokens(settings).mint("vitrine", [ADMIN], _TOKEN_SECONDS)
    return f"Bearer {token}"


def check_secret(settings: Settings) -> None:
    """Raise ``StackError`` if the running stack asks for tokens that these settings cannot make."""
    running = stack.asked_for(settings)
    if running and running.auth_mode == "token" and settings.auth_mode != "token":
        raise StackError(
            "The running stack asks for tokens: set AUTH_MODE=token and its SECRET_KEY in this "
            "terminal, too, or write both into .env."
        )


class Client:
    """Sends JSON to one service and returns its JSON answer, or raises ``StackError``.

    A status from 400 to 499 is a ``RequestRefused``, but 401 and 403 are ``NotAllowed``.  The
    history of each item that it writes names the import ``import_id``, if there is one.
    """

    def __init__(self, service: str, url: str, import_id: str = "", header: str | None = None):
        """Prepare a client.

        Args:
            service: The name of the service.
            url: Its address.
            import_id: The import that its writes are part of.
            header: The Authorization header of another caller; None for a token of one's own.
        """
        self.service = service
        self.import_id = import_id
        self.url = url
        self._is_own = header is None
        self._lock = threading.Lock()
        self._is_waiting_shown = False
        self._pool = urllib3.PoolManager(
            retries=_RETRIES,
            timeout=urllib3.Timeout(connect=2.0, read=ANSWER_SECONDS),
            maxsize=CONNECTIONS,
            headers={"Authorization": authorization() if header is None else header},
        )

    @classmethod
    def find(cls, service: str, settings: Settings, import_id: str = "") -> "Client":
        """Return a client of a service at the URL that is set, else of the running stack."""
        url = stack.address(settings, service)
        return cls(service, url, import_id)

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer to a GET of a path."""
        return self._send("GET", path, None, query)

    def items(self, path: str, **query: Any) -> Iterator[Any]:
        """Yield all items of a list, each once, even if other items are added or deleted."""
        while True:
            page = self.get(path, per=PAGE_SIZE, **query)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def post(self, path: str, body: Any, **query: Any) -> Any:
        """Post JSON to a path and return the answer."""
        return self._send("POST", path, None if body is None else orjson.dumps(body), query)

    def patch(self, path: str, body: Any, **query: Any) -> Any:
        """Merge JSON into the item at a path (RFC 7396) and return the answer."""
        return self._send("PATCH", path, orjson.dumps(body), query, _MERGE_PATCH)

    def batch(self, items: Any, **query: Any) -> Any:
        """Create or change many items and return the answer.

        Args:
            items: The items.
            query: The query parameters of the batch; ``merge`` names a field whose object is merged
                into the stored one.
        """
        return self._send("POST", f"/{self.service}:batch", orjson.dumps(items), query)

    def upload(self, path: str, name: str, data: bytes) -> Any:
        """Post an image file to a path as an HTML form does and return the answer."""
        body, content_type = encode_multipart_formdata({"image": (name, data)})
        return self._send("POST", path, body, {}, content_type)

    def write(self, method: str, path: str, body: Any, if_match: str) -> Any:
        """Send a write of one item, if it has this ETag, and return the answer."""
        raw = None if body is None else orjson.dumps(body)
        return self._send(method, path, raw, {}, if_match=if_match)

    def delete(self, path: str, **query: Any) -> Any:
        """Delete the resource at a path and return the answer."""
        return self._send("DELETE", path, None, query)

    @contextmanager
    def _shown_if_slow(self) -> Iterator[None]:
        """Print one line, for all requests that wait at once, if the service does not answer."""
        timer = threading.Timer(QUIET_SECONDS, self._show_waiting)
        timer.daemon = True
        timer.start()
        try:
            yield
            self._is_waiting_shown = False
        finally:
            timer.cancel()

    def _show_waiting(self) -> None:
        with self._lock:
            if self._is_waiting_shown:
                return
            self._is_waiting_shown = True
        click.echo(
            f"{self.service} has not answered at {self.url} for {QUIET_SECONDS:g} seconds; waiting "
            f"for it until {ANSWER_SECONDS:g} seconds have passed.",
            err=True,
        )

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        query: dict[str, Any],
        content_type: str = _JSON,
        if_match: str = "",
    ) -> Any:
        url = f"{self.url}{path}"
        if query:
            url += "?" + urlencode(query)
        headers = {"Content-Type": content_type} | dict(self._pool.headers)
        headers |= {"If-Match": if_match} if if_match else {}
        if self.import_id and method not in READING:
            headers[HEADER] = self.import_id
        try:
            with self._shown_if_slow():
                response = self._pool.request(method, url, body=body, headers=headers)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise StackError(
                f"{self.service} has not answered at {self.url} for {ANSWER_SECONDS:g} seconds; "
                f"see `{stack.program()} status` and `{stack.program()} logs`."
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise stack.does_not_answer(Settings.from_env(), self.service, self.url) from error
        try:
            value = orjson.loads(response.data or b"null")
        except orjson.JSONDecodeError as error:
            raise StackError(
                f"{self.url} answered {method} {path} with {response.status} and no JSON. Check "
                f"that it is the address of {self.service}."
            ) from error
        if response.status >= 400:
            is_own_fault = response.status == 401 and self._is_own
            hint = _hint_on_401(response.headers) if is_own_fault else ""
            places = _places(value)
            text = f"{self.service} refused: {value['detail']} {places}{hint}".strip()
            if response.status in (401, 403):
                raise NotAllowed(text)
            if response.status < 500:
                raise RequestRefused(text, response.status)
            raise StackError(text)
        return value


def _hint_on_401(headers: Mapping[str, str]) -> str:
    """Return the sentence on why a service refuses a token that this command has made."""
    if difference := clock_difference(headers):
        return f"The reason: {clocks_differ(difference)}."
    return _WRONG_SECRET


def _places(problem: dict[str, Any]) -> str:
    """Return the places in a request that an RFC 9457 problem names, unless its detail does."""
    return "; ".join(
        f"{error.get('pointer') or error.get('parameter', '')} {error['message']}"
        for error in problem.get("errors", [])[:MAX_SHOWN_ERRORS]
        if error["message"] not in problem["detail"]
    )
