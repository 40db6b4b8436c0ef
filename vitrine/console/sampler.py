"""Sampler: figures of each second from the metrics of the services, for fifteen minutes."""

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from shared.http.errors import ApiError
from vitrine.console.access import Callers
from vitrine.console.feeds import REQUEST_ID
from vitrine.console.hub import Hub
from vitrine.console.services import Services

log = logging.getLogger(__name__)

WATCHED_SECONDS, UNWATCHED_SECONDS = 1.0, 10.0  # seconds between two samples
KEPT_SECONDS = 15 * 60  # seconds that samples are kept
JOBS_SECONDS = 2.0  # seconds between two looks at the jobs
METRICS_SECONDS = 3.0  # that a service has to answer
STATES = ("hit", "miss", "stale", "bypass")
_LOOKUPS, _REQUESTS = "vitrine_cache_lookups_total", "vitrine_requests_total"
_GAUGES = {
    "vitrine_follower_lag_seconds": "lag",
    "vitrine_queue_waiting": "waiting",
    "vitrine_queue_workers": "workers",
}
_WANTED = (_LOOKUPS, _REQUESTS, *_GAUGES)
_PROBES = ("/metrics", "/health")

Figures = dict[str, Any]


class Sampler:
    """The samples of the last minutes, and the thread that takes them.

    Args:
        services: The services.
        hub: The hub that gets each sample.
        callers: The callers with whose rights the services are asked for their jobs.
    """

    def __init__(self, services: Services, hub: Hub, callers: Callers):
        self._services = services
        self._hub = hub
        self._callers = callers
        self._samples: deque[Figures] = deque()
        self._before: dict[str, Figures] = {}
        self._sampled_at = self._jobs_at = 0.0
        self._jobs: dict[str, Any] = {}
        self._without_jobs: set[str] = set()

    def start(self) -> None:
        """Take samples from now on."""
        threading.Thread(target=self._run, name="sampler", daemon=True).start()

    def samples(self) -> list[Figures]:
        """Return the samples of the last fifteen minutes, the oldest first."""
        return list(self._samples)

    def _run(self) -> None:
        while True:
            try:
                self._sample()
                if self._hub.is_watched and time.monotonic() - self._jobs_at >= JOBS_SECONDS:
                    self._jobs_at = time.monotonic()
                    self._look_at_jobs()
            except Exception:
                log.exception("A sample is missing")
            self._wait()

    def _wait(self) -> None:
        """Wait until the next sample is due; a page that comes shortens the wait."""
        until = time.monotonic() + UNWATCHED_SECONDS
        time.sleep(WATCHED_SECONDS)
        while not self._hub.is_watched and time.monotonic() < until:
            time.sleep(WATCHED_SECONDS / 4)

    def _sample(self) -> None:
        now = time.time()
        seconds = round(now - self._sampled_at, 2) if self._sampled_at else 0.0
        self._sampled_at = now
        figures = {service: self._figures(service) for service in self._services}
        if not seconds:
            return  # The first figures are since the start of the services.
        sample = {"at": round(now, 2), "seconds": seconds, "services": figures}
        self._samples.append(sample)
        while self._samples[0]["at"] < now - KEPT_SECONDS:
            self._samples.popleft()
        self._hub.publish("sample", sample)

    def _figures(self, service: str) -> Figures:
        """Return the figures of a service since the sample before."""
        headers = {"X-Request-ID": REQUEST_ID}
        try:
            status, text = self._services.ask(
                service, "GET", "/metrics", headers, seconds=METRICS_SECONDS
            )
        except ApiError:
            status, text = 0, ""
        if status != 200:
            self._before.pop(service, None)
            return {"up": False}
        counts, gauges = read_metrics(text)
        before = self._before.get(service, counts)
        self._before[service] = counts
        # A service that was started again counts from 0.
        since = {name: max(0, round(value - before[name])) for name, value in counts.items()}
        return {"up": True, **since, **gauges}

    def _look_at_jobs(self) -> None:
        """Publish the numbers of jobs that have changed."""
        authorization = self._callers.authorization()
        if authorization is None:
            return
        headers = {"Authorization": authorization, "X-Request-ID": REQUEST_ID}
        changed = []
        for service in set(self._services) - self._without_jobs:
            try:
                status, answer = self._services.ask(service, "GET", "/jobs?per=1", headers)
            except ApiError:
                continue
            if status == 404:
                self._without_jobs.add(service)
            elif status == 401:
                self._callers.refuse(authorization)
                break
            elif status == 200 and isinstance(answer, dict):
                numbers = {"counts": answer["counts"], "workers": len(answer["workers"])}
                if self._jobs.get(service) != numbers:
                    self._jobs[service] = numbers
                    changed.append({"service": service, **numbers})
        if changed:
            self._hub.publish("job", changed)


def read_metrics(text: str) -> tuple[dict[str, float], Mapping[str, float | None]]:
    """Return counts and gauges of a service from the text format of Prometheus."""
    counts = dict.fromkeys((*STATES, "requests", "errors"), 0.0)
    gauges: dict[str, float | None] = dict.fromkeys(_GAUGES.values())
    lines = [line for line in text.splitlines() if line.startswith(_WANTED)]
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            if sample.name == _LOOKUPS:
                state = sample.labels.get("state", "")
                if state in counts:
                    counts[state] += sample.value
            elif sample.name == _REQUESTS and not sample.labels["route"].startswith(_PROBES):
                counts["requests"] += sample.value
                counts["errors"] += sample.value * sample.labels["status"].startswith("5")
            elif sample.name in _GAUGES:
                value = sample.value
                gauges[_GAUGES[sample.name]] = None if value != value else round(value, 2)
    return counts, gauges
