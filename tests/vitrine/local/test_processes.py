"""Processes that are stopped."""

import os
import sys

from tests.support.polling import poll
from tests.support.processes import is_alive
from vitrine.local.processes import last_error, spawn, stop

# A process that does not end when it is asked to, and one below it.
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(600)
"""


def test_what_a_killed_process_has_started_is_killed_with_it(tmp_path):
    log = tmp_path / "log"
    process = spawn([sys.executable, "-c", STUBBORN], log, os.environ)
    child = int(poll(log.read_text, what="a child"))
    assert is_alive(child)
    stop(process, 0.1)
    assert not is_alive(process.pid)
    assert not is_alive(child)


def test_only_what_a_process_has_written_itself_is_its_error(tmp_path):
    log = tmp_path / "log"
    log.write_text("FATAL: an old error of last week\n")
    silent = spawn(["/bin/true"], log, os.environ)
    silent.wait(10)
    assert last_error(silent) == ""
    process = spawn(["/bin/echo", "a new line"], log, os.environ)
    process.wait(10)
    assert last_error(process) == "a new line"
    log.write_text("after it was emptied\n")
    assert last_error(process) == "after it was emptied"
