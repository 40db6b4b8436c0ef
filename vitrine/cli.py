"""The ``vitrine`` command: the group of all commands."""

from importlib import import_module
from typing import Any

import click

from shared.config.settings import SettingsError, load_dotenv
from vitrine import stack
from vitrine.errors import StackError

# The modules of the commands.  One is imported when its command runs: all of them take half a
# second, of which `vitrine up` would need a third.
_COMMANDS = {
    "up": "vitrine.commands.up:up_command",
    "stop": "vitrine.commands.up:stop_command",
    "import": "vitrine.transfer.commands:import_command",
    "imports": "vitrine.commands.imports:imports_command",
    "export": "vitrine.transfer.exporter:export_command",
    "images": "vitrine.commands.images:images_command",
    "cache": "vitrine.commands.cache:cache_command",
    "console": "vitrine.commands.console:console_command",
    "doctor": "vitrine.commands.doctor:doctor_command",
    "reconcile": "vitrine.commands.reconcile:reconcile_command",
    "token": "vitrine.commands.token:token_command",
    "status": "vitrine.commands.status:status_command",
    "logs": "vitrine.commands.logs:logs_command",
}


class _MainGroup(click.Group):
    """Group that imports a command when it is asked for.

    It shows expected failures as one sentence, without a stack trace.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None if there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn its expected failures into ``ClickException``."""
        try:
            return super().invoke(ctx)
        except (SettingsError, StackError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_MainGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vitrine")
def main() -> None:
    """Start Vitrine on this machine, fill its catalog, and look at what runs.

    Begin with `vitrine up`, and go on in another terminal. `vitrine COMMAND --help` explains each
    command.
    """
    load_dotenv(stack.home() / ".env")
