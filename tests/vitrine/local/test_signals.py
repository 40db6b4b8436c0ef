"""Signals to end, at the worst moments."""

import os
import signal

import pytest

from shared.config.settings import Settings
from vitrine.local.signals import Stopped, stop_on_signals, uninterrupted
from vitrine.local.supervisor import Child, Supervisor

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers():
    before = {each: signal.getsignal(each) for each in SIGNALS}
    stop_on_signals()
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


class Process:
    """A process during whose ``poll`` a signal comes."""

    ended = False

    def poll(self):
        os.kill(os.getpid(), signal.SIGTERM)
        self.ended = True


def test_a_signal_ends_the_process_at_once():
    process = Process()
    with pytest.raises(Stopped):
        process.poll()
    assert not process.ended


def test_a_signal_waits_for_the_end_of_a_block_and_of_those_around_it():
    process, done = Process(), []

    def work():
        with uninterrupted():
            with uninterrupted():
                process.poll()
            done.append(process.ended)
        done.append("too late")

    with pytest.raises(Stopped):
        work()
    assert done == [True]


def test_a_signal_during_an_error_is_not_lost():
    def work():
        with uninterrupted():
            Process().poll()
            raise OSError

    with pytest.raises(Stopped):
        work()


def test_a_stack_that_is_stopped_while_it_looks_at_a_process_has_looked(tmp_path):
    """Else a lock of this process may stay closed, and the stack would never end."""
    supervisor = Supervisor(Settings(data_dir=str(tmp_path)), (), -1, print)
    child = Child("orders", Process, tmp_path / "log", process=Process())
    supervisor._children.append(child)
    with pytest.raises(Stopped):
        supervisor.watch()
    assert child.process.ended
