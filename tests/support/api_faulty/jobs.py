"""Jobs with a fault."""

import os
import signal

from shared.http.errors import ServiceUnavailable

JOBS = tuple(
    f"api_faulty.jobs.{name}"
    for name in ("sweep", "crash", "take_memory", "raise_error", "miss_server")
)


def sweep():
    """Leave everything as it is."""


def crash():
    """End the process as a broken decoder does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def take_memory(bytes):
    """Take so much memory, or none when it may not."""
    try:
        return len(bytearray(bytes))
    except MemoryError:
        return 0


def raise_error(email):
    """Fail, and say so as ``tests.support.broken.fails`` does."""
    raise RuntimeError(f"No luck with {email}")


def miss_server():
    """Fail because a server is down."""
    raise ServiceUnavailable("The categories service does not answer.")
