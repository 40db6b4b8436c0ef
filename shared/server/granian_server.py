"""Configuration of granian for a service: faster than gunicorn, and to be run behind a proxy.

granian answers hits in its event loop, and other requests in threads (``shared.server.asgi``).  It
refuses malformed HTTP without a body in its response; a proxy, such as nginx, keeps such requests
away from it.
"""

import signal
import socket
import sys
from functools import partial
from importlib import import_module
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels

from shared.config.settings import Settings
from shared.config.startup import check_exposure, end_with_parent, loading
from shared.observability import log_format, multiprocess

HEAD_SECONDS = 10
MAX_HEAD = 1 << 16  # bytes
CONNECTIONS = 4000  # connections of one process; an idle one costs little
KILL_SECONDS = 2  # seconds that a worker has for its requests; a client may listen for hours


def serve(package: str, settings: Settings, bind: str) -> None:
    """Serve the service of a package until the process is stopped.

    Args:
        package: The package of the service, such as ``api_products``.
        settings: The settings.
        bind: The address to listen on, as ``host:port``.
    """
    host, _, port = bind.rpartition(":")
    check_exposure(settings, [host])
    try:
        host = _address(host.strip("[]"), int(port))
    except OSError as error:
        sys.exit(f"Vitrine cannot start: {bind} cannot be listened on: {error.strerror}.")
    service = package.removeprefix("api_")
    log_format.start(service, settings.log_level)
    multiprocess.create_folder()
    try:
        server = Granian(
            f"{package}.app:create_app",
            address=host,
            port=int(port),
            interface=Interfaces.ASGINL,
            runtime_mode=RuntimeModes.st,
            loop=Loops.auto,  # uvloop, but on Windows
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(HEAD_SECONDS * 1000, max_buffer_size=MAX_HEAD),
            websockets=False,
            workers=settings.workers,
            backlog=CONNECTIONS,
            backpressure=CONNECTIONS,
            respawn_failed_workers=True,
            workers_kill_timeout=KILL_SECONDS,
            log_level=LogLevels.error,
            log_dictconfig=_logs(service, settings.log_level),
        )
        load = partial(_load, package)
        server.serve(target_loader=load, wrap_loader=False)
    finally:
        multiprocess.remove_folder()


def _address(host: str, port: int) -> str:
    """Return the IP address of a host if its port is free, or raise ``OSError``.

    granian would share the port with another server that shares it, and each would get some of the
    requests.
    """
    family, _, _, _, endpoint = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(endpoint)
    return str(endpoint[0])


def _load(package: str) -> Any:
    """Return the ASGI application of a package; granian calls this in each worker."""
    end_with_parent(signal.SIGKILL)
    multiprocess.take_slot()
    # Imported here, because the metrics write to the files of this worker.
    with loading():
        return import_module("shared.server.asgi").service(package)


def _logs(service: str, level: str) -> dict[str, Any]:
    """Return the logging configuration of granian: the same format as the service's."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "root": {"level": level, "handlers": ["lines"]},
        "handlers": {"lines": {"()": log_format.handler, "service": service}},
        "loggers": {"_granian": {"handlers": [], "propagate": True}},
        "formatters": {},
    }
