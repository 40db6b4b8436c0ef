"""Rows per second of ``vitrine import``: read, validated, written and reported.

.venv/bin/python -m bench.imported
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import catalog, targets, works
from bench.measure import Bench, BenchError, Result
from bench.servers import databases
from vitrine.local.processes import free_port, spawn, stop

ROWS = 10_000
WORKERS = 2  # of a service, by default


def result(bench: Bench) -> Result:
    """Return the rows a second of an import into an existing catalog."""
    folder = bench.servers.sqlite.parent
    file = folder / "rows.jsonl"
    file.write_text("".join(_rows(bench.items[:ROWS])))
    categories_port = free_port(0)
    urls = {"CATEGORIES_URL": f"http://127.0.0.1:{categories_port}"}
    target = targets.vitrine("gunicorn", **urls)
    own = targets.environment(target, categories_port, WORKERS, bench.servers)
    categories = spawn([sys.executable, "-m", "shared", "serve", "api_categories"], bench.log, own)
    try:
        with bench.serving(target, WORKERS) as (port, _, _):
            urls |= {"PRODUCTS_URL": f"http://127.0.0.1:{port}", "DATA_DIR": str(folder / "none")}
            command = [sys.executable, "-m", "vitrine", "import", "products"]
            started = time.monotonic()
            done = subprocess.run(
                [*command, str(file), "--key", "sku", "--create-categories"],
                cwd=folder,
                env=own | urls,
                capture_output=True,
                text=True,
            )
            seconds = time.monotonic() - started
    finally:
        stop(categories, 10)
    if done.returncode:
        raise BenchError(f"The import failed: {done.stdout}{done.stderr}")
    catalog.trim(bench.servers.mongo_uri, bench.servers.sqlite, len(bench.items))
    rate = min(ROWS, len(bench.items)) / seconds
    return Result(target.name, WORKERS, works.IMPORT.name, rate)


def _rows(items: list[catalog.Product]) -> Iterator[str]:
    """Yield products as JSON lines, without their ids and slugs, and with SKUs of this file."""
    for number, item in enumerate(items):
        row = {name: value for name, value in item.items() if name not in ("_id", "slug")}
        yield json.dumps(row | {"sku": f"ROW-{number:07d}"}) + "\n"


def main() -> None:
    """Measure three times and print the rows a second."""
    with databases(ROWS) as (servers, items):
        bench = Bench(servers, items, 0, 0, Path(os.devnull))
        for _ in range(3):
            print(f"{result(bench).rate:,.0f} rows/s", flush=True)


if __name__ == "__main__":
    main()
