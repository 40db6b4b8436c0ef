"""Starts the stack's processes, keeps them running, and ends them in order."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import urllib3

from shared.config.settings import FILE, Settings, is_set
from vitrine import stack
from vitrine.errors import EmbeddedError, StackError
from vitrine.local import embedded
from vitrine.local.processes import bound, claim, free_port, is_free, last_words, spawn, stop
from vitrine.stack import ROOT, Running, Service

START_SECONDS = 30
DASHBOARD_PORT = 5555
FIRST_DELAY, LAST_DELAY = 0.5, 30.0
STABLE_SECONDS = 60

Say = Callable[[str], None]


@dataclass(slots=True)
class Child:
    """One process to keep running."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    delay: float = FIRST_DELAY
    due: float = field(default=0.0)


class Supervisor:
    """The processes of one stack, in the order they are started; they end in reverse."""

    def __init__(self, settings: Settings, services: Iterable[Service], lock: int, say: Say):
        self._settings = settings
        self._services = [service for service in services if service.is_local]
        self._folder = stack.data_folder(settings)
        # Every process holds the lock, so that it is free only when the last one has ended.
        self._keep = (lock,)
        self._say = say
        self._children: list[Child] = []
        self._claimed: list[socket.socket] = []
        self.mongo_uri = settings.mongo_uri
        self.redis_url = settings.redis_url
        self.dashboard_url = ""

    def start(self) -> None:
        """Start everything and wait until all of it answers, or raise what stops it."""
        self._check_ports()
        if not is_set("mongo_uri"):
            self._start_mongod()
        if not is_set("redis_url"):
            self._start_redis()
        for service in self._services:
            self._add(service.name, lambda service=service: self._spawn(service))  # type: ignore[misc]
            self._add(f"{service.name} follower", lambda service=service: self._follow(service))  # type: ignore[misc]
            if _has_jobs(service):
                for number in range(1, self._job_workers() + 1):
                    name = f"{service.name} worker {number}"
                    self._add(name, lambda service=service, name=name: self._work(service, name))  # type: ignore[misc]
        if any(map(_has_jobs, self._services)):
            self.dashboard_url = f"http://127.0.0.1:{free_port(DASHBOARD_PORT)}"
            self._add("dashboard", self._show_queues)
        for service in self._services:
            self._wait_for(service)
        urls = {service.name: service.url for service in self._services}
        running = Running(
            os.getpid(),
            self.mongo_uri,
            self.redis_url,
            urls,
            self.dashboard_url,
            self._settings.auth_mode,
        )
        stack.write(self._folder, running)

    def watch(self) -> None:
        """Start again whatever ends, later and later while it keeps ending; never return."""
        while True:
            now = time.monotonic()
            for child in self._children:
                bound(child.log)
                if child.process is None:
                    if now >= child.due:
                        self._launch(child)
                elif (code := child.process.poll()) is not None:
                    if now - child.started > STABLE_SECONDS:
                        child.delay = FIRST_DELAY
                    self._say(
                        f"{child.name} ended (exit {code}): {last_words(child.log)} - starting it "
                        f"again in {child.delay:g} s; its log is {_short(child.log)}"
                    )
                    child.process, child.due = None, now + child.delay
                    child.delay = min(child.delay * 2, LAST_DELAY)
            time.sleep(0.1)

    def stop(self) -> None:
        """End everything: first the services, then Redis and MongoDB."""
        servers = [child for child in self._children if child.name in ("MongoDB", "Redis")]
        services = [child for child in self._children if child not in servers]
        for group, seconds in ((services, 2.5), (servers, 2.0)):
            running = [child.process for child in group if child.process]
            for process in running:
                if process.poll() is None:
                    process.terminate()
            deadline = time.monotonic() + seconds
            for process in running:
                stop(process, max(0.1, deadline - time.monotonic()))

    def _check_ports(self) -> None:
        for service in self._services:
            claimed = claim(service.port)
            if claimed:
                self._claimed.append(claimed)
            if not claimed or not is_free(service.port):
                raise StackError(
                    f"Port {service.port}, where {service.name} would be served, is taken by "
                    f"another program: end that one, or set {service.name.upper()}_URL="
                    f"http://127.0.0.1:{free_port(service.port + 10)}."
                )

    def _start_mongod(self) -> None:
        data, log = self._folder / "mongodb", self._log("mongodb")
        port = self._start_on_free_port(
            "MongoDB",
            27017,
            lambda port: embedded.start_mongod(data, port, log, self._keep),
            embedded.wait_for_mongod,
        )
        self.mongo_uri = f"mongodb://127.0.0.1:{port}/vitrine"

    def _start_redis(self) -> None:
        data, log = self._folder / "redis", self._log("redis")
        port = self._start_on_free_port(
            "Redis",
            6379,
            lambda port: embedded.start_redis(data, port, log, self._keep),
            embedded.wait_for_redis,
        )
        self.redis_url = f"redis://127.0.0.1:{port}/0"

    def _start_on_free_port(
        self,
        name: str,
        usual: int,
        start: Callable[[int], subprocess.Popen[bytes]],
        wait: Callable[[subprocess.Popen[bytes], int, Path], None],
    ) -> int:
        """Start a server on its usual port or the next free one, and return the port."""
        port = free_port(usual)
        while True:
            self._say(
                f"Starting {name}" + (f" on {port}; {usual} is taken" if port > usual else "")
            )
            child = self._add(name, lambda port=port: start(port), self._log(name.lower()))  # type: ignore[misc]
            assert child.process
            try:
                wait(child.process, port, child.log)
            except EmbeddedError:
                if is_free(port):
                    raise
                # Somebody else took the port between our look and our start.
                self._children.remove(child)
                stop(child.process, 5)
                port = free_port(port + 1)
            else:
                return port

    def _spawn(self, service: Service) -> subprocess.Popen[bytes]:
        args = [sys.executable, "-m", "shared", "serve", service.folder.name]
        own = {
            "BIND": f"127.0.0.1:{service.port}",
            "PROMETHEUS_MULTIPROC_DIR": str(self._folder / "metrics" / service.name),
        }
        env = _overlaid(self._environment(service), own)
        return spawn(args, self._log(service.name), env, self._keep)

    def _follow(self, service: Service) -> subprocess.Popen[bytes]:
        args = [sys.executable, "-m", "shared", "follow", service.folder.name]
        log = self._log(f"{service.name}-follower")
        return spawn(args, log, self._environment(service), self._keep)

    def _work(self, service: Service, name: str) -> subprocess.Popen[bytes]:
        args = [sys.executable, "-m", "shared", "work", service.folder.name]
        return spawn(args, self._log(name), self._environment(service), self._keep)

    def _show_queues(self) -> subprocess.Popen[bytes]:
        port = self.dashboard_url.rpartition(":")[2]
        args = [sys.executable, "-m", "vitrine.local.dashboard", port]
        env = _overlaid(os.environ, {"REDIS_QUEUE_URL": self._queue_url})
        return spawn(args, self._log("dashboard"), env, self._keep)

    @property
    def _queue_url(self) -> str:
        return replace(self._settings, redis_url=self.redis_url).queue_url

    def _job_workers(self) -> int:
        asked = self._settings.job_workers
        return (os.cpu_count() or 1) if asked is None else asked

    def _environment(self, service: Service) -> Mapping[str, str]:
        urls = {f"{each.name.upper()}_URL": each.url for each in self._services}
        paths = [str(ROOT), str(service.folder.parent), os.environ.get("PYTHONPATH", "")]
        known = urls | {
            "MONGO_URI": self.mongo_uri,
            "REDIS_URL": self.redis_url,
            "REDIS_QUEUE_URL": self._queue_url,
            "MEDIA_URL": self._settings.media_url or (self._folder / "media").as_uri(),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        return _overlaid(os.environ, known)

    def _wait_for(self, service: Service) -> None:
        child = next(each for each in self._children if each.name == service.name)
        self._say(f"Starting {service.name}")
        deadline = time.monotonic() + START_SECONDS
        with urllib3.PoolManager(retries=False, timeout=1.0) as http:
            while True:
                assert child.process
                if child.process.poll() is not None:
                    words = last_words(child.log)
                    raise StackError(
                        f"{service.name} does not start: {words} ({_short(child.log)})"
                    )
                try:
                    if http.request("GET", f"{service.url}/health/live").status == 200:
                        return
                except urllib3.exceptions.HTTPError as error:
                    if time.monotonic() > deadline:
                        raise StackError(f"{service.name} does not answer: {error}") from error
                time.sleep(0.05)

    def _add(
        self, name: str, start: Callable[[], subprocess.Popen[bytes]], log: Path | None = None
    ) -> Child:
        child = Child(name, start, log or self._log(name))
        self._children.append(child)
        self._launch(child)
        return child

    def _launch(self, child: Child) -> None:
        child.process, child.started = child.start(), time.monotonic()

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name.replace(' ', '-')}.log"


def _overlaid(environ: Mapping[str, str], known: Mapping[str, str]) -> Mapping[str, str]:
    """Return an environment with what is known by now, instead of the files it may be in."""
    files = {name + FILE for name in known}
    return {name: value for name, value in environ.items() if name not in files} | dict(known)


def _has_jobs(service: Service) -> bool:
    return (service.folder / "jobs.py").exists()


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
