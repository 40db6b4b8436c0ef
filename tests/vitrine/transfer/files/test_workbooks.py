"""XLSX: sheets, headers, numbers and days; broken, hostile and wrong files."""

import io
import re
import zipfile
from datetime import date, datetime, time

import openpyxl
import pytest

from vitrine.errors import StackError
from vitrine.transfer.sources import ReadOptions, RowSource


@pytest.fixture
def workbook(tmp_path):
    """Write sheets of rows to a file and return its path."""

    def write(name="shop.xlsx", **sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        path = tmp_path / name
        book.save(path)
        return path

    return write


def rows(path, **options):
    with RowSource(str(path), ReadOptions(**options)) as source:
        assert list(source.rows()) == list(source.rows())
        return list(source.rows())


def changed(path, part, change):
    """Change the text of a part of a workbook."""
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            new.writestr(name, change(text) if name == part else text)
    path.write_bytes(content.getvalue())
    return path


SHEET = "xl/worksheets/sheet1.xml"


def test_cells_are_the_texts_that_csv_has(workbook):
    day = date(2026, 1, 31)
    path = workbook(
        Shop=[
            ["name", "price", "stock", "sold", "on sale", "since", "at", "hour", "small"],
            [
                "Tea",
                12.5,
                3,
                4.0,
                True,
                day,
                datetime(2026, 1, 31, 9, 5),
                time(8),
                0.1,
            ],
            ["Cup", 0.1 + 0.2, 4006381333931, 1e16, False, None, None, None, 1e-7],
        ]
    )
    first, second = (row for _, row in rows(path))
    assert first == {
        **{"name": "Tea", "price": "12.5", "stock": "3", "sold": "4", "on sale": "true"},
        **{"since": "2026-01-31", "at": "2026-01-31 09:05:00", "hour": "08:00:00", "small": "0.1"},
    }
    assert second == {
        **{"name": "Cup", "price": "0.3", "stock": "4006381333931", "sold": "10000000000000000"},
        **{"on sale": "false", "small": "0.0000001"},
    }


def test_leading_zeros_that_the_sheet_shows_stay(workbook):
    book = openpyxl.Workbook()
    book.active.append(["name", "ean"])
    book.active.append(["Tea", 12345670])
    book.active["B2"].number_format = "0000000000000"
    path = workbook(Shop=[["x"]])
    book.save(path)
    assert rows(path) == [(2, {"name": "Tea", "ean": "0000012345670"})]


def test_rows_have_the_numbers_of_the_sheet(workbook):
    path = workbook(Shop=[["name", "sku"], [], ["Tea", "T"], [None, ""], ["Cup", "C"]])
    assert [number for number, _ in rows(path)] == [3, 5]


def test_titles_above_the_header_are_left_out(workbook):
    path = workbook(Shop=[["Our prices"], [], ["name", "price"], ["Tea", 5]])
    with RowSource(str(path)) as source:
        assert source.header == ["name", "price"]
        assert source.label == "XLSX, sheet 'Shop', header in row 3"
        assert list(source.rows()) == [(4, {"name": "Tea", "price": "5"})]


def test_a_note_beside_the_table_is_not_its_header(workbook):
    path = workbook(
        Note=[["Read this first"], ["Prices are old"]],
        Shop=[["Prices", "2026"], ["name", "sku", "price", "brand", ""], ["Tea", "T", 5, "L", "!"]],
    )
    with RowSource(str(path)) as source:
        assert source.label == "XLSX, sheet 'Shop', header in row 2"


def test_a_format_may_name_the_first_row_of_its_header(workbook):
    path = workbook(Shop=[["Name", "Number"], ["name", "sku"], ["Tea", "T"]])
    assert rows(path, header_row=2) == [(3, {"name": "Tea", "sku": "T"})]


def test_the_first_visible_sheet_with_a_header_is_read_and_the_others_are_named(workbook):
    path = workbook(
        Hidden=[["a", "b"]], Empty=[], Shop=[["name", "sku"], ["Tea", "T"]], More=[["x", "y"]]
    )
    book = openpyxl.load_workbook(path)
    book["Hidden"].sheet_state = "hidden"
    book.save(path)
    with RowSource(str(path)) as source:
        assert source.label == ("XLSX, sheet 'Shop'; other sheets: 'More', choose one with --sheet")
    assert rows(path) == [(2, {"name": "Tea", "sku": "T"})]


@pytest.mark.parametrize("sheet", ["more", "2"])
def test_a_sheet_is_chosen_by_its_name_or_its_number(workbook, sheet):
    path = workbook(Shop=[["name", "sku"], ["Tea", "T"]], More=[["name", "sku"], ["Cup", "C"]])
    assert rows(path, sheet=sheet) == [(2, {"name": "Cup", "sku": "C"})]


def test_a_sheet_that_does_not_exist_is_refused_with_the_names(workbook, tmp_path):
    path = workbook(Shop=[["name", "sku"]], More=[["name", "sku"]])
    with pytest.raises(StackError, match=r"--sheet 3: the sheets of .* are Shop, More"):
        rows(path, sheet="3")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(StackError, match="--sheet is for XLSX"):
        rows(tmp_path / "a.csv", sheet="1")


def test_a_workbook_is_known_by_its_content(workbook):
    path = workbook("export.csv", Shop=[["name", "sku"], ["Tea", "T"]])
    assert rows(path) == [(2, {"name": "Tea", "sku": "T"})]


def test_a_size_that_the_sheet_states_wrongly_does_not_matter(workbook):
    path = workbook(Shop=[["name", "sku"], ["Tea", "T"]])
    changed(path, SHEET, lambda text: text.replace('ref="A1:B2"', 'ref="A1"'))
    assert rows(path) == [(2, {"name": "Tea", "sku": "T"})]


def test_a_formula_gives_its_value(workbook):
    path = workbook(Shop=[["name", "price"], ["Tea", "=2*3"]])
    with pytest.raises(StackError, match=r"the formula in B2 has no value. Open the file"):
        rows(path)
    changed(path, SHEET, lambda text: re.sub(r"<v ?/>|<v></v>", "<v>6</v>", text))
    assert rows(path) == [(2, {"name": "Tea", "price": "6"})]


def test_an_error_in_a_cell_is_named(workbook):
    path = workbook(Shop=[["name", "price"], ["Tea", "#REF!"]])
    with pytest.raises(StackError, match=r"the cell B2 has the error #REF!. Correct its formula"):
        rows(path)


def test_a_sheet_without_a_header_is_refused(workbook):
    with pytest.raises(StackError, match="has no sheet with a header"):
        rows(workbook(Shop=[[], [1, 2]]))


def test_two_columns_with_one_name_are_refused(workbook):
    with pytest.raises(StackError, match="Columns 1 and 2 are both named 'price'"):
        rows(workbook(Shop=[["price", "Price ".strip().lower()], [1, 2]]))


@pytest.mark.parametrize("size", [100, 1000, -200])
def test_a_broken_workbook_is_refused(workbook, size):
    path = workbook(Shop=[["name", "sku"], ["Tea", "T"]])
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(StackError, match="is a broken archive"):
        rows(path)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (SHEET, "<worksheet"),
        ("xl/workbook.xml", "<workbook/>"),
        ("xl/workbook.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        (SHEET, '<!DOCTYPE a [<!ENTITY b "c">]><worksheet>&b;</worksheet>'),
    ],
)
def test_a_part_that_is_broken_or_hostile_is_refused(workbook, part, text):
    path = changed(workbook(Shop=[["name", "sku"], ["Tea", "T"]]), part, lambda _: text)
    with pytest.raises(StackError, match=r"is broken and cannot be read|has no sheet"):
        rows(path)


def test_a_bomb_is_refused_before_it_is_unpacked(workbook):
    path = workbook(Shop=[["name", "sku"], ["Tea", "T"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * 50_000_000)
    with pytest.raises(StackError, match="is too large when it is unpacked"):
        rows(path)


@pytest.mark.slow
def test_a_row_far_below_the_end_of_a_sheet_is_refused(workbook):
    path = workbook(Shop=[["name", "sku"], ["Tea", "T"]])
    changed(path, SHEET, lambda text: text.replace('r="2"', 'r="99999999"').replace("A2", "A9"))
    with pytest.raises(StackError, match=r"more rows or columns|is broken"):
        rows(path)


def test_an_archive_of_other_files_is_refused(tmp_path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("products.csv", "a,b\n1,2\n")
    with pytest.raises(StackError, match=r"not an XLSX workbook. Unpack it"):
        rows(path)


def test_a_workbook_with_a_password_is_refused(workbook):
    path = workbook(Shop=[["name", "price"], ["Tea", 5]])
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of each part
        start = content.find(mark)
        while start >= 0:
            content[start + place] |= 1
            start = content.find(mark, start + 4)
    path.write_bytes(content)
    with pytest.raises(StackError, match=r"is protected by a password\. Save it without one"):
        rows(path)


def test_a_damaged_part_of_a_workbook_is_refused(workbook):
    path = workbook(Shop=[["name", "price"], *([f"Tea {n}", n] for n in range(500))])
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(SHEET).header_offset
    content = bytearray(path.read_bytes())
    content[start + 200 : start + 210] = b"\xff" * 10
    path.write_bytes(content)
    with pytest.raises(StackError, match="is broken and cannot be read"):
        rows(path)


def test_a_sheet_has_the_limit_of_copies(workbook):
    path = workbook(Shop=[["name"], *[["Tea" * 100]] * 40])
    assert len(rows(path, max_bytes=20_000)) == 40
    with pytest.raises(StackError, match="is larger than 0 MB as CSV"):
        rows(path, max_bytes=10_000)
