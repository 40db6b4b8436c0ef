"""Random writes, by the API and straight into MongoDB, against many readers at every instance."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from pymongo import MongoClient
from redis import Redis

from tests.support.polling import poll
from tests.support.processes import descendants, is_alive
from tests.support.stack import ROOT, Stack, instance, process_of, running_stack
from vitrine import stack as stacks
from vitrine.fuzz.fuzz import FuzzRun
from vitrine.fuzz.writers import VisibilityLimits

# A minute proves the whole; each run of the suite proves a part of it.
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "8"))
READS_PER_SECOND = 60  # of runs that are to find nothing; other tests need the processors, too
# ``bench.parts.visibility`` measures the second after which a hand edit shows; a busy machine is
# slower.
HAND_EDIT_SECONDS = 5.0


@pytest.fixture(scope="module")
def stack():
    with running_stack(LOG_LEVEL="WARNING", WORKERS="2") as stack:
        yield stack


def fuzz(
    stack,
    seconds,
    others=(),
    bounds=None,
    only=("products", "clients", "categories"),
    writes_per_second=3,
    faults=(),
    reads_per_second=READS_PER_SECOND,
):
    running = stacks.read(stack.folder)
    urls = {name: [running.services[name]] for name in only}
    urls["products"] += others
    return FuzzRun(
        urls,
        running.mongo_uri,
        seconds,
        bounds or VisibilityLimits(by_hand=HAND_EDIT_SECONDS),
        writes_per_second,
        faults,
        running,
        reads_per_second,
    )


@contextmanager
def slow_follower(stack):
    """Stop the follower of the products most of the time, so that it is some 0.2 s late."""
    follower = process_of(stack, b"shared\0follow\0", b"api_products")
    is_ended = Event()

    def halt():
        while not is_ended.wait(0.05):
            os.kill(follower, signal.SIGSTOP)
            is_ended.wait(0.3)
            os.kill(follower, signal.SIGCONT)

    halting = Thread(target=halt)
    halting.start()
    try:
        yield
    finally:
        is_ended.set()
        halting.join()


def fuzz_until_found(stack, others=(), text="", **options):
    """Fuzz until a report has a problem with a text; a busy machine reads little in one run."""
    for _ in range(20):
        report = fuzz(stack, 3, others, reads_per_second=float("inf"), **options).run()
        if any(text in problem for problem in report.problems):
            return report
    raise AssertionError("The fuzzer finds nothing.")


def tell(report, what=""):
    print(
        f"{what}{report.reads} reads, {report.hit_ratio:.0%} hits, {report.writes} writes, of "
        f"which {report.hand_writes} straight in MongoDB, p50 {report.milliseconds(50):.1f} ms, "
        f"p99 {report.milliseconds(99):.1f} ms"
    )
    for each in report.wrong[:5]:
        print(each)


@contextmanager
def second_follower(stack, package):
    running = stacks.read(stack.folder)
    servers = {"MONGO_URI": running.mongo_uri, "REDIS_URL": running.redis_url}
    process = subprocess.Popen(
        [sys.executable, "-m", "shared", "follow", package],
        cwd=ROOT,
        env=stack.env | servers,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def test_no_read_is_older_than_what_was_acknowledged_before_it(stack, capsys):
    """The number of reads depends on the machine."""
    report = fuzz(stack, FUZZ_SECONDS, writes_per_second=1).run()
    with capsys.disabled():
        tell(report, "\nnever stale: ")
    assert report.wrong == []
    assert report.reads > 200
    assert report.writes > FUZZ_SECONDS
    assert 0 < report.hand_writes < report.writes
    assert report.hit_ratio > 0.1


def test_no_instance_is_stale_whichever_follower_is_first(stack, capsys):
    with instance(stack, server="granian") as other, second_follower(stack, "api_products"):
        report = fuzz(stack, 5, [other], writes_per_second=10).run()
    with capsys.disabled():
        tell(report, "\nnever stale, with many writes: ")
    assert report.wrong == []
    assert report.writes > FUZZ_SECONDS


def test_an_instance_that_ignores_generations_is_found_out(stack):
    with instance(stack, "tests.support.broken:believes_anything") as broken:
        report = fuzz_until_found(stack, [broken], only=("products",))
    assert f" {broken} " in report.problems[0]
    assert "write " in report.problems[0]


@pytest.mark.long
def test_an_instance_that_forgets_the_lists_of_groups_is_found_out(stack):
    with (
        instance(stack, "tests.support.broken:forgets_groups") as broken,
        slow_follower(stack),  # It would forget those lists within some milliseconds.
    ):
        report = fuzz_until_found(stack, [broken], only=("products",), writes_per_second=8)
    others = [each for each in report.problems if not ("?group=" in each or "/variants" in each)]
    assert others == []


def test_a_follower_that_sees_nothing_is_found_out(stack):
    follower = process_of(stack, b"shared\0follow\0", b"api_products")
    os.kill(follower, signal.SIGSTOP)
    try:
        # Its lease would end before everything is read as slowly as can be.
        with Redis.from_url(stacks.read(stack.folder).redis_url) as redis:
            assert redis.persist("products:generation")
        bounds = VisibilityLimits(by_hand=0.2)
        options = {"bounds": bounds, "only": ("products",), "writes_per_second": 8}
        assert fuzz_until_found(stack, text="straight in MongoDB", **options)
    finally:
        os.kill(follower, signal.SIGCONT)


@pytest.mark.long
def test_nothing_is_left_of_a_run(stack):
    fuzz(stack, 1).run()
    with MongoClient(stacks.read(stack.folder).mongo_uri) as client:
        for name in ("products", "clients", "categories"):
            for collection in (name, f"{name}.trash"):
                assert client["vitrine"][collection].count_documents({}) == 0


@pytest.mark.long
def test_a_run_that_is_ended_leaves_nothing_behind(stack, tmp_path):
    with (tmp_path / "said").open("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "vitrine", "doctor", "--fuzz", "5m"],
            cwd=ROOT,
            env=stack.env,
            stdout=said,
            stderr=said,
        )
        poll(lambda: len(descendants(process.pid)) >= 2)
        below = descendants(process.pid)
        process.terminate()
        assert process.wait(60) == 1
        said.seek(0)
        assert said.read().endswith("Stopped; its documents are removed.\n")
    poll(lambda: not any(map(is_alive, below)))
    with MongoClient(stacks.read(stack.folder).mongo_uri) as client:
        assert client["vitrine"].products.count_documents({}) == 0


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1", "No service answers at"),
        ("{products}/health", "/health is not an instance of "),
    ],
)
def test_an_instance_that_is_none_is_named(stack, url, why):
    done = stack.run("doctor", "--fuzz", "2s", "--at", url.format(products=stack.url("products")))
    assert done.returncode == 1
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_another_stack_is_not_written_to(stack):
    """It has other documents under the same ids."""
    with running_stack("--only", "products") as other:
        stack.request("POST", "products", "/products", {"name": "Shifts the ids"})
        done = stack.run("doctor", "--fuzz", "2s", "--at", other.url("products"))
        assert "name an instance of the same service" in done.stderr
        assert other.get("products", "/products")["total"] == 0
    with MongoClient(stacks.read(stack.folder).mongo_uri) as client:
        client["vitrine"].products.delete_many({})


@pytest.mark.long
def test_an_instance_that_answers_no_json_is_found_out(stack):
    with instance(stack, "tests.support.broken:cuts_bodies") as broken:

        def is_found():
            options = {"writes_per_second": 8, "reads_per_second": float("inf")}
            report = fuzz(stack, 4, [broken], only=("products",), **options).run()
            return any(" 200 b" in text for text in report.read_results.failed)

        # A busy machine reads little in one run.
        assert any(is_found() for _ in range(10))


def test_doctor_says_what_it_did_and_that_all_is_well(stack):
    done = stack.run("doctor", "--fuzz", "3s", "--reads", str(READS_PER_SECOND))
    assert "products at http" in done.stdout
    assert "0 violations" in done.stdout
    assert done.returncode == 0
    wrong = stack.run("doctor", "--fuzz", "soon")
    assert "is not a time from 1s to 60m" in wrong.stderr
    assert wrong.returncode == 2


@pytest.mark.long
def test_doctor_writes_nothing_while_a_part_is_not_ready(stack):
    follower = process_of(stack, b"shared\0follow\0", b"api_products")
    os.kill(follower, signal.SIGSTOP)
    try:
        poll(lambda: stack.get("products", "/health/ready")["follower"] != "ok")
        done = stack.run("doctor", "--fuzz", "2s")
        assert "follower: " in done.stdout
        assert "--fuzz was not run, because not all instances are ready" in done.stderr
        assert done.returncode == 1
        with ThreadPoolExecutor() as pool:
            checking = pool.submit(stack.run, "doctor")
            os.kill(follower, signal.SIGCONT)
            # What has ended by itself meanwhile is not reported.
            assert checking.result().returncode == 0
    finally:
        os.kill(follower, signal.SIGCONT)


def test_doctor_lists_what_was_made_by_hand_and_mends_what_it_can(stack):
    _, pot = stack.request("POST", "products", "/products", {"name": "Pot", "price": 1})
    path = f"/products/{pot['id']}"
    with MongoClient(stacks.read(stack.folder).mongo_uri) as client:
        db = client["vitrine"]
        validator = db.command("listCollections", filter={"name": "products"})
        assert validator["cursor"]["firstBatch"][0]["options"]["validationAction"] == "warn"
        assert stack.run("doctor").returncode == 0
        db.products.update_one({"_id": pot["id"]}, {"$set": {"price": "12.50"}})
        db.products.insert_one({"_id": 500, "name": "By hand", "category": "Kitchen"})
        db.products.insert_one({"_id": "teapot", "name": "Odd"})
        db.categories.insert_one({"_id": 500, "name": "Kitchen", "slug": "kitchen", "parent": "no"})
        poll(lambda: stack.get("products", path)["price"] == "12.50")

        found = stack.run("doctor")
        assert found.returncode == 1
        assert f"{path}: price is of type string, not number" in found.stdout
        assert "/products/500: lacks slug, revision, created_at, updated_at" in found.stdout
        assert "'teapot': its id is of type string" in found.stdout
        assert "categories: 1 categories whose parent does not exist" in found.stdout
        assert "`vitrine doctor --fix` repairs " in found.stdout

        assert stack.run("doctor", "--fix").returncode == 1
        assert stack.get("products", path)["price"] == 12.5
        assert stack.get("products", "/products/by-hand")["category_path"] == ["kitchen"]
        db.products.delete_one({"_id": "teapot"})
        db.categories.update_one({"_id": 500}, {"$unset": {"parent": ""}})
        assert stack.run("doctor", "--fix").returncode == 0
        for name in ("products", "categories"):
            db[name].delete_many({})


@pytest.mark.long
def test_doctor_looks_at_services_that_run_elsewhere(stack, tmp_path):
    urls = {name: url for name, url in stack.env.items() if name.endswith("_URL")}
    found = Stack(tmp_path / "elsewhere", urls).run("doctor")
    assert f"products at {stack.url('products')}: ok" in found.stdout
    assert found.returncode == 0, found.stdout + found.stderr
