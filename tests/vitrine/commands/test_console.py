"""``vitrine console``: the token stays out of the arguments of a browser; services elsewhere."""

import threading
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner

from vitrine.cli import main
from vitrine.commands import console as command

URL = "http://127.0.0.1:5555"


class Way(HTMLParser):
    """The address that a page leads to."""

    def handle_starttag(self, tag, attrs):
        if dict(attrs).get("http-equiv") == "refresh":
            self.address = dict(attrs)["content"].partition("url=")[2]


@pytest.fixture
def browser(monkeypatch):
    """The arguments of the browser, and the address and the mode of the file that it reads."""
    seen = {"args": [], "address": "", "mode": 0}

    def start(url):
        seen["args"].append(url)
        if url.startswith("file:"):
            path = command.Path(unquote(urlsplit(url).path))
            seen["mode"] = path.stat().st_mode & 0o777
            page = Way()
            page.feed(path.read_text())
            seen["address"] = page.address
        return True

    monkeypatch.setattr(command.webbrowser, "open", start)
    monkeypatch.setattr(command, "READ_SECONDS", 0)
    return seen


def test_no_argument_of_the_browser_has_the_token(browser, tmp_path, capsys):
    folder = tmp_path / "data with space"
    command._open(URL, "#token=ey.secret", folder)
    assert browser["args"]
    assert "secret" not in "".join(browser["args"])
    assert browser["address"] == f"{URL}/#token=ey.secret"
    assert browser["mode"] == 0o600
    assert list(folder.iterdir()) == []
    assert "secret" not in capsys.readouterr().out


def test_without_a_token_the_address_is_opened_itself(browser, tmp_path):
    command._open(URL, "", tmp_path)
    assert browser["args"] == [f"{URL}/"]


def test_without_a_browser_the_address_is_printed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command.webbrowser, "open", lambda url: False)
    for folder in (tmp_path, None):
        command._open(URL, "#token=ey", folder)
        assert capsys.readouterr().out == f"{URL}/#token=ey\n"
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_to_write_the_address_is_printed(browser, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    command._open(URL, "#token=ey", tmp_path / "file")
    assert f"{URL}/#token=ey" in capsys.readouterr().out
    assert browser["args"] == []


@pytest.fixture
def service():
    """A service elsewhere; the status with which it answers a request without a token."""

    class Handler(BaseHTTPRequestHandler):
        status = 401

        def do_GET(self):
            self.send_response(self.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    Handler.url = f"http://127.0.0.1:{server.server_port}"
    yield Handler
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "needed"), [(401, True), (403, False), (404, False), (503, False)]
)
def test_a_service_says_whether_it_needs_tokens(service, status, needed):
    service.status = status
    assert command.need_tokens(["http://127.0.0.1:9", f"{service.url}/"]) is needed


def test_services_that_need_tokens_are_not_shown_without_one(service, monkeypatch, tmp_path):
    for name in ("AUTH_MODE", "SECRET_KEY", "CLIENTS_URL", "CATEGORIES_URL", "ORDERS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PRODUCTS_URL", service.url)
    served = []
    monkeypatch.setattr(command, "_serve", lambda *args: served.append(args))
    refused = CliRunner().invoke(main, ["console"])
    assert refused.exit_code == 1
    assert "Set AUTH_MODE=token and their SECRET_KEY, or send --token TOKEN." in refused.output
    assert served == []
    monkeypatch.setenv("SECRET_KEY", "0123456789abcdef" * 2)
    assert CliRunner().invoke(main, ["console"]).exit_code == 0
    ((settings, urls, fragment, folder),) = served
    assert (settings.auth_mode, urls, folder) == ("token", {"products": service.url}, tmp_path)
    assert fragment.startswith("#token=ey")
