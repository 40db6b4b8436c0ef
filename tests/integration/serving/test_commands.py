"""``python -m shared``: its commands, and the old spellings that files of users contain."""

import re
import subprocess
import sys

import pytest
import urllib3
from redis import Redis

from tests.support.polling import poll
from tests.support.processes import free_port
from tests.support.services import ROOT, environment
from vitrine.local.processes import spawn, stop

# Packages that take too long to import for the health check of a container.
HEAVY = {"flask", "werkzeug", "pymongo", "redis", "marshmallow", "rq", "prometheus_client"}


def run(*words, module="shared", **env):
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command_and_what_it_does():
    shown = " ".join(run("--help").stdout.split())
    for name, purpose in (
        ("serve", "serve a service over HTTP"),
        ("follow", "follow the changes"),
        ("work", "run the queued jobs"),
        ("check", "check the health"),
    ):
        assert f" {name} {purpose}" in shown
        assert run(name, "--help").returncode == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("fly", "api_products"), "argument COMMAND: invalid choice: 'fly'"),
        (("serve",), "the following arguments are required: package"),
        (("serve", "api_toys"), "no package 'api_toys' is found"),
        (("follow", "../etc"), "no package '../etc' is found"),
        (("work", "api_products", "fast"), "unrecognized arguments: fast"),
        (("check", "well"), "invalid choice: 'well'"),
    ],
)
def test_a_wrong_command_is_refused_in_one_line(words, sentence):
    refused = run(*words)
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert sentence in line
    assert "python -m shared --help" in line


def test_the_check_of_a_container_imports_nothing_heavy():
    timed = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "shared", "check", "ready"],
        cwd=ROOT,
        env=environment(BIND=f"127.0.0.1:{free_port()}"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    imported = {line.rpartition("|")[2].strip() for line in timed.stderr.splitlines()}
    assert "http.client" in imported
    assert not {name.partition(".")[0] for name in imported} & HEAVY
    assert timed.returncode == 1
    assert "Nothing answers at 127.0.0.1:" in timed.stderr


@pytest.fixture(params=["new", "old"])
def spelling(request):
    return request.param


@pytest.fixture
def start(servers, tmp_path):
    """Start a command under one of its spellings; return its log."""
    mongod, redis = servers
    processes = []

    def start(spelling, command, old, **more):
        words = ["shared", command] if spelling == "new" else [f"shared.{old}"]
        log = tmp_path / "log"
        env = environment(
            MONGO_URI=f"mongodb://127.0.0.1:{mongod}/commands",
            REDIS_URL=f"redis://127.0.0.1:{redis}/0",
            WORKERS="1",
            **more,
        )
        processes.append(spawn([sys.executable, "-m", *words, "api_products"], log, env))
        return log

    yield start
    for process in processes:
        stop(process, 5)


@pytest.fixture
def queue(servers, real_connections):
    """The Redis database of the job queue, emptied."""
    with Redis(port=servers[1], db=1) as redis:
        yield redis


def first_line(spelling, old, new):
    warning = f"python -m shared.{old} is deprecated: use python -m shared {new}."
    return warning if spelling == "old" else ""


@pytest.mark.parametrize("server", ["gunicorn", "granian"])
def test_a_service_is_served_and_checked(spelling, server, start):
    bind = f"127.0.0.1:{free_port()}"
    log = start(spelling, "serve", "serve", SERVER=server, BIND=bind)
    module, words = ("shared", ("check",)) if spelling == "new" else ("shared.probe", ())

    def check():
        checked = run(*words, "live", module=module, BIND=bind)
        return checked if checked.returncode == 0 else None

    checked = poll(check, what="an answer")
    assert '"ok"' in checked.stdout
    assert checked.stderr.strip() == first_line(spelling, "probe", "check")
    assert urllib3.request("GET", f"http://{bind}/products").status == 200
    assert log.read_text().startswith(first_line(spelling, "serve", "serve"))


def test_a_service_is_followed(spelling, start):
    log = start(spelling, "follow", "follower")
    poll(lambda: "products: following" in log.read_text(), what="following")
    assert log.read_text().startswith(first_line(spelling, "follower", "follow"))


def test_jobs_are_run(spelling, start, queue):
    log = start(spelling, "work", "worker")
    poll(lambda: queue.exists("products:swept"), what="a first sweep")
    assert log.read_text().startswith(first_line(spelling, "worker", "work"))


def test_the_old_name_of_the_gunicorn_configuration_works():
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "gunicorn", "-c", "python:shared.gunicorn"),
            *("--print-config", "shared.server.asgi:service('api_clients')"),
        ],
        cwd=ROOT,
        env=environment(WORKERS="7"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert re.search(r"^workers += 7$", checked.stdout, re.MULTILINE)
    assert re.search(r"^asgi_lifespan += off$", checked.stdout, re.MULTILINE)
    assert checked.stderr.strip() == (
        "python:shared.gunicorn is deprecated: use python:shared.server.gunicorn_conf."
    )


def test_a_wrong_setting_stops_a_service_with_one_sentence():
    run = subprocess.run(
        [
            *(sys.executable, "-m", "gunicorn", "-c", "python:shared.server.gunicorn_conf"),
            "shared.server.asgi:service('api_products')",
        ],
        cwd=ROOT,
        env=environment(WORKERS="many"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    assert run.stderr.strip().splitlines() == [
        "Vitrine cannot start: WORKERS='many': must be a whole number from 1 to 64."
    ]


def test_a_service_with_a_removed_setting_starts_and_says_so_in_one_line():
    run = subprocess.run(
        [sys.executable, "-m", "shared", "serve", "api_products"],
        cwd=ROOT,
        # gunicorn is started, and refuses this address in AUTH_MODE=open.
        env=environment(NEAR_CACHE="on", BIND="0.0.0.0:5000"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    first, *others = run.stderr.strip().splitlines()
    assert first.startswith("Vitrine: NEAR_CACHE is ignored: this setting was removed.")
    assert [line for line in others if "NEAR_CACHE" in line] == []
    assert any("AUTH_MODE=open is for this machine only" in line for line in others)
