"""Wait in a test: until a condition holds, and never for a fixed time."""

import time


def poll(check, seconds=90.0, what="it"):
    """Wait until ``check()`` is true and return what it returns; fail after some seconds."""
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds} s"
        time.sleep(0.02)
    return result
