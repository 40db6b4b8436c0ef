"""Fixtures of tests on whole stacks; all of these tests are ``real``."""

import os
import signal
import tarfile
from pathlib import Path

import pytest

from tests.support.stack import Stack, stack_folder


def pytest_collection_modifyitems(items):
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.real)


@pytest.fixture
def unpack(data_folder, tmp_path):
    """Unpack an archive of the real catalogs and return its folder."""

    def unpack(name):
        with tarfile.open(data_folder / name) as archive:
            archive.extractall(tmp_path)
        return tmp_path

    return unpack


@pytest.fixture
def fresh_stack():
    """A stack that is not started yet."""
    with stack_folder() as folder:
        stack = Stack(folder)
        try:
            yield stack
        finally:
            stack.down()


@pytest.fixture(scope="session")
def stack(shared_stack):
    """A running stack with the games example, shared by the tests that leave it running."""
    return shared_stack


@pytest.fixture
def kill():
    return lambda pid: os.kill(pid, signal.SIGKILL)
