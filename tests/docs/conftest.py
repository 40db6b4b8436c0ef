"""Fixtures: a copy of the project, as after a clone, and a stack that serves it."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient
from redis import Redis

from shared.cache.keys import root_of
from shared.config.settings import PORTS
from shared.workers.follower import token_time
from tests.docs.fences import DOCUMENTS, fences
from tests.docs.shell import write_curl
from tests.support.polling import poll
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


@pytest.fixture(scope="session")
def stack(project):
    """Stack of the copy, with the services that the documents add."""
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
        stack.up(*extra)
        yield stack
    finally:
        stack.down()


@pytest.fixture
def fresh(stack):
    """Function that empties the stack."""
    return lambda: empty(stack)


def empty(stack):
    """Remove all documents, and wait until the followers have seen it."""
    running = stacks.read(stack.folder)
    with MongoClient(running.mongo_uri) as client, Redis.from_url(running.redis_url) as redis:
        db = client.get_default_database()
        kept = ("followers", "system.")
        with client.start_session() as session:
            for name in db.list_collection_names():
                if not name.startswith(kept):
                    db[name].delete_many({}, session=session)
            moment = session.operation_time

        def is_seen():
            found = list(db.followers.find())
            return len(found) == len(running.services) and all(
                token_time(each.get("token", {})) >= moment for each in found
            )

        poll(is_seen, what="that all followers have seen it")
        for name in db.list_collection_names():
            if name.endswith(".history"):
                db[name].delete_many({})
        redis.flushdb()
        roots = [root_of(service) for service in running.services]
        poll(lambda: redis.exists(*roots) == len(roots), what="that all services are followed")


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
