"""The job queue in a browser: rq-dashboard, for this machine or for who has a token.

    python -m vitrine.local.dashboard 5555
    python -m vitrine.local.dashboard 0.0.0.0:5555

On a loopback address it answers this machine only, as ``AUTH_MODE=open`` has it.  On any other it
needs ``AUTH_MODE=token`` and asks for a token with the scope ``admin``, which browsers send as the
password of any name (RFC 7617).
"""

import sys
from collections.abc import Callable
from dataclasses import replace

from flask import Flask, Response, request
from rq_dashboard.cli import make_flask_app
from rq_dashboard.web import setup_rq_connection

from shared.config.settings import Settings
from shared.config.startup import check_exposure, is_loopback, read_settings
from shared.http.auth import ADMIN, Auth
from shared.http.errors import Forbidden, ServiceUnavailable, Unauthorized

Guard = Callable[[], Response | None]


def build_app(settings: Settings, host: str = "127.0.0.1") -> Flask:
    """Return the dashboard of the job queue, guarded as the address it listens on needs."""
    app: Flask = make_flask_app(None, None, None, "")
    app.config["RQ_DASHBOARD_REDIS_URL"] = settings.queue_url
    app.config["DEPRECATED_OPTIONS"] = []
    setup_rq_connection(app)
    app.before_request(_this_machine(settings) if is_loopback(host) else _token(settings))
    return app


def _this_machine(settings: Settings) -> Guard:
    """Answer nobody else's page and nobody elsewhere."""
    auth = Auth(replace(settings, auth_mode="open", cors_origins=""))

    def guard() -> Response | None:
        try:
            auth.identify(request.environ | {"HTTP_AUTHORIZATION": ""})
        except Forbidden as error:
            return _refuse(403, str(error))
        return None

    return guard


def _token(settings: Settings) -> Guard:
    """Answer who has a token with the scope ``admin``, and no page of another origin.

    A browser sends a password along that it once was given, whichever page makes it ask.
    """
    auth = Auth(settings)

    def guard() -> Response | None:
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return _refuse(403, "Pages of others may not ask; open the dashboard by its address.")
        given = request.authorization
        token = given.password if given and given.type == "basic" else given and given.token
        try:
            environ = request.environ | {"HTTP_AUTHORIZATION": f"Bearer {token}" if token else ""}
            if auth.identify(environ).may(ADMIN):
                return None
        except ServiceUnavailable as error:
            return _refuse(503, str(error))
        except Unauthorized as error:
            return _refuse(401, str(error))
        return _refuse(401, "This needs a token with the scope admin, as the password.")

    return guard


def _refuse(status: int, text: str) -> Response:
    response = Response(text, status, content_type="text/plain; charset=utf-8")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="vitrine", charset="UTF-8"'
    return response


def main() -> None:
    """Serve the dashboard at the port, or at the ``host:port``, that the command line names."""
    host, _, port = sys.argv[1].rpartition(":")
    settings = read_settings()
    host = host or "127.0.0.1"
    check_exposure(settings, [host])
    build_app(settings, host).run(host.strip("[]"), int(port))


if __name__ == "__main__":
    main()
