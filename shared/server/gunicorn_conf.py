r"""Configuration of gunicorn for a service.

gunicorn -c python:shared.server.gunicorn_conf -b 127.0.0.1:5000 \
    "shared.server.asgi:service('api_products')"
"""

import gc
import logging
import os
import resource
import signal
import sys
from typing import Any

from gunicorn.glogging import Logger

from shared.config.startup import check_exposure, end_with_parent, read_settings
from shared.observability import log_format, multiprocess

_settings = read_settings()

workers = _settings.workers
# An idle connection costs little, but each is an open file of the process.
_max_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_max_files, _max_files))
worker_class = "asgi"
asgi_lifespan = "off"
reload = _settings.debug
# Heartbeats are in memory if possible, so that a slow disk does not make a worker look dead.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# gunicorn logs in the same format as the service.
_service = sys.argv[-1].rpartition("api_")[2].partition(".")[0].rstrip("')")
log_format.start(_service, _settings.log_level)
loglevel = "warning"


class logger_class(Logger):  # type: ignore[misc]
    """Logger of gunicorn that leaves its lines to the handler of the service.

    With a ``logconfig_dict``, gunicorn would also prepare an access log, which costs as much as a
    hit.
    """

    def setup(self, cfg: Any) -> None:
        """Configure the loggers of gunicorn."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


logging.captureWarnings(True)
# gunicorn would create a socket in the home folder, by which it can be controlled.
control_socket_disable = True
multiprocess.create_folder()
graceful_timeout = 3  # seconds that a worker has for its requests when it is stopped
keepalive = 15  # seconds that an idle connection is kept
# Limits of the head of a request: bytes of the first line, fields, bytes of a field.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
# gunicorn believes no proxy: ProxyFix does, as many as TRUSTED_PROXIES says.
forwarded_allow_ips = ""
forwarder_headers = ""


def on_starting(server: Any) -> None:
    """Refuse to start if other machines could do everything (``AUTH_MODE=open``)."""
    if sys.argv[-1].endswith(".app:create_app()"):
        sys.exit(
            f"Vitrine cannot start: {sys.argv[-1]} is for WSGI servers. Name "
            f"\"shared.server.asgi:service('api_{_service}')\"."
        )
    hosts = [address[0] if isinstance(address, tuple) else address for address in server.address]
    check_exposure(_settings, hosts)


def on_exit(server: Any) -> None:
    """Remove the metrics of the workers."""
    multiprocess.remove_folder()


def post_fork(server: Any, worker: Any) -> None:
    """Let a worker count in a slot of its own, and end with its master.

    Else one whose master was killed may take minutes to notice.
    """
    end_with_parent(signal.SIGKILL)
    multiprocess.take_slot()
    gc.disable()  # until the app is loaded, as ``startup.loading`` does


def post_worker_init(worker: Any) -> None:
    """Give the app its worker, so that long requests end when the worker is stopped."""
    worker.asgi.app.extensions["worker"] = worker
    gc.freeze()
    gc.enable()
