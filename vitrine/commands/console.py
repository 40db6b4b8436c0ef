"""``vitrine console``: open the console of a stack in a browser."""

import html
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import urllib3
from rich.console import Console

from shared.config.settings import Settings, is_set
from shared.http.tokens import Tokens
from vitrine import stack
from vitrine.client import check_secret
from vitrine.commands.token import scope_names
from vitrine.errors import StackError

PORT = 5555
TOKEN_SECONDS = 8 * 3600
START_SECONDS = 20  # until the console must answer
POLL_SECONDS = 0.1
ASK_SECONDS = 3.0  # that a service has to say whether it asks for tokens
READ_SECONDS = 10.0  # that a browser has to read the file that leads to the console
_PREFIX = "console-"
_WAY = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={0}">
<title>Vitrine</title>
<p><a href="{0}">To the console</a></p>
"""

console = Console(highlight=False, soft_wrap=True)


@click.command("console")
@click.option("--token", metavar="TOKEN", help="Sign in with TOKEN instead of one made here.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=("admin",),
    show_default=True,
    metavar="SCOPE",
    help="Scope of the token that is made here. May be repeated.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
def console_command(token: str | None, scopes: tuple[str, ...], no_browser: bool) -> None:
    """Open the console of a stack in a browser.

    For a stack of this machine it opens the console that `vitrine up` has started. For another one,
    name its services by PRODUCTS_URL, CLIENTS_URL, CATEGORIES_URL and ORDERS_URL; the console then
    runs here until Ctrl-C.

    With AUTH_MODE=token the address holds a token for eight hours, made with SECRET_KEY. The page
    takes it out of the address at once. The browser gets the address by a file of DATA_DIR that
    only you can read, and that is removed after ten seconds.
    """
    from vitrine.console.access import user_name

    settings = Settings.from_env()
    folder = stack.data_folder(settings)
    running = stack.asked_for(settings)
    urls = {} if running and running.console_url else stack.addresses(settings)
    mode = running.auth_mode if running else settings.auth_mode
    if token:
        mode = "token"
    elif not running and mode == "open" and need_tokens(urls.values()):
        mode = "token"
        if not is_set("secret_key"):
            raise StackError(
                "The services ask for tokens. Set AUTH_MODE=token and their SECRET_KEY, or send "
                "--token TOKEN."
            )
    fragment = ""
    if mode == "token":
        if not token:
            check_secret(settings)
            if not settings.secret_key:
                raise StackError("Set SECRET_KEY to that of the stack, or send --token TOKEN.")
            token = Tokens(settings).mint(user_name(), scope_names(scopes), TOKEN_SECONDS)
        fragment = f"#token={token}"
    if running and running.console_url:
        _open(running.console_url, fragment, None if no_browser else folder)
        return
    # The services check each token, so the console needs no key to serve pages with tokens.
    served = settings if mode == settings.auth_mode else replace(settings, auth_mode=mode)
    _serve(served, urls, fragment, None if no_browser else folder)


def need_tokens(urls: Iterable[str]) -> bool:
    """Return True if the first service that answers refuses a request without a token."""
    for url in urls:
        target = f"{url.rstrip('/')}/__cache?key=-"
        try:
            answer = urllib3.request("GET", target, retries=False, timeout=ASK_SECONDS)
        except urllib3.exceptions.HTTPError:
            continue
        if answer.status in (401, 403, 404):
            return answer.status == 401
    return False


def _serve(settings: Settings, urls: dict[str, str], fragment: str, folder: Path | None) -> None:
    """Serve the console here, and open it when it answers."""
    from vitrine.console.server import serve
    from vitrine.local.processes import free_port

    place = f"127.0.0.1:{free_port(PORT)}"
    opening = threading.Thread(
        target=_open_when_ready, args=(f"http://{place}", fragment, folder), daemon=True
    )
    opening.start()
    try:
        serve(settings, urls, place)
    finally:
        if folder:
            for left in folder.glob(f"{_PREFIX}*.html"):  # The thread ends without its clean-up.
                left.unlink(missing_ok=True)


def _open_when_ready(url: str, fragment: str, folder: Path | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib3.request("GET", f"{url}/session", retries=False, timeout=1.0)
        except urllib3.exceptions.HTTPError:
            time.sleep(POLL_SECONDS)
        else:
            _open(url, fragment, folder)
            return


def _open(url: str, fragment: str, folder: Path | None) -> None:
    """Open the console in a browser, with a file in a folder; print its address without one."""
    address = f"{url}/{fragment}"
    if folder and not fragment and webbrowser.open(address):
        console.print(f"The console is open in a browser: {url}")
        return
    if folder and fragment:
        try:
            with way_to(address, folder) as file:
                if webbrowser.open(file.as_uri()):
                    console.print(f"The console is open in a browser: {url}")
                    time.sleep(READ_SECONDS)
                    return
        except OSError as error:
            console.print(f"No file can be made in {folder}: {error.strerror}.")
    click.echo(address)


@contextmanager
def way_to(address: str, folder: Path) -> Iterator[Path]:
    """Make a page that leads to an address, and remove it at the end of the block.

    Every user of the machine sees the arguments of a browser, but only the owner reads this file.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = tempfile.NamedTemporaryFile(  # noqa: SIM115
        "w", encoding="utf-8", dir=folder, prefix=_PREFIX, suffix=".html", delete=False
    )
    path = Path(file.name)
    try:
        with file:
            file.write(_WAY.format(html.escape(address)))
        yield path.resolve()
    finally:
        path.unlink(missing_ok=True)
