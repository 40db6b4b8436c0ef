"""The results of an import that ends before its last row."""

import json

import pytest

from vitrine.errors import StackError
from vitrine.transfer.importer import ImportReport
from vitrine.transfer.mapping import RowMapping
from vitrine.transfer.progress import ImportRun, open_log, open_report, reported_if_stopped

TAKE_BACK = "run it again to finish, or `vitrine import --undo x7` to take it back."


@pytest.fixture
def stop():
    """Stop an import by an error after some rows; return the text of the error."""

    def stop(error, rows):
        report = ImportReport()
        report.counts["created"] = rows
        report.fail(3, "price", "Is not a number.")
        with (
            pytest.raises(StackError) as raised,
            reported_if_stopped(report, RowMapping({}, [], [], [], None), "x7", False, "rows"),
        ):
            raise error
        return str(raised.value)

    return stop


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (StackError("Does not answer."), "Does not answer. Stopped after 2,000 rows;"),
        (KeyboardInterrupt(), "Interrupted after 2,000 rows;"),
    ],
)
def test_rows_and_errors_of_before_are_printed(stop, capsys, error, text):
    assert stop(error, 2000) == f"{text} {TAKE_BACK}"
    printed = capsys.readouterr().err
    assert "2,000 rows: 2,000 created" in printed
    assert "row 3, price: Is not a number." in printed


def test_an_error_before_the_first_row_stays_as_it_is(stop, capsys):
    assert stop(StackError("Does not answer."), 0) == "Does not answer."
    assert capsys.readouterr().err == ""


def changed(**counts):
    report = ImportReport()
    report.counts.update(counts)
    return report


def test_an_import_of_several_resources_has_one_id_and_one_line_about_its_undo(capsys):
    run = ImportRun("x7", has_parts=True)
    for report in (changed(created=2), changed(updated=1), changed(unchanged=5)):
        run.end(report, dry_run=False)
    assert not capsys.readouterr().err
    run.print_undo()
    assert capsys.readouterr().err == "`vitrine import --undo x7` takes this import back.\n"


def test_an_import_of_one_resource_says_at_its_end_how_it_is_undone(capsys):
    ImportRun("x7").end(changed(created=2), dry_run=True)
    ImportRun("x7").end(changed(unchanged=2), dry_run=False)
    assert not capsys.readouterr().err
    ImportRun("x7").end(changed(created=2), dry_run=False)
    assert "--undo x7" in capsys.readouterr().err


def test_one_file_has_the_errors_of_all_resources(tmp_path):
    path = tmp_path / "errors.jsonl"
    with open_log(str(path)) as log:
        run = ImportRun(has_parts=True, log=log)
        for resource in ("products", "orders"):
            with open_report(None, run, resource) as report:
                report.fail(3, "price", "Is not a number.")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["resource"] for line in lines] == ["products", "orders"]
    assert {line["row"] for line in lines} == {3}
