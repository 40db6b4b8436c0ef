"""Child processes that never outlive their parent, and ports for them."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from shared.config.startup import end_with_parent

LOG_BYTES = 20_000_000
LINE_BYTES = 1 << 16  # that a line has at the most
_ERROR = re.compile(r'[\w.]*(Error|Exception|cannot start)\b.*: |\{.*"s":"E"|\{"time":.*"error":"')


def spawn(
    args: Sequence[str],
    log: Path,
    env: Mapping[str, str],
    keep: Sequence[int] = (),
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to ``log``.

    On Linux the kernel ends it when this process dies, even by kill -9.  Call it from the main
    thread: the kernel watches the thread that started the child.  The files ``keep`` stay open
    in it, and so do the locks on them.
    """
    parent = os.getpid()

    def tie_to_parent() -> None:
        end_with_parent(signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            args,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=keep,
            preexec_fn=tie_to_parent,
        )


def older(log: Path) -> Path:
    """Return where a log goes that has grown too large."""
    return log.with_name(f"{log.name}.1")


def bound(log: Path, most: int = LOG_BYTES) -> None:
    """Move what a log holds aside when it is too much; its writers go on at its beginning.

    They append, as ``spawn`` has them do.  What one writes in the microsecond between the last look
    and the emptying is lost.
    """
    if log.exists() and log.stat().st_size > most:
        with log.open("r+b") as file, older(log).open("w+b") as kept:
            shutil.copyfileobj(file, kept)
            file.truncate(0)
            # Of a line that was being written only a part may have been there to read.
            start = kept.seek(max(0, kept.tell() - LINE_BYTES))
            kept.truncate(start + kept.read().rfind(b"\n") + 1)


def stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a process to end, and end it when it has not after some seconds."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "")):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def claim(port: int) -> socket.socket | None:
    """Return what keeps a port of this machine from every other stack until it is closed.

    None when another stack has it.  Between the look at a port and the first to listen there are
    seconds, in which a second stack would look as well.  Elsewhere than on Linux nothing is kept.
    """
    kept = socket.socket(socket.AF_UNIX)
    if sys.platform == "linux":
        try:
            kept.bind(f"\0vitrine:{port}")  # In no folder, and gone with this process.
        except OSError:
            kept.close()
            return None
    return kept


def free_port(first: int, taken: Container[int] = ()) -> int:
    """Return the first free port from ``first`` on that is not ``taken``; 0 takes any."""
    if first == 0:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])
    return next(port for port in range(first, 65536) if port not in taken and is_free(port))


def last_words(log: Path) -> str:
    """Return what a process said when it failed: the last line that names an error, or the last."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    line = (errors or lines or [""])[-1].strip()
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        entry = json.loads(line)
        if "msg" in entry:  # It is mongod's.
            line = " ".join(filter(None, (entry["msg"], entry.get("attr", {}).get("error"))))
        else:
            line = entry.get("error") or entry["message"]
    return line[:300]
