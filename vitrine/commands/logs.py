"""``vitrine logs``: what the processes of a stack have said, in the order of time."""

import heapq
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from shared.config.settings import Settings
from shared.observability import log_format
from vitrine import stack
from vitrine.errors import StackError
from vitrine.local.processes import older

POLL_SECONDS = 0.2
SERVERS = ("mongodb", "redis", "dashboard")  # They are shown when they are asked for.

# The moment of a line, and its words.
Told = tuple[str, str]


@click.command("logs")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is said from now on.")
@click.option("--request", metavar="ID", help="Only what was done for one request, by all.")
@click.option(
    "-n", "--lines", "most", default=200, type=click.IntRange(1), help="At most so many at first."
)
@click.argument("service", required=False)
def logs_command(follow: bool, request: str | None, most: int, service: str | None) -> None:
    """Show what a stack has said, or one SERVICE with its follower and workers.

    SERVICE may also be one of their processes, such as products-worker-1, or mongodb or redis.
    With --request all lines are shown that tell of it, of services and jobs.
    """
    folder = stack.data_folder(Settings.from_env()) / "logs"
    is_meant = _chooser(folder, service)
    tails: dict[Path, Tail] = {}
    shown = False
    try:
        while True:
            for path in filter(is_meant, sorted(folder.glob("*.log"))):
                tails.setdefault(path, Tail(path, request or ""))
            every = [list(tail.told(None if shown or request else most)) for tail in tails.values()]
            found: Iterable[Told] = heapq.merge(*every, key=lambda each: each[0])
            for _, words in found if shown or request else deque(found, most):
                click.echo(words)
            if not follow:
                break
            shown = True
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return
    if request and not any(every):
        raise StackError(f"No line tells of a request {request}.")


class Tail:
    """A log that grows; it is read on from where it was last, also when it was moved aside."""

    def __init__(self, path: Path, request: str = ""):
        self._path = path
        self._request = request.encode()
        self._position: int | None = None
        self._rest = b""
        self._moment = ""

    def told(self, most: int | None = None) -> Iterator[Told]:
        """Yield what is new, the last so many lines of it."""
        for line in deque(self._meant(), most):
            yield self._told(line)

    def _meant(self) -> Iterator[bytes]:
        for line in self._lines():
            if self._request in line and (not self._request or self._is_of_request(line)):
                yield line

    def _lines(self) -> Iterator[bytes]:
        for data in self._read():
            if data.endswith(b"\n"):
                yield self._rest + data
                self._rest = b""
            else:
                self._rest += data  # Its end is on the way.

    def _read(self) -> Iterator[bytes]:
        size = self._path.stat().st_size
        if self._position is None:
            yield from _from(older(self._path), 0)
        elif size < self._position:
            yield from _from(older(self._path), self._position)
            self._position = 0
        with self._path.open("rb") as file:
            file.seek(self._position or 0)
            yield from file
            self._position = file.tell()

    def _is_of_request(self, line: bytes) -> bool:
        return str((_json(line) or {}).get("request_id")).encode() == self._request

    def _told(self, line: bytes) -> Told:
        known = _json(line)
        if known is None or "time" not in known:
            return self._moment, log_format.printable(line.decode(errors="replace").rstrip())
        # Which of its processes it was says more than the service.
        known["service"] = self._path.stem
        self._moment = str(known["time"]).rstrip("Z")
        return self._moment, log_format.in_words(known, color=sys.stdout.isatty())


def _chooser(folder: Path, service: str | None) -> Callable[[Path], bool]:
    """Return whether a file is meant by a name; raise ``StackError`` when none is."""
    names = {path.stem for path in folder.glob("*.log")}
    if not names:
        raise StackError(f"There are no logs in {folder}; start the stack with `vitrine up`.")
    if service is None:
        return lambda path: path.stem not in SERVERS
    services = sorted({name.partition("-")[0] for name in names})
    if service not in {*names, *services}:
        raise StackError(f"There are no logs of {service!r}; there are {', '.join(services)}.")
    return lambda path: service in (path.stem, path.stem.partition("-")[0])


def _from(path: Path, position: int) -> Iterator[bytes]:
    """Yield the lines of a file from a position on; none when there is no file."""
    if path.exists():
        with path.open("rb") as file:
            file.seek(position)
            yield from file


def _json(line: bytes) -> dict[str, Any] | None:
    try:
        known = json.loads(line)
    except ValueError:
        return None
    return known if isinstance(known, dict) else None
