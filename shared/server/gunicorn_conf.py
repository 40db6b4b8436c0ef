"""How gunicorn runs a service, here products:

gunicorn -c python:shared.server.gunicorn_conf -b 127.0.0.1:5000 "api_products.app:create_app()"
"""

import logging
import os
import resource
import signal
import sys
from typing import Any

from shared.config.startup import check_exposure, end_with_parent, read_settings
from shared.observability import log_format, multiprocess

_settings = read_settings()

workers = _settings.workers
threads = _settings.threads
# Each is a file to the system, and who is idle costs little.
worker_connections = 4000
_most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files, _most_files))
worker_class = "shared.server.server.Worker"
reload = _settings.debug
# Heartbeats go to memory where that is possible, so that a slow disk does not look like a death.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# What gunicorn has to say, too, is a line as all others are.
_service = sys.argv[-1].partition(".")[0].removeprefix("api_")
logconfig_dict = {
    "root": {"level": _settings.log_level, "handlers": ["lines"]},
    "handlers": {"lines": {"()": log_format.handler, "service": _service}},
    "loggers": {"gunicorn.error": {"level": "WARNING", "propagate": True}},
    "formatters": {},
}
logging.captureWarnings(True)
# Nobody is told of the socket that gunicorn would put into the home folder.
control_socket_disable = True
multiprocess.create_folder()
graceful_timeout = 3
keepalive = 15
# Bounds on what a client may send before the first byte of the body.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
# What proxies say is believed as TRUSTED_PROXIES tells, and by nobody else.
forwarded_allow_ips = ""
forwarder_headers = ""


def on_starting(server: Any) -> None:
    """Refuse to let everybody do everything from elsewhere than this machine."""
    hosts = [address[0] if isinstance(address, tuple) else address for address in server.address]
    check_exposure(_settings, hosts)


def on_exit(server: Any) -> None:
    """Remove what the workers counted."""
    multiprocess.remove_folder()


def post_fork(server: Any, worker: Any) -> None:
    """Let a worker count in a slot of its own, and end with its master.

    Else one whose master was killed may take minutes to notice.
    """
    end_with_parent(signal.SIGKILL)
    multiprocess.take_slot()


def post_worker_init(worker: Any) -> None:
    """Let requests that wait see when their worker is told to stop: it waits for them."""
    worker.wsgi.extensions["worker"] = worker
