"""The files of the console's pages: small modules, each with a page that knows it."""

import re

import pytest

from tests.support.services import ROOT
from vitrine.console.pages import PAGES

STATIC = ROOT / "vitrine/console/static"
MODULES = sorted((STATIC / "js").rglob("*.js"))
NAMED = re.compile(r'^import (?:\w+, )?{([^}]*)} from "(\.[^"]+)";', re.M)
EXPORT = re.compile(r"^export (?:async )?(?:const|let|class|function\*?) (\w+)", re.M)
MAX_LINES = 250


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(STATIC / "js")))
def test_a_module_says_what_it_is_for_and_is_small(path):
    text = path.read_text()
    assert text.startswith("/**")
    assert len(text.splitlines()) <= MAX_LINES
    for forbidden in ("innerHTML", "eval(", "document.write", "localStorage", "document.cookie"):
        assert forbidden not in text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(STATIC / "js")))
def test_a_module_imports_what_others_export(path):
    """Else a browser loads none of the modules of a page."""
    for names, other in NAMED.findall(path.read_text()):
        text = (path.parent / other).resolve().read_text()
        asked = {name.partition(" as ")[0].strip() for name in names.split(",")} - {""}
        assert asked <= set(EXPORT.findall(text)), other


def test_each_page_has_an_address_and_a_module_of_its_name():
    """The server names the modules of a page by it, before the page is loaded."""
    table = re.findall(r'path: "/(\w*)".*import\("([^"]+)"\)', (STATIC / "js/pages.js").read_text())
    assert dict(table) == {name: f"./pages/{name or 'overview'}.js" for name in ("", *PAGES)}
