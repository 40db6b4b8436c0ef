"""Asks the service of this container or machine whether it lives, or with ``ready`` can work.

    python -m shared.server.healthcheck ready

The exit status is 0 if it answers 200 in time: what orchestrators call a health check.
"""

import http.client
import os
import sys

SECONDS = 4


def main() -> None:
    """Ask what listens at ``BIND``; end with 0 or 1."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "live"
    host, _, port = os.environ.get("BIND", "127.0.0.1:5000").rpartition(":")
    if host in ("0.0.0.0", "[::]"):
        host = "127.0.0.1"
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=SECONDS)
    try:
        connection.request("GET", f"/health/{kind}")
        answer = connection.getresponse()
    except OSError as error:
        sys.exit(f"Nothing answers at {host}:{port}: {error}")
    print(answer.read().decode(errors="replace").strip())
    sys.exit(answer.status != 200)


if __name__ == "__main__":
    main()
