"""Sends requests over kept connections as fast as Python can, and counts what comes back.

    python bench/load.py < plan.json

It runs in a process of its own, so that it can have a core of its own.  The plan is a ``Plan`` as
JSON; what it found is printed as JSON.  Each connection has one request under way.  An answer that
is not what the plan expects is counted as wrong, never as answered.
"""

import contextlib
import itertools
import json
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CACHE_STATUS = re.compile(rb"\r\ncache-status: *[^\r]*; ?hit", re.IGNORECASE)
PATIENCE = 10  # seconds without any answer


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a load: complete requests in their order, repeated unless ``once``.

    ``hit`` is the expected Cache-Status of each response, None to ignore it.
    """

    port: int
    requests: list[str]
    connections: int = 16
    seconds: float = 3.0
    once: bool = False
    status: int = 200
    hit: bool | None = None


@dataclass(slots=True)
class Found:
    """How many right answers came, how long each took, and what was wrong with others."""

    answered: int = 0
    wrong: int = 0
    seconds: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    first_wrong: str = ""
    times: list[int] = field(default_factory=list)

    def count(self, plan: Plan, answer: bytes, end: int, nanoseconds: int) -> None:
        """Count one answer, whose head ends at ``end``."""
        is_right = answer[9:12] == b"%d" % plan.status
        if is_right and plan.hit is not None:
            is_right = (_CACHE_STATUS.search(answer, 0, end) is not None) == plan.hit
        if is_right:
            self.answered += 1
            self.times.append(nanoseconds)
        else:
            self.wrong += 1
            self.first_wrong = (
                self.first_wrong or answer[:600].decode(errors="replace") or "nothing"
            )

    def close(self, seconds: float) -> None:
        """Work out what the times were, in milliseconds."""
        self.seconds = seconds
        times = sorted(self.times) or [0]
        self.p50 = times[len(times) // 2] / 1e6
        self.p99 = times[int(len(times) * 0.99)] / 1e6
        self.times = []


class Line:
    """One connection: when its request was sent, and what of the answer has come."""

    __slots__ = ("data", "sent", "socket")

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.sent = 0

    def send(self, request: bytes) -> None:
        """Send a request; they are far smaller than what a socket takes at once."""
        self.sent = time.perf_counter_ns()
        self.socket.send(request)

    def receive(self) -> bytes:
        """Return what has come, nothing when the server has hung up."""
        try:
            return self.socket.recv(262144)
        except ConnectionError:
            return b""


def whole(data: bytes) -> int:
    """Return where the head of an answer ends, -1 while not all of the answer has come."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return -1
    length = _LENGTH.search(data, 0, end)
    # What has no content tells how much there would have been, if anything (RFC 9110, 8.6).
    has_body = length is not None and data[9:12] != b"304"
    needed = int(length[1]) if length is not None and has_body else 0
    return end if len(data) >= end + 4 + needed else -1


def run(plan: Plan) -> Found:
    """Carry a plan out."""
    encoded = [each.encode() for each in plan.requests]
    requests = iter(encoded) if plan.once else itertools.cycle(encoded)
    found = Found()
    count = min(plan.connections, len(encoded)) if plan.once else plan.connections
    with contextlib.ExitStack() as stack, select.epoll() as poll:
        lines = [Line(plan.port) for _ in range(count)]
        for line in lines:
            stack.enter_context(line.socket)
            poll.register(line.socket, select.EPOLLIN)
        started = time.perf_counter()
        for line in lines:
            line.send(next(requests))
        known = {line.socket.fileno(): line for line in lines}
        _exchange(plan, found, known, poll, requests, started + plan.seconds)
        found.close(time.perf_counter() - started)
    return found


def _exchange(
    plan: Plan,
    found: Found,
    lines: dict[int, Line],
    poll: select.epoll,
    requests: Iterator[bytes],
    end: float,
) -> None:
    """Read answers and send the next requests, until the time is over or all are answered."""
    while time.perf_counter() < end and (events := poll.poll(PATIENCE)):
        for number, _ in events:
            line = lines[number]
            received = line.receive()
            data = line.data + received if line.data else received
            head = whole(data)
            if head < 0 and received:
                line.data = data
                continue
            found.count(plan, data, head, time.perf_counter_ns() - line.sent)
            line.data = b""
            request = next(requests, None)
            if request is None or not received:
                poll.unregister(number)
                del lines[number]
                if not lines:
                    return
            else:
                line.send(request)


def main() -> None:
    """Carry out the plan of the standard input."""
    print(json.dumps(asdict(run(Plan(**json.load(sys.stdin))))))


if __name__ == "__main__":
    main()
