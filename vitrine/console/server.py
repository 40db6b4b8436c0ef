"""Server of the console: gunicorn with one process, and a thread for each page that watches."""

import socket
import struct
import sys
from collections.abc import Mapping
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from shared.config.settings import Settings
from shared.config.startup import check_exposure
from shared.observability import log_format
from vitrine.console.app import build_app
from vitrine.console.hub import MAX_WATCHERS
from vitrine.local.processes import is_free

REQUEST_THREADS = 24  # besides those of the watchers, and more than MAX_FORWARDED
READ_SECONDS = 15  # seconds that a client has for each part of its request
SEND_SECONDS = 15  # seconds that a client has to read a part of a response
STOP_SECONDS = 1  # that requests have when the console is stopped


class Log(Logger):  # type: ignore[misc]
    """Log of gunicorn, which leaves its lines to the handler of the console."""

    def setup(self, cfg: Any) -> None:
        """Configure the loggers of gunicorn."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log an error, but not the end of each client that was silent for too long."""
        if not isinstance(sys.exception(), BlockingIOError):
            super().exception(msg, *args, **kwargs)


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn for the console.

    Args:
        settings: The settings.
        urls: The address of each service.
        listener: A socket that listens; gunicorn closes it.
    """

    def __init__(self, settings: Settings, urls: Mapping[str, str], listener: socket.socket):
        self._settings = settings
        self._urls = urls
        self._bind = f"fd://{listener.detach()}"
        super().__init__()

    def load_config(self) -> None:
        """Configure gunicorn."""
        options: dict[str, Any] = {
            "bind": self._bind,
            "workers": 1,
            "worker_class": "gthread",
            "threads": MAX_WATCHERS + REQUEST_THREADS,
            # gunicorn's main loop waits two seconds for each client that does not close its end.
            # It must not end the worker for that, and with it the streams of all pages.
            "timeout": 0,
            "graceful_timeout": STOP_SECONDS,
            "keepalive": 15,
            "loglevel": "warning",
            "logger_class": Log,
            "proc_name": "vitrine console",
            "control_socket_disable": True,
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the app; gunicorn calls this in its worker."""
        app = build_app(self._settings, self._urls)
        app.extensions["console"].sampler.start()
        return app


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, and whose connections end when a client is silent for long.

    gunicorn's threads wait for ever for a client.  A connection has the limits of the socket that
    has accepted it, and the kernel keeps to them.

    Args:
        host: The address to listen on.
        port: The port, 0 for any that is free.

    Raises:
        OSError: The address is taken, or is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host.strip("[]"), port), family=family)
    for option, seconds in ((socket.SO_RCVTIMEO, READ_SECONDS), (socket.SO_SNDTIMEO, SEND_SECONDS)):
        listener.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", seconds, 0))
    return listener


def serve(settings: Settings, urls: Mapping[str, str], bind: str) -> None:
    """Serve the console until the process is stopped.

    End the process with one sentence if the port is taken, or if other machines could send requests
    without a token.

    Args:
        settings: The settings.
        urls: The address of each service.
        bind: The address to listen on, as ``host:port``.
    """
    host, _, port = bind.rpartition(":")
    check_exposure(settings, [host])
    if not is_free(int(port)):
        sys.exit(f"The console cannot start: port {port} is taken by another program.")
    try:
        listener = listen(host, int(port))
    except OSError as error:
        sys.exit(f"The console cannot start: {bind} cannot be used: {error.strerror}.")
    log_format.start("console", settings.log_level)
    Server(settings, urls, listener).run()
