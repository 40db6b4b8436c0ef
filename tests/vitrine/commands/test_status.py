"""Remarks of ``vitrine status`` on the health of a service."""

import pytest
from click.testing import CliRunner

from vitrine.cli import main as vitrine
from vitrine.readiness import problem, remarks
from vitrine.stack import without_password

WELL = {"status": "ok", "mongodb": {"latency_ms": 1}, "redis": {"latency_ms": 1}}


@pytest.mark.parametrize(
    ("ready", "error", "texts"),
    [
        ({}, "does not answer", []),
        (WELL | {"follower": "ok"}, "", []),
        (WELL | {"status": "MongoDB is down", "follower": "unknown"}, "MongoDB is down", []),
        # Requests are still served.
        (WELL | {"redis": {"error": "x"}}, "", ["Redis is down, so that nothing is cached"]),
        (WELL | {"follower": "behind"}, "", ["its follower is behind"]),
        (
            WELL | {"queue": {"waiting": 3, "workers": 0}},
            "",
            ["jobs wait, but no worker is alive"],
        ),
    ],
)
def test_problems_differ_from_remarks(ready, error, texts):
    assert (problem(ready), remarks(ready)) == (error, texts)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://default:secret@there:6379/0", "redis://***@there:6379/0"),
        ("mongodb://ann:p%40ss@a:1,b:2/shop?x=@", "mongodb://***@a:1,b:2/shop?x=@"),
        (
            "redis+sentinel://:secret@a:1/name/0?sentinel_password=secret&b=1",
            "redis+sentinel://***@a:1/name/0?sentinel_password=***&b=1",
        ),
    ],
)
def test_no_password_is_shown(address, expected):
    assert without_password(address) == expected


def test_a_stack_that_is_set_but_not_started_here_does_not_run(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    for name in ("PRODUCTS", "CLIENTS", "CATEGORIES", "ORDERS"):
        monkeypatch.setenv(f"{name}_URL", "http://127.0.0.1:9")
    done = CliRunner().invoke(vitrine, ["status"])
    assert (done.exit_code, "Vitrine does not run in" in done.stderr) == (1, True)
