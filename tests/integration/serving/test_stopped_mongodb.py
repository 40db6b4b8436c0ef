"""A MongoDB that stops answering, without closing a connection: each request ends with a 503."""

import threading

import pytest
import urllib3

from tests.support.polling import poll
from tests.support.processes import suspended_process
from tests.support.stack import process_of, running_stack

# A request may take 5 s, to which a busy machine adds; without a limit, PyMongo would wait 30 s.
MAX_SECONDS = 25
ROUNDS = (2, 4)
# In each round, N is another number: what MongoDB has answered since may be in the cache.
REQUESTS = [
    ("GET", "products", "/products/N", None),
    ("GET", "products", "/products?ordering=-price&brand=N", None),
    ("GET", "products", "/products?q=tea&per=N", None),
    ("GET", "products", "/products?facets=brand&per=N", None),
    ("GET", "products", "/products/1/history", None),
    ("POST", "products", "/products", {"name": "Late", "price": 3}),
    ("PATCH", "products", "/products/1", {"price": 4}),
    ("DELETE", "products", "/products/3", None),
    ("POST", "products", "/products:batch", [{"name": f"Late {n}", "price": 3} for n in range(50)]),
    ("POST", "products", "/products:batch?on_error=reject_all", [{"name": "Late", "price": 3}]),
    ("PATCH", "categories", "/categories/1", {"name": "Cups"}),
    ("GET", "categories", "/categories?per=N", None),
    ("POST", "clients", "/clients", {"name": "Ada"}),
    ("POST", "orders", "/orders", {"client_id": 1, "product_id": 1, "quantity": 1}),
    ("GET", "orders", "/orders?per=N", None),
]


@pytest.fixture(
    scope="module", params=["gunicorn", pytest.param("granian", marks=pytest.mark.long)]
)
def stack(request):
    with running_stack(SERVER=request.param, JOB_WORKERS="0", THREADS="32") as stack:
        for number in range(4):
            body = {"name": f"Teapot {number}", "price": 2.5, "stock": 9}
            assert stack.request("POST", "products", "/products", body)[0] == 201
        assert stack.request("POST", "categories", "/categories", {"name": "Pots"})[0] == 201
        assert stack.request("POST", "clients", "/clients", {"name": "Bob"})[0] == 201
        yield stack


def send_all(stack, number):
    """Send all requests at once; return the status and the problem of each."""
    http = urllib3.PoolManager(retries=False, timeout=MAX_SECONDS, maxsize=64)
    outcomes = {}

    def send(method, service, path, body):
        try:
            url = stack.url(service) + path.replace("N", str(number))
            answer = http.request(method, url, json=body)
            outcome = answer.status, answer.data.decode(errors="replace")[:300]
        except urllib3.exceptions.HTTPError as error:
            outcome = 0, str(error)
        outcomes[method, path] = outcome

    threads = [threading.Thread(target=send, args=request) for request in REQUESTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_each_request_ends_with_a_503_that_names_mongodb(stack):
    for number in ROUNDS:
        with suspended_process(process_of(stack, b"bin/mongod")):
            outcomes = send_all(stack, number)
        wrong = {
            request: outcome
            for request, outcome in outcomes.items()
            if outcome[0] != 503 or "MongoDB cannot be reached" not in outcome[1]
        }
        assert not wrong
        poll(
            lambda: stack.request("PATCH", "products", "/products/1", {"stock": 9})[0] == 200,
            what="MongoDB again",
        )
