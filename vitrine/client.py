"""HTTP client of the command line: one service, its JSON, and the token to be let in."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3
from urllib3.filepost import encode_multipart_formdata

from shared.config.settings import PORTS, Settings, service_url
from shared.http.tokens import ADMIN, Tokens
from vitrine import stack
from vitrine.errors import RequestRefused, StackError

PAGE_SIZE = 100  # items
MAX_SHOWN_ERRORS = 5  # of one refused request

# Every request may be repeated: posted items carry a key, so the second time changes nothing.
_RETRIES = urllib3.Retry(
    total=5,
    backoff_factor=0.2,
    status_forcelist=(502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
)

_TOKEN_SECONDS = 12 * 3600  # An import may take hours.
_WRONG_SECRET = "Set AUTH_MODE and SECRET_KEY to the values the service was started with."
_MERGE_PATCH = "application/merge-patch+json"
_TIMEOUT = urllib3.Timeout(connect=2.0, read=120.0)


def authorization() -> str:
    """Return an Authorization header with the scope ``admin``, which has no rate limit."""
    settings = Settings.from_env()
    check_secret(settings)
    token = Tokens(settings).mint("vitrine", [ADMIN], _TOKEN_SECONDS)
    return f"Bearer {token}"


def check_secret(settings: Settings) -> None:
    """Raise ``StackError`` if the running stack asks for tokens that these settings cannot make."""
    running = stack.read(stack.data_folder(settings))
    if running and running.auth_mode == "token" and settings.auth_mode != "token":
        raise StackError(
            "The running stack asks for tokens: set AUTH_MODE=token and its SECRET_KEY in this "
            "terminal, too, or write both into .env."
        )


class Client:
    """Sends JSON to one service and returns its JSON answer, or raises ``StackError``.

    A status from 400 to 499 is a ``RequestRefused``.
    """

    def __init__(self, service: str, url: str):
        self.service = service
        self.url = url
        self._pool = urllib3.PoolManager(
            retries=_RETRIES, timeout=_TIMEOUT, headers={"Authorization": authorization()}
        )

    @classmethod
    def find(cls, service: str, settings: Settings) -> "Client":
        """Return a client of a service of the running stack, or at the URL in the settings."""
        running = stack.read(stack.data_folder(settings))
        url = (running and running.services.get(service)) or service_url(settings, service)
        if not url:
            names = ", ".join(running.services if running else PORTS)
            raise StackError(
                f"No service {service} runs here, only {names}; set {service.upper()}_URL to its "
                "address."
            )
        return cls(service, url)

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

    def merge_by_slug(self, items: Any) -> None:
        """Merge JSON into the items with these slugs; if one is refused, none is changed."""
        query = {"key": "slug", "on_error": "reject_all"}
        path = f"/{self.service}:batch"
        self._send("POST", path, orjson.dumps(items), query, _MERGE_PATCH)

    def upload(self, path: str, name: str, data: bytes) -> Any:
        """Post an image file to a path as an HTML form does and return the answer."""
        body, content_type = encode_multipart_formdata({"image": (name, data)})
        return self._send("POST", path, body, {}, content_type)

    def delete(self, path: str, **query: Any) -> Any:
        """Delete the resource at a path and return the answer."""
        return self._send("DELETE", path, None, query)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        query: dict[str, Any],
        content_type: str = "application/json; charset=utf-8",
    ) -> Any:
        url = f"{self.url}{path}"
        if query:
            url += "?" + urlencode(query)
        headers = {"Content-Type": content_type} | dict(self._pool.headers)
        try:
            response = self._pool.request(method, url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise StackError(
                f"{self.service} does not answer at {self.url}; start it with `vitrine up`."
            ) from error
        try:
            value = orjson.loads(response.data or b"null")
        except orjson.JSONDecodeError as error:
            raise StackError(
                f"{self.url} answered {method} {path} with {response.status} and no JSON. Check "
                f"that it is the address of {self.service}."
            ) from error
        if response.status >= 400:
            error_type = RequestRefused if response.status < 500 else StackError
            hint = _WRONG_SECRET if response.status == 401 else ""
            places = _places(value)
            raise error_type(f"{self.service} refused: {value['detail']} {places}{hint}".strip())
        return value


def _places(problem: dict[str, Any]) -> str:
    """Return the places in a request that an RFC 9457 problem names, unless its detail does."""
    return "; ".join(
        f"{error.get('pointer') or error.get('parameter', '')} {error['message']}"
        for error in problem.get("errors", [])[:MAX_SHOWN_ERRORS]
        if error["message"] not in problem["detail"]
    )
