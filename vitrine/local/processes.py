"""Child processes that end with their parent, their logs, and free ports."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from shared.config.startup import end_with_parent
from vitrine.local.signals import uninterrupted

LOG_BYTES = 20_000_000  # size at which a log is rotated
GROUP_SECONDS = 2  # until the killed processes of a group are gone
LINE_BYTES = 1 << 16  # maximum length of a line
_ERROR = re.compile(r'[\w.]*(Error|Exception|cannot start)\b.*: |\{.*"s":"E"|\{"time":.*"error":"')


class Spawned(subprocess.Popen[bytes]):
    """A process that was started with its output in a log.

    Attributes:
        log: The log.
        log_start: The size of the log before, so that what comes after is of this process.
    """

    def __init__(self, args: Sequence[str], log: Path, output: IO[bytes], **options: Any):
        self.log, self.log_start = log, log.stat().st_size
        super().__init__(args, stdout=output, stderr=output, **options)


def spawn(
    args: Sequence[str],
    log: Path,
    env: Mapping[str, str],
    keep: Sequence[int] = (),
    cwd: Path | None = None,
) -> Spawned:
    """Start a process in a session of its own.

    On Linux the kernel ends it when this process dies, even by kill -9.  Call this function from
    the main thread, because the kernel watches the thread that started the child.

    Args:
        args: The command line.
        log: The file to which its output is appended.
        env: Its environment.
        keep: File descriptors that stay open in it, with the locks on their files.
        cwd: Its working directory; None for that of this process.
    """
    parent = os.getpid()

    def tie_to_parent() -> None:
        end_with_parent(signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return Spawned(
            args,
            log,
            output,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=keep,
            preexec_fn=tie_to_parent,
        )


def rotated(log: Path) -> Path:
    """Return the file that keeps the earlier lines of a log."""
    return log.with_name(f"{log.name}.1")


def rotate(log: Path, max_bytes: int = LOG_BYTES) -> None:
    """Copy a log that has grown too large to ``rotated(log)`` and empty it.

    Its writers go on at the beginning, because ``spawn`` opens logs for appending.  Lines written
    in the microsecond between the last read and the emptying are lost.
    """
    if log.exists() and log.stat().st_size > max_bytes:
        with log.open("r+b") as file, rotated(log).open("w+b") as copy:
            shutil.copyfileobj(file, copy)
            file.truncate(0)
            # The last line may be incomplete, because its writer was still writing it.
            start = copy.seek(max(0, copy.tell() - LINE_BYTES))
            copy.truncate(start + copy.read().rfind(b"\n") + 1)


def exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code of a process; None while it runs."""
    with uninterrupted():
        return process.poll()


def stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a process to end; kill it, and its group, if it still runs after some seconds."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, and wait until it and all processes of a group of its own are gone.

    Else the workers of a gunicorn that is killed would run until they notice it.
    """
    group = process.pid
    # Without a group of its own there is none of this id.
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)
    process.kill()
    process.wait()
    deadline = time.monotonic() + GROUP_SECONDS
    with contextlib.suppress(OSError):  # The group is gone, or on macOS only waits to be reaped.
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.01)


def is_free(port: int) -> bool:
    """Return True if no process listens on a port of this machine."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "")):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def claim(port: int) -> socket.socket | None:
    """Reserve a port of this machine against other stacks; return a socket to close, or None.

    None means that another stack has reserved it.  The reservation bridges the seconds in which no
    server listens on the port: between its check and the start of the server, and while the server
    is started again.  On systems other than Linux it has no effect.
    """
    reservation = socket.socket(socket.AF_UNIX)
    if sys.platform == "linux":
        try:
            # An abstract address: it has no file, and ends with this process.
            reservation.bind(f"\0vitrine:{port}")
        except OSError:
            reservation.close()
            return None
    return reservation


def free_port(first: int, taken: Container[int] = ()) -> int:
    """Return the first free port from ``first`` on that is not ``taken``; any port for 0."""
    if first == 0:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])
    return next(port for port in range(first, 65536) if port not in taken and is_free(port))


def last_error(process: Spawned) -> str:
    """Return the last line of a process's log that names an error, else its last line, in short.

    Lines of an earlier process in the same log do not count. The result is empty if it wrote
    nothing.
    """
    if not process.log.exists():
        return ""
    with process.log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        # A log that was emptied meanwhile has grown from its beginning.
        start = process.log_start if process.log_start <= end else 0
        file.seek(max(start, end - 16_384))
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    line = (errors or lines or [""])[-1].strip()
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        entry = json.loads(line)
        if "msg" in entry:  # a line of mongod
            line = " ".join(filter(None, (entry["msg"], entry.get("attr", {}).get("error"))))
        else:
            line = entry.get("error") or entry["message"]
    return line[:300]
