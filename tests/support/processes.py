"""Processes of tests: their ports, how a test suspends them, and what runs below them."""

import contextlib
import os
import random
import signal
from contextlib import contextmanager
from pathlib import Path

from tests.support.polling import poll
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
    try:
        suspend(pid)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def suspend(pid):
    """Suspend a process, and return when the last of its threads has stopped.

    The signal returns before; on a busy machine, a thread may still answer a request meanwhile.
    """
    os.kill(pid, signal.SIGSTOP)
    poll(lambda: not is_running(pid), what=f"a stop of {pid}")


def is_running(pid):
    """Return True if a thread of a process may still run: it is neither suspended nor killed."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False
    return not {_state(thread) for thread in threads} <= {"T", "Z"}


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
    return _state(Path(f"/proc/{pid}")) != "Z"


def _state(process):
    """Return the state of a process or thread by its folder in /proc; "Z" if it is gone."""
    with contextlib.suppress(OSError):
        return (process / "stat").read_text().rpartition(")")[2].split()[0]
    return "Z"
