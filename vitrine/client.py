"""One service, as the command line talks to it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3
from urllib3.filepost import encode_multipart_formdata

from shared.config.settings import PORTS, Settings, service_url
from shared.http.tokens import ADMIN, Tokens
from vitrine import stack
from vitrine.stack import StackError

PAGE = 100

# Every request of ours may be repeated: what we post is keyed, so a second time changes nothing.
_RETRIES = urllib3.Retry(
    total=5,
    backoff_factor=0.2,
    status_forcelist=(502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
)

_TOKEN_SECONDS = 12 * 3600  # An import may take hours.
_WRONG_SECRET = "AUTH_MODE and SECRET_KEY have to be here what they are where it was started."
_MERGE_PATCH = "application/merge-patch+json"
_TIMEOUT = urllib3.Timeout(connect=2.0, read=120.0)


def authorization() -> str:
    """Return the header by which the command line may do everything, and is not counted."""
    settings = Settings.from_env()
    check_secret(settings)
    token = Tokens(settings).mint("vitrine", [ADMIN], _TOKEN_SECONDS)
    return f"Bearer {token}"


def check_secret(settings: Settings) -> None:
    """Raise ``StackError`` if the stack that runs asks for tokens, which cannot be made here."""
    running = stack.read(stack.data_folder(settings))
    if running and running.auth_mode == "token" and settings.auth_mode != "token":
        raise StackError(
            "The stack that runs asks for tokens: set AUTH_MODE=token and its SECRET_KEY in this "
            "terminal, too, or write both into .env."
        )


class Refused(StackError):
    """The service understood the request and does not take it."""


class Client:
    """Sends JSON to a service and returns the JSON it answers, or raises ``StackError``."""

    def __init__(self, service: str, url: str):
        self.service = service
        self.url = url
        self._pool = urllib3.PoolManager(
            retries=_RETRIES, timeout=_TIMEOUT, headers={"Authorization": authorization()}
        )

    @classmethod
    def find(cls, service: str, settings: Settings) -> "Client":
        """Return a client of a service of the running stack, or where the settings say it is."""
        running = stack.read(stack.data_folder(settings))
        url = (running and running.services.get(service)) or service_url(settings, service)
        if not url:
            known = ", ".join(running.services if running else PORTS)
            raise StackError(
                f"No service {service} runs here, only {known}; set {service.upper()}_URL to where "
                "it is."
            )
        return cls(service, url)

    def get(self, path: str, **query: Any) -> Any:
        """Return what a path answers."""
        return self._send("GET", path, None, query)

    def every(self, path: str, **query: Any) -> Iterator[Any]:
        """Yield all items of a list; what comes or goes meanwhile neither repeats nor hides one."""
        while True:
            found = self.get(path, per=PAGE, **query)
            yield from found["items"]
            if found["next_cursor"] is None:
                return
            query["cursor"] = found["next_cursor"]

    def post(self, path: str, body: Any, **query: Any) -> Any:
        """Post JSON to a path and return what it answers."""
        return self._send("POST", path, None if body is None else orjson.dumps(body), query)

    def patch(self, path: str, body: Any, **query: Any) -> Any:
        """Merge JSON into what is at a path (RFC 7396) and return what it answers."""
        return self._send("PATCH", path, orjson.dumps(body), query, _MERGE_PATCH)

    def merge(self, items: Any) -> None:
        """Merge JSON into items found by their slugs, into all of them or none."""
        query = {"key": "slug", "on_error": "reject_all"}
        path = f"/{self.service}:batch"
        self._send("POST", path, orjson.dumps(items), query, _MERGE_PATCH)

    def upload(self, path: str, name: str, data: bytes) -> Any:
        """Post a file to a path as a form does and return what it answers."""
        body, content_type = encode_multipart_formdata({"image": (name, data)})
        return self._send("POST", path, body, {}, content_type)

    def delete(self, path: str, **query: Any) -> Any:
        """Delete what is at a path and return what it answers."""
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
            answer = self._pool.request(method, url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise StackError(
                f"{self.service} does not answer at {self.url}; start it with `vitrine up`."
            ) from error
        value = orjson.loads(answer.data)
        if answer.status >= 400:
            places = "; ".join(
                f"{each.get('pointer') or each.get('parameter', '')} {each['message']}"
                for each in value.get("errors", [])[:5]
                if each["message"] not in value["detail"]
            )
            refused = Refused if answer.status < 500 else StackError
            hint = _WRONG_SECRET if answer.status == 401 else ""
            raise refused(f"{self.service} refused: {value['detail']} {places}{hint}".strip())
        return value
