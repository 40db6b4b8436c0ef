"""What runs where: the services found on disk, and the running stack as it describes itself."""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from shared.config.settings import PORTS, Settings, is_set, service_url

ROOT = Path(__file__).parents[1]
LOOPBACK = ("127.0.0.1", "localhost", "::1")
FIRST_OTHER_PORT = 5004
LEFTOVER_SECONDS = 5


class StackError(Exception):
    """The stack cannot do what was asked; the text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service folder and where it is to be served."""

    name: str
    folder: Path
    url: str

    @property
    def port(self) -> int:
        """The port it listens on."""
        return urlsplit(self.url).port or 80

    @property
    def is_local(self) -> bool:
        """Whether its URL is on this machine, so that it is ours to start."""
        return urlsplit(self.url).hostname in LOOPBACK


def find_services(settings: Settings, extra: Iterable[str] = ()) -> list[Service]:
    """Return the services in ``api_*`` folders of the project and in ``extra`` folders."""
    folders = sorted(path.parent for path in ROOT.glob("api_*/app.py"))
    for each in extra:
        folder = Path(each).resolve()
        if not folder.name.startswith("api_") or not (folder / "app.py").exists():
            raise StackError(f"{each} is no service: a folder api_<name> with an app.py in it.")
        if folder not in folders:
            folders.append(folder)
    services = []
    port = FIRST_OTHER_PORT
    for folder in folders:
        name = folder.name.removeprefix("api_")
        url = service_url(settings, name)
        if not url:
            url, port = f"http://127.0.0.1:{port}", port + 1
        services.append(Service(name, folder, url))
    return sorted(services, key=lambda service: service.port)


def data_folder(settings: Settings) -> Path:
    """Return the folder where everything that is stored lies."""
    return ROOT / settings.data_dir


@dataclass(frozen=True, slots=True)
class Running:
    """The stack that runs: its supervisor's process id and where its parts answer."""

    pid: int
    mongo_uri: str
    redis_url: str
    services: dict[str, str]
    dashboard_url: str = ""
    auth_mode: str = "open"


def shown(address: str) -> str:
    """Return an address without the password that may be in it."""
    return re.sub(r"(?<=://)[^/@]*@", "***@", address)


def lock(folder: Path) -> IO[str]:
    """Take the folder's lock, or raise ``StackError`` when another stack has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "vitrine.lock").open("a")
    except OSError as error:
        raise StackError(f"The folder {folder} cannot be written: {error.strerror}.") from error
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError as error:
            running = read(folder)
            # What a killed stack leaves behind ends by itself, shortly.
            if running or time.monotonic() > deadline:
                who = f" (process {running.pid})" if running else ""
                raise StackError(
                    f"Vitrine runs already{who}: see `vitrine status`, end it with `vitrine stop`."
                ) from error
        time.sleep(0.1)


def write(folder: Path, running: Running) -> None:
    """Describe the running stack for ``read``, whole or not at all."""
    draft = folder / "vitrine.json.new"
    draft.touch(mode=0o600)  # Addresses may hold passwords.
    draft.write_text(json.dumps(asdict(running)))
    draft.replace(folder / "vitrine.json")


def read(folder: Path) -> Running | None:
    """Return the stack that runs on a folder, or None when none does."""
    try:
        with (folder / "vitrine.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        pass
    except FileNotFoundError:
        return None
    try:
        known: dict[str, Any] = json.loads((folder / "vitrine.json").read_text())
    except FileNotFoundError:
        return None
    return Running(**known) if _exists(known["pid"]) else None


def addresses(settings: Settings) -> dict[str, str]:
    """Return where each service of the running stack answers, else of those that the settings name.

    Raise ``StackError`` when nothing runs here and they name none.
    """
    if running := read(data_folder(settings)):
        return running.services
    known = {name: service_url(settings, name) for name in PORTS if is_set(f"{name}_url")}
    if not known:
        raise StackError(
            "Vitrine does not run; start it with `vitrine up`, or set PRODUCTS_URL and its like to "
            "where it does."
        )
    return known


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
