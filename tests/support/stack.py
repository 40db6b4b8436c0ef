"""A whole stack, started as a user starts it, on ports and in a folder of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import urllib3
from click.testing import CliRunner
from pymongo import MongoClient
from redis import Redis
from rq import Queue

from shared.cache.keys import root_of
from shared.workers.follower import token_time
from tests.support.polling import poll
from tests.support.processes import descendants, free_port, is_alive
from tests.support.services import MEMORY, ROOT, environment
from vitrine import stack as stacks
from vitrine.cli import main as vitrine
from vitrine.local import embedded
from vitrine.local.processes import stop

NAMES = ("products", "clients", "categories", "orders", "games")


def redis_program():
    """Return the name of the program that is started as Redis, as its command line has it."""
    return embedded.redis_binary().name.encode()


@dataclass
class Stack:
    """A folder and ports for a stack, the commands on it, and HTTP to its services."""

    folder: Path
    env: dict = field(default_factory=dict)
    process: subprocess.Popen | None = None
    root: Path = ROOT

    def __post_init__(self):
        urls = {f"{name.upper()}_URL": f"http://127.0.0.1:{free_port()}" for name in NAMES}
        # Each process takes a second of CPU to start; tests that need more of them say so.
        known = {"DATA_DIR": str(self.folder), "WORKERS": "1", "JOB_WORKERS": "0", **urls}
        known["MONGO_CACHE_GB"] = "0.25"
        # Tests send more than anybody may; those of the limits say so.
        counted = ("ANONYMOUS", "TOKEN", "WRITES", "UPLOADS")
        known |= {f"RATE_LIMIT_{name}": "off" for name in counted}
        self.env = environment(**known) | self.env
        self._http = urllib3.PoolManager(retries=False, timeout=60, maxsize=64)

    def url(self, service):
        return self.env[f"{service.upper()}_URL"]

    def run(self, *args, **options):
        """Run a command to its end, in this process where possible: a new one takes a second."""
        is_alone = threading.current_thread() is threading.main_thread()
        if self.root != ROOT or args[0] in ("up", "stop") or not is_alone:
            return self._run("vitrine", *args, **options)
        options.pop("timeout", None)
        with mock.patch.dict(os.environ, self.env, clear=True):
            done = CliRunner().invoke(vitrine, list(map(str, args)), **options)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess(args, done.exit_code, done.stdout, done.stderr)

    def serve(self, service):
        """Serve a service by itself; for what ends at once."""
        return self._run("shared", "serve", f"api_{service}")

    def _run(self, *args, **options):
        return subprocess.run(
            [sys.executable, "-m", *args],
            cwd=self.root,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=options.pop("timeout", 120),
            check=False,
            **options,
        )

    def up(self, *args, console=False):
        """Start `vitrine up` and wait until it says that it is ready.

        The console is a fifth of a start; tests that need it say so.
        """
        args = args if console else ("--no-console", *args)
        self.output = self.folder.parent / f"{self.folder.name}.up"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vitrine", "up", *args],
                cwd=self.root,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        poll(
            lambda: "ends it." in self.said() or self.process.poll() is not None,
            300,  # It gives up by itself if one part takes a minute.
            "vitrine up",
        )
        assert self.process.poll() is None, self.said()

    def said(self):
        return self.output.read_text()

    def down(self):
        if self.process and self.process.poll() is None:
            self._http.clear()  # A service waits two seconds for a connection that is kept.
            below = descendants(self.process.pid)
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            assert not [pid for pid in below if is_alive(pid)]

    def empty(self):
        """Remove all documents, entries of the cache and jobs, and wait until followers know."""
        running = stacks.read(self.folder)
        with MongoClient(running.mongo_uri) as client, Redis.from_url(running.redis_url) as redis:
            db = client.get_default_database()
            with client.start_session() as session:
                for name in db.list_collection_names():
                    # Followers keep the words of searches.
                    if not name.startswith(("followers", "system.")) and not name.endswith(
                        ".words"
                    ):
                        db[name].delete_many({}, session=session)
                moment = session.operation_time

            def is_seen():
                found = list(db.followers.find())
                return len(found) == len(running.services) and all(
                    token_time(each.get("token", {})) >= moment for each in found
                )

            poll(is_seen, what="that all followers have seen it")
            for name in db.list_collection_names():
                if name.endswith(".history"):
                    db[name].delete_many({})
            redis.flushdb()
            roots = [root_of(service) for service in running.services]
            poll(lambda: redis.exists(*roots) == len(roots), what="that all services are followed")
        with Redis.from_url(running.queue_url) as redis:
            for queue in Queue.all(redis):
                queue.empty()
                for job in queue.failed_job_registry.get_job_ids():
                    queue.failed_job_registry.remove(job, delete_job=True)

    def request(self, method, service, path, body=None, **headers):
        """Send a request and return its status and JSON."""
        answer = self._http.request(
            method,
            self.url(service) + path,
            json=body,
            headers={"Content-Type": "application/json"} | headers,
        )
        return answer.status, answer.json() if answer.data else None

    def get(self, service, path):
        status, value = self.request("GET", service, path)
        assert status == 200, value
        return value


@contextmanager
def stack_folder():
    """A folder that is gone afterwards, in memory where that is possible."""
    with tempfile.TemporaryDirectory(
        prefix="vitrine-test-", dir=MEMORY, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder) / "data"


@contextmanager
def running_stack(*args, console=False, **env):
    """A stack that runs, in a folder of its own, until the block ends."""
    with stack_folder() as folder:
        stack = Stack(folder, env)
        try:
            stack.up(*args, console=console)
            yield stack
        finally:
            stack.down()


def process_of(stack, *words):
    """The first process below the stack whose command line holds all these words."""

    return poll(lambda: processes_of(stack, *words))[0]


def processes_of(stack, *words):
    """The processes below the stack whose command line holds all these words, oldest first."""
    found = []
    for pid in sorted(descendants(stack.process.pid)):
        with contextlib.suppress(FileNotFoundError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            found += [pid] * all(word in command for word in words)
    return found


def server_of(url):
    """The process that serves a URL and was started by ``instance``: the parent of its workers."""
    address = url.removeprefix("http://").encode()
    for pid in sorted(descendants(os.getpid())):
        with contextlib.suppress(OSError):
            about = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
            if any(address in text for text in about):
                return pid
    raise AssertionError(f"Nothing serves {url}.")


@contextmanager
def instance(stack, app="api_products", workers=1, server="gunicorn", **env):
    """A further instance of a service of a running stack; yields its URL."""
    running = stacks.read(stack.folder)
    url = f"http://127.0.0.1:{free_port()}"
    known = {"MONGO_URI": running.mongo_uri, "REDIS_URL": running.redis_url}
    address = url.removeprefix("http://")
    if server == "granian":
        args = ["shared", "serve", app]
        known |= {"SERVER": server, "BIND": address}
    else:
        service = f"shared.server.asgi:service({app!r})"
        args = ["gunicorn", "-c", "python:shared.server.gunicorn_conf", "-b", address, service]
    with Path(f"{stack.output}-{url[-5:]}").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *args],
            cwd=ROOT,
            env=stack.env | known | {"WORKERS": str(workers)} | env,
            stdout=log,
            stderr=log,
        )
    try:
        with urllib3.PoolManager(retries=False, timeout=5) as http:
            poll(lambda: _answers(http, url), 90, f"a start of {app}")
        yield url
    finally:
        stop(process, 30)


def _answers(http, url):
    try:
        return http.request("GET", f"{url}/health/live").status == 200
    except urllib3.exceptions.HTTPError:
        return False
