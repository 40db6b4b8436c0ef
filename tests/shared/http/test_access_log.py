"""One line for every request, with the necessary fields and without private data."""

import json
import logging

import pytest
from rq.job import Job

from shared.endpoints import health
from shared.observability.log_format import JsonFormatter
from shared.workers import queue
from tests.support.services import on_fakes

pytestmark = on_fakes

SECRETS = ("ada@example.org", "hunter2", "Lovelace")


class Printing(logging.Handler):
    """Handler that writes to the current standard output."""

    def emit(self, record):
        print(self.format(record))


@pytest.fixture
def logged(capsys):
    """Take the lines that were logged since the last time."""
    handler, root = Printing(), logging.getLogger()
    handler.setFormatter(JsonFormatter("test"))
    root.addHandler(handler)
    before = root.level
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    root.setLevel(before)
    root.removeHandler(handler)


def test_a_request_is_one_line(products, logged):
    products.get("/products?per=1", headers={"X-Request-ID": "first"})
    products.get("/products?per=1", headers={"X-Request-ID": "second"})
    missed, hit = logged()
    for each, id, cache in ((missed, "first", "miss"), (hit, "second", "hit")):
        assert (each["request_id"], each["cache"]) == (id, cache)
        assert (each["method"], each["path"], each["route"]) == ("GET", "/products", "/products")
        assert (each["status"], each["level"]) == (200, "info")
        assert 0 < each["ms"] < 5000
    assert missed["principal"] == "anonymous"


def test_no_line_contains_a_body_a_query_string_or_a_token(clients, products, logged):
    secret = {"Authorization": "Bearer hunter2", "Cookie": "session=hunter2"}
    body = {"name": "Lovelace", "email": "ada@example.org"}
    clients.post("/clients", json=body, headers=secret)
    clients.post("/clients", json=body | {"city": 5}, headers=secret)
    clients.get("/clients?email=ada@example.org", headers=secret)
    clients.get("/clients?emial=ada@example.org", headers=secret)
    clients.get("/nowhere?q=Lovelace")
    products.get("/products?q=Lovelace")
    products.get("/products?q=Lovelace")
    said = logged()
    assert len(said) == 8  # The search has asked for the names of the categories.
    assert not [each for each in SECRETS if each in str(said)]


def test_a_path_is_logged_as_it_was_meant(products, logged):
    products.post("/products", json={"name": "Kanne", "slug": "kanne"})
    for _ in range(2):
        products.get("/products/1")
    products.get("/products/kännchen")
    assert logged()[-1]["path"] == "/products/kännchen"


def test_lines_logged_during_a_request_have_its_id(products, logged, monkeypatch):
    def fail(*args):
        raise RuntimeError("no luck")

    monkeypatch.setattr(health, "probe_mongodb", fail)
    answer = products.get("/health/ready", headers={"X-Request-ID": "mine"})
    assert answer.status_code == 500
    failed, request = logged()
    assert (failed["request_id"], failed["level"]) == ("mine", "error")
    assert failed["error"] == "RuntimeError: no luck"
    assert (request["request_id"], request["status"]) == ("mine", 500)


def test_other_services_log_the_same_request_id(categories, products, logged):
    categories.post("/categories", json={"name": "Games"})
    logged()
    body = {"name": "Chess", "category": "games"}
    made = products.post("/products", json=body, headers={"X-Request-ID": "mine"})
    assert made.status_code == 201
    said = logged()
    assert {each["service"] for each in said} == {"categories", "products"}
    assert {each["path"] for each in said} > {"/products"}
    assert {each["request_id"] for each in said} == {"mine"}


def test_a_job_knows_the_request_that_queued_it(products):
    app = products.application
    with app.test_request_context("/", headers={"X-Request-ID": "mine"}):
        app.preprocess_request()
        queue.enqueue("job-1", "api_products.jobs.sweep")
    with app.app_context():
        queue.enqueue("job-2", "api_products.jobs.sweep")
    connection = app.extensions["connections"].queue
    first, second = Job.fetch_many(["job-1", "job-2"], connection=connection)
    assert (first.meta, second.meta) == ({"request_id": "mine"}, {})
    assert products.get("/jobs/job-1").get_json()["request_id"] == "mine"
