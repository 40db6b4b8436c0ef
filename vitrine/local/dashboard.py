"""Job queue in a browser: rq-dashboard, for this machine, or for callers with a token.

    python -m vitrine.local.dashboard 5555
    python -m vitrine.local.dashboard 0.0.0.0:5555

On a loopback address it answers requests of this machine only, as services do in open mode.  On any
other address it needs ``AUTH_MODE=token`` and asks for a token with the scope ``admin``.  A browser
sends the token as the password (RFC 7617); the user name may be any.
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
    """Return the dashboard, with the access control that its listening address needs."""
    app: Flask = make_flask_app(None, None, None, "")
    app.config["RQ_DASHBOARD_REDIS_URL"] = settings.queue_url
    app.config["DEPRECATED_OPTIONS"] = []
    setup_rq_connection(app)
    guard = _loopback_guard(settings) if is_loopback(host) else _token_guard(settings)
    app.before_request(guard)
    return app


def _loopback_guard(settings: Settings) -> Guard:
    """Refuse requests from other machines and from pages of other origins."""
    auth = Auth(replace(settings, auth_mode="open", cors_origins=""))

    def guard() -> Response | None:
        try:
            auth.identify(request.environ | {"HTTP_AUTHORIZATION": ""})
        except Forbidden as error:
            return _refuse(403, str(error))
        return None

    return guard


def _token_guard(settings: Settings) -> Guard:
    """Refuse requests without an admin token, and requests from pages of other origins.

    A browser sends a stored password with every request, so that a page of another origin could use
    it.
    """
    auth = Auth(settings)

    def guard() -> Response | None:
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return _refuse(
                403, "Other pages may not request it; open the dashboard by its address."
            )
        header = request.authorization
        token = header.password if header and header.type == "basic" else header and header.token
        try:
            environ = request.environ | {"HTTP_AUTHORIZATION": f"Bearer {token}" if token else ""}
            if auth.identify(environ).may(ADMIN):
                return None
        except ServiceUnavailable as error:
            return _refuse(503, str(error))
        except Unauthorized as error:
            return _refuse(401, str(error))
        return _refuse(401, "Send a token with the scope admin as the password.")

    return guard


def _refuse(status: int, text: str) -> Response:
    response = Response(text, status, content_type="text/plain; charset=utf-8")
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="vitrine", charset="UTF-8"'
    return response


def main() -> None:
    """Serve the dashboard at the port or ``host:port`` in the first argument."""
    host, _, port = sys.argv[1].rpartition(":")
    settings = read_settings()
    host = host or "127.0.0.1"
    check_exposure(settings, [host])
    build_app(settings, host).run(host.strip("[]"), int(port))


if __name__ == "__main__":
    main()
