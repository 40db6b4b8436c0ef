"""Server of the console: gunicorn with one process and an event loop."""

import resource
import socket
import sys
from collections.abc import Mapping
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gasgi import ASGIWorker

from shared.config.settings import Settings
from shared.config.startup import check_exposure
from shared.observability import log_format
from vitrine.console.app import build_app
from vitrine.console.asgi import MAX_LONG_BODIES, AsgiConsole
from vitrine.console.forwarding import MAX_FORWARDED
from vitrine.console.hub import MAX_WATCHERS
from vitrine.local.processes import is_free

PAGE_THREADS = 8  # that services which hang, and clients which are slow, leave for the pages
THREADS = MAX_WATCHERS + MAX_FORWARDED + MAX_LONG_BODIES + PAGE_THREADS
STOP_SECONDS = 3  # after which gunicorn kills its worker, if a thread still waits for a service


class Log(Logger):  # type: ignore[misc]
    """Log of gunicorn, which leaves its lines to the handler of the console."""

    def setup(self, cfg: Any) -> None:
        """Configure the loggers of gunicorn."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Worker(ASGIWorker):  # type: ignore[misc]
    """Worker of gunicorn that does not wait for idle connections and streams when it is stopped."""

    def handle_exit_signal(self) -> None:
        """Stop at the next beat of the worker."""
        self.asgi.close()
        self.handle_quit_signal()


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
            "worker_class": Worker,
            "asgi_lifespan": "off",
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

    def load(self) -> AsgiConsole:
        """Return the app; gunicorn calls this in its worker."""
        app = build_app(self._settings, self._urls)
        app.extensions["console"].sampler.start()
        return AsgiConsole(app, THREADS)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: The address to listen on.
        port: The port, 0 for any that is free.

    Raises:
        OSError: The address is taken, or is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host.strip("[]"), port), family=family)


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
    # A slow client costs little, but each is an open file of the process.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    Server(settings, urls, listener).run()
