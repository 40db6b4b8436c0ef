"""Fixtures: a copy of the project, as after a clone, and a stack that serves it."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.config.settings import PORTS
from tests.docs.fences import DOCUMENTS, fences
from tests.docs.shell import write_curl
from tests.support.processes import free_port
from tests.support.services import MEMORY, ROOT
from tests.support.stack import Stack
from vitrine import stack as stacks

# Files that are not part of a clone, or that only the tests make.  What Python has compiled comes
# along: else each process of the stack compiles it.
LEFT_OUT = (
    ".git",
    ".venv*",
    ".browser",
    "node_modules",
    "data",
    ".pytest*",
    ".mypy_cache",
    ".ruff_cache",
    ".env",
)


@pytest.fixture(scope="session")
def project():
    """Folder with a copy of the project and the files that the documents define."""
    with tempfile.TemporaryDirectory(prefix="vitrine-test-", dir=MEMORY) as folder:
        project = Path(folder) / "vitrine"
        shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for fence in (fence for path in DOCUMENTS for fence in fences(path)):
            if fence.note.startswith("file:"):
                file = project / fence.note.removeprefix("file:").strip()
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(fence.text)
        (project / ".venv" / "bin").mkdir(parents=True)
        for name, words in (("vitrine", "-m vitrine"), ("python", ""), ("pytest", "-m pytest")):
            command = project / ".venv" / "bin" / name
            command.write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
            command.chmod(0o755)
        write_curl(project / ".venv" / "bin")
        yield project


@pytest.fixture(scope="module")
def stack(project):
    """Stack of the copy, with the services that the documents add.

    It ends with its file: to the end of the suite, it would take as much again.
    """
    env = {
        "PYTHONPATH": str(project),
        "JOB_WORKERS": "1",
        "WORKERS": "1",
        "BOOKS_URL": f"http://127.0.0.1:{free_port()}",
        "PATH": f"{project}/.venv/bin{os.pathsep}{os.environ['PATH']}",
    }
    stack = Stack(project / "data", env, root=project)
    extra = [f"--with={path.parent}" for path in sorted(project.glob("examples/api_*/app.py"))]
    try:
        stack.up(*extra, console=True)
        yield stack
    finally:
        stack.down()


@pytest.fixture
def fresh(stack):
    """Function that empties the stack."""
    return stack.empty


@pytest.fixture
def here(stack):
    """Function that replaces the usual ports in a text by those of the stack."""
    running = stacks.read(stack.folder)
    places = {str(port): running.services[name] for name, port in PORTS.items()}
    places |= {"5555": running.console_url}

    def here(text, document=""):
        other = "books" if document == "docs/extending.md" else "games"
        known = places | {"5004": running.services[other]}

        def place(found):
            if found[2]:  # In the stack of an earlier system, games have another port.
                return urlsplit(running.services["games"]).netloc
            return urlsplit(known[found[1]]).netloc if found[1] in known else found[0]

        return re.sub(r"(?:localhost|127\.0\.0\.1):(\d+)(?=(/games\b)?)", place, text)

    return here
