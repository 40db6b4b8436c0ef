"""``vitrine logs``: log lines of all processes of a stack, merged in the order of time."""

import heapq
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from shared.config.settings import Settings
from shared.observability import log_format
from vitrine import stack
from vitrine.errors import StackError
from vitrine.local.processes import rotated

POLL_SECONDS = 0.2
SERVERS = ("mongodb", "redis", "console")  # shown only if they are named

# The time of a log line, and its text.
LogLine = tuple[str, str]


@click.command("logs")
@click.option("-f", "--follow", is_flag=True, help="Wait for new lines; Ctrl-C ends it.")
@click.option("--request", metavar="ID", help="Show only the lines of one request.")
@click.option(
    "-n",
    "--lines",
    "limit",
    default=200,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Show at most the last N lines.",
)
@click.argument("service", required=False)
def logs_command(follow: bool, request: str | None, limit: int, service: str | None) -> None:
    """Show the log lines of all services, or of one SERVICE.

    A SERVICE is shown with its follower and workers. SERVICE may also be a single process, such as
    products-worker-1, or one of mongodb, redis and console.

    --request takes an X-Request-ID and shows its lines from all services and jobs.
    """
    folder = stack.data_folder(Settings.from_env()) / "logs"
    is_selected = _selector(folder, service)
    tails: dict[Path, Tail] = {}
    is_first = True
    try:
        while True:
            for path in filter(is_selected, sorted(folder.glob("*.log"))):
                tails.setdefault(path, Tail(path, request or ""))
            # A request has few lines: all of them are shown.
            most = limit if is_first and not request else None
            new_lines = [list(tail.new_lines(most)) for tail in tails.values()]
            for _, text in deque(heapq.merge(*new_lines, key=lambda line: line[0]), most):
                click.echo(text)
            if not follow:
                break
            is_first = False
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return
    if request and not any(new_lines):
        raise StackError(f"No log line has the request id {request}.")


class Tail:
    """Reads the new lines of a growing log, even if the log is rotated."""

    def __init__(self, path: Path, request: str = ""):
        """Read a log from its beginning.

        Args:
            path: The log.
            request: Yield only the lines with this request id; "" yields all.
        """
        self._path = path
        self._request = request.encode()
        self._position: int | None = None
        self._incomplete = b""
        self._time = ""

    def new_lines(self, limit: int | None = None) -> Iterator[LogLine]:
        """Yield the new lines, at most the last ``limit`` of them."""
        for line in deque(self._selected_lines(), limit):
            yield self._formatted(line)

    def _selected_lines(self) -> Iterator[bytes]:
        for line in self._lines():
            # Most lines are ruled out by a search for the id, without parsing.
            if not self._request or (self._request in line and self._is_of_request(line)):
                yield line

    def _lines(self) -> Iterator[bytes]:
        """Yield the complete lines; keep an incomplete one until its end is written."""
        for data in self._read():
            if data.endswith(b"\n"):
                yield self._incomplete + data
                self._incomplete = b""
            else:
                self._incomplete += data

    def _read(self) -> Iterator[bytes]:
        size = self._path.stat().st_size
        if self._position is None:
            yield from _lines_from(rotated(self._path), 0)
        elif size < self._position:
            yield from _lines_from(rotated(self._path), self._position)
            self._position = 0
        with self._path.open("rb") as file:
            file.seek(self._position or 0)
            yield from file
            self._position = file.tell()

    def _is_of_request(self, line: bytes) -> bool:
        return str((_json_object(line) or {}).get("request_id")).encode() == self._request

    def _formatted(self, line: bytes) -> LogLine:
        """Return the time and the text of a line; without a time of its own, the last time."""
        entry = _json_object(line)
        if entry is None or "time" not in entry:
            return self._time, log_format.printable(line.decode(errors="replace").rstrip())
        entry["service"] = self._path.stem  # The name of the process says more.
        self._time = str(entry["time"]).rstrip("Z")
        return self._time, log_format.in_words(entry, color=sys.stdout.isatty())


def _selector(folder: Path, service: str | None) -> Callable[[Path], bool]:
    """Return a function that selects the log files of a service or process.

    Raises:
        StackError: The files do not exist.
    """
    names = {path.stem for path in folder.glob("*.log")}
    if not names:
        raise StackError(f"No logs in {folder}; start the stack with `vitrine up`.")
    if service is None:
        return lambda path: path.stem not in SERVERS
    services = sorted({name.partition("-")[0] for name in names})
    if service not in {*names, *services}:
        raise StackError(f"No logs of {service!r}; name one of {', '.join(services)}.")
    return lambda path: service in (path.stem, path.stem.partition("-")[0])


def _lines_from(path: Path, position: int) -> Iterator[bytes]:
    """Yield the lines of a file from a position on, or nothing if the file does not exist."""
    if path.exists():
        with path.open("rb") as file:
            file.seek(position)
            yield from file


def _json_object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
