"""Moments before now, as the services write them."""

import time

NOW = time.time()


def iso(seconds_ago):
    """Return the moment so many seconds ago."""
    moment = NOW - seconds_ago
    day = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    return f"{day}.{int(moment % 1 * 1000):03}Z"
