"""Metrics of all processes of a service in shared files, in ``PROMETHEUS_MULTIPROC_DIR``.

prometheus_client writes files for each process identifier, by default the process id.  Its
``mark_process_dead``, for gunicorn's ``child_exit``, removes only gauges of live processes: the
counters of a dead process have to stay, so that each restart of a worker would leave two files for
ever, and every scrape would read them all.  So the identifier here is a slot.  A process takes the
lowest free slot and continues the counts in its files.  The kernel frees a slot when its process
ends, even by a kill.  So this works for granian as well, which lacks a hook like ``child_exit``.
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


def create_folder() -> None:
    """Create the folder of the environment, or a temporary one, without counts of earlier runs.

    Call it in the process that starts the others, before anything is counted.
    """
    os.environ[FOLDER] = os.environ.get(FOLDER) or tempfile.mkdtemp(prefix="vitrine-")
    Path(os.environ[FOLDER]).mkdir(parents=True, exist_ok=True)
    _remove_files()


def remove_folder() -> None:
    """Remove all counts, and the folder if nothing else is in it."""
    _remove_files()
    with contextlib.suppress(OSError):
        Path(os.environ[FOLDER]).rmdir()


def take_slot() -> None:
    """Have this process count in the files of the lowest free slot until it ends."""
    slot = next(filter(_lock, itertools.count()))
    mark_process_dead(slot)  # type: ignore[no-untyped-call]
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]


def live_processes(folder: Path) -> list[int]:
    """Return the ids of the processes that have a slot."""
    return [pid for file in sorted(folder.glob("*.slot")) if (pid := _holder(file))]


def _holder(file: Path) -> int:
    """Return the id of the process that has a slot; 0 for a free one."""
    with file.open("rb") as slot:
        try:
            fcntl.flock(slot, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = slot.read()
            return int(pid) if pid.isdigit() else 0
    return 0


def _lock(slot: int) -> bool:
    """Return True if this process has locked a slot; it stays locked until the process ends."""
    file = os.open(Path(os.environ[FOLDER], f"{slot}.slot"), os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    os.ftruncate(file, 0)
    os.write(file, str(os.getpid()).encode())
    return True


def _remove_files() -> None:
    for pattern in ("*.db", "*.slot"):
        for file in Path(os.environ[FOLDER]).glob(pattern):
            file.unlink(missing_ok=True)
