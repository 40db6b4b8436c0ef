"""Freshness test from a page: ``vitrine.fuzz`` in a process of its own, and its counts live."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import orjson

from shared.config.settings import Settings, is_set
from shared.http.errors import Conflict, NotInstalled
from vitrine import stack
from vitrine.console.hub import Hub
from vitrine.console.services import Services

RUNNING = ("preparing", "running", "comparing")
TESTED = ("products", "clients", "categories")  # The services whose documents the test writes.
_NUMBERS = ("reads", "hits", "writes", "hand_writes", "stale", "failed")

State = dict[str, Any]


class Fuzzing:
    """The last run of the test, and the process of one that goes on.

    Args:
        settings: The settings, for the address of MongoDB and the key of tokens.
        services: The services.
        hub: The hub that gets the counts.
    """

    def __init__(self, settings: Settings, services: Services, hub: Hub):
        self._settings = settings
        self._services = services
        self._hub = hub
        self._state: State = {
            "state": "none",
            "seconds": 0,
            "elapsed": 0.0,
            **dict.fromkeys(_NUMBERS, 0),
            "problems": [],
            "started_by": None,
            "started_at": None,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._lock = threading.Lock()

    def state(self) -> State:
        """Return the state of the last run."""
        return dict(self._state)

    def why_not(self) -> str:
        """Return why the test cannot run here; empty if it can."""
        if not self._mongo_uri():
            return (
                "The test writes into MongoDB itself, and the console does not know its address: "
                "set MONGO_URI where the console runs, or run `vitrine doctor --fuzz 30s` there."
            )
        if self._settings.auth_mode == "token" and not self._settings.secret_key:
            return "The test makes a token of its own: set SECRET_KEY where the console runs."
        if not set(TESTED) & set(self._services):
            return f"The test needs one of the services {', '.join(TESTED)}."
        return ""

    def start(self, seconds: int, by: str) -> State:
        """Start a run, and return its state.

        Raises:
            Conflict: A run goes on.
            NotInstalled: It cannot run here.
        """
        if reason := self.why_not():
            raise NotInstalled(reason)
        with self._lock:
            if self._state["state"] in RUNNING:
                raise Conflict("The test runs already. Wait for its end, or stop it.")
            self._stopping = False
            self._state = {
                **dict.fromkeys(_NUMBERS, 0),
                "state": "preparing",
                "seconds": seconds,
                "elapsed": 0.0,
                "problems": [],
                "started_by": by,
                "started_at": round(time.time(), 2),
            }
        threading.Thread(target=self._run, args=(seconds,), name="fuzz", daemon=True).start()
        return self.state()

    def stop(self) -> State:
        """Stop the run, if one goes on; it removes its documents first."""
        self._stopping = True
        if self._process and self._process.poll() is None:
            self._process.terminate()
        return self.state()

    def _run(self, seconds: int) -> None:
        """Run the test to its end; the process is started here, because it ends with its thread."""
        urls = [f"{name}={url}" for name, url in self._services.urls.items() if name in TESTED]
        try:
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "vitrine.fuzz", str(seconds), *urls],
                env={**os.environ, "MONGO_URI": self._mongo_uri()},
                cwd=stack.ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
            )
        except OSError as error:
            self._update({"state": "failed", "problems": [f"It cannot be started: {error}."]})
            return
        assert process.stdout
        with process:
            if self._stopping:
                process.terminate()
            for line in process.stdout:
                self._update(_counts(line))
        if self._state["state"] in RUNNING:
            text = f"The test ended without a report (exit {process.returncode})."
            self._update({"state": "failed", "problems": [text]})

    def _update(self, counts: Mapping[str, Any]) -> None:
        elapsed = self._state["elapsed"]
        if self._state["state"] in RUNNING:
            elapsed = round(time.time() - self._state["started_at"], 1)
        self._state = {**self._state, **counts, "elapsed": elapsed}
        self._hub.publish("fuzz", self._state)

    def _mongo_uri(self) -> str:
        """Return the address of MongoDB, of the running stack or of the settings."""
        running = stack.asked_for(self._settings)
        if running:
            return running.mongo_uri
        return self._settings.mongo_uri if is_set("mongo_uri") else ""


def _counts(line: bytes) -> Mapping[str, Any]:
    """Return the counts in a line that the test has printed."""
    try:
        counts = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return counts if isinstance(counts, dict) else {}
