"""Processes that a test suspends, and what runs below a process, from /proc."""

import os
import signal
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def suspended(redis):
    """Suspend the server of a Redis client until the block ends, so that nothing is answered."""
    pid = redis.info("server")["process_id"]
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
