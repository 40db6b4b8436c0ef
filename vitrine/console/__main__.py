"""Console of some services, as ``vitrine up`` and containers start it.

    python -m vitrine.console 5555 products=http://127.0.0.1:5000 orders=http://127.0.0.1:5003
    python -m vitrine.console 0.0.0.0:5555

Without services, they are those of the running stack, or of ``PRODUCTS_URL`` and the like.
"""

import sys

from shared.config.startup import loading, read_settings

with loading():
    from vitrine import stack
    from vitrine.console.server import serve
    from vitrine.errors import StackError


def main() -> None:
    """Serve the console at the port or ``host:port`` in the first argument."""
    place, *pairs = sys.argv[1:] or ["5555"]
    host, _, port = place.rpartition(":")
    if not port.isdecimal() or not all("=" in pair for pair in pairs):
        sys.exit("Name a port, and services as NAME=URL: python -m vitrine.console 5555.")
    settings = read_settings()
    try:
        urls = dict(pair.split("=", 1) for pair in pairs) or stack.addresses(settings)
    except StackError as error:
        sys.exit(str(error))
    serve(settings, urls, f"{host or '127.0.0.1'}:{port}")


if __name__ == "__main__":
    main()
