"""Processes look for garbage, but not among what they have loaded."""

import gc
import subprocess
import sys

import pytest

from shared.config.startup import loading
from tests.support.services import ROOT, environment


def test_what_is_loaded_is_left_out_of_later_looks():
    before = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        loaded = [[number] for number in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(loaded)


def test_a_module_that_cannot_be_loaded_leaves_the_looks_on():
    with pytest.raises(ModuleNotFoundError), loading():
        raise ModuleNotFoundError
    assert gc.isenabled()


def test_a_worker_of_gunicorn_looks_for_garbage_when_its_app_is_loaded(tmp_path):
    code = (
        "import gc; from unittest.mock import MagicMock; from shared.server import gunicorn_conf; "
        "gc.disable(); gunicorn_conf.post_worker_init(MagicMock()); "
        "print(gc.isenabled(), gc.get_freeze_count() > 1000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(PROMETHEUS_MULTIPROC_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
        timeout=90,
    )
    assert done.stdout == "True True\n"
