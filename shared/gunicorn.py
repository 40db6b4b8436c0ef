"""How gunicorn runs a service, here products:

gunicorn -c python:shared.gunicorn -b 127.0.0.1:5000 "api_products.app:create_app()"
"""

import contextlib
import itertools
import logging
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

from shared import lines
from shared.process import end_with_parent, is_loopback, read_settings

_settings = read_settings()

workers = _settings.workers
threads = _settings.threads
# Each is a file to the system, and who is idle costs little.
worker_connections = 4000
_most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files, _most_files))
worker_class = "shared.server.Worker"
# Heartbeats go to memory where that is possible, so that a slow disk does not look like a death.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# What gunicorn has to say, too, is a line as all others are.
_service = sys.argv[-1].partition(".")[0].removeprefix("api_")
logconfig_dict = {
    "root": {"level": _settings.log_level, "handlers": ["lines"]},
    "handlers": {"lines": {"()": lines.handler, "service": _service}},
    "loggers": {"gunicorn.error": {"level": "WARNING", "propagate": True}},
    "formatters": {},
}
logging.captureWarnings(True)
# Nobody is told of the socket that gunicorn would put into the home folder.
control_socket_disable = True
# The workers count together, in the files of a folder that is this service's own.
_counters = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or tempfile.mkdtemp(prefix="vitrine-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _counters
Path(_counters).mkdir(parents=True, exist_ok=True)


def _forget_counts() -> None:
    for file in Path(_counters).glob("*.db"):
        file.unlink(missing_ok=True)


_forget_counts()
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
    if _settings.auth_mode == "open" and not all(map(is_loopback, hosts)):
        sys.exit(
            "Vitrine cannot start: AUTH_MODE=open is for this machine only; bind to 127.0.0.1, or "
            "set AUTH_MODE=token."
        )


def on_exit(server: Any) -> None:
    """Remove what the workers counted, and the folder when it was ours."""
    _forget_counts()
    with contextlib.suppress(OSError):
        Path(_counters).rmdir()


def pre_fork(server: Any, worker: Any) -> None:
    """Give a worker the lowest place that none has: who takes a dead one's goes on with its counts.

    So there are never more files of counts than workers, however many have died.
    """
    taken = {each.place for each in server.WORKERS.values()}
    worker.place = next(place for place in itertools.count() if place not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Let a worker count in its place, and end with its master.

    Else one whose master was killed may take minutes to notice.
    """
    end_with_parent(signal.SIGKILL)
    values.ValueClass = values.MultiProcessValue(lambda: worker.place)  # type: ignore[no-untyped-call]


def post_worker_init(worker: Any) -> None:
    """Let requests that wait see when their worker is told to stop: it waits for them."""
    worker.wsgi.extensions["worker"] = worker


def child_exit(server: Any, worker: Any) -> None:
    """Forget what a worker had open when it ended."""
    mark_process_dead(worker.place)  # type: ignore[no-untyped-call]
