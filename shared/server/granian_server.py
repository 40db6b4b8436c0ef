"""How granian runs a service: faster than gunicorn, and to be put behind a proxy.

Hits are answered in its event loop, all else in threads (``shared.server.rsgi``).  It answers what
is no HTTP without a body: a proxy, such as nginx, keeps that away from it.
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
from shared.config.startup import check_exposure, end_with_parent
from shared.observability import log_format, multiprocess
from shared.server.connection import HEAD_SECONDS, MAX_HEAD

CONNECTIONS = 4000  # of a process: who is idle costs little
KILL_SECONDS = 2  # for a worker to end its requests: a client may listen for hours


def serve(package: str, settings: Settings, bind: str) -> None:
    """Serve the service of a package at ``host:port`` until told to stop."""
    host, _, port = bind.rpartition(":")
    check_exposure(settings, [host])
    try:
        host = _address(host.strip("[]"), int(port))
    except OSError as error:
        sys.exit(f"Vitrine cannot start: nobody can listen on {bind}: {error.strerror}.")
    service = package.removeprefix("api_")
    log_format.start(service, settings.log_level)
    multiprocess.create_folder()
    try:
        server = Granian(
            f"{package}.app:create_app",
            address=host,
            port=int(port),
            interface=Interfaces.RSGI,
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
        load = partial(_load, package, settings)
        server.serve(target_loader=load, wrap_loader=False)
    finally:
        multiprocess.remove_folder()


def _address(host: str, port: int) -> str:
    """Return the IP address of a host on which nobody listens, or raise ``OSError``.

    granian would share a port with whoever else shares it, and each would get some requests.
    """
    family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(place)
    return str(place[0])


def _load(package: str, settings: Settings) -> Any:
    """Return the app of a package; called in a worker, which ends with its master."""
    end_with_parent(signal.SIGKILL)
    multiprocess.take_slot()
    # What counts is made here, for it writes where this worker counts.
    app = import_module(f"{package}.app").create_app()
    return import_module("shared.server.rsgi").Rsgi(app, settings)


def _logs(service: str, level: str) -> dict[str, Any]:
    """Return how granian logs: what it has to say, too, is a line as all others are."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "root": {"level": level, "handlers": ["lines"]},
        "handlers": {"lines": {"()": log_format.handler, "service": service}},
        "loggers": {"_granian": {"handlers": [], "propagate": True}},
        "formatters": {},
    }
