"""Processes of tests: their ports, how a test suspends them, and what runs below them."""

import os
import random
import signal
from contextlib import contextmanager
from pathlib import Path

from vitrine.local.processes import is_free

# Below the ports that the system gives to connections; one of those may be in use a moment later.
PORTS = range(12_000, 32_000)
_taken = set()


def free_port():
    """Return a free port that this process has not returned before."""
    while True:
        port = random.SystemRandom().choice(PORTS)
        if port not in _taken and is_free(port):
            _taken.add(port)
            return port


@contextmanager
def suspended(redis):
    """Suspend the server of a Redis client until the block ends, so that nothing is answered."""
    with suspended_process(redis.info("server")["process_id"]):
        yield


@contextmanager
def suspended_process(pid):
    """Suspend a process until the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def descendants(pid):
    """Return the process ids of everything below a process."""
    children = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = stat.read_text().partition(" (")
        except OSError:
            continue
        children.setdefault(int(rest.rpartition(")")[2].split()[1]), []).append(int(number))
    below, waiting = [], [pid]
    while waiting:
        direct = children.get(waiting.pop(), [])
        below += direct
        waiting += direct
    return below


def is_alive(pid):
    """Return True if a process runs, or is suspended; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
