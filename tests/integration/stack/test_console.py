"""The console of a running stack: what services do, live, and why; forwarding on a real server."""

import json
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import urllib3

from shared.config.settings import Settings
from shared.http.tokens import Tokens
from shared.storage.connections import open_mongo
from tests.support.polling import poll
from tests.support.services import ROOT
from tests.support.stack import NAMES, instance, stack_folder
from vitrine import stack as stacks
from vitrine.local.processes import stop

WRITES = {"X-Console": "1", "Content-Type": "application/json"}


@pytest.fixture
def running(stack):
    return stacks.read(stack.folder)


@pytest.fixture
def http():
    with urllib3.PoolManager(retries=False, timeout=90, maxsize=30) as http:
        yield http


@pytest.fixture
def console(running, http):
    """Send a request to the console; return status and JSON."""
    poll(lambda: is_up(http, running.console_url), what="the console")

    def ask(path, method="GET", body=None, **headers):
        answer = http.request(
            method, running.console_url + path, json=body, headers=WRITES | headers, redirect=False
        )
        return answer.status, answer.json() if answer.data else None

    return ask


def is_up(http, url):
    try:
        return http.request("GET", f"{url}/session").status == 200
    except urllib3.exceptions.HTTPError:
        return False


@pytest.fixture
def db(running):
    with open_mongo(running.mongo_uri, 10) as client:
        yield client["vitrine"]


class Events:
    """The events of a stream, as they come."""

    def __init__(self, response):
        self._parts = response.stream()
        self._rest = b""
        self.seen = []

    def next(self, seconds=90):
        deadline = time.monotonic() + seconds
        while b"\n\n" not in self._rest:
            assert time.monotonic() < deadline, self.seen[-5:]
            self._rest += next(self._parts)
        block, _, self._rest = self._rest.partition(b"\n\n")
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
        if b"event" in fields:
            self.seen.append((fields[b"event"].decode(), json.loads(fields[b"data"])))
            return self.seen[-1]
        return "", None

    def until(self, topic, fits, seconds=90):
        """Return the first event of a topic, or part of its array, that fits."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            name, data = self.next(seconds)
            if name == topic:
                for each in data if isinstance(data, list) else [data]:
                    if fits(each):
                        return each
        raise AssertionError((topic, self.seen[-10:]))


@pytest.fixture
def stream(running, http, console):
    """Open the stream; it has all sources when the test begins."""

    @contextmanager
    def opened(query=""):
        response = http.request(
            "GET", f"{running.console_url}/stream{query}", preload_content=False
        )
        assert response.status == 200
        try:
            yield Events(response)
        finally:
            response.close()

    return opened


def wait_until_watched(stack, events):
    """Wait until each process notes its requests."""
    sent = set()

    def is_seen():
        id = f"probe-{uuid4()}"
        sent.add(id)
        stack.request("GET", "products", "/products?per=1", **{"X-Request-ID": id})
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            name, data = events.next()
            seen = {each["id"] for each in data} & sent if name == "request" else set()
            if seen:  # Perhaps only an earlier one: a busy process sends its notes late.
                sent.difference_update(seen)
                return True
        return False

    for _ in range(4):  # Two processes serve the requests.
        poll(is_seen, what="that the tap is open")


def make(stack, **values):
    status, product = stack.request("POST", "products", "/products", {"name": "Teapot"} | values)
    assert status == 201
    return product


def test_the_stream_says_why_a_read_is_no_hit_and_who_did_it(stack, stream):
    product = make(stack, price=10)
    path = f"/products/{product['id']}"
    with stream() as events:
        wait_until_watched(stack, events)
        for price in range(11, 31):  # On a busy machine, what the request says may come too late.
            by, read_by = f"the-write-{price}", f"the-read-{price}"
            for _ in range(2):
                stack.get("products", path)
            stack.request("PATCH", "products", path, {"price": price}, **{"X-Request-ID": by})
            stack.request("GET", "products", path, **{"X-Request-ID": read_by})
            read = events.until("request", lambda each, id=read_by: each["id"] == id)
            assert read["cache"] in ("miss", "stale")
            assert read["because"]["code"] == "write"
            assert read["because"]["request_id"] == by
            if read["because"]["path"]:
                break
        assert read["because"]["text"].startswith(f"PATCH {path} by anonymous, ")
        notes = [each for name, data in events.seen if name == "note" for each in data]
        write = next(each for each in notes if each["kind"] == "write" and each["id"] == by)
        assert {str(product["id"]), "all"} <= set(write["tags"])


def test_an_edit_in_mongodb_is_shown_within_a_second_as_such(stack, stream, db):
    product = make(stack, price=10)
    path = f"/products/{product['id']}"
    with stream() as events:
        wait_until_watched(stack, events)
        for _ in range(2):
            stack.get("products", path)
        for price in range(12, 22):  # On a busy machine, the author may become known too late.
            db.products.update_one({"_id": product["id"]}, {"$set": {"price": price}})
            change = events.until(
                "change",
                lambda each, price=price: (
                    each["id"] == product["id"] and each["item"]["price"] == price
                ),
            )
            if change["outside"] is not None:
                break
        assert (change["by"], change["outside"]) == ("outside the API", True)
        poll(lambda: stack.get("products", path)["price"] == price)
        read = events.until(
            "request",
            lambda each: each["path"] == path and each["because"] is not None
            and each["because"]["code"] == "outside",
        )  # fmt: skip
        assert read["because"]["text"].startswith("an edit in MongoDB itself, ")
        shown = stack.get("products", f"/__cache?key=product:{product['id']}")
        assert shown["counts"]


def test_the_reason_is_known_afterwards(stack, db):
    """From the history, also for the writes that no console has watched."""
    stack.request("POST", "categories", "/categories", {"name": "Because books"})
    product = make(stack, category="because-books")
    listed = "/products?category=because-books&per=20"
    key = "products:list:page=1:per=20:category=because-books"
    stack.get("products", listed)
    assert stack.get("products", f"/__cache?key={key}")["because"] is None
    path = f"/products/{product['id']}"
    stack.request("PATCH", "products", path, {"price": 3}, **{"X-Request-ID": "afterwards"})

    def reason():
        return stack.get("products", f"/__cache?key={key}")["because"]

    because = poll(reason, what="the history")
    assert (because["part"], because["request_id"]) == ("tag", "afterwards")
    assert (because["item"], because["fields"], because["type"]) == (
        product["id"],
        ["price"],
        "updated",
    )
    db.products.update_one({"_id": product["id"]}, {"$set": {"price": 4}})
    outside = poll(lambda: (b := reason()) and b["by"] == "outside the API" and b)
    assert outside["text"] == "updated outside the API"
    # The entry of the item itself is gone, and its tag says why.
    gone = stack.get("products", f"/__cache?key=product:{product['id']}")
    assert (gone["counts"], gone["because"]["by"]) == (False, "outside the API")


def test_a_body_that_is_too_large_is_refused_by_the_service(console):
    """The console sends it part by part, and passes the refusal on."""
    body = {"name": "x" * 9_000_000}
    status, problem = console("/api/products/products", "POST", body)
    assert (status, problem["status"]) == (413, 413)
    assert "MB" in problem["detail"]


@pytest.mark.parametrize("server", ["gunicorn", "granian"])
def test_a_watcher_that_leaves_gives_its_place_back(stack, http, server):
    """On both servers; a stopped server ends the stream."""
    with instance(stack, server=server, THREADS="8") as url:

        def watch():
            answer = http.request("GET", f"{url}/__cache/live", preload_content=False)
            if answer.status == 200:
                return answer
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            return answer.close()

        for _ in range(6):  # There are four places.
            first = poll(watch)
            assert first.headers["Content-Type"].startswith("text/event-stream")
            first.close()
        events = poll(watch)
        seen = Events(events)
        id = "on-" + server
        deadline = time.monotonic() + 90
        while True:
            http.request("GET", f"{url}/products?per=3", headers={"X-Request-ID": id})
            name, data = seen.next()
            if name == "notes" and any(note["id"] == id for note in data):
                break
            assert time.monotonic() < deadline
        events.close()


def test_pages_ask_the_services_through_the_console(stack, console, running):
    status, made = console("/api/products/products", "POST", {"name": "Kettle"})
    assert status == 201
    path = f"/api/products/products/{made['id']}"
    assert console(path)[1]["name"] == "Kettle"
    stack_history = f"{path}/history"
    (entry,) = poll(lambda: console(stack_history)[1]["items"])
    assert entry["by"] not in ("anonymous", "outside the API")  # the user of the system
    assert console("/api/nowhere/x")[0] == 404
    status, services = console("/services")
    assert {each["state"] for each in services["services"]} == {"ok"}
    assert {each["name"] for each in services["services"]} == set(running.services)


def raw(url, text):
    """Send bytes as they are, and return the status of the first answer."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), 60) as connection:
        connection.sendall(text.replace("\n", "\r\n").encode("latin-1"))
        data = b""
        while b"\r\n\r\n" not in data and (part := connection.recv(65536)):
            data += part
    return int(data.split()[1])


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("GET http://evil.test/api/products/products HTTP/1.1\nHost: localhost\n\n", {403, 404}),
        ("GET //evil.test/api/products/products HTTP/1.1\nHost: localhost\n\n", {400, 404}),
        ("GET /api/products//evil.test/ HTTP/1.1\nHost: localhost\n\n", {404}),
        ("GET /api/products/../orders/orders HTTP/1.1\nHost: localhost\n\n", {400}),
        ("GET /api/products/%2e%2e/%2e%2e/x HTTP/1.1\nHost: localhost\n\n", {400}),
        ("GET /api/products/products HTTP/1.1\nHost: evil.test\n\n", {403}),
        ("GET /api/products/products HTTP/1.1\nHost: localhost\nHost: evil.test\n\n", {400, 403}),
        ("GET /api/products/products HTTP/1.1\n\n", {200, 400, 403}),
        (
            "POST /api/products/products HTTP/1.1\nHost: localhost\nX-Console: 1\n"
            "Content-Length: 4\nTransfer-Encoding: chunked\n\n0\n\nGET /x HTTP/1.1\nHost: a\n\n",
            {400},
        ),
        (
            "POST /api/products/products HTTP/1.1\nHost: localhost\nX_Console: 1\n"
            'Content-Type: application/json\nContent-Length: 15\n\n{"name": "Evil"}',
            {400, 403},
        ),
        (
            "POST /api/products/products HTTP/1.1\nHost: localhost\nOrigin: http://evil.test\n"
            "Sec-Fetch-Site: cross-site\nContent-Type: text/plain\nContent-Length: 16\n\n"
            '{"name": "Evil"}',
            {403},
        ),
    ],
)
def test_attacks_on_the_wire_are_refused(console, running, http, text, allowed):
    assert raw(running.console_url, text) in allowed
    exact = {"Prefer": "search=exact"}
    answer = http.request("GET", running.services["products"] + "/products?q=Evil", headers=exact)
    assert answer.json()["items"] == []


def test_a_request_is_traced_over_services_and_processes(stack, console):
    product = make(stack, price=1, stock=5)
    id = f"trace-{product['id']}"
    path = f"/products/{product['id']}"
    status, _ = stack.request("PATCH", "products", path, {"price": 2}, **{"X-Request-ID": id})
    assert status == 200

    def found():
        _, trace = console(f"/trace/{id}")
        kinds = {event["kind"] for event in trace["events"]}
        return {"log", "history"} <= kinds and trace

    trace = poll(found)
    assert trace["sources"]["logs"] == "searched"
    history = next(event for event in trace["events"] if event["kind"] == "history")
    assert history["data"]["changes"]["price"] == {"from": 1, "to": 2}
    log = next(event for event in trace["events"] if event["kind"] == "log")
    assert (log["process"], log["text"]) == ("products", f"PATCH {path} 200")
    correction = {"change": -2, "reason": "damaged"}
    stack.request("POST", "products", f"{path}/stock", correction, **{"X-Request-ID": f"{id}-2"})
    events = poll(
        lambda: [e for e in console(f"/trace/{id}-2")[1]["events"] if e["kind"] == "ledger"]
    )
    assert [event["text"] for event in events] == [
        f"stock of {product['id']}: -2 (damaged), 3 left"
    ]
    assert console("/trace/unknown-id")[1]["events"] == []
    assert console("/trace/a%20b")[0] == 400


def test_the_checks_are_shown_and_mended(stack, console, db):
    product = make(stack)
    db.products.update_one({"_id": product["id"]}, {"$unset": {"revision": True}})

    def lacking():
        _, found = console("/doctor")
        by_service = {each["name"]: each for each in found["services"]}
        return next(
            (each for each in by_service["products"]["findings"] if each["kind"] == "lacking"), None
        )

    finding = poll(lacking)
    assert finding["mends"] >= 1
    fix = {"service": "products", "check": finding["check"]}
    status, fixed = console("/doctor/fix", "POST", fix)
    assert (status, fixed["mended"] >= 1) == (200, True)
    assert lacking() is None
    assert console("/doctor/fix", "POST", {"service": "products", "check": "/x"})[0] == 404


@pytest.mark.long
def test_the_freshness_test_runs_from_the_console(console, stream):
    with stream("?topics=fuzz") as events:
        status, state = console("/fuzz", "POST", {"seconds": 5})
        assert (status, state["state"]) == (202, "preparing")
        assert console("/fuzz", "POST", {"seconds": 5})[0] == 409
        live = events.until("fuzz", lambda each: each["state"] == "running" and each["reads"], 60)
        assert live["writes"] >= 0
        done = events.until("fuzz", lambda each: each["state"] in ("done", "failed"), 90)
    assert done["state"] == "done", done
    assert (done["stale"], done["failed"], done["problems"]) == (0, 0, [])
    assert done["reads"] > 10
    assert console("/fuzz", "POST", {"seconds": 1})[0] == 400
    assert console("/fuzz", "POST", {"second": 5})[0] == 400


def test_samples_are_kept(console, stream):
    with stream("?topics=sample") as events:
        sample = events.until("sample", lambda each: each["services"]["products"]["up"])
    assert {"hit", "miss", "requests", "errors", "lag", "workers"} <= set(
        sample["services"]["products"]
    )
    assert console("/samples")[1]["samples"]


def test_a_command_prints_the_address_of_the_console(stack, running):
    told = stack.run("console", "--no-browser")
    assert told.stdout.strip() == f"{running.console_url}/"


@contextmanager
def console_command(stack, *args, **env):
    """Run `vitrine console` for services elsewhere; yield the address that it prints."""
    with stack_folder() as folder, Path(f"{folder}.txt").open("w+") as output:
        known = stack.env | {"DATA_DIR": str(folder)} | env
        process = subprocess.Popen(
            [sys.executable, "-m", "vitrine", "console", "--no-browser", *args],
            cwd=ROOT,
            env={name: value for name, value in known.items() if value is not None},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:

            def address():
                assert process.poll() is None, Path(output.name).read_text()
                return re.search(r"http://\S+", Path(output.name).read_text())

            yield poll(address, 60, "the console")[0]
        finally:
            stop(process, 10)


@pytest.mark.long
def test_the_command_serves_a_console_for_services_elsewhere(stack, http, running):
    with console_command(stack) as address:
        url = address.rstrip("/")
        assert url != running.console_url
        session = http.request("GET", f"{url}/session").json()
        assert (session["mode"], session["signed_in"]) == ("open", True)
        assert http.request("GET", f"{url}/api/products/products?per=1").status == 200
        services = http.request("GET", f"{url}/services").json()["services"]
        assert {each["state"] for each in services} == {"ok"}


@pytest.mark.long
def test_with_tokens_the_console_has_the_rights_of_its_caller(stack, http):
    key = {"AUTH_MODE": "token", "SECRET_KEY": "0123456789abcdef" * 4}
    others = {f"{name.upper()}_URL": None for name in NAMES}
    with (
        instance(stack, **key) as products,
        console_command(stack, **others | key | {"PRODUCTS_URL": products}) as address,
    ):
        url, _, token = address.partition("/#token=")
        admin = {"Authorization": f"Bearer {token}"}
        session = http.request("GET", f"{url}/session", headers=admin).json()
        assert (session["mode"], session["signed_in"], session["scopes"]) == (
            "token",
            True,
            ["admin"],
        )
        assert session["expires"] > time.time() + 7 * 3600
        reader = Tokens(Settings(secret_key=key["SECRET_KEY"])).mint("ann", ["clients:read"], 60)
        reading = {"Authorization": f"Bearer {reader}"}
        assert http.request("GET", f"{url}/samples").status == 401
        assert http.request("GET", f"{url}/samples", headers=reading).status == 403
        purge = f"{url}/api/products/__cache?prefix=product:"
        for headers, status in (({}, 401), (reading, 403), (admin, 200)):
            answer = http.request("DELETE", purge, headers=WRITES | headers)
            assert answer.status == status, answer.data
        response = http.request("GET", f"{url}/stream", headers=admin, preload_content=False)
        events = Events(response)
        try:
            up = events.until(
                "source",
                lambda each: (each["service"], each["source"]) == ("products", "tap"),
            )
            assert up["state"] == "up", up
        finally:
            response.close()
