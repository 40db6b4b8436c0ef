"""`vitrine imports`: the list of imports."""

import pytest
from click.testing import CliRunner
from rich.console import Console

from vitrine.commands import imports
from vitrine.commands.undo import KnownImport

ID = "undo-undo-20260131-093000-k3fd"


@pytest.fixture
def known(monkeypatch):
    changes = {"products": {"created": 163, "updated": 359}, "categories": {"created": 2}}
    one = KnownImport(ID, "2026-01-31T09:30:00.000Z", "ann", changes)
    monkeypatch.setattr(imports.undo, "find_imports", lambda services, number: [one])
    monkeypatch.setattr(imports.undo, "clients", lambda settings: [])


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_the_id_of_an_import_is_whole_in_a_narrow_terminal_too(known, monkeypatch, columns):
    console = Console(width=columns, soft_wrap=True)
    monkeypatch.setattr(imports, "console", console)
    said = CliRunner().invoke(imports.imports_command).output
    assert ID in said
    assert "2026-01-31 09:30" in said
    for change in ("products: 163 created", "products: 359 updated", "categories: 2 created"):
        assert change in said
    assert (" ann " in said) == (columns >= 100)
