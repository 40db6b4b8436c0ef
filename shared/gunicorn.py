"""Old name of ``shared.server.gunicorn_conf``, kept for this release."""

import sys

from shared.server.gunicorn_conf import *  # noqa: F403  gunicorn reads these names

print(
    "python:shared.gunicorn is deprecated: use python:shared.server.gunicorn_conf.", file=sys.stderr
)
