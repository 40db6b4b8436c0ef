"""Faults that ``vitrine doctor --fuzz`` causes on a stack of its own: nothing is stale or lost."""

import signal
import subprocess
import sys

import pytest
from redis import Redis

from tests.integration.caching.test_never_stale import READS_PER_SECOND, fuzz, tell
from tests.support.polling import poll
from tests.support.services import ROOT
from tests.support.stack import instance, running_stack
from vitrine import stack as stacks
from vitrine.fuzz.faults import FAULT_SECONDS, FAULTS, LIMIT_SECONDS

# As many reads as in the other runs that are to find nothing; else the readers take all processors.
COMMAND = ("doctor", "--fuzz", "25s", "--fault", "redis-oom", "--reads", str(READS_PER_SECOND))


@pytest.fixture(scope="module")
def own_stack():
    """A stack whose Redis and MongoDB may be harmed, because it has started them."""
    with running_stack("--only", "products,categories") as stack:
        yield stack


def test_nothing_is_stale_or_lost_during_any_fault(own_stack, capsys):
    """No limit is relaxed for writes through the API; those of hands may take a lease to show."""
    seconds = (FAULT_SECONDS + LIMIT_SECONDS + 2) * len(FAULTS)
    run = fuzz(own_stack, seconds, only=("products", "categories"), faults=list(FAULTS))
    report = run.run()
    with capsys.disabled():
        tell(report, "\nall faults: ")
        print(*report.faults, sep="\n")
    assert report.wrong == []
    assert [outcome.name for outcome in report.faults] == list(FAULTS)
    for outcome in report.faults:
        assert outcome.acknowledged
        assert outcome.reads
        assert (outcome.stale, outcome.healed is None) == (0, False)
        if "mongodb" not in outcome.name and outcome.name != "stepdown":
            assert (outcome.refused, outcome.refused_reads) == (0, 0)


@pytest.mark.long
def test_an_instance_that_acknowledges_refused_writes_at_once_is_found_out(own_stack):
    options = {
        "only": ("products",),
        "writes_per_second": 16,
        "reads_per_second": float("inf"),
        "faults": ["redis-readonly"],
    }
    with instance(own_stack, "tests.support.broken:acknowledges_at_once") as broken:

        def is_found():
            report = fuzz(own_stack, FAULT_SECONDS + 2, [broken], **options).run()
            return any(fault.stale for fault in report.faults) and report.problems

        assert any(is_found() for _ in range(20))


def test_a_fault_is_taken_back_even_if_the_run_is_ended(own_stack):
    process = subprocess.Popen(
        [sys.executable, "-m", "vitrine", *COMMAND],
        cwd=ROOT,
        env=own_stack.env,
        stdout=subprocess.PIPE,
    )
    with Redis.from_url(stacks.read(own_stack.folder).redis_url, decode_responses=True) as redis:

        def settings():
            return redis.config_get("maxmemory*")

        before = settings()
        poll(lambda: settings()["maxmemory"] == "1")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[0].endswith(b"its documents are removed.\n")
        assert process.returncode == 1
        assert settings() == before
        assert redis.set("writes", "are accepted", px=1)


@pytest.mark.long
def test_the_command_reports_each_fault(own_stack):
    done = own_stack.run(*COMMAND)
    assert "redis-oom: " in done.stdout
    assert " 0 stale; healed after " in done.stdout
    assert done.returncode == 0, done.stdout
