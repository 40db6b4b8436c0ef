"""Signals to end: Ctrl-C, SIGTERM and SIGHUP raise one exception."""

import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """The process was asked to end, by Ctrl-C or a signal."""


def stop_on_signals() -> None:
    """Raise ``Stopped`` in the main thread at the first SIGINT, SIGTERM or SIGHUP.

    Later ones are ignored, so that the process can end in order.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        for signal_number in _SIGNALS:
            signal.signal(signal_number, signal.SIG_IGN)
        raise Stopped

    for signal_number in _SIGNALS:
        signal.signal(signal_number, interrupt)
