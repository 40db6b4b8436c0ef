"""Files for spreadsheets, and the way back."""

import csv
import io

import pytest

from vitrine.transfer.files.guarded_cells import cell_value, guarded, unguarded
from vitrine.transfer.sources import RowSource
from vitrine.transfer.spreadsheet import write_rows

FORMULAS = ["=cmd()", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=x", "＝1", "-", "-10 %"]
VALUES = ["007", "1", "1.50", "1,5", "1E5", "2024-01-05", "1/2", "10:30", "true", "FALSE", "[1]"]
PLAIN = ["Cup", "'s-Hertogenbosch", "a=b", "1 kg", "5'11", "E5", "x-1", "{}", '"quoted"', "null"]
APOSTROPHES = ["", "'", "''", "'=1", "'007", "''5", "'[", "'true"]


@pytest.mark.parametrize("text", FORMULAS + VALUES)
def test_a_text_that_a_program_would_misread_gets_an_apostrophe(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_another_text_stays_as_it_is(text):
    assert guarded(text) == unguarded(text) == text


@pytest.mark.parametrize("text", FORMULAS + VALUES + PLAIN + APOSTROPHES)
def test_an_import_reads_what_was_exported(text):
    assert unguarded(guarded(text)) == text


@pytest.fixture
def export(tmp_path):
    """Write items for a spreadsheet; return the text and the rows that an import reads."""

    def export(*items):
        file = io.StringIO(newline="")
        assert write_rows(items, file, ["sku", "name", "price", "attributes"], "attributes") == len(
            items
        )
        path = tmp_path / "x.csv"
        path.write_text(file.getvalue(), encoding="utf-8", newline="")
        with RowSource(str(path), None) as source:
            return file.getvalue(), [row for _, row in source.rows()]

    return export


def test_each_attribute_has_a_column_and_keeps_its_type(export):
    attributes = [
        {"zip": "007", "size": 7, "new": True, "note": "=1+1"},
        {"zip": 7, "size": "7", "tags": ["a", 1, False], "temp": -10, "ratio": 0.5},
        {"note": "", "old": "[1]", "no": False, "text": "null", "json": '{"a": 1}', "q": '"x"'},
    ]
    text, rows = export(*({"name": f"P{n}", "attributes": a} for n, a in enumerate(attributes)))
    assert text.startswith('\ufeff"sku","name","price","attr.zip","attr.size","attr.new"')
    read = [
        {name.removeprefix("attr."): v for name, v in row.items() if name.startswith("attr.")}
        for row in rows
    ]
    assert read == attributes
    assert [[type(v) for v in each.values()] for each in read] == [
        [type(each[name]) for name in back] for each, back in zip(attributes, read, strict=True)
    ]


def test_no_cell_is_a_formula(export):
    item = {"sku": "=cmd()", "name": "@x", "price": -1.5, "attributes": {"=a": "+1", "t": -10}}
    text, rows = export(item)
    (header, cells) = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert cells == ["'=cmd()", "'@x", "-1.5", "'+1", "-10"]
    assert not [cell for cell in header if cell.startswith(("=", "+", "-", "@"))]
    assert rows == [
        {"sku": "=cmd()", "name": "@x", "price": "-1.5", "attr.=a": "+1", "attr.t": -10}
    ]


def test_cells_with_separators_of_any_country_are_quoted(export):
    text, _ = export({"sku": "a;=cmd()", "name": "b\tc"})
    assert '"a;=cmd()","b\tc"' in text


@pytest.mark.parametrize(("cell", "value"), [("TRUE", True), ("False", False), ("'TRUE", "TRUE")])
def test_a_boolean_is_read_as_a_spreadsheet_saves_it(cell, value):
    assert cell_value("attr.new", cell) == value
    assert cell_value("new", cell) == cell.removeprefix("'")
