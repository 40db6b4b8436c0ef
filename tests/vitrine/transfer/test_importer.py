"""The report of an import: equal errors once, each with its place."""

import io

from vitrine.transfer.importer import ImportReport


def test_equal_errors_are_one_with_their_rows_and_columns():
    report = ImportReport(file="a.csv")
    for row in (2, 4, 5, 9):
        report.fail(row, "Price", "Is not an amount.")
    report.fail(7, "", "Is no object.")
    assert report.errors == [
        "a.csv: rows 2, 4, 5 and 1 more, Price: Is not an amount.",
        "a.csv: row 7: Is no object.",
    ]


def test_an_item_that_no_row_is_about_has_no_place():
    report = ImportReport(log=io.StringIO())
    report.fail(None, "", "/categories/3 stays: It has products.")
    report.fail(0, "name", "Is null.")
    assert report.errors == [
        "/categories/3 stays: It has products.",
        "a parent without a row of its own, name: Is null.",
    ]
    assert report.log.getvalue().startswith('{"row":null,')


def test_only_attributes_are_counted_as_removed():
    report = ImportReport()
    removed = ["/attributes/a~1b", "/options/Size"]
    report.add({"result": "updated", "removed": removed})
    assert report.removed == {"a/b": 1}
