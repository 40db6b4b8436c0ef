"""`vitrine doctor`: options that need each other."""

import pytest
from click.testing import CliRunner

from vitrine.cli import main as vitrine
from vitrine.commands.doctor import problem_texts


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


def test_a_database_that_is_down_is_named_and_no_follower_is_blamed():
    ready = {
        "status": "MongoDB is down",
        "mongodb": {"error": "NetworkTimeout"},
        "redis": {"latency_ms": 1},
        "follower": "unknown",
        "queue": {"workers": 1, "oldest_seconds": None},
    }
    assert problem_texts(ready) == ["MongoDB is down", "mongodb: NetworkTimeout"]
    away = {"status": "ok", "follower": "away: nothing is cached until it is back"}
    assert problem_texts(away) == ["follower: away: nothing is cached until it is back"]
