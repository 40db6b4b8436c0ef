"""The JavaScript libraries of the console are the unmodified files that vendor.json names."""

import hashlib
import io
import json
import tarfile

import pytest

from scripts import vendor
from tests.support.services import ROOT

FOLDER = ROOT / "vitrine/console/static/vendor"
PACKAGES = json.loads((FOLDER / "vendor.json").read_text())
FILES = [(file, package) for package in PACKAGES for file in package["files"]]


@pytest.mark.parametrize(("file", "package"), FILES, ids=[file["name"] for file, _ in FILES])
def test_a_library_is_the_file_that_was_fetched(file, package):
    data = (FOLDER / file["name"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == file["sha256"]
    assert package["integrity"].startswith("sha512-")
    assert package["version"]


def test_each_library_has_its_licence_and_nothing_else_is_there():
    named = {file["name"] for file, _ in FILES} | {package["licence"] for package in PACKAGES}
    assert {path.name for path in FOLDER.iterdir()} == named | {"vendor.json"}


def test_the_page_names_only_files_that_are_there():
    page = (FOLDER.parent / "index.html").read_text()
    for name in ("preact.js", "hooks.js", "htm.js", "uplot.js", "uplot.css"):
        assert f"/static/vendor/{name}" in page
    assert "http" not in page  # works without a network


def test_a_file_is_read_from_a_package_without_unpacking_it(tmp_path):
    """Python 3.11.2, that of Debian 12, cannot unpack with a filter."""
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in (("package/LICENSE", b"MIT"), ("../evil", b"evil")):
            file = tarfile.TarInfo(name)
            file.size = len(data)
            archive.addfile(file, io.BytesIO(data))
    with tarfile.open(path) as archive:
        assert vendor.read(archive, "package/LICENSE") == b"MIT"
        with pytest.raises(KeyError):
            vendor.read(archive, "package/none.js")
    assert list(tmp_path.iterdir()) == [path]
