"""Metrics for Prometheus; requests cannot multiply their labels."""

import platform
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import pytest

from shared.cache import redis_topology
from shared.observability import job_metrics, metrics, multiprocess, process_metrics
from tests.support.services import ROOT, environment, on_fakes, on_real_servers, samples


def scrape(client):
    return samples(client.get("/metrics").text)


def test_a_file_that_a_killed_process_left_empty_breaks_nothing(tmp_path, monkeypatch):
    (tmp_path / "counter_0.db").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert metrics.render([]) == b""


@on_fakes
def test_paths_nobody_serves_are_one_label(products):
    for number in range(3):
        products.get(f"/nowhere/{number}")
    routes = {key[2] for key in scrape(products) if key[0] == "vitrine_requests_total"}
    assert "" in routes
    assert not [route for route in routes if "nowhere" in route]


def own_samples(client):
    """Return the names and labels of the samples of Vitrine and of its processes."""
    lines = client.get("/metrics").text.splitlines()
    return {line.rpartition(" ")[0] for line in lines if line.startswith(("vitrine", "process"))}


@on_real_servers
def test_a_scrape_stays_small(products):
    """Each route with each of its usual answers: a success, and refusals.

    Other tests of this process have left samples of theirs, which do not count here.
    """
    before = own_samples(products)
    for rule in products.application.url_map.iter_rules():
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        for method in rule.methods - {"OPTIONS"}:
            if "changes" not in rule.rule:
                products.open(path, method=method)
                products.open(path, method=method, headers={"Authorization": "Bearer nope"})
    products.post("/products", json={"name": "Pot"})
    for path in ("/products", "/products", "/products/1", "/products/1"):
        products.get(path)
    assert 0 < len(own_samples(products) - before) < 500


@on_fakes
def test_processes_and_the_build_are_told(products):
    found = scrape(products)
    assert 1e7 < found["process_resident_memory_bytes",] < 1e10
    assert found["process_cpu_seconds_total",] > 0
    assert found["process_start_time_seconds",] > 1.7e9
    assert found["vitrine_build_info", platform.python_version(), version("vitrine")] == 1


def test_the_metrics_of_processes_are_added_up(tmp_path, monkeypatch):
    monkeypatch.setenv(multiprocess.FOLDER, str(tmp_path))
    hold = (
        "import sys; from shared.observability import multiprocess as m;"
        "m.take_slot(); print('held', flush=True); sys.stdin.read()"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", hold], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    try:
        for worker in workers:
            assert worker.stdout.readline() == b"held\n"
        assert sorted(multiprocess.live_processes(tmp_path)) == sorted(each.pid for each in workers)
        both = {metric.name: metric.samples[0].value for metric in process_metrics.collect()}
    finally:
        for worker in workers:
            worker.communicate()
    assert multiprocess.live_processes(tmp_path) == []
    own = {metric.name: metric.samples[0].value for metric in process_metrics.collect()}
    assert own.keys() == {"vitrine_build_info"}
    assert both["process_open_fds"] >= 6
    assert both["process_resident_memory_bytes"] > 1e7


@on_fakes
def test_jobs_are_counted_by_name_and_outcome(products, transport):
    queue = products.application.extensions["connections"].queue
    for seconds, outcome in ((0.05, "done"), (0.2, "done"), (31.0, "failed")):
        job_metrics.note(queue, "products", "notify", outcome, seconds)
    found = scrape(products)
    assert found["vitrine_job_seconds_count", "notify", "done"] == 2
    assert found["vitrine_job_seconds_sum", "notify", "done"] == pytest.approx(0.25)
    bucket = "vitrine_job_seconds_bucket"
    assert [found[bucket, most, "notify", "done"] for most in ("0.1", "0.25", "+Inf")] == [1, 2, 2]
    assert [found[bucket, most, "notify", "failed"] for most in ("30.0", "+Inf")] == [0, 1]


@on_fakes
def test_a_server_that_is_down_is_told_and_costs_no_answer(products, monkeypatch):
    down = redis_topology.connect("redis://127.0.0.1:1", 0.1, tries=1)
    extensions = products.application.extensions
    cut_off = replace(extensions["connections"], redis=down, queue=down)
    monkeypatch.setitem(extensions, "connections", cut_off)
    found = scrape(products)
    assert found["vitrine_backend_up", "redis"] == 0
    assert found["vitrine_backend_up", "mongodb"] == 1
    assert found["vitrine_follower_up",] == 0
    assert ("vitrine_queue_waiting",) not in found
    down.close()


@on_fakes
def test_what_is_refused_for_want_of_stock_is_counted(products):
    path = "/products/1/stock"
    products.post("/products", json={"name": "Pot", "stock": 1})
    before = scrape(products)["vitrine_stock_conflicts_total",]
    refused = products.post(path, json={"change": -2, "reason": "sold"})
    assert refused.status_code == 409, refused.text
    assert scrape(products)["vitrine_stock_conflicts_total",] == before + 1


@on_fakes
def test_a_service_counts_on_its_own_routes(make_client):
    games = make_client("api_games")
    games.post("/games", json={"title": "Tetris"})
    before = scrape(games)["games_previews_total",]
    for _ in range(2):
        assert games.get("/games/1/preview").json["title"] == "Tetris"
    assert scrape(games)["games_previews_total",] == before + 2


COUNT = """
from flask import Flask
from shared.observability import multiprocess
multiprocess.take_slot()
from shared.observability import metrics
app = Flask("shop")
app.get("/")(metrics.metrics.counter("sales", "Sales.")(lambda: "sold"))
app.test_client().get("/")
print(metrics.render([]).decode())
"""


def test_processes_continue_the_counts_of_dead_ones_in_their_files(tmp_path):
    for number in (1, 2, 3):
        run = subprocess.run(
            [sys.executable, "-c", COUNT],
            cwd=ROOT,
            env=environment(PROMETHEUS_MULTIPROC_DIR=str(tmp_path)),
            capture_output=True,
            text=True,
            check=True,
        )
        assert samples(run.stdout)["sales_total",] == number
    assert {path.stem for path in tmp_path.glob("counter_*")} == {"counter_0"}
