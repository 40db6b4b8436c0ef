"""Signals to end: Ctrl-C, SIGTERM and SIGHUP raise one exception."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """The process was asked to end, by Ctrl-C or a signal."""


@dataclass
class _Ending:
    """State of the exception: held back, due."""

    is_held: bool = False
    is_due: bool = False


_ending = _Ending()


def stop_on_signals() -> None:
    """Raise ``Stopped`` in the main thread at the first SIGINT, SIGTERM or SIGHUP.

    Later ones are ignored, so that the process can end in order.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        for signal_number in _SIGNALS:
            signal.signal(signal_number, signal.SIG_IGN)
        if not _ending.is_held:
            raise Stopped
        _ending.is_due = True

    for signal_number in _SIGNALS:
        signal.signal(signal_number, interrupt)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let ``Stopped`` wait until the block has ended.

    A ``Popen`` that is interrupted in ``poll`` may keep its lock, and be waited for without end.
    """
    was_held, _ending.is_held = _ending.is_held, True
    try:
        yield
    finally:
        _ending.is_held = was_held
        if _ending.is_due and not was_held:
            _ending.is_due = False
            raise Stopped
