"""Old spelling of ``python -m shared follow``, kept for this release."""

from shared.__main__ import deprecated

if __name__ == "__main__":
    deprecated("shared.follower", "follow")
