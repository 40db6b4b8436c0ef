"""The files of the console's pages: small modules; those of the first page are preloaded."""

import re

import pytest

from tests.support.services import ROOT

STATIC = ROOT / "vitrine/console/static"
MODULES = sorted((STATIC / "js").rglob("*.js"))
IMPORT = re.compile(r'^import [^"]*"(\.[^"]+)";', re.M)
NAMED = re.compile(r'^import (?:\w+, )?{([^}]*)} from "(\.[^"]+)";', re.M)
EXPORT = re.compile(r"^export (?:async )?(?:const|let|class|function\*?) (\w+)", re.M)
MAX_LINES = 250


def needed(path, known):
    """Add a module and all that it imports to a set."""
    if path not in known:
        known.add(path)
        for name in IMPORT.findall(path.read_text()):
            needed((path.parent / name).resolve(), known)
    return known


def test_the_modules_of_the_first_page_are_preloaded():
    """Otherwise a browser finds them one after the other."""
    main = STATIC / "js/main.js"
    page = (STATIC / "index.html").read_text()
    listed = re.findall(r'<link rel="modulepreload" href="/static/(js/[^"]+)">', page)
    first = needed(main, set()) - {main}
    assert sorted(listed) == sorted(str(path.relative_to(STATIC)) for path in first)


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
