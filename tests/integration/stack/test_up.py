"""`vitrine up`, `status` and `stop`."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from tests.support.polling import poll
from tests.support.processes import descendants, is_alive
from tests.support.services import ROOT, environment
from tests.support.stack import NAMES, Stack, redis_program, stack_folder
from vitrine import stack as stacks
from vitrine.local.processes import claim, free_port


def mongo_uri(stack):
    return stacks.read(stack.folder).mongo_uri


def addresses_of(running):
    return running.mongo_uri, running.redis_url, running.console_url


def test_up_prints_addresses_and_commands_to_try(stack):
    said = stack.said()
    for name in ("products", "clients", "categories", "games"):
        assert stack.url(name) in said
    assert "mongodb://***@127.0.0.1:" in said
    assert "redis://***@127.0.0.1:" in said
    assert said.count("  curl ") == 3
    assert "Ctrl-C" in said


def test_status_shows_every_service(stack):
    status = stack.run("status")
    assert status.returncode == 0
    for name in NAMES:
        assert stack.url(name) in status.stdout
    assert status.stdout.count(" ok ") == len(NAMES)


def test_the_mongodb_uri_works_as_compass_uses_it(stack):
    with MongoClient(mongo_uri(stack), serverSelectionTimeoutMS=2000) as client:
        assert client.admin.command("hello")["setName"] == "rs0"


def test_a_second_up_names_the_first(stack):
    second = stack.run("up")
    assert second.returncode == 1
    assert second.stderr.strip().startswith(
        f"Error: Vitrine runs already (process {stack.process.pid})"
    )
    assert len(second.stderr.strip().splitlines()) == 1


def test_stop_ends_everything_and_loses_nothing(fresh_stack):
    fresh_stack.up("--only", "products")
    assert fresh_stack.request("POST", "products", "/products", {"name": "Kept"})[0] == 201
    assert "console" not in fresh_stack.said()
    below = descendants(fresh_stack.process.pid)
    assert len(below) >= 5  # MongoDB, Redis, gunicorn and its workers.
    stopped = fresh_stack.run("stop")  # It fails if the end takes more than ten seconds.
    assert (stopped.returncode, fresh_stack.process.wait(60)) == (0, 0)
    assert not [pid for pid in below if is_alive(pid)]
    assert fresh_stack.run("status").returncode == 1

    fresh_stack.up("--only", "products")
    assert fresh_stack.get("products", "/products/kept")["id"] == 1


def test_ctrl_c_ends_everything(fresh_stack):
    fresh_stack.up("--only", "clients")
    below = descendants(fresh_stack.process.pid)
    fresh_stack.process.send_signal(signal.SIGINT)
    assert fresh_stack.process.wait(60) == 0
    assert not [pid for pid in below if is_alive(pid)]


def test_kill_9_leaves_no_process_and_up_works_again(fresh_stack, kill):
    fresh_stack.up("--only", "products")
    assert fresh_stack.request("POST", "products", "/products", {"name": "Kept"})[0] == 201
    below = descendants(fresh_stack.process.pid)
    kill(fresh_stack.process.pid)
    fresh_stack.process.wait(60)
    fresh_stack.up("--only", "products")
    assert not [pid for pid in below if is_alive(pid)]
    assert fresh_stack.get("products", "/products/kept")["id"] == 1


def test_a_process_that_dies_is_restarted_with_the_reason(fresh_stack, kill):
    fresh_stack.up("--only", "clients")
    for name in (b"serve\0api_clients", redis_program(), b"mongod"):
        below = sorted(descendants(fresh_stack.process.pid))
        kill(next(pid for pid in below if name in Path(f"/proc/{pid}/cmdline").read_bytes()))
    poll(lambda: fresh_stack.said().count("starting it again in 0.5 s") >= 3)
    poll(lambda: fresh_stack.run("status").returncode == 0)
    assert fresh_stack.request("POST", "clients", "/clients", {"name": "Ada"})[0] == 201


def test_an_occupied_service_port_is_one_clear_sentence(fresh_stack):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        fresh_stack.env["CLIENTS_URL"] = f"http://127.0.0.1:{port}"
        refused = fresh_stack.run("up")
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert f"Port {port}, where clients would be served, is taken" in line
    assert "CLIENTS_URL=" in line


@pytest.mark.long
def test_occupied_database_ports_mean_the_next_free_ones(stack, fresh_stack):
    """The running stack has taken at least one of each port already."""
    reserved = [(port, claim(port)) for port in map(free_port, (27017, 6379, 5555))]
    fresh_stack.up("--only", "products", console=True)
    first, second = stacks.read(stack.folder), stacks.read(fresh_stack.folder)
    for (port, claimed), url in zip(reserved, addresses_of(second), strict=True):
        assert urlsplit(url).port > port  # Of a stack whose server is started again.
        if claimed:
            claimed.close()
    assert second.mongo_uri != first.mongo_uri
    assert second.redis_url != first.redis_url
    assert stacks.without_password(second.mongo_uri) in fresh_stack.said()
    assert fresh_stack.get("products", "/products")["total"] == 0


def test_a_stack_keeps_its_ports_while_a_server_is_started_again(stack):
    for url in addresses_of(stacks.read(stack.folder)):
        assert claim(urlsplit(url).port) is None


def test_a_folder_that_cannot_be_written_is_one_clear_sentence():
    with stack_folder() as folder:
        folder.write_text("a file, where a folder should be")
        refused = Stack(folder).run("up")
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith(f"Error: The folder {folder} cannot be written")


@pytest.mark.long
def test_servers_of_the_settings_replace_embedded_ones(fresh_stack, servers):
    mongod, redis = servers
    fresh_stack.env["MONGO_URI"] = f"mongodb://localhost:{mongod}/given"
    fresh_stack.env["REDIS_URL"] = f"redis://localhost:{redis}/0"
    fresh_stack.up("--only", "products")
    assert f"mongodb://localhost:{mongod}/given" in fresh_stack.said()
    assert "Starting MongoDB" not in fresh_stack.said()
    assert fresh_stack.request("POST", "products", "/products", {"name": "Given"})[0] == 201
    with MongoClient(port=mongod) as client:
        assert client["given"]["products"].count_documents({}) == 1
        client.drop_database("given")


@pytest.mark.long
def test_a_redis_to_write_to_replaces_the_embedded_one(fresh_stack, servers):
    mongod, redis = servers
    url = f"redis://localhost:{redis}"
    fresh_stack.env |= {"MONGO_URI": f"mongodb://localhost:{mongod}/given"}
    fresh_stack.env |= {"REDIS_WRITE_URL": f"{url}/7", "REDIS_READ_URL": f"{url}/7"}
    fresh_stack.up("--only", "clients")
    assert "Starting Redis" not in fresh_stack.said()
    assert f"{url}/7" in fresh_stack.said()
    assert f"Redis   {url}/7" in fresh_stack.run("status").stdout
    secrets = fresh_stack.run("status", "--secrets").stdout
    assert f"Redis   {url}/7\nJobs    {url}/8\n" in secrets
    with MongoClient(port=mongod) as client:
        client.drop_database("given")


def test_a_replica_of_no_redis_is_refused(fresh_stack):
    fresh_stack.env |= {"MONGO_URI": "mongodb://localhost/x", "REDIS_READ_URL": "redis://localhost"}
    refused = fresh_stack.run("up", "--only", "clients")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: REDIS_READ_URL is a replica; set REDIS_URL")


def test_a_service_that_does_not_exist_is_named(fresh_stack):
    refused = fresh_stack.run("up", "--only", "toys")
    assert (refused.returncode, "no service 'toys'" in refused.stderr) == (1, True)
    refused = fresh_stack.run("up", "--with", str(ROOT / "docs"))
    assert (refused.returncode, "api_<name>" in refused.stderr) == (1, True)


def test_a_second_stack_on_the_same_ports_fails_before_it_starts_anything(stack):
    with stack_folder() as folder:
        second = Stack(folder, {"CLIENTS_URL": stack.url("clients")})
        refused = second.run("up", "--only", "clients")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "is taken by another program" in refused.stderr


def test_only_one_stack_claims_a_port():
    port = free_port(0)
    first = claim(port)
    assert first
    assert claim(port) is None
    first.close()
    claim(port).close()


def test_granian_does_not_share_a_port(stack, tmp_path):
    """On a shared port, each of two servers would get some of the requests."""
    bind = stack.url("clients").removeprefix("http://")
    ended = Stack(tmp_path, {"SERVER": "granian", "BIND": bind}).serve("clients")
    assert ended.returncode == 1
    assert f"{bind} cannot be listened on: Address already in use" in ended.stderr


def test_a_wrong_setting_is_one_clear_sentence(fresh_stack):
    fresh_stack.env["WORKERS"] = "many"
    refused = fresh_stack.run("up")
    assert refused.returncode == 1
    assert refused.stderr == "Error: WORKERS='many': must be a whole number from 1 to 64.\n"


def test_the_reason_why_a_service_cannot_start_is_shown(fresh_stack, tmp_path):
    broken = tmp_path / "api_broken"
    broken.mkdir()
    (broken / "app.py").write_text("raise RuntimeError('no such luck')\n")
    refused = fresh_stack.run("up", "--only", "broken", "--with", str(broken))
    assert refused.returncode == 1
    assert "broken does not start: RuntimeError: no such luck" in refused.stderr
    assert not [line for line in refused.stdout.splitlines() if "Stopped" in line]


@pytest.mark.long
def test_servers_that_do_not_answer_are_reported_at_once(fresh_stack):
    fresh_stack.env["MONGO_URI"] = f"mongodb://127.0.0.1:{free_port(0)}/x"
    fresh_stack.env["REDIS_URL"] = f"redis://127.0.0.1:{free_port(0)}/0"
    fresh_stack.up("--only", "clients")
    poll(lambda: "Problem: clients: MongoDB is down" in fresh_stack.said())
    status = fresh_stack.run("status")
    assert (status.returncode, "Redis is down" in status.stdout) == (1, True)


def test_status_and_stop_say_that_nothing_runs(fresh_stack):
    assert "does not run" in fresh_stack.run("status").stderr
    assert "does not run" in fresh_stack.run("stop").stdout


def test_other_files_in_the_folder_of_counters_stay(tmp_path):
    """A service clears its own counters when it starts, and nothing else in that folder."""
    (tmp_path / "kept.txt").write_text("mine")
    args = [
        "-c",
        "python:shared.server.gunicorn_conf",
        "--check-config",
        "shared.server.asgi:service('api_clients')",
    ]
    subprocess.run(
        [sys.executable, "-m", "gunicorn", *args],
        cwd=ROOT,
        env=environment(PROMETHEUS_MULTIPROC_DIR=str(tmp_path)),
        check=True,
        timeout=90,
    )
    assert (tmp_path / "kept.txt").read_text() == "mine"
