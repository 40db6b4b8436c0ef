"""Metrics of real processes, also of those that were killed."""

import os
import signal
from pathlib import Path

import urllib3

from tests.support.polling import poll
from tests.support.processes import descendants
from tests.support.services import samples
from tests.support.stack import instance


def scrape(stack, url):
    answer = stack._http.request("GET", f"{url}/metrics")
    assert answer.status == 200, answer.data
    return samples(answer.data.decode())


def workers(url):
    """The processes below the gunicorn that listens there."""
    port = b":" + url.rpartition(":")[2].encode()
    below = sorted(descendants(os.getpid()))
    master = next(pid for pid in below if port in Path(f"/proc/{pid}/cmdline").read_bytes())
    return descendants(master)


def answers(stack, url):
    try:
        return stack._http.request("GET", f"{url}/health/live").status == 200
    except urllib3.exceptions.HTTPError:
        return False


def test_killed_workers_lose_no_count_break_no_scrape_and_leave_no_files(stack, tmp_path):
    key = ("vitrine_requests_total", "GET", "/health/live", "200")
    in_use = ("vitrine_mongodb_connections", "in_use")
    with instance(stack, workers=2, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as url:
        counted = 0
        for _ in range(2):
            for _ in range(10):
                stack._http.request("GET", f"{url}/health/live")
            found = scrape(stack, url)
            assert found[key] >= counted + 10
            counted = found[key]
            files = {file.name for file in tmp_path.glob("*.db")}
            before = workers(url)
            for worker in before:
                os.kill(worker, signal.SIGKILL)
            poll(lambda before=before: len(set(workers(url)) - set(before)) == 2)
            poll(lambda: answers(stack, url))
        assert {name.rpartition("_")[2] for name in files} <= {"0.db", "1.db"}
        assert scrape(stack, url)[in_use] <= 2
