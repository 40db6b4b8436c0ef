"""The command line in a folder of its own: ``.env`` and ``data`` of the project stay out of it."""

import pytest

from vitrine import stack


@pytest.fixture(scope="session")
def empty_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def home(monkeypatch, empty_folder):
    """Look for ``.env`` and ``data`` elsewhere than in the project."""
    monkeypatch.setattr(stack, "home", lambda: empty_folder)
    monkeypatch.chdir(empty_folder)
