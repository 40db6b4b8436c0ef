"""Output of an import: the progress bar while it runs, the counts and errors at its end."""

import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vitrine.transfer.importer import ImportReport
from vitrine.transfer.mapping import RowMapping
from vitrine.transfer.sources import RowSource

console = Console(stderr=True, highlight=False, soft_wrap=True)

RESULTS = ("created", "updated", "unchanged", "failed")


def run_with_progress(source: RowSource | None, steps: Iterator[int], total: int = 0) -> float:
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


def print_report(
    report: ImportReport, mapping: RowMapping, seconds: float, dry_run: bool, noun: str
) -> None:
    """Print the counts, the first errors and hints of an import.

    Args:
        report: The counts and errors.
        mapping: The mapping of the rows, which knows unmatched options and ignored columns.
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
    if counts["failed"] > len(report.errors):
        console.print("  … and more; --errors FILE writes all of them to a file.")
    if any("There is no category" in error for error in report.errors):
        console.print("--create-categories creates the missing categories.")
    if any("There is no client" in error for error in report.errors):
        console.print("--create-clients creates the missing clients.")
    for option in mapping.unmatched_options:
        console.print(f"Nothing in the file for {option}: is it misspelt?", markup=False)
    if not counts.total():
        console.print("The file has no rows.")
    if mapping.ignored_columns:
        columns = ", ".join(sorted(mapping.ignored_columns))
        console.print(f"Columns left out: {columns}", markup=False)
