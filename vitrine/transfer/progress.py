"""Output of an import: the progress bar while it runs, the counts and errors at its end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vitrine.client import Client
from vitrine.commands.undo import new_id
from vitrine.errors import StackError
from vitrine.transfer.columns.summary import missing_columns
from vitrine.transfer.identity import RowIdentity
from vitrine.transfer.importer import ImportReport, NumberedRows, place_of
from vitrine.transfer.mapping import RowMapping

console = Console(stderr=True, highlight=False, soft_wrap=True)

RESULTS = ("created", "updated", "unchanged", "failed")


def run_with_progress(source: NumberedRows | None, steps: Iterator[int], total: int = 0) -> float:
    """Run an import and show a progress bar; return the seconds it took.

    Args:
        source: The file whose bytes the bar counts; None to count rows.
        steps: Yields the number of rows that are done.
        total: The number of rows, without a source.
    """
    started = time.monotonic()
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        size = source.size if source else total
        task = progress.add_task("", total=size)
        progress.update(task, description="0 rows")
        for rows in steps:
            rate = rows / (time.monotonic() - started)
            progress.update(
                task,
                completed=source.position if source else rows,
                description=f"{rows:,} rows, {rate:,.0f}/s",
            )
        progress.update(task, completed=size)
    return time.monotonic() - started


@dataclass(slots=True)
class ImportRun:
    """One import of the history: of one resource, or of several, one after another.

    Attributes:
        id: Its id.
        has_parts: It may import several resources, of which each has a report.
        log: The file of the errors of all parts, if there is one.
        changes: The number of items that it has created, changed or removed.
    """

    id: str = field(default_factory=new_id)
    has_parts: bool = False
    log: TextIO | None = None
    changes: int = 0

    def end(self, report: ImportReport, dry_run: bool) -> None:
        """Count the changes of a report; print how the import is undone, unless it goes on."""
        if not dry_run:
            done = report.counts
            self.changes += done["created"] + done["updated"] + report.missing.total()
        if not self.has_parts:
            self.print_undo()

    def print_undo(self) -> None:
        """Print how the import is undone, if it has changed anything."""
        if self.changes:
            console.print(f"`vitrine import --undo {self.id}` takes this import back.")


@contextmanager
def open_log(errors: str | None) -> Iterator[TextIO | None]:
    """Yield the file of errors that an option names, or None.

    Raises:
        StackError: The file cannot be written.
    """
    if not errors:
        yield None
        return
    try:
        log = Path(errors).open("w")  # noqa: SIM115
    except OSError as error:
        raise StackError(f"--errors {errors} cannot be written: {error.strerror}.") from error
    with log:
        yield log


@contextmanager
def open_report(errors: str | None, run: ImportRun, resource: str) -> Iterator[ImportReport]:
    """Yield the report of one resource, which writes its errors to a file, if there is one.

    Args:
        errors: The file that an option names.
        run: The import; if it has parts, its own file is written, with the resource of each error.
        resource: The resource.

    Raises:
        StackError: The file cannot be written.
    """
    if run.has_parts:
        yield ImportReport(log=run.log, resource=resource)
        return
    with open_log(errors) as log:
        yield ImportReport(log=log)


@contextmanager
def reported_if_stopped(
    report: ImportReport, mapping: RowMapping, id: str, dry_run: bool, noun: str
) -> Iterator[None]:
    """Print the results of an import that is interrupted or fails, before its error.

    Args:
        report: The counts and errors.
        mapping: The mapping of the rows, which knows the columns.
        id: The import.
        dry_run: Say "would be".
        noun: The counted thing, such as "rows".

    Raises:
        StackError: The import was interrupted, or failed after some rows; says how to go on.
    """
    started = time.monotonic()
    try:
        yield
    except (KeyboardInterrupt, StackError) as error:
        count = report.counts.total()
        if isinstance(error, StackError) and not count:
            raise
        if count:
            print_report(report, mapping, time.monotonic() - started, dry_run, noun)
        reason = f"{error} Stopped" if isinstance(error, StackError) else "Interrupted"
        undo = "" if dry_run else f", or `vitrine import --undo {id}` to take it back"
        raise StackError(
            f"{reason} after {count:,} {noun}; run it again to finish{undo}."
        ) from None


def print_report(
    report: ImportReport, mapping: RowMapping, seconds: float, dry_run: bool, noun: str
) -> None:
    """Print the counts, the first errors and hints of an import.

    Args:
        report: The counts and errors.
        mapping: The mapping of the rows, which knows the columns.
        seconds: The time it took.
        dry_run: Say "would be".
        noun: The counted thing, such as "rows".
    """
    counts = report.counts
    would = "would be " if dry_run else ""
    parts = [f"{counts[result]:,} {result}" for result in RESULTS]
    console.print(
        f"{counts.total():,} {noun}: {would}{', '.join(parts)} in {seconds:.1f} s "
        f"({counts.total() / max(seconds, 0.001):,.0f} {noun}/s)"
    )
    for error in report.errors:
        console.print("  " + error, markup=False)
    if report.other_errors:
        console.print(
            f"  … and {report.other_errors:,} more; --errors FILE writes all of them to a file."
        )
    if any("There is no category" in error for error in report.errors):
        console.print("--create-categories creates the missing categories.")
    if any("There is no client" in error for error in report.errors):
        console.print("--create-clients creates the missing clients.")
    for sentence in missing_columns(mapping, report.failed_columns):
        console.print(sentence, markup=False)
    if not counts.total():
        console.print("The file has no rows.")


def note_lines(mapping: RowMapping) -> Iterator[str]:
    """Yield how often a mapping has changed something, by the reason."""
    for text, count in mapping.notes.items():
        yield f"{count:,} {text}"


def print_notes(mapping: RowMapping) -> None:
    """Print how often a mapping has changed something, by the reason."""
    for line in note_lines(mapping):
        console.print(line)


def print_identity(
    report: ImportReport, identity: RowIdentity, client: Client, dry_run: bool
) -> None:
    """Print how items were found, and what they lost.

    Args:
        report: The counts.
        identity: The keys of the rows.
        client: The service.
        dry_run: Say "would be".
    """
    for line in identity_lines(report, identity, client.service, dry_run):
        console.print(line, markup=False)


def identity_lines(
    report: ImportReport, identity: RowIdentity, service: str, dry_run: bool
) -> Iterator[str]:
    """Yield how items were found, and what they lost; the arguments are as above."""
    new = report.counts["created"]
    if column := identity.adopted_column:
        yield (
            f"Column {column} is kept as external_ref, by which these {service} are found again."
        )
    if report.same_names:
        # Services look for these in a dry run only.
        yield (
            f"{new:,} of {report.counts.total():,} would be new, and {report.same_names:,} of "
            f"these have the names of {service} that are there. To change those instead, give the "
            "rows a key that they have: see --map and --key."
        )
    if report.renamed.count:
        verb = "would give" if dry_run else "gave"
        yield (
            f"{place_of(report.renamed)} {verb} {service} that were there another name. If those "
            "are others with the same key, such as of a second shop, `vitrine import shop --source "
            "SHOP` keeps the shops apart."
        )
    if report.removed:
        names = ", ".join(f"{name} ({count:,})" for name, count in report.removed.most_common())
        verb = "would be removed" if dry_run else "removed"
        yield f"Attributes {verb}: {names}"
    if report.is_missing_skipped:
        yield "Nothing was looked for with --missing, because not every row was imported."
    for done, count in report.missing.items():
        verb = "would be" if dry_run else "were"
        yield f"{count:,} {service} that the file no longer has {verb} {done}."
