"""Each bound of docs/security.md, exceeded on both servers: a clear refusal, and all goes on."""

import json
from urllib.parse import quote

import pytest
import urllib3

from tests.support.stack import instance

JSON = {"Content-Type": "application/json"}
MEGABYTE = 1_000_000
DEEP = "[" * 40 + "]" * 40
MANY = {f"unknown_{n}": n for n in range(500)}
SLUGS = ",".join(f"slug-{n}" for n in range(101))

REQUESTS = {
    "a body": ("POST", "/products", b'{"name": "' + b"x" * 9 * MEGABYTE + b'"}', 413),
    "JSON that is deep": ("POST", "/products", f'{{"name": {DEEP}}}'.encode(), 400),
    "members of an object": (
        "POST",
        "/products",
        json.dumps({f"m{n}": n for n in range(1001)}),
        400,
    ),
    "a name twice": ("POST", "/products", '{"name": "A", "name": "B"}', 400),
    "values": ("POST", "/products", json.dumps({"attributes": {"a": [0] * 200_001}}), 413),
    "slugs": ("GET", f"/products:category-counts?slugs={SLUGS}", None, 400),
    "parameters": ("GET", "/products?" + "&".join(f"p{n}=1" for n in range(60)), None, 400),
    "per": ("GET", "/products?per=101", None, 400),
    "a deep page": ("GET", "/products?per=100&page=102", None, 400),
    "a long search": ("GET", f"/products?q={quote('wort ' * 400)}", None, 400),
    "a batch": ("POST", "/products:batch", json.dumps([{"name": "A"}] * 1001), 413),
    "an item": (
        "POST",
        "/products",
        json.dumps({"name": "A", "description": "y" * 1_100_000}),
        422,
    ),
    "an unknown field": ("POST", "/products", json.dumps({"name": "A", **MANY}), 422),
    "a method": ("BREW", "/products", None, 405),
    "a token": ("GET", "/products?per=1", None, 401),
}


@pytest.fixture(scope="module")
def pot(stack):
    """The path of a product."""
    status, made = stack.request("POST", "products", "/products", {"name": "Pot"})
    assert status == 201
    return f"/products/{made['id']}"


@pytest.fixture(scope="module", params=["gunicorn", "granian"])
def url(request, stack):
    """The address of the products on a server."""
    if request.param == "gunicorn":
        yield stack.url("products")
    else:
        with instance(stack, server=request.param) as url:
            yield url


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_too_much_is_refused_with_a_problem(url, pot, name):
    method, path, body, status = REQUESTS[name]
    headers = JSON | ({"Authorization": "Bearer x"} if name == "a token" else {})
    with urllib3.PoolManager(retries=False, timeout=90) as http:
        answer = http.request(method, url + path, body=body, headers=headers)
        assert answer.status == status, answer.data[:300]
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        problem = answer.json()
        assert problem["status"] == status
        assert problem["detail"]
        assert len(problem.get("errors", ())) <= 20
        assert len(answer.data) < 20_000
        assert http.request("GET", url + pot).status == 200
