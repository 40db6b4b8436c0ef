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

    Without ``BIND`` the service listens on this machine only.

    Raises:
        SettingsError: Neither names a port, or the URL is one that only a proxy can serve.
    """
    if settings.bind:
        return settings.bind
    name, parts = f"{service.upper()}_URL", urlsplit(service_url(settings, service))
    if not parts.port:
        raise SettingsError(f"{name} has no port; set BIND, such as 127.0.0.1:5004.")
    if parts.scheme != "http" or parts.path:
        raise SettingsError(
            f"{name} is of https or has a path, and {service} serves plain HTTP without one: set "
            f"{name}=http://127.0.0.1:{parts.port}, or BIND if a proxy serves this URL."
        )
    return f"127.0.0.1:{parts.port}"
