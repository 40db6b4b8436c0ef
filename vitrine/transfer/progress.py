"""What an import shows while it runs, and in the end."""

import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vitrine.transfer.importer import Report
from vitrine.transfer.mapping import Shape
from vitrine.transfer.sources import Source

console = Console(stderr=True, highlight=False, soft_wrap=True)


def with_progress(source: Source | None, steps: Iterator[int], total: int = 0) -> float:
    """Run an import with a bar of the bytes read, or of the rows; return its seconds."""
    started = time.monotonic()
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        whole = source.size if source else total
        task = progress.add_task("", total=whole)
        for done in _or_nothing(steps):
            rate = done / (time.monotonic() - started)
            progress.update(
                task,
                completed=source.position if source else done,
                description=f"{done:,} rows, {rate:,.0f}/s",
            )
        progress.update(task, completed=whole)
    return time.monotonic() - started


def _or_nothing(steps: Iterator[int]) -> Iterator[int]:
    yield 0
    yield from steps


def show(report: Report, shape: Shape, seconds: float, dry_run: bool, what: str) -> None:
    """Print what became of an import."""
    counts = report.counts
    would = "would be " if dry_run else ""
    parts = [f"{counts[name]:,} {name}" for name in ("created", "updated", "unchanged", "failed")]
    console.print(
        f"{counts.total():,} {what}: {would}{', '.join(parts)} in {seconds:.1f} s "
        f"({counts.total() / max(seconds, 0.001):,.0f} {what}/s)"
    )
    for error in report.errors:
        console.print("  " + error, markup=False)
    if counts["failed"] > len(report.errors):
        console.print("  … and more; --errors FILE keeps all of them.")
    if any("There is no category" in error for error in report.errors):
        console.print("--create-categories makes the categories that are missing.")
    if any("There is no client" in error for error in report.errors):
        console.print("--create-clients makes the clients that are missing.")
    for option in shape.not_found:
        console.print(f"Nothing in the file for {option}: is it misspelt?", markup=False)
    if not counts.total():
        console.print("The file has no rows.")
    if shape.left_out:
        console.print(f"Columns left out: {', '.join(sorted(shape.left_out))}", markup=False)
