"""The stack on this machine: its services on disk, its lock, and the addresses it runs at."""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from shared.config.settings import PORTS, Settings, is_set, service_url
from vitrine.errors import StackError

ROOT = Path(__file__).parents[1]  # the folder of all packages
LOOPBACK = ("127.0.0.1", "localhost", "::1")
FIRST_OTHER_PORT = 5004  # of a service without a port in ``PORTS``
LEFTOVER_SECONDS = 5  # that processes of a killed stack may take to end

# The folders that a stack makes in its data folder.
FOLDERS = ("mongodb", "redis", "media", "logs", "metrics", "lib", "secrets")
OTHERS = 0o077  # the rights of other users of the machine, which a data folder gives none

_LOCK_FILE = "vitrine.lock"
_STATE_FILE = "vitrine.json"


@dataclass(frozen=True, slots=True)
class Service:
    """A service folder and the URL it is served at."""

    name: str
    folder: Path
    url: str

    @property
    def port(self) -> int:
        """The port the service listens on."""
        return urlsplit(self.url).port or 80

    @property
    def is_local(self) -> bool:
        """True if the URL is on this machine, so that ``vitrine up`` starts the service."""
        return is_local(self.url)


def find_services(settings: Settings, extra: Iterable[str] = ()) -> list[Service]:
    """Return the services in ``api_*`` folders of the project and in ``extra`` folders."""
    folders = sorted(path.parent for path in ROOT.glob("api_*/app.py"))
    for path in extra:
        folder = Path(path).resolve()
        if not folder.name.startswith("api_") or not (folder / "app.py").exists():
            raise StackError(
                f"{path} is not a service: name a folder api_<name> with an app.py in it."
            )
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


def is_checkout() -> bool:
    """Return True if Vitrine runs from the folder of its project, not as an installed package."""
    return (ROOT / "pyproject.toml").is_file()


def home() -> Path:
    """Return the folder of ``.env`` and ``data``: the project, else the current folder."""
    return ROOT if is_checkout() else Path.cwd()


def program() -> str:
    """Return what to type to run this command."""
    return ".venv/bin/vitrine" if is_checkout() else "vitrine"


def data_folder(settings: Settings) -> Path:
    """Return the folder of everything a stack stores: data, logs and its own state."""
    return home() / settings.data_dir


def not_running(folder: Path) -> StackError:
    """Return the error for a command that needs the stack of a data folder."""
    return StackError(f"Vitrine does not run in {folder}; start it with `{program()} up`.")


@dataclass(frozen=True, slots=True)
class Running:
    """The running stack: the process id of its supervisor and the addresses of its parts.

    ``embedded`` are the servers that ``vitrine up`` has started: MongoDB, Redis, both or none.
    """

    pid: int
    mongo_uri: str
    redis_url: str
    services: dict[str, str]
    console_url: str = ""
    auth_mode: str = "open"
    embedded: Sequence[str] = ()
    queue_url: str = ""


def without_password(address: str) -> str:
    """Return a URL with its user and its passwords replaced by ``***``."""
    hidden = re.sub(r"(?<=://)[^/@]*@", "***@", address)
    return re.sub(r"(?<=password=)[^&]*", "***", hidden)


def keep_private() -> None:
    """Let only the owner read what this process and its children make from now on."""
    os.umask(OTHERS)


def lock(folder: Path) -> IO[str]:
    """Lock a data folder, which only its owner can read from then on.

    Raises:
        StackError: Another stack has locked the folder, or it cannot be written or made private.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _LOCK_FILE).open("a")
    except OSError as error:
        raise StackError(f"The folder {folder} cannot be written: {error.strerror}.") from error
    _wait_for_lock(folder, file)
    try:
        _close_to_others(folder)
    except OSError as error:
        raise StackError(
            f"The folder {folder} cannot be closed to other users: {error.strerror}; set DATA_DIR "
            "to a folder of your own."
        ) from error
    return file


def _wait_for_lock(folder: Path, file: IO[str]) -> None:
    """Lock the file of a data folder, or raise ``StackError`` if another stack has locked it."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            running = read(folder)
            # Without a running stack, processes of a killed one hold the lock: they end shortly.
            if running or time.monotonic() > deadline:
                process = f" (process {running.pid})" if running else ""
                raise StackError(
                    f"Vitrine runs already{process}: see `vitrine status`, end it with `vitrine "
                    "stop`."
                ) from error
        time.sleep(0.1)


def _close_to_others(folder: Path) -> None:
    """Take the rights of other users from a data folder, and from what an older version made."""
    if not folder.stat().st_mode & OTHERS:
        return
    for name in FOLDERS:
        for parent, _, files in os.walk(folder / name):
            for path in (Path(parent), *(Path(parent, file) for file in files)):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode & ~OTHERS)
    folder.chmod(0o700)  # Last, so that a start which was interrupted is repeated.


def write(folder: Path, running: Running) -> None:
    """Write the addresses of the running stack for ``read``, atomically."""
    draft = folder / f"{_STATE_FILE}.new"
    draft.touch(mode=0o600)  # Addresses may hold passwords.
    draft.write_text(json.dumps(asdict(running)))
    draft.replace(folder / _STATE_FILE)


def read(folder: Path) -> Running | None:
    """Return the stack that runs on a data folder, or None."""
    try:
        with (folder / _LOCK_FILE).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        pass
    except (FileNotFoundError, PermissionError):
        return None  # A folder of another user holds no stack of this one.
    try:
        state: dict[str, Any] = json.loads((folder / _STATE_FILE).read_text())
    except FileNotFoundError:
        return None
    # A stack of another version may have written other fields.
    known = {each.name: state[each.name] for each in fields(Running) if each.name in state}
    return Running(**known) if _exists(state["pid"]) else None


def asked_for(settings: Settings) -> Running | None:
    """Return the stack that runs here, unless ``PRODUCTS_URL`` etc. name another one."""
    running = read(data_folder(settings))
    return None if running and _elsewhere(settings, running) else running


def addresses(settings: Settings) -> dict[str, str]:
    """Return the URL of each service: those set by ``PRODUCTS_URL`` etc., or the running stack's.

    If such a setting names another stack than the one that runs here, the services of this one are
    left out: a command would otherwise read or write some parts here and some there.  A service of
    this machine that the running stack has left out, as by ``--only``, is left out here, too.

    Raises:
        StackError: No stack runs here, and no such setting is made.
    """
    running = read(data_folder(settings))
    local = running.services if running else {}
    urls = {name: url for name in {**local, **PORTS} if (url := set_url(settings, name))}
    if running and not _elsewhere(settings, running):
        urls = {name: url for name, url in urls.items() if name in local or not is_local(url)}
        urls = local | urls
    if not urls:
        raise StackError(
            f"Vitrine does not run in {data_folder(settings)}; start it with `{program()} up`, or "
            "set PRODUCTS_URL, CLIENTS_URL, CATEGORIES_URL and ORDERS_URL to where it runs."
        )
    return urls


def address(settings: Settings, service: str) -> str:
    """Return the URL of one service: that of ``addresses``, or of its usual port.

    Raises:
        StackError: The service is unknown, or another setting names another stack than the one that
            runs here, so that this service has to be named, too.
    """
    if url := set_url(settings, service):
        return url
    running = read(data_folder(settings))
    if running and (other := _elsewhere(settings, running)):
        raise StackError(
            f"{url_name(other)} names {without_password(set_url(settings, other))}, which is not "
            f"the stack that runs here: set {url_name(service)} as well, or unset "
            f"{url_name(other)}."
        )
    url = running.services.get(service, "") if running else ""
    if url or service in PORTS:
        return url or service_url(settings, service)
    names = ", ".join(running.services if running else PORTS)
    raise StackError(
        f"No service {service} runs here, only {names}; set {url_name(service)} to its address."
    )


def does_not_answer(settings: Settings, service: str, url: str) -> StackError:
    """Return the error for a service that does not answer, with the setting that names its URL."""
    if set_url(settings, service) != url:
        return StackError(f"{service} does not answer at {url}; start it with `{program()} up`.")
    start = f"start it with `{program()} up`" if is_local(url) else "start it there"
    return StackError(
        f"{service} does not answer at {without_password(url)}, which {url_name(service)} names; "
        f"{start}, or correct or unset {url_name(service)}."
    )


def url_name(service: str) -> str:
    """Return the name of the setting with the URL of a service."""
    return f"{service.upper()}_URL"


def set_url(settings: Settings, service: str) -> str:
    """Return the URL that a setting names for a service; empty if none does."""
    if service in PORTS and not is_set(f"{service}_url"):
        return ""
    return service_url(settings, service)


def _elsewhere(settings: Settings, running: Running) -> str:
    """Return the first service whose setting names another place than the running stack's."""
    for name, url in running.services.items():
        there = set_url(settings, name)
        if there and _place(there) != _place(url):
            return name
    return ""


def is_local(url: str) -> bool:
    """Return True if a URL is on this machine."""
    return urlsplit(url).hostname in LOOPBACK


def _place(url: str) -> tuple[str, str | None, int, str]:
    """Return what makes two URLs the same place; all names of this machine are one."""
    parts = urlsplit(url)
    host = LOOPBACK[0] if parts.hostname in LOOPBACK else parts.hostname
    return parts.scheme, host, parts.port or (443 if parts.scheme == "https" else 80), parts.path


def _exists(pid: int) -> bool:
    """Return True if a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
