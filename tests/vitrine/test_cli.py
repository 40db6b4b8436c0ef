"""The group of all commands."""

import subprocess
import sys

from click.testing import CliRunner

from vitrine.cli import main


def test_every_command_is_listed_under_its_own_name():
    listed = main.list_commands(None)
    assert listed == sorted(listed)
    assert [main.get_command(None, name).name for name in listed] == listed
    said = CliRunner().invoke(main, ["--help"])
    assert said.exit_code == 0
    assert [
        line.split()[0] for line in said.output.partition("Commands:\n")[2].splitlines()
    ] == listed


def test_a_command_that_does_not_exist_is_named():
    said = CliRunner().invoke(main, ["upp"])
    assert said.exit_code == 2
    assert "No such command 'upp'" in said.output


def test_a_command_starts_without_the_code_of_others():
    code = "import sys, vitrine.cli; vitrine.cli.main.get_command(None, 'up'); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "vitrine.commands.up" in loaded
    assert not loaded & {"flask", "marshmallow", "openpyxl", "lxml", "vitrine.transfer"}
