"""Serves a service over HTTP, by the server that ``SERVER`` names, until it is told to stop.

python -m shared.server.serve api_products
"""

import os
import sys
from importlib.util import find_spec
from urllib.parse import urlsplit

from shared.config.settings import Settings, SettingsError, ignored, service_url
from shared.config.startup import read_settings
from shared.server import granian_server


def main() -> None:
    """Serve the service whose package the command line names."""
    package = sys.argv[1] if len(sys.argv) > 1 else ""
    if not package or find_spec(package) is None:
        sys.exit("Say what to serve, such as: python -m shared.server.serve api_products")
    settings = read_settings()
    try:
        bind = address(settings, package.removeprefix("api_"))
    except SettingsError as error:
        sys.exit(f"Vitrine cannot start: {error}")
    for sentence in ignored():
        print(f"Vitrine: {sentence}", file=sys.stderr)
    if settings.server == "granian":
        granian_server.serve(package, settings, bind)
        return
    args = ["-m", "gunicorn", "-c", "python:shared.server.gunicorn_conf", "-b", bind]
    os.execv(sys.executable, [sys.executable, *args, f"{package}.app:create_app()"])


def address(settings: Settings, service: str) -> str:
    """Return what a service listens on, as ``host:port``; raise ``SettingsError`` if none is known.

    Unless told otherwise that is this machine only.
    """
    if settings.bind:
        return settings.bind
    if port := urlsplit(service_url(settings, service)).port:
        return f"127.0.0.1:{port}"
    raise SettingsError(f"{service.upper()}_URL has no port; set BIND, such as 127.0.0.1:5004.")


if __name__ == "__main__":
    main()
