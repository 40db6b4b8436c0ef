"""Being asked to end."""

import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked this process to end, by Ctrl-C or a signal."""


def stop_on_signals() -> None:
    """Raise ``Stopped`` in the main thread at the first SIGINT, SIGTERM or SIGHUP."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for each in _SIGNALS:
        signal.signal(each, interrupt)
