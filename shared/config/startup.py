"""Startup and end of a process: loading, settings, exposure, code digest, death with its parent."""

import ctypes
import gc
import hashlib
import inspect
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from shared.config.settings import Settings, SettingsError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def read_settings() -> Settings:
    """Return the settings, or end the process with one sentence on what is wrong with them."""
    try:
        return Settings.from_env()
    except SettingsError as error:
        sys.exit(f"Vitrine cannot start: {error}")


@contextmanager
def loading() -> Iterator[None]:
    """Load the modules of a process without looks for garbage, then leave them out of later looks.

    Modules stay as long as the process.  To look for garbage among them takes a tenth of a start,
    and later stops all requests for a moment.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def code_digest(part: ModuleType | type) -> str:
    """Return a digest of the code that makes responses: the kit's and the service's.

    ``part`` is a module or class in the service's folder.
    """
    folders = (Path(__file__).parents[1], Path(inspect.getfile(part)).parent)
    code = b"".join(
        path.read_bytes() for folder in folders for path in sorted(folder.rglob("*.py"))
    )
    return hashlib.blake2b(code, digest_size=4).hexdigest()


def end_with_parent(signal: int) -> None:
    """Have the kernel send this process a signal when its parent dies; on Linux only.

    Call it in the child.  The parent is the thread that started the child.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal)


def check_exposure(settings: Settings, hosts: Iterable[str]) -> None:
    """End the process if other machines could call it without a token."""
    is_open = settings.auth_mode == "open" and not settings.open_networks
    if is_open and not all(map(is_loopback, hosts)):
        sys.exit(
            "Vitrine cannot start: AUTH_MODE=open is for this machine only; bind to 127.0.0.1, or "
            "set AUTH_MODE=token."
        )


def is_loopback(host: str) -> bool:
    """Return True if only this machine can reach an address."""
    return host in ("localhost", "::1", "[::1]") or host.startswith(("127.", "unix:", "/"))
