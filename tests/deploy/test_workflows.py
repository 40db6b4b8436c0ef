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


SECRETS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "eu-west-1",
    "AWS_S3_BUCKET": "code",
}


@pytest.fixture
def account(tmp_path):
    """Run the step that looks for the secrets of an account; return what it reports."""

    def account(secrets):
        (step, *_) = yaml.safe_load((ROOT / ".github/workflows/cd.yml").read_text())["jobs"][
            "lambda"
        ]["steps"]
        files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        assert step["env"] == {name: f"${{{{ secrets.{name} }}}}" for name in SECRETS}
        env = dict.fromkeys(SECRETS, "") | secrets | {k: str(path) for k, path in files.items()}
        subprocess.run(["bash", "-euo", "pipefail", "-c", step["run"]], env=env, check=True)
        return [file.read_text() for file in files.values()]

    return account


def test_a_tag_deploys_to_an_account_that_is_there(account):
    assert account(SECRETS) == ["missing=\n", ""]
    steps = yaml.safe_load((ROOT / ".github/workflows/cd.yml").read_text())["jobs"]["lambda"][
        "steps"
    ]
    for step in steps[1:]:
        assert step["if"] == "steps.account.outputs.missing == ''"


def test_a_tag_says_which_secrets_of_an_account_are_missing(account):
    some = {name: value for name, value in SECRETS.items() if name != "AWS_REGION"}
    output, summary = account(some)
    assert output == "missing=AWS_REGION\n"
    assert summary == "Not deployed to AWS Lambda: these secrets are not set: AWS_REGION.\n"
    assert account({})[0] == f"missing={' '.join(SECRETS)}\n"


@pytest.fixture
def deploy(tmp_path):
    """Run deploy.sh with an ``aws`` that notes its arguments; return the result and the notes."""
    aws, notes = tmp_path / "bin" / "aws", tmp_path / "notes"
    aws.parent.mkdir()
    aws.write_text(
        f'#!/bin/sh\necho "$*" >>{notes}\n'
        'case "$*" in *"--query"*) echo https://shop.example ;; *unknown*) exit 254 ;; esac\n'
    )
    aws.chmod(0o755)
    (tmp_path / "package.zip").write_bytes(b"")
    notes.write_text("")

    def deploy(*arguments, **env):
        ended = subprocess.run(
            [ROOT / "deploy/lambda/deploy.sh", *arguments],
            cwd=tmp_path,
            env={"PATH": f"{aws.parent}:/usr/bin:/bin"} | env,
            capture_output=True,
            text=True,
            check=False,
        )
        return ended, notes.read_text().splitlines()

    return deploy


def test_a_release_is_uploaded_and_the_functions_are_updated(deploy):
    ended, commands = deploy("package.zip", "abc123", AWS_S3_BUCKET="code")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "Release abc123 answers at https://shop.example\n"
    _, upload, update, _ = commands
    assert upload == "s3 cp package.zip s3://code/vitrine-abc123.zip"
    assert "deploy --stack-name vitrine " in update
    assert update.endswith("CodeBucket=code CodeKey=vitrine-abc123.zip Release=abc123")
    # The template publishes a version of each function for a new name, and its alias follows.
    template = (ROOT / "deploy/lambda/template.yaml").read_text()
    for name in ("CodeBucket", "CodeKey", "Release"):
        assert f"\n  {name}:\n" in template


@pytest.mark.parametrize(
    "arguments", [[], ["package.zip"], ["none.zip", "a"], ["package.zip", "v1.2"]]
)
def test_a_deployment_needs_a_package_and_a_name(deploy, arguments):
    ended, commands = deploy(*arguments, AWS_S3_BUCKET="code")
    assert (ended.returncode, commands) == (2, [])
    assert ended.stderr.startswith("usage: ")


def test_a_deployment_that_cannot_be_uploads_nothing(deploy):
    ended, commands = deploy("package.zip", "a")
    assert ended.returncode != 0
    assert "AWS_S3_BUCKET: is not set" in ended.stderr
    assert commands == []
    ended, commands = deploy("package.zip", "a", AWS_S3_BUCKET="code", AWS_STACK_NAME="unknown")
    assert (ended.returncode, len(commands)) == (1, 1)
    assert "There is no stack unknown to update" in ended.stderr
