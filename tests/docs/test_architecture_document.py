"""Every name in docs/architecture.md is in the code; every package lists its modules."""

import ast
import importlib
import re

import pytest

from tests.support.services import ROOT, SERVICES
from tests.test_architecture import PACKAGES

TEXT = (ROOT / "docs" / "architecture.md").read_text()
CODE = sorted(set(re.findall(r"`([\w./]+)`", TEXT)))
FILES = (".py", ".md")
PATHS = [name for name in CODE if "/" in name and not name.startswith("/")]
NAMES = [name for name in CODE if re.fullmatch(r"\w+(\.\w+)+", name) and name[-3:] not in FILES]
KIT = [name for name in NAMES if name.partition(".")[0] in PACKAGES]
FOLDERS = [
    init.parent
    for top in ("shared", "vitrine", *SERVICES)
    for init in sorted((ROOT / top).rglob("__init__.py"))
    if init.parent.name != "shared"
]
# Files that every service has.
FIXED = {"__init__", "__main__", "app", "resource", "views"}
SERVICE = [name for name in NAMES if name.startswith("api_")]


def resolve(name):
    """Return the object of a dotted name: its longest prefix that is a module, then attributes."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[count:]:
            found = getattr(found, attribute)
        return found
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize("path", PATHS)
def test_paths_exist(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", KIT)
def test_names_of_the_kit_exist(name):
    assert resolve(f"shared.{name}")


@pytest.mark.parametrize("name", SERVICE)
def test_names_of_services_exist(name):
    assert resolve(name)


def test_each_package_is_in_the_picture_in_its_order():
    picture = TEXT.partition("```text drawing")[2].partition("```")[0]
    assert re.findall(r"^ ([a-z]+)  ", picture, re.MULTILINE)[: len(PACKAGES)] == PACKAGES


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_the_docstring_of_a_package_lists_its_modules(folder):
    listed = ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    fixed = FIXED if folder.name in SERVICES else {"__init__", "__main__"}
    modules = {path.stem for path in folder.glob("*.py")} - fixed
    assert {name for name in modules if f"``{name}``" not in listed} == set()
