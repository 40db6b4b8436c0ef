"""A stack that other users of the machine cannot enter, on a data folder of the version before."""

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from redis import Redis
from redis.exceptions import AuthenticationError
from rq import Queue

from shared.config.settings import Settings
from tests.api_products.images.test_images import picture
from tests.support.polling import poll
from tests.support.processes import descendants, free_port
from tests.support.stack import Stack, stack_folder
from vitrine import stack as stacks
from vitrine.local import embedded
from vitrine.local.processes import stop


@contextmanager
def open_servers(folder):
    """The servers of a data folder as the version before ran them: every client gets in."""
    processes = []
    try:
        mongod, redis = free_port(), free_port()
        log = folder / "logs" / "mongodb.log"
        processes.append(embedded.start_mongod(folder / "mongodb", mongod, log))
        embedded.wait_for_mongod(processes[0], mongod, log)
        log = folder / "logs" / "redis.log"
        processes.append(embedded.start_redis(folder / "redis", redis, log))
        embedded.wait_for_redis(processes[1], redis, log)
        yield mongod, redis
    finally:
        for process in processes:
            stop(process, 5)


@pytest.fixture(scope="module")
def stack():
    with stack_folder() as folder:
        stack = Stack(folder, {"JOB_WORKERS": "1"})
        folder.mkdir(mode=0o755)
        with open_servers(folder) as (mongod, redis):
            with MongoClient(port=mongod) as client:
                client["vitrine"]["products"].insert_one({"_id": 7, "name": "Old Pot"})
            with Redis(port=redis) as client:
                client.set("kept", "yes")
        assert (folder / "logs" / "redis.log").stat().st_mode & 0o044
        try:
            stack.up("--only", "products")
            yield stack
        finally:
            stack.down()


@pytest.fixture
def running(stack):
    return stacks.read(stack.folder)


def port_of(address):
    return int(address.rpartition("@")[2].partition(":")[2].partition("/")[0])


def passwords(stack):
    return [file.read_text() for file in (stack.folder / "secrets").glob("*_*")]


def test_data_of_the_version_before_is_there(stack, running):
    assert stack.get("products", "/products/7")["name"] == "Old Pot"
    with Redis.from_url(running.redis_url) as redis:
        assert redis.get("kept") == b"yes"


def test_mongodb_lets_no_client_in_without_the_password(running):
    with MongoClient(port=port_of(running.mongo_uri)) as client:
        for send in (
            lambda: client["vitrine"]["products"].find_one(),
            lambda: client.admin.command("createUser", "eve", pwd="eve", roles=["root"]),
        ):
            with pytest.raises(OperationFailure, match="requires authentication"):
                send()


def test_redis_lets_no_client_in_without_the_password(running):
    with Redis(port=port_of(running.redis_url)) as client:
        with pytest.raises(AuthenticationError):
            client.set("a", "b")
        with pytest.raises(AuthenticationError):
            Queue("products", connection=client).enqueue("os.getuid")


def test_only_the_owner_can_read_what_is_in_the_folder(stack):
    product = stack.request("POST", "products", "/products", {"name": "Seen"})[1]["id"]
    url = f"{stack.url('products')}/products/{product}/images"
    assert stack._http.request("POST", url, fields={"image": ("x", picture())}).status == 202
    poll(lambda: stack.get("products", f"/products/{product}")["images"])
    paths = [stack.folder, *stack.folder.rglob("*")]
    assert {"original", "redis.conf", "appendonlydir"} <= {path.name for path in paths}
    modes = {path: path.lstat().st_mode & 0o777 for path in paths if not path.is_symlink()}
    assert not {path: oct(mode) for path, mode in modes.items() if mode & 0o077}


def test_no_command_line_log_or_output_shows_a_password(stack):
    secrets = passwords(stack)
    assert len(secrets) == 3
    shown = [stack.said(), stack.run("status").stdout, stack.run("doctor").stdout]
    shown += [path.read_text(errors="replace") for path in (stack.folder / "logs").iterdir()]
    for pid in (stack.process.pid, *descendants(stack.process.pid)):
        shown.append(Path(f"/proc/{pid}/cmdline").read_text(errors="replace"))
    assert not [text for text in shown for secret in secrets if secret in text]


def test_status_shows_the_addresses_with_passwords_only_when_asked(stack):
    assert "vitrine status --secrets" in stack.said()
    lines = dict(map(str.split, stack.run("status", "--secrets").stdout.splitlines()))
    with MongoClient(lines["MongoDB"]) as client:
        assert client.get_default_database()["products"].find_one({"_id": 7})
    for name in ("Redis", "Jobs"):
        with Redis.from_url(lines[name]) as redis:
            assert redis.ping()


class Hostile:
    """Makes a folder wherever it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (f"/tmp/vitrine-hostile-{os.getpid()}",)


def test_workers_run_no_function_that_the_service_does_not_declare(stack, running):
    """Even if a client has the password of the queue."""
    url = replace(Settings(), redis_url=running.redis_url).queue_url
    with Redis.from_url(url) as redis:
        queue = Queue("products", connection=redis)
        job = queue.enqueue("os.getuid")
        hostile = queue.enqueue("api_products.jobs.remove_files", Hostile())
        poll(lambda: job.get_status() == "failed")
        poll(lambda: hostile.get_status() == "failed")
        assert "os.getuid is not a job of this service" in job.latest_result().exc_string
        shown = {each["id"]: each for each in stack.get("products", "/jobs?state=failed")["items"]}
        assert shown.keys() == {job.id, hostile.id}
        assert "is not a job of this service" in shown[job.id]["error"]
        assert "plain values only" in hostile.latest_result().exc_string
    assert not Path(f"/tmp/vitrine-hostile-{os.getpid()}").exists()


@pytest.mark.long
def test_a_lost_password_is_made_again(stack, running):
    """The last test, because it starts the stack again."""
    stack.down()
    (stack.folder / "secrets" / "mongodb_password").unlink()
    (stack.folder / "secrets" / "mongodb_key").unlink()
    stack.up("--only", "products")
    assert stacks.read(stack.folder).mongo_uri != running.mongo_uri
    assert stack.get("products", "/products/7")["name"] == "Old Pot"
    (stack.folder / "secrets" / "redis_password").write_text("short")
    stack.down()
    refused = stack.run("up", "--only", "products")
    assert refused.returncode == 1
    assert "redis_password does not hold 32 letters" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
