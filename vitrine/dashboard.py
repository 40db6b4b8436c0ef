"""The job queue in a browser: rq-dashboard, for this machine only, as ``AUTH_MODE=open`` has it.

python -m vitrine.dashboard 5555
"""

import os
import sys
from dataclasses import replace

from flask import Flask, Response, request
from rq_dashboard.cli import make_flask_app
from rq_dashboard.web import setup_rq_connection

from shared.auth import Auth
from shared.errors import Forbidden
from shared.process import read_settings


def build_app(queue_url: str) -> Flask:
    """Return the dashboard of a queue, which answers nobody else's page and nobody elsewhere."""
    app: Flask = make_flask_app(None, None, None, "")
    app.config["RQ_DASHBOARD_REDIS_URL"] = queue_url
    app.config["DEPRECATED_OPTIONS"] = []
    setup_rq_connection(app)
    auth = Auth(replace(read_settings(), auth_mode="open", cors_origins=""))

    def guard() -> Response | None:
        try:
            auth.identify(request.environ | {"HTTP_AUTHORIZATION": ""})
        except Forbidden as error:
            return Response(str(error), 403, content_type="text/plain; charset=utf-8")
        return None

    app.before_request(guard)
    return app


if __name__ == "__main__":
    build_app(os.environ["REDIS_QUEUE_URL"]).run("127.0.0.1", int(sys.argv[1]))
