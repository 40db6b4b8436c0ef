"""Clients that are generated from the OpenAPI documents, and tools that read them.

`make clients` installs the generators, as ``package-lock.json`` has them, and runs these tests.
Each client takes a tour: it lists, filters, creates, changes a draft, is refused with 404, 409, 412
and 422, uploads a picture and places an order.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from tests.support.stack import running_stack

FOLDER = Path(__file__).parent
BUILD = FOLDER / "build"
TOOLS = FOLDER / "node_modules" / ".bin"
SERVICES = ("products", "categories", "clients", "orders")

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not TOOLS.is_dir(), reason="the generators are not here: make clients"),
]


def run(*args, **env):
    """Run a program to its end in this folder; return what it has printed."""
    done = subprocess.run(
        [str(arg) for arg in args],
        cwd=FOLDER,
        env=os.environ | {"REDOCLY_TELEMETRY": "off", "CI": "true"} | env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shop():
    with running_stack("--only", ",".join(SERVICES)) as stack:
        yield stack


@pytest.fixture(scope="module")
def urls(shop):
    return shop.url("products"), shop.url("orders")


@pytest.fixture(scope="module")
def documents(shop):
    """The document of each service, in a file, as a client downloads it."""
    shutil.rmtree(BUILD, ignore_errors=True)
    (BUILD / "documents").mkdir(parents=True)
    files = [BUILD / "documents" / f"{service}.json" for service in SERVICES]
    for service, file in zip(SERVICES, files, strict=True):
        file.write_text(json.dumps(shop.get(service, "/openapi.json")))
    return files


@pytest.fixture(scope="module")
def scripts(documents):
    """The folder of the tours in JavaScript, after their types were checked."""
    for file in documents:
        types = BUILD / "openapi-typescript" / f"{file.stem}.ts"
        run(TOOLS / "openapi-typescript", file, "--output", types)
    run(TOOLS / "openapi-ts", "--file", "hey-api.config.mjs")
    run(TOOLS / "tsc")
    return BUILD / "js" / "tours"


@pytest.mark.parametrize("tour", ["openapi_fetch", "hey_api"])
def test_a_generated_client_in_typescript(scripts, urls, tour):
    run("node", scripts / f"{tour}.js", *urls)


def test_a_generated_client_in_python(documents, urls):
    for file in documents:
        run(
            *(Path(sys.executable).parent / "openapi-python-client", "generate", "--path", file),
            *("--output-path", BUILD / "python" / file.stem, "--meta", "none", "--overwrite"),
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        )
    tour = FOLDER / "tours" / "openapi_python.py"
    run(sys.executable, tour, *urls, PYTHONPATH=str(BUILD / "python"))


def test_linters_find_nothing(documents):
    run(TOOLS / "redocly", "lint", "--max-problems", "20", *documents)
    run(TOOLS / "spectral", "lint", "--fail-severity", "warn", *documents)


@pytest.mark.parametrize("service", SERVICES)
def test_postman_imports_requests_that_succeed(documents, shop, service):
    """The services are open, so that no request has a token."""
    (document,) = [file for file in documents if file.stem == service]
    collection = document.with_name(f"{service}.postman.json")
    options = ("--options", "enableOptionalParameters=false")
    run(TOOLS / "openapi2postmanv2", "--spec", document, "--output", collection, *options)
    imported = json.loads(collection.read_text())
    assert imported.get("auth") is None
    assert [each["value"] for each in imported["variable"]] == [shop.url(service)]
    requests = [*requests_of(imported)]
    assert len(requests) > 20
    sent = set()
    for request in requests:
        assert len(request["name"]) < 40
        assert request["request"].get("auth", {}) in ({}, {"type": "noauth"}), request["name"]
        url = request["request"]["url"]
        asked = enabled(url["query"])
        if request["request"]["method"] == "GET" and not url["variable"] and not asked:
            path = "/" + "/".join(url["path"])
            headers = enabled(request["request"]["header"])
            # A live view has no end, and is closed.
            with urllib3.request(
                "GET", shop.url(service) + path, headers=headers, preload_content=False
            ) as answer:
                assert answer.status == 200, (path, answer.read())
            sent.add(path)
    assert {f"/{service}", f"/{service}/changes", "/health", "/metrics"} <= sent


def enabled(pairs):
    return {pair["key"]: pair["value"] for pair in pairs if not pair.get("disabled")}


def requests_of(folder):
    """Yield the requests of a collection of Postman and of its folders."""
    for item in folder["item"]:
        if "item" in item:
            yield from requests_of(item)
        else:
            yield item
