"""Backup of a running stack of `vitrine up` into a new folder.

    .venv/bin/python scripts/backup.py backups/monday

Reads continue meanwhile, and writes wait.  docs/operations.md explains how to restore the copy.
"""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from shared.config.settings import Settings
from vitrine import stack


def main() -> None:
    """Make the backup, or exit with the reason why it is not possible."""
    if len(sys.argv) != 2:
        sys.exit("The folder is missing. Use: scripts/backup.py FOLDER")
    to = Path(sys.argv[1])
    data = stack.data_folder(Settings.from_env())
    running = stack.read(data)
    if running is None:
        sys.exit(f"No stack runs on {data}: copy that folder as it is.")
    if not is_own(data, running.mongo_uri):
        sys.exit(
            "This MongoDB was not started by vitrine up: use mongodump or the backups of its host."
        )
    if to.exists():
        sys.exit(f"{to} exists; name a new folder.")
    stack.keep_private()
    started = time.monotonic()
    copy(data, to, running.mongo_uri)
    print(f"{to}: {size(to):,} bytes, in {time.monotonic() - started:.1f} s")


def is_own(data: Path, mongo_uri: str) -> bool:
    """Return True if the MongoDB stores its files in the folder of the stack."""
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        options = client.admin.command("getCmdLineOpts")["parsed"]
    folder = Path(options.get("storage", {}).get("dbPath", ""))
    return folder.resolve() == (data / "mongodb").resolve()


def copy(data: Path, to: Path, mongo_uri: str) -> None:
    """Copy MongoDB's files while it keeps them as they are, then the pictures."""
    with MongoClient[dict[str, object]](mongo_uri) as client:
        client.admin.command("fsync", lock=True)
        try:
            shutil.copytree(data / "mongodb", to / "mongodb")
        finally:
            client.admin.command("fsyncUnlock")
    # Documents first: a picture is stored before the document that names it, and never changes.
    if (data / "media").exists():
        shutil.copytree(data / "media", to / "media")


def size(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
