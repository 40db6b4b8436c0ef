"""`vitrine doctor`: options that need each other."""

import pytest
from click.testing import CliRunner

from vitrine.cli import main as vitrine


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--reads", "300"), "--reads needs --fuzz TIME."),
        (("--fault", "kill"), "--fault needs --fuzz TIME."),
        (("--fuzz", "3s", "--reads", "0"), "Invalid value for '--reads': 0 is not in the range"),
        (("--fuzz", "3s", "--reads", "many"), "'many' is not a valid integer range"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options, error):
    done = CliRunner().invoke(vitrine, ["doctor", *options])
    assert done.exit_code == 2
    assert error in done.stderr
