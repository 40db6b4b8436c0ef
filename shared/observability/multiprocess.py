"""Where the processes of a service count together: files in ``PROMETHEUS_MULTIPROC_DIR``.

Each process has a place, and takes over the counts of a dead one whose place it takes.  So there
are never more files than processes, however many have died.
"""

import contextlib
import fcntl
import itertools
import os
import tempfile
from pathlib import Path

from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def begin() -> None:
    """Start counting from nothing, in the folder of the environment or in one of our own.

    Call it before anything is counted, in the process that starts the others.
    """
    folder = os.environ.get(FOLDER) or tempfile.mkdtemp(prefix="vitrine-")
    os.environ[FOLDER] = folder
    Path(folder).mkdir(parents=True, exist_ok=True)
    _forget()


def end() -> None:
    """Remove what was counted, and the folder if nothing else is in it."""
    _forget()
    with contextlib.suppress(OSError):
        Path(os.environ[FOLDER]).rmdir()


def take_place() -> None:
    """Have this process count in the lowest place that none has, until it ends."""
    place = next(filter(_is_free, itertools.count()))
    mark_process_dead(place)  # type: ignore[no-untyped-call]
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


def _is_free(place: int) -> bool:
    # The lock is given back when this process ends, in whatever way: nobody closes it.
    lock = os.open(Path(os.environ[FOLDER], f"{place}.place"), os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    return True


def _forget() -> None:
    for pattern in ("*.db", "*.place"):
        for file in Path(os.environ[FOLDER]).glob(pattern):
            file.unlink(missing_ok=True)
