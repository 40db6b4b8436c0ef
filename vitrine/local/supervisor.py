"""Supervisor of a stack: starts its processes, restarts them, and ends them in order."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from shared.config.settings import FILE, Settings, is_set
from vitrine import stack
from vitrine.errors import EmbeddedError, StackError
from vitrine.local import embedded
from vitrine.local.passwords import read_passwords
from vitrine.local.processes import (
    Spawned,
    claim,
    exit_code,
    free_port,
    is_free,
    last_error,
    rotate,
    spawn,
    stop,
)
from vitrine.local.signals import uninterrupted
from vitrine.stack import ROOT, Running, Service

START_SECONDS = 60  # until a service must answer
CONSOLE_PORT = 5555
FIRST_DELAY, LAST_DELAY = 0.5, 30.0  # seconds before a process is restarted; doubled each time
STABLE_SECONDS = 60  # of running, after which the first delay is used again
SERVICE_STOP_SECONDS, SERVER_STOP_SECONDS = 2.5, 2.0
_SERVERS = ("MongoDB", "Redis")

Print = Callable[[str], None]


@dataclass(slots=True)
class Child:
    """One process to keep running."""

    name: str
    start: Callable[[], Spawned]
    log: Path
    process: Spawned | None = None
    started: float = 0.0
    delay: float = FIRST_DELAY
    restart_at: float = 0.0


class Supervisor:
    """Processes of one stack: MongoDB and Redis first, then services, followers and workers."""

    def __init__(
        self,
        settings: Settings,
        services: Iterable[Service],
        lock: int,
        print_: Print,
        has_console: bool = True,
    ):
        """Prepare a stack.

        Args:
            settings: The settings of the stack.
            services: The services; those on this machine are started.
            lock: File descriptor of the lock on the data folder.
            print_: Prints one line for the user.
            has_console: True to start a console as well.
        """
        self._settings = settings
        self._all_services = list(services)
        self._services = [service for service in self._all_services if service.is_local]
        self._folder = stack.data_folder(settings)
        # Every process inherits the lock, so that it is free only after the last one has ended.
        self._keep = (lock,)
        self._print = print_
        self._has_console = has_console
        self._children: list[Child] = []
        self._claims: list[socket.socket] = []
        self.mongo_uri = settings.mongo_uri
        self.redis_url = settings.redis_url
        self.console_url = ""

    def start(self) -> None:
        """Start all processes and wait until every service answers.

        Raises:
            StackError: A port is taken, or a process does not start.
        """
        self._claim_ports()
        if not is_set("mongo_uri"):
            self._start_mongod()
        if not (is_set("redis_url") or is_set("redis_write_url")):
            if is_set("redis_read_url"):
                raise StackError(
                    "REDIS_READ_URL is a replica; set REDIS_URL, its primary, as well."
                )
            self._start_redis()
        for service in self._services:
            self._add(service.name, partial(self._spawn_server, service))
            self._add(f"{service.name} follower", partial(self._spawn_follower, service))
            if _has_jobs(service):
                for number in range(1, self._job_workers() + 1):
                    name = f"{service.name} worker {number}"
                    self._add(name, partial(self._spawn_worker, service, name))
        if self._has_console:
            self.console_url = f"http://127.0.0.1:{self._claim_free_port(CONSOLE_PORT)}"
            self._add("console", self._spawn_console)
        for service in self._services:
            self._wait_for(service)
        urls = {service.name: service.url for service in self._services}
        running = Running(
            os.getpid(),
            self.mongo_uri,
            self.cache_url,
            urls,
            self.console_url,
            self._settings.auth_mode,
            [child.name for child in self._children if child.name in _SERVERS],
            self._queue_url,
        )
        stack.write(self._folder, running)

    def watch(self) -> None:
        """Restart processes that have ended, and rotate logs; never return.

        The delay before a restart grows while a process keeps ending.
        """
        while True:
            for child in self._children:
                with uninterrupted():
                    rotate(child.log)
                    self._restart(child)
            time.sleep(0.1)

    def _restart(self, child: Child) -> None:
        """Note that a process has ended, or start it again when its time has come."""
        now = time.monotonic()
        if child.process is None:
            if now >= child.restart_at:
                self._launch(child)
        elif (code := child.process.poll()) is not None:
            if now - child.started > STABLE_SECONDS:
                child.delay = FIRST_DELAY
            self._print(
                f"{child.name} ended (exit {code}): {last_error(child.process)} - starting it "
                f"again in {child.delay:g} s; its log is {_short(child.log)}"
            )
            child.process, child.restart_at = None, now + child.delay
            child.delay = min(child.delay * 2, LAST_DELAY)

    def stop(self) -> None:
        """End all processes: first the services, then Redis and MongoDB."""
        servers = [child for child in self._children if child.name in _SERVERS]
        services = [child for child in self._children if child not in servers]
        with uninterrupted():
            _stop(services, SERVICE_STOP_SECONDS)
            _stop(servers, SERVER_STOP_SECONDS)

    def _claim_ports(self) -> None:
        """Reserve the ports of all services, or raise ``StackError`` for one that is taken."""
        for service in self._services:
            _check_url(service)
            claimed = claim(service.port)
            if claimed:
                self._claims.append(claimed)
            if not claimed or not is_free(service.port):
                raise StackError(
                    f"Port {service.port}, where {service.name} would be served, is taken by "
                    f"another program: end that one, or set {service.name.upper()}_URL="
                    f"http://127.0.0.1:{free_port(service.port + 10)}."
                )

    def _claim_free_port(self, first: int) -> int:
        """Reserve the first free port from ``first`` on, and return it.

        The reservation stays while the stack runs: another stack that starts while a server is
        started again must not take its port.
        """
        port = free_port(first)
        while not (claimed := claim(port)):
            port = free_port(port + 1)
        self._claims.append(claimed)
        return port

    def _start_mongod(self) -> None:
        data, log = self._folder / "mongodb", self._log("mongodb")
        passwords = read_passwords(self._folder)
        cache_gb = self._settings.mongo_cache_gb or embedded.usual_cache_gb()
        port = self._start_on_free_port(
            "MongoDB",
            27017,
            lambda port: embedded.start_mongod(data, port, log, self._keep, cache_gb, passwords),
            partial(embedded.wait_for_mongod, passwords=passwords),
        )
        self.mongo_uri = passwords.mongo_uri(port)
        if sentence := embedded.notice(self.mongo_uri):
            self._print(sentence)

    def _start_redis(self) -> None:
        data, log = self._folder / "redis", self._log("redis")
        passwords = read_passwords(self._folder)
        port = self._start_on_free_port(
            "Redis",
            6379,
            lambda port: embedded.start_redis(data, port, log, self._keep, passwords=passwords),
            partial(embedded.wait_for_redis, passwords=passwords),
        )
        self.redis_url = passwords.redis_url(port)

    def _start_on_free_port(
        self,
        name: str,
        usual_port: int,
        start: Callable[[int], Spawned],
        wait: Callable[[Spawned, int, Path], None],
    ) -> int:
        """Start a server on its usual port or the next free one, and return the port."""
        port = self._claim_free_port(usual_port)
        while True:
            why = f" on {port}; {usual_port} is taken" if port > usual_port else ""
            self._print(f"Starting {name}{why}")
            child = self._add(name, partial(start, port), self._log(name.lower()))
            assert child.process
            try:
                wait(child.process, port, child.log)
            except EmbeddedError:
                if is_free(port):
                    raise
                # Another program took the port between the check and the start.
                self._children.remove(child)
                stop(child.process, 5)
                port = self._claim_free_port(port + 1)
            else:
                return port

    def _spawn_server(self, service: Service) -> Spawned:
        args = [sys.executable, "-m", "shared", "serve", service.folder.name]
        own = {
            "BIND": f"127.0.0.1:{service.port}",
            "PROMETHEUS_MULTIPROC_DIR": str(self._folder / "metrics" / service.name),
        }
        env = _with_values(self._environment(service), own)
        return spawn(args, self._log(service.name), env, self._keep)

    def _spawn_follower(self, service: Service) -> Spawned:
        args = [sys.executable, "-m", "shared", "follow", service.folder.name]
        log = self._log(f"{service.name}-follower")
        return spawn(args, log, self._environment(service), self._keep)

    def _spawn_worker(self, service: Service, name: str) -> Spawned:
        args = [sys.executable, "-m", "shared", "work", service.folder.name]
        return spawn(args, self._log(name), self._environment(service), self._keep)

    def _spawn_console(self) -> Spawned:
        port = self.console_url.rpartition(":")[2]
        urls = [f"{service.name}={service.url}" for service in self._all_services]
        args = [sys.executable, "-m", "vitrine.console", port, *urls]
        env = _with_values(os.environ, {"MONGO_URI": self.mongo_uri})
        return spawn(args, self._log("console"), env, self._keep)

    @property
    def cache_url(self) -> str:
        """The address of the Redis to which the cache is written."""
        return self._settings.redis_write_url or self.redis_url

    @property
    def _queue_url(self) -> str:
        return replace(self._settings, redis_url=self.redis_url).queue_url

    def _job_workers(self) -> int:
        """Return the number of job workers of a service: the setting, else one for each core."""
        setting = self._settings.job_workers
        return (os.cpu_count() or 1) if setting is None else setting

    def _environment(self, service: Service) -> Mapping[str, str]:
        """Return the environment of the processes of a service."""
        urls = {f"{other.name.upper()}_URL": other.url for other in self._services}
        paths = [str(ROOT), str(service.folder.parent), os.environ.get("PYTHONPATH", "")]
        values = urls | {
            "MONGO_URI": self.mongo_uri,
            "REDIS_URL": self.redis_url,
            "REDIS_QUEUE_URL": self._queue_url,
            "MEDIA_URL": self._settings.media_url or (self._folder / "media").as_uri(),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        return _with_values(os.environ, values)

    def _wait_for(self, service: Service) -> None:
        """Wait until a service answers, or raise ``StackError``."""
        child = next(child for child in self._children if child.name == service.name)
        self._print(f"Starting {service.name}")
        deadline = time.monotonic() + START_SECONDS
        with urllib3.PoolManager(retries=False, timeout=1.0) as http:
            while True:
                assert child.process
                if exit_code(child.process) is not None:
                    raise StackError(
                        f"{service.name} does not start: {last_error(child.process)} "
                        f"({_short(child.log)})"
                    )
                try:
                    status = http.request("GET", f"{service.url}/health/live").status
                    problem = f"{service.url}/health/live answers {status}"
                except urllib3.exceptions.HTTPError as error:
                    status, problem = 0, str(error)
                if status == 200:
                    return
                if time.monotonic() > deadline:
                    raise StackError(
                        f"{service.name} does not answer: {problem} ({_short(child.log)})"
                    )
                time.sleep(0.05)

    def _add(self, name: str, start: Callable[[], Spawned], log: Path | None = None) -> Child:
        """Start a process and keep it running from then on."""
        child = Child(name, start, log or self._log(name))
        self._children.append(child)
        self._launch(child)
        return child

    def _launch(self, child: Child) -> None:
        with uninterrupted():
            child.process, child.started = child.start(), time.monotonic()

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name.replace(' ', '-')}.log"


def _with_values(environ: Mapping[str, str], values: Mapping[str, str]) -> Mapping[str, str]:
    """Return an environment with some values set, and without the files that would hold them."""
    files = {name + FILE for name in values}
    return {name: value for name, value in environ.items() if name not in files} | dict(values)


def _stop(children: Iterable[Child], seconds: float) -> None:
    """End processes at once; kill those that still run after some seconds."""
    running = [child.process for child in children if child.process]
    for process in running:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + seconds
    for process in running:
        stop(process, max(0.1, deadline - time.monotonic()))


def _check_url(service: Service) -> None:
    """Raise ``StackError`` for a URL of this machine at which no service can be started."""
    parts = urlsplit(service.url)
    if parts.scheme != "http" or parts.path:
        name = stack.url_name(service.name)
        raise StackError(
            f"{name} names {service.url}, and `vitrine up` serves plain HTTP without a path on "
            f"this machine: set {name}=http://{parts.hostname}:{service.port}."
        )


def _has_jobs(service: Service) -> bool:
    return (service.folder / "jobs.py").exists()


def _short(path: Path) -> Path:
    """Return a path relative to the project, if it is in there."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
