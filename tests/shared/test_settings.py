"""Settings: one field, one variable, one clear sentence when it is wrong."""

import os
import re
import subprocess
import sys

import pytest

from shared.settings import Settings, SettingsError, is_set, service_url
from tests.scaffold import ROOT, environment


def test_nothing_set_means_the_defaults():
    assert Settings.from_env({}) == Settings()


def test_an_alias_counts_where_the_name_is_absent():
    assert Settings.from_env({"DATABASE_URL": "mongodb://a/b"}).mongo_uri == "mongodb://a/b"
    both = {"DATABASE_URL": "mongodb://a/b", "MONGO_URI": "mongodb://c/d"}
    assert Settings.from_env(both).mongo_uri == "mongodb://c/d"


def test_an_empty_value_counts_as_absent():
    assert Settings.from_env({"WORKERS": ""}).workers == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CACHE_TTL_SECONDS", "soon"),
        ("CACHE_TTL_SECONDS", "0"),
        ("WORKERS", "-1"),
        ("MONGO_URI", "localhost:27017"),
        ("MONGO_URI", "mongodb://"),
        ("REDIS_URL", "http://localhost"),
        ("PRODUCTS_URL", "http://localhost:port"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(name, value):
    with pytest.raises(SettingsError) as raised:
        Settings.from_env({name: value})
    assert str(raised.value).startswith(name)
    assert str(raised.value).count("\n") == 0


def test_a_password_is_never_repeated():
    with pytest.raises(SettingsError) as raised:
        Settings.from_env({"MONGO_URI": "mongo://me:secret@host/db"})
    assert "secret" not in str(raised.value)


def test_a_dotenv_file_is_read_and_the_environment_wins(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("WORKERS=3\nTHREADS=4\nMONGO_URI=mongodb://there/db\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", environment(THREADS="5"))
    settings = Settings.from_env()
    assert (settings.workers, settings.threads) == (3, 5)
    assert is_set("mongo_uri")
    assert not is_set("redis_url")


def test_a_service_of_your_own_has_a_url_of_its_own(monkeypatch):
    monkeypatch.setenv("GAMES_URL", "http://127.0.0.1:6000/")
    assert service_url(Settings(), "games") == "http://127.0.0.1:6000"
    assert service_url(Settings(), "toys") == ""


def test_a_wrong_setting_stops_a_service_with_one_sentence():
    run = subprocess.run(
        [
            *(sys.executable, "-m", "gunicorn", "-c", "python:shared.gunicorn"),
            "api_products.app:create_app()",
        ],
        cwd=ROOT,
        env=environment(WORKERS="many"),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert run.returncode == 1
    assert run.stderr.strip().splitlines() == [
        "Vitrine cannot start: WORKERS='many': must be a whole number from 1 to 64."
    ]


@pytest.mark.parametrize(
    ("given", "queue"),
    [
        ({}, "redis://localhost:6379/1"),
        ({"REDIS_URL": "redis://:secret@there:7000"}, "redis://:secret@there:7000/1"),
        ({"REDIS_URL": "rediss://there/3"}, "rediss://there/4"),
        ({"REDIS_URL": "redis+cluster://there:7000"}, "redis://localhost:6379/1"),
        ({"REDIS_URL": "redis://there", "REDIS_QUEUE_URL": "redis://here/7"}, "redis://here/7"),
    ],
)
def test_the_queue_is_beside_the_cache_unless_told_otherwise(given, queue):
    assert Settings.from_env(given).queue_url == queue


def test_every_setting_is_explained_in_the_example_file():
    from dataclasses import fields

    text = (ROOT / ".env.example").read_text()
    named = re.findall(r"^# ?([A-Z_]+)=(.*)$", text, re.MULTILINE)
    defaults = {each.name.upper(): each.default for each in fields(Settings)}
    shown = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in defaults.items()}
    assert dict(named) == {k: "" if v == "None" else v for k, v in shown.items()}
    for each in fields(Settings):
        assert each.metadata["help"] in text, each.name
