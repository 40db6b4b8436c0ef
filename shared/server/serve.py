"""Start of the HTTP server that ``SERVER`` names: gunicorn or granian."""

import sys
from importlib import import_module
from urllib.parse import urlsplit

from shared.config.settings import Settings, SettingsError, ignored, service_url
from shared.config.startup import read_settings


def serve(package: str) -> None:
    """Serve the service of a package over HTTP until the process is stopped."""
    settings = read_settings()
    try:
        bind = listen_address(settings, package.removeprefix("api_"))
    except SettingsError as error:
        sys.exit(f"Vitrine cannot start: {error}")
    for warning in ignored():
        print(f"Vitrine: {warning}", file=sys.stderr)
    # Each server is imported only where it serves, because an import takes a third of a second.
    if settings.server == "granian":
        import_module("shared.server.granian_server").serve(package, settings, bind)
    else:
        conf = "python:shared.server.gunicorn_conf"
        sys.argv = ["gunicorn", "-c", conf, "-b", bind, f"shared.server.asgi:service({package!r})"]
        import_module("gunicorn.app.wsgiapp").run()


def listen_address(settings: Settings, service: str) -> str:
    """Return the ``host:port`` that a service listens on: ``BIND``, or the port of its URL.

    Without ``BIND`` the service listens on this machine only.  Raise ``SettingsError`` if neither
    names a port.
    """
    if settings.bind:
        return settings.bind
    if port := urlsplit(service_url(settings, service)).port:
        return f"127.0.0.1:{port}"
    raise SettingsError(f"{service.upper()}_URL has no port; set BIND, such as 127.0.0.1:5004.")
