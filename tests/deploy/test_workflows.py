"""GitHub workflows: pinned actions, few permissions, and valid shell commands."""

import re
import subprocess
import tomllib

import pytest
import yaml

from tests.support.services import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-01-31

### Added

- Teapots.

## [1.1.0] - 2026-01-01

- Cups.

[1.2.0]: https://shop.example
"""


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def workflow(path):
    return yaml.safe_load(path.read_text())


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


def notes(version, text, tmp_path):
    (tmp_path / "CHANGELOG.md").write_text(text)
    (tmp_path / ".github").mkdir()
    script = tmp_path / ".github/notes.sh"
    script.write_text((ROOT / ".github/notes.sh").read_text())
    return subprocess.run(["bash", script, version], capture_output=True, text=True, check=False)


def test_both_are_there():
    assert [path.stem for path in WORKFLOWS] == ["cd", "ci"]


def test_every_action_is_one_commit_and_says_of_which_version(path):
    used = re.findall(r"^.*\buses: (.*)$", path.read_text(), re.MULTILINE)
    assert used
    for action in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_all_workflows_use_the_same_commit_of_an_action():
    text = "".join(path.read_text() for path in WORKFLOWS)
    used = set(re.findall(r"uses: ([\w-]+/[\w-]+)@(\w+)", text))
    assert len(used) == len({name for name, _ in used})


def test_only_jobs_get_more_than_read_permission(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        more = {k for k, v in job.get("permissions", {}).items() if v != "read"}
        assert more == {"image": {"packages"}, "release": {"contents"}}.get(name, set())
        assert "timeout-minutes" in job or "uses" in job
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_every_command_is_shell_that_stops_at_a_failure(workflow):
    assert workflow["defaults"]["run"]["shell"] == "bash"
    for step in steps(workflow):
        if command := step.get("run"):
            # Values from outside reach a shell only as environment variables.
            assert "${{" not in command
            subprocess.run(["bash", "-n"], input=command.encode(), check=True)


def test_every_promised_python_is_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    pythons = jobs["test"]["strategy"]["matrix"]["python"]
    assert project["requires-python"] == f">={pythons[0]}"
    assert pythons == ["3.11", "3.12", "3.13"]


def test_all_make_targets_exist(workflow):
    makefile = (ROOT / "Makefile").read_text()
    for step in steps(workflow):
        for target in re.findall(r"^make (\S+)$", step.get("run", ""), re.MULTILINE):
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("text", [CHANGELOG, CHANGELOG.replace("## [1.2.0]", "## 1.2.0")])
def test_notes_of_a_release_are_its_section_of_the_changelog(tmp_path, text):
    assert notes("1.2.0", text, tmp_path).stdout == "\n### Added\n\n- Teapots.\n"


def test_the_present_version_has_notes(tmp_path):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "CHANGELOG.md").read_text()
    assert notes(project["version"], text, tmp_path).returncode == 0


@pytest.mark.parametrize("version", ["Unreleased", "1.3.0", "1.2"])
def test_a_release_needs_notes(tmp_path, version):
    made = notes(version, CHANGELOG, tmp_path)
    assert (made.returncode, made.stdout) == (1, "")
    assert "has no section" in made.stderr
