"""``SERVER=granian`` serves the same as gunicorn: hits, streams, counts, and whoever dies."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
import urllib3

from tests.integration.conftest import Stack, descendants, poll, running_stack
from tests.scaffold import samples


@pytest.fixture(scope="module")
def shop():
    with running_stack("--only", "products", SERVER="granian", WORKERS="2") as stack:
        yield stack


def answer(shop, method, path, **headers):
    return shop._http.request(method, shop.url("products") + path, headers=headers)


def workers(shop):
    """The processes of granian's that answer, by their parent's command line."""
    serving = [pid for pid in descendants(shop.process.pid) if is_serving(pid)]
    return [pid for pid in serving if not set(descendants(pid)) & set(serving)]


def is_serving(pid):
    with contextlib.suppress(OSError):
        return b"shared.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def test_what_is_cached_is_answered_whole_in_part_and_not_again(shop):
    status, made = shop.request("POST", "products", "/products", {"name": "Théière à thé"})
    assert status == 201
    path = f"/api/v1/products/{made['slug']}/"
    poll(lambda: "; hit; " in answer(shop, "GET", path).headers["Cache-Status"])
    found = answer(shop, "GET", path)
    assert found.json() == made
    head = answer(shop, "HEAD", path)
    assert (head.data, head.headers["Content-Length"]) == (b"", found.headers["Content-Length"])
    again = answer(shop, "GET", path, **{"If-None-Match": found.headers["ETag"]})
    assert (again.status, again.data) == (304, b"")
    assert answer(shop, "GET", "/products?q=th%C3%A9").json()["items"] == [made]
    assert answer(shop, "GET", "/products/%E2%98%83%2f..").status == 404


def test_bodies_are_bounded_and_errors_are_problems(shop):
    url = shop.url("products") + "/products"
    json = {"Content-Type": "application/json"}
    large = shop._http.request("POST", url, body=b" " * 9_000_000, headers=json)
    assert (large.status, large.headers["Content-Type"]) == (
        413,
        "application/problem+json; charset=utf-8",
    )
    chunked = shop._http.request("POST", url, body=iter([b"{", b"}"]), headers=json)
    assert (chunked.status, chunked.json()["errors"][0]["pointer"]) == (422, "/name")


def test_a_stream_tells_what_changes_and_ends_with_its_client(shop):
    stream = shop._http.request(
        "GET",
        shop.url("products") + "/products/changes",
        headers={"Accept": "text/event-stream"},
        preload_content=False,
    )
    shop.request("POST", "products", "/products", {"name": "Streamed"})
    said = b""
    for chunk in stream.stream(64):
        said += chunk
        if b"Streamed" in said:
            break
    assert b"Streamed" in said
    stream.close()
    stream.release_conn()


def test_counts_of_all_workers_are_one_and_outlive_them(shop):
    def hits():
        found = samples(answer(shop, "GET", "/metrics").data.decode())
        return found.get(("vitrine_cache_lookups_total", "", "hit"), 0)

    before = hits()
    for _ in range(40):
        answer(shop, "GET", "/products/1")
    assert hits() >= before + 38
    one, other = workers(shop)
    os.kill(one, signal.SIGKILL)
    poll(lambda: len(workers(shop)) == 2 and one not in workers(shop), 20, "another worker")
    for _ in range(20):
        poll(lambda: serves(shop), 10)
    assert hits() >= before + 38
    assert other in workers(shop)


def serves(shop):
    """Whether a request is answered; one that comes to a worker as it dies is not."""
    try:
        return answer(shop, "GET", "/products/1").status == 200
    except urllib3.exceptions.HTTPError:
        return False


def test_it_stops_in_time_though_somebody_listens(shop):
    with running_stack("--only", "clients", SERVER="granian") as stack:
        listening = stack._http.request(
            "GET",
            stack.url("clients") + "/clients/changes",
            headers={"Accept": "text/event-stream"},
            preload_content=False,
        )
        started = time.monotonic()
        stack.process.send_signal(signal.SIGTERM)
        stack.process.wait(10)
        assert time.monotonic() - started < 8
        listening.close()


def test_open_mode_does_not_start_where_others_come_in(tmp_path):
    stack = Stack(tmp_path, {"SERVER": "granian", "BIND": "0.0.0.0:1"})
    ended = stack.serve("products")
    assert ended.returncode != 0
    assert "AUTH_MODE=open is for this machine only" in ended.stderr
    assert "Traceback" not in ended.stderr
