"""Health check of a container: asks the service on this machine whether it is live or ready.

It imports only the standard library, because a container runs it every few seconds.
"""

import http.client
import os
import sys

SECONDS = 4  # for the whole answer; orchestrators give up after five


def check(probe: str) -> None:
    """Print the response of ``/health/live`` or ``/health/ready``; exit with 0 if it is a 200."""
    host, _, port = os.environ.get("BIND", "127.0.0.1:5000").rpartition(":")
    if host in ("0.0.0.0", "[::]"):
        host = "127.0.0.1"
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=SECONDS)
    try:
        connection.request("GET", f"/health/{probe}")
        response = connection.getresponse()
    except OSError as error:
        sys.exit(f"Nothing answers at {host}:{port}: {error}")
    print(response.read().decode(errors="replace").strip())
    sys.exit(response.status != 200)
