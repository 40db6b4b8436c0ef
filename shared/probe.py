"""Old spelling of ``python -m shared check``, kept for this release."""

from shared.__main__ import deprecated

if __name__ == "__main__":
    deprecated("shared.probe", "check")
