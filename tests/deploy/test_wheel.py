"""The wheel: what it stores is in the folder where it is used, not where it is installed."""

import importlib.util
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.support.processes import free_port
from tests.support.services import ROOT, environment
from tests.support.stack import Stack, stack_folder

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        importlib.util.find_spec("pip") is None, reason="there is no pip, as in the image"
    ),
]
PARTS = ("pyproject.toml", "README.md", "LICENSE", "shared", "vitrine")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder with the content of a new wheel, as an installation has it."""
    source, wheels, site = (tmp_path_factory.mktemp(each) for each in ("source", "wheels", "site"))
    for path in (*(ROOT / part for part in PARTS), *ROOT.glob("api_*")):
        if path.is_dir():
            shutil.copytree(path, source / path.name)
        else:
            shutil.copy(path, source)
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run(
        [sys.executable, "-m", *command, wheels, source], env=environment(), check=True, timeout=120
    )
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    return site


@pytest.fixture
def run(site):
    """Run the installed command in a folder."""

    def run(folder, *args, **env):
        return subprocess.run(
            [sys.executable, "-m", "vitrine", *args],
            cwd=folder,
            env=environment(PYTHONPATH=str(site), **env),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_pip_accepts_the_requirements_of_a_clone():
    """All are installed already, so that nothing is fetched."""
    command = ["-m", "pip", "install", "--dry-run", "--no-deps", "-r", "requirements.txt"]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, timeout=60)


def test_the_wheel_says_who_made_it_and_that_it_is_typed(site):
    (metadata,) = site.glob("vitrine-*.dist-info/METADATA")
    assert "\nAuthor: Vitrine maintainers\n" in metadata.read_text()
    assert {path.parent.name for path in site.glob("*/py.typed")} >= {"shared", "vitrine"}


@pytest.mark.slow
def test_the_data_is_looked_for_in_the_current_folder(run, tmp_path):
    for command in (["status"], ["cache", "stats"]):
        ended = run(tmp_path, *command)
        assert ended.returncode == 1
        assert f"Vitrine does not run in {tmp_path / 'data'}" in ended.stderr
        assert "`vitrine up`" in ended.stderr
    other = run(tmp_path, "status", DATA_DIR="shop/data").stderr
    assert f"does not run in {tmp_path / 'shop/data'};" in other


@pytest.mark.slow
def test_settings_are_read_from_the_current_folder(run, site, tmp_path):
    (tmp_path / ".env").write_text("DATA_DIR=elsewhere\n")
    assert f"{tmp_path / 'elsewhere'};" in run(tmp_path, "status").stderr
    (tmp_path / ".env").write_text("WORKERS=many\n")
    assert "WORKERS='many'" in run(tmp_path, "status").stderr


@pytest.mark.slow
@pytest.mark.real
def test_a_stack_stores_nothing_beside_its_packages(site):
    def files():
        return {
            path.relative_to(site) for path in site.rglob("*") if "__pycache__" not in path.parts
        }

    installed = files()
    with stack_folder() as folder:
        shop = (
            folder.parent / "a shop with a name that is much longer than a terminal is wide" / "x"
        )
        shop.mkdir(parents=True)
        env = {"PYTHONPATH": str(site), "CLIENTS_URL": f"http://127.0.0.1:{free_port()}"}
        stack = Stack(shop / "data", env, root=shop)
        del stack.env["DATA_DIR"]
        try:
            stack.up("--only", "clients")
            assert str(shop / "data") in stack.said()
            assert stack.request("POST", "clients", "/clients", {"name": "Ada"})[0] == 201
            assert stack.run("status").returncode == 0
        finally:
            stack.down()
        assert (shop / "data" / "mongodb").is_dir()
    assert files() == installed
