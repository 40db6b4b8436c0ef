"""Command line of the processes of a service: ``python -m shared serve api_products``.

Each command imports only what it needs, because containers run ``check`` every few seconds.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NoReturn


class _Parser(argparse.ArgumentParser):
    """Parser that reports an error in one sentence, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and the sentence."""
        self.exit(2, f"{self.prog}: {message}. Run python -m shared --help for the commands.\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the command line names."""
    options = _parser().parse_args(arguments)
    options.run(options)


def deprecated(module: str, command: str) -> None:
    """Run a command under an old spelling, such as ``python -m shared.serve api_products``."""
    new = f"python -m shared {command}"
    print(f"python -m {module} is deprecated: use {new}.", file=sys.stderr)
    main([command, *sys.argv[1:]])


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m shared", description="Run one process of a service.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, run, help in (
        ("serve", _serve, "serve a service over HTTP, by the server that SERVER names"),
        (
            "follow",
            _follow,
            "follow the changes of a collection and invalidate what they concern",
        ),
        ("work", _work, "run the queued jobs of a service"),
    ):
        command = commands.add_parser(name, help=help, description=f"{help.capitalize()}.")
        command.add_argument(
            "package", type=_package, help="package of the service, such as api_products"
        )
        command.set_defaults(run=run)
    help = "check the health of the service that listens at BIND: exit status 0 if it answers 200"
    check = commands.add_parser("check", help=help, description=f"{help[:1].upper()}{help[1:]}.")
    check.add_argument(
        "probe",
        nargs="?",
        choices=("live", "ready"),
        metavar="live|ready",
        default="live",
        help="live: the process answers (default); ready: its databases answer as well",
    )
    check.set_defaults(run=_check)
    return parser


def _package(name: str) -> str:
    if not name.isidentifier() or find_spec(name) is None:
        raise argparse.ArgumentTypeError(
            f"no package {name!r} is found; name a service's package, such as api_products"
        )
    return name


def _serve(options: argparse.Namespace) -> None:
    from shared.config.startup import loading

    with loading():
        from shared.server.serve import serve
    serve(options.package)


def _follow(options: argparse.Namespace) -> None:
    from shared.config.startup import loading

    with loading():
        from shared.workers.follower import follow
    follow(options.package)


def _work(options: argparse.Namespace) -> None:
    from shared.config.startup import loading

    with loading():
        from shared.workers.worker import work
    work(options.package)


def _check(options: argparse.Namespace) -> None:
    from shared.server.healthcheck import check

    check(options.probe)


if __name__ == "__main__":
    main()
