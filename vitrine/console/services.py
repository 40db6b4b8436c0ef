"""HTTP to the services of a stack: each has one address, which no request can change."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3

from shared.http.errors import ApiError

CONNECT_SECONDS = 2.0
READ_SECONDS = 75.0  # A long poll waits for a minute.
CONNECTIONS = 32  # that are kept to each service
Body = bytes | Iterable[bytes] | None


class Unreachable(ApiError):
    """A service does not answer."""

    status = 502  # type: ignore[assignment]

    def __init__(self, service: str, url: str):
        super().__init__(
            f"{service} does not answer at {url}. See `vitrine status`, or start the stack with "
            "`vitrine up`.",
            service=service,
        )


class Services:
    """The services of a stack, by name.

    Args:
        urls: The address of each service.
    """

    def __init__(self, urls: Mapping[str, str]):
        self.urls = {name: url.rstrip("/") for name, url in urls.items()}
        self._pools = {
            name: urllib3.connection_from_url(url, maxsize=CONNECTIONS, retries=False, block=False)
            for name, url in self.urls.items()
        }

    def __contains__(self, name: object) -> bool:
        return name in self.urls

    def __iter__(self) -> Iterator[str]:
        return iter(self.urls)

    def open(
        self,
        service: str,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Body = None,
        seconds: float = READ_SECONDS,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request, and return the response before its body was read.

        Args:
            service: The name of a service.
            method: The HTTP method.
            target: Path and query string, which begin with a slash.
            headers: The headers.
            body: The body, or its parts.
            seconds: The seconds to wait for a part of the response.

        Raises:
            Unreachable: The service does not answer.
        """
        url = self.urls[service]
        try:
            return self._pools[service].urlopen(
                method,
                urlsplit(url).path + target,
                body=body,
                headers=dict(headers),
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(service, url) from error

    @contextmanager
    def _opened(self, *request: Any, **options: Any) -> Iterator[urllib3.BaseHTTPResponse]:
        response = self.open(*request, **options)
        try:
            yield response
        finally:
            response.release_conn()

    def ask(
        self,
        service: str,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        seconds: float = 5.0,
    ) -> tuple[int, Any]:
        """Send a request; return the status and the JSON, or the text, of the response.

        Raises:
            Unreachable: The service does not answer.
        """
        with self._opened(service, method, target, headers, body, seconds=seconds) as response:
            try:
                data = response.read()
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise Unreachable(service, self.urls[service]) from error
            if "json" not in response.headers.get("Content-Type", ""):
                return response.status, data.decode(errors="replace")
            try:
                return response.status, orjson.loads(data)
            except orjson.JSONDecodeError:
                return response.status, None
