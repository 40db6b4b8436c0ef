"""Readiness of a service, as its ``/health/ready`` reports it, and its problems in sentences."""

from collections.abc import Mapping
from typing import Any

import orjson
import urllib3

TIMEOUT_SECONDS = 4.0  # A service answers after one second if its database does not.

Readiness = Mapping[str, Any]


def readiness(url: str) -> Readiness:
    """Return the answer of a service's ``/health/ready``; empty if it does not answer."""
    try:
        # A connection that stays open would delay the end of the service by two seconds.
        headers = {"Connection": "close"}
        response = urllib3.request(
            "GET", f"{url}/health/ready", headers=headers, timeout=TIMEOUT_SECONDS, retries=False
        )
        ready = orjson.loads(response.data)
    except (urllib3.exceptions.HTTPError, ValueError):
        return {}
    return ready if isinstance(ready, dict) and {"status", "redis", "mongodb"} <= set(ready) else {}


def problem(ready: Readiness) -> str:
    """Return why a service cannot serve requests, or ""."""
    if not ready:
        return "does not answer"
    return "" if ready["status"] == "ok" else str(ready["status"])


def remarks(ready: Readiness) -> list[str]:
    """Return the problems of a service that do not keep it from serving requests."""
    texts = []
    follower, queue = str(ready.get("follower", "ok")), ready.get("queue", {})
    if follower not in ("ok", "unknown"):
        texts.append(f"its follower is {follower}")
    if "error" in ready.get("redis", {}):
        texts.append("Redis is down, so that nothing is cached")
    if queue.get("waiting") and not queue.get("workers"):
        texts.append("jobs wait, but no worker is alive")
    if "error" in queue:
        texts.append("the Redis of its job queue is down")
    return texts
