"""``SERVER=granian`` serves the same as gunicorn: hits, streams, counts, and after kills."""

import contextlib
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from shared.config.settings import Settings
from shared.http.tokens import Tokens
from tests.support.polling import poll
from tests.support.processes import descendants
from tests.support.proxy import Proxy
from tests.support.services import samples
from tests.support.stack import Stack, instance, running_stack
from vitrine import stack as stacks

SECRET = "fedcba9876543210fedcba9876543210"
BEHIND = {"AUTH_MODE": "token", "SECRET_KEY": SECRET, "TRUSTED_PROXIES": "1"}


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
        return b"shared\0serve\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
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
    poll(lambda: len(workers(shop)) == 2 and one not in workers(shop), what="another worker")
    for _ in range(20):
        poll(lambda: serves(shop))
    assert hits() >= before + 38
    assert other in workers(shop)


def serves(shop):
    """Return True if a request is answered; a worker that is dying answers none."""
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
        stack.process.send_signal(signal.SIGTERM)
        assert stack.process.wait(60) == 0
        listening.close()


def asked(http, url, **headers):
    """An answer: its status, its headers but those that are never twice the same, its body."""
    found = http.request("GET", url, headers=headers)
    told = {name.lower(): value for name, value in found.headers.items()}
    for own in ("date", "server", "connection", "keep-alive", "transfer-encoding"):
        told.pop(own, None)
    told["server-timing"] = told.get("server-timing", "").partition("=")[0]
    told["cache-status"] = told.get("cache-status", "").partition("ttl=")[0]
    return found.status, told, found.data


@pytest.mark.long
@pytest.mark.parametrize("cors", ["", "https://shop.example"])
def test_a_hit_is_what_gunicorn_answers(shop, cors):
    _, made = shop.request("POST", "products", "/products", {"name": f"Théière {cors}"})
    settings = BEHIND | {"CORS_ORIGINS": cors, "RATE_LIMIT_ANONYMOUS": "50/hour"}
    with (
        instance(shop, server="granian", **settings) as ours,
        instance(shop, **settings) as theirs,
        urllib3.PoolManager(retries=False, timeout=90) as http,
    ):
        item = f"/products/{made['id']}"
        etag = http.request("GET", ours + item).headers["ETag"]
        origin = {"Origin": "https://shop.example"} if cors else {}
        kinds = [
            (item, {}),
            ("/products?per=2", {}),
            (f"/api/v1{item}/", {}),
            (item, {"If-None-Match": etag}),
            (item, {"If-None-Match": '"x", W/"y"'}),
            (item, origin),
            (item, {"X-Request-ID": "mine"}),
            ("/products/%C3%A9", {}),
            ("/products/%FF", {}),
            ("/products?q=th%C3%A9", {}),
            ("/products?per=x", {}),
            ("/products//", {}),
        ]
        for number, (path, headers) in enumerate(kinds):
            sent = {"X-Request-ID": "same", "X-Forwarded-For": f"192.0.2.{number}", **headers}
            for _ in range(2):  # The first time it may be a miss.
                answers = [asked(http, url + path, **sent) for url in (ours, theirs)]
            for _, told, _ in answers:
                told["ratelimit"] = told.get("ratelimit", "").partition(";r=")[0]
            assert answers[0] == answers[1], path
            assert path != item or "; hit; " in answers[0][1]["cache-status"]


@pytest.mark.long
def test_who_asks_is_who_the_proxy_says(shop):
    settings = BEHIND | {"RATE_LIMIT_ANONYMOUS": "3/hour"}
    with (
        instance(shop, server="granian", **settings) as url,
        urllib3.PoolManager(retries=False, timeout=90) as http,
    ):

        def status(**headers):
            return http.request("GET", url + "/products?per=1", headers=headers).status

        for address in ("198.51.100.1", "198.51.100.2"):
            found = [status(**{"X-Forwarded-For": f"10.0.0.1, {address}"}) for _ in range(4)]
            assert found == [200, 200, 200, 429]
        # A header with underscores, spelt like a WSGI variable, is ignored.
        found = [status(**{"X_Forwarded_For": f"198.51.100.{each}"}) for each in range(50, 54)]
        assert found == [200, 200, 200, 429]


def test_a_token_is_verified_once_and_lets_in_whom_it_should(shop):
    tokens = Tokens(Settings(secret_key=SECRET))
    with (
        instance(shop, "api_clients", server="granian", **BEHIND) as url,
        urllib3.PoolManager(retries=False, timeout=90) as http,
    ):
        known = {"clients": "clients:read", "others": "orders:read"}
        sent = {
            name: {"Authorization": f"Bearer {tokens.mint(name, [scope], 600)}"}
            for name, scope in known.items()
        } | {"nobody": {}, "forger": {"Authorization": "Bearer forged"}}
        for _ in range(3):
            found = {
                name: http.request("GET", url + "/clients", headers=headers)
                for name, headers in sent.items()
            }
            statuses = {name: answer.status for name, answer in found.items()}
            assert statuses == {"clients": 200, "others": 403, "nobody": 401, "forger": 401}


def test_a_redis_that_goes_and_comes_costs_no_answer(shop):
    address = urlsplit(stacks.read(shop.folder).redis_url)
    proxy = Proxy(address.port)
    through_proxy = f"redis://:{address.password}@127.0.0.1:{proxy.port}/0"
    try:
        with (
            instance(shop, server="granian", REDIS_URL=through_proxy) as url,
            urllib3.PoolManager(retries=False, timeout=90) as http,
        ):

            def state():
                found = http.request("GET", url + "/products?per=1")
                assert found.status == 200
                return found.headers["Cache-Status"]

            for _ in range(3):
                poll(lambda: "; hit" in state(), what="a hit")
                proxy.switch(None)
                assert "detail=redis" in state()
                proxy.switch(address.port)
    finally:
        proxy.close()


def test_open_mode_does_not_start_where_others_come_in(tmp_path):
    stack = Stack(tmp_path, {"SERVER": "granian", "BIND": "0.0.0.0:1"})
    ended = stack.serve("products")
    assert ended.returncode != 0
    assert "AUTH_MODE=open is for this machine only" in ended.stderr
    assert "Traceback" not in ended.stderr
