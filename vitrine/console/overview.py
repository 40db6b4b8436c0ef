"""Overview: the state of each service, and what is wrong with it, with the remedy."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.http.errors import ApiError
from vitrine.console.feeds import REQUEST_ID
from vitrine.console.services import Services
from vitrine.readiness import TIMEOUT_SECONDS, problem, remarks

KEPT_SECONDS = 1.0  # that an overview is kept
# The beginning of a problem, and the remedy.
_REMEDIES = (
    ("does not answer", "Run `vitrine status` and `vitrine logs {name}`; `vitrine up` starts it."),
    ("MongoDB", "Start MongoDB; `vitrine logs mongodb` has its last lines."),
    ("its follower", "`vitrine logs {name}-follower` says why; `vitrine up` starts it again."),
    ("Redis is down", "Start Redis; answers come from MongoDB meanwhile and are right."),
    ("jobs wait", "Set JOB_WORKERS above 0, and start the stack again."),
    ("the Redis of its job queue", "Start it; work that is due is queued again by itself."),
)


class Overview:
    """The services at a glance, asked at most once a second for all pages."""

    def __init__(self, services: Services):
        self._services = services
        self._items: dict[str, str] = {}
        self._last: list[dict[str, Any]] = []
        self._asked_at = -KEPT_SECONDS
        self._lock = threading.Lock()

    def show(self) -> list[dict[str, Any]]:
        """Return the address, the state and the problems of each service."""
        with self._lock:
            if time.monotonic() - self._asked_at >= KEPT_SECONDS:
                names = list(self._services)
                with ThreadPoolExecutor(len(names) or 1) as pool:
                    self._last = list(pool.map(self._state, names))
                self._asked_at = time.monotonic()
            return self._last

    def _state(self, name: str) -> dict[str, Any]:
        started = time.perf_counter()
        ready = self._ask(name, "/health/ready")
        if not {"status", "redis", "mongodb"} <= ready.keys():
            ready = {}
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        if ready and name not in self._items:
            self._items[name] = str(self._ask(name, "/").get("item", ""))
        texts = [text for text in (problem(ready), *(remarks(ready) if ready else ())) if text]
        return {
            "name": name,
            "url": self._services.urls[name],
            "item": self._items.get(name) or None,
            "state": "no answer" if not ready else "not well" if texts else "ok",
            "milliseconds": milliseconds if ready else None,
            "ready": ready,
            "problems": [{"text": f"{text}.", "remedy": _remedy(text, name)} for text in texts],
        }

    def _ask(self, name: str, path: str) -> dict[str, Any]:
        headers = {"X-Request-ID": REQUEST_ID}
        try:
            _, answer = self._services.ask(name, "GET", path, headers, seconds=TIMEOUT_SECONDS)
        except ApiError:
            return {}
        return answer if isinstance(answer, dict) else {}


def _remedy(text: str, name: str) -> str:
    return next(
        (remedy.format(name=name) for start, remedy in _REMEDIES if text.startswith(start)), ""
    )
