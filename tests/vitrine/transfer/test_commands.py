"""The options of ``vitrine import``: each resource has its own, and misplaced ones get a hint."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from tests.support.services import environment
from vitrine.cli import main
from vitrine.errors import StackError
from vitrine.transfer.options import resource_first
from vitrine.transfer.progress import open_log

RESOURCES = ("products", "clients", "categories", "orders", "images", "games")


class Refusing(BaseHTTPRequestHandler):
    """A service that refuses every request."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b'{"detail": "Nothing here."}'
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, args=(0.01,)).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(tmp_path, url):
    """Run an import of FILE or FOLDER, which every service refuses."""
    urls = {f"{name.upper()}_URL": url for name in (*RESOURCES, "toys")}
    env = environment(DATA_DIR=str(tmp_path / "data"), **urls)
    places = {"FILE": str(tmp_path / "x.csv"), "FOLDER": str(tmp_path)}
    Path(places["FILE"]).write_text("invoice,client,name\n1,2,X\n")
    return lambda *args: CliRunner().invoke(
        main, ["import", *(places.get(word, word) for word in args)], env=env
    )


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_help_of_a_resource_shows_its_own_options_only(run, resource):
    text = run(resource, "--help").stdout
    assert f"vitrine import {resource}" in text.replace("main import", "vitrine import")
    assert ("--join" in text) == (resource == "orders")
    assert ("--returns" in text) == (resource == "orders")
    assert ("--match" in text) == (resource == "images")
    assert ("--infer-attributes" in text) == (resource == "products")
    assert ("--key" in text) == (resource not in ("orders", "images"))


def test_the_help_lists_the_resources(run):
    text = run("--help").stdout
    assert all(f"  {name} " in text for name in RESOURCES if name != "games")


@pytest.mark.parametrize(
    ("args", "moved"),
    [
        (["--dry-run", "products", "x.csv"], ["products", "--dry-run", "x.csv"]),
        (["--map", "a=b", "orders", "x.csv"], ["orders", "--map", "a=b", "x.csv"]),
        (["--format=csv", "--yes", "games", "-"], ["games", "--format=csv", "--yes", "-"]),
        (["products", "--dry-run", "x.csv"], ["products", "--dry-run", "x.csv"]),
        (["--nope", "products", "x.csv"], ["--nope", "products", "x.csv"]),
        (["--dry-run"], ["--dry-run"]),
        (["--map"], ["--map"]),
        (["--help"], ["--help"]),
        ([], []),
    ],
)
def test_a_resource_after_options_is_moved_before_them(args, moved):
    assert resource_first(args) == moved


@pytest.mark.parametrize("resource", ["products", "toys"])
def test_options_before_the_resource_go_on_working_with_a_hint(run, resource):
    done = run("--key", "sku", "--dry-run", resource, "FILE")
    hint, error = done.stderr.strip().splitlines()
    assert hint.startswith(f"Write the resource first: vitrine import {resource} --key sku --dry")
    assert f"{resource} refused: Nothing here." in error


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (("clients", "--create-categories", "FILE"), "--create-categories"),
        (("categories", "--attributes", "a,b", "FILE"), "--attributes"),
        (("toys", "FILE", "--create-categories"), "--create-categories"),
        (("orders", "FILE", "--volatile", "price"), "--volatile"),
        (("images", "FOLDER", "--match", "sku", "--format", "csv"), "--format"),
    ],
)
def test_an_option_without_effect_goes_on_working_with_a_hint(run, args, option):
    done = run(*args)
    hint, *_, error = done.stderr.strip().splitlines()
    assert hint == f"{option} does nothing for {args[0]}; leave it out."
    assert "refused: Nothing here." in error


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("products", "FILE", "--join", "a=b"), "--join is for orders. See `vitrine import orders"),
        (("toys", "FILE", "--match", "sku"), "--match is for images. See `vitrine import images"),
        (("orders", "FILE", "--key", "sku"), "--key is not for orders; leave it out."),
        (("images", "FOLDER"), "Say which field names a photo's file, such as --match sku."),
        (("orders", "FILE", "--returns", "["), "--returns [: not a regular expression"),
    ],
)
def test_an_option_of_another_resource_is_refused_with_a_hint(run, args, error):
    done = run(*args)
    assert done.exit_code == 1
    assert error in done.stderr
    assert done.stderr.count("\n") == 1


def test_errors_that_cannot_be_written_are_named(tmp_path):
    path = str(tmp_path / "none" / "errors.jsonl")
    with (
        pytest.raises(StackError, match=r"--errors .* cannot be written: No such file"),
        open_log(path),
    ):
        pass
