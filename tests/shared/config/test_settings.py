"""Settings: one field, one variable, one clear sentence when it is wrong."""

import os
import re

import pytest

from shared.config import parsers
from shared.config.settings import Settings, SettingsError, ignored, is_set, misspelt, service_url
from shared.server.serve import listen_address
from tests.support.services import ROOT, environment


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
        ("REDIS_URL", "redis://localhost:6379/cache"),
        ("REDIS_URL", "redis://localhost:6379/0/1"),
        ("REDIS_URL", "redis://localhost:6379/-1"),
        ("REDIS_URL", "redis://localhost:6379?db=1"),
        ("REDIS_QUEUE_URL", "rediss://localhost:6379/jobs"),
        ("REDIS_READ_URL", "redis://localhost:6379/cache"),
        ("CURRENCY", "XYZ"),
        ("CURRENCY", "EUX"),
        ("CURRENCY", "XXX"),
        ("CURRENCY", "DEM"),
        ("CURRENCY", "eur"),
        ("PRODUCTS_URL", "http://localhost:5000?x=1"),
        ("PRODUCTS_URL", "http://localhost:5000/#x"),
        ("PRODUCTS_URL", "http://localhost:port"),
        ("PRODUCTS_URL", "http://local host:5000"),
        ("PRODUCTS_URL", "http://:5000"),
        ("PRODUCTS_URL", "http://[::1"),
        ("BIND", "http://[::1"),
        ("BIND", "[::1]"),
        ("BIND", "a b:5000"),
        ("CORS_ORIGINS", "https://shop.example:port"),
        ("CORS_ORIGINS", "https://shop example"),
        ("CORS_ORIGINS", "https://:80"),
        ("MEDIA_URL", "file://pictures"),
        ("MEDIA_URL", "file:pictures"),
        ("MEDIA_URL", "s3:///prefix"),
        ("SENTRY_DSN", "https://sentry.example/1"),
        ("SENTRY_DSN", "https://key@sentry.example/project"),
        ("LOG_LEVEL", "LOUD"),
        ("MONGO_CACHE_GB", "0.1"),
        ("MONGO_CACHE_GB", "2GB"),
        ("MONGO_CACHE_GB", "nan"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(name, value):
    with pytest.raises(SettingsError) as raised:
        Settings.from_env({name: value})
    assert str(raised.value).startswith(name)
    assert str(raised.value).count("\n") == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "redis://localhost:6379"),
        ("REDIS_URL", "redis://:secret@localhost:6379/15"),
        ("REDIS_URL", "redis://localhost/"),
        ("REDIS_URL", "redis+cluster://localhost:6379"),
        ("REDIS_URL", "unix:///run/redis.sock"),
        ("CURRENCY", "EUR"),
        ("PRODUCTS_URL", "https://shop.example/api"),
        ("BIND", "0.0.0.0:5000"),
        ("BIND", "[::1]:5000"),
        ("BIND", "Nas.local:5000"),
        ("CORS_ORIGINS", "https://shop.example,http://localhost:3000"),
        ("MEDIA_URL", "file:///srv/pictures of mine"),
        ("MEDIA_URL", "s3://bucket"),
        ("MEDIA_URL", "s3://bucket/prefix"),
        ("SENTRY_DSN", "https://key@sentry.example/1"),
        ("SENTRY_DSN", "https://key@sentry.example/path/1"),
    ],
)
def test_a_right_value_is_kept(name, value):
    assert getattr(Settings.from_env({name: value}), name.lower()) == value


def test_gigabytes_may_have_a_fraction():
    assert Settings.from_env({"MONGO_CACHE_GB": "0.5"}).mongo_cache_gb == 0.5


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


@pytest.mark.parametrize(
    ("given", "queue"),
    [
        ({}, "redis://localhost:6379/1"),
        ({"REDIS_URL": "redis://:secret@there:7000"}, "redis://:secret@there:7000/1"),
        ({"REDIS_URL": "rediss://there/3"}, "rediss://there/4"),
        ({"REDIS_URL": "redis+cluster://there:7000"}, "redis://localhost:6379/1"),
        ({"REDIS_URL": "redis+sentinel://a,b/name/0"}, "redis+sentinel://a,b/name/1"),
        ({"REDIS_WRITE_URL": "redis://there/3"}, "redis://there/4"),
        ({"REDIS_WRITE_URL": "redis://there", "REDIS_READ_URL": "redis://a"}, "redis://there/1"),
        ({"REDIS_WRITE_URL": "redis://there/3", "REDIS_URL": "redis://a/5"}, "redis://a/6"),
        ({"REDIS_READ_URL": "redis://there/3"}, "redis://localhost:6379/1"),
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


def test_any_setting_may_be_in_a_file(tmp_path):
    file = tmp_path / "secret_key"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    given = {"AUTH_MODE": "token", "SECRET_KEY_FILE": str(file)}
    assert Settings.from_env(given).secret_key == "0123456789abcdef0123456789abcdef"
    with pytest.raises(SettingsError, match="SECRET_KEY and SECRET_KEY_FILE are both set"):
        Settings.from_env(given | {"SECRET_KEY": "x"})
    file.unlink()
    with pytest.raises(SettingsError, match=r"SECRET_KEY_FILE='.*' cannot be read: No such file"):
        Settings.from_env(given)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AUTHMODE", "AUTH_MODE"),
        ("SECRETKEY", "SECRET_KEY"),
        ("AUTHMODE_FILE", "AUTH_MODE"),
        ("PRODUCT_URL", "PRODUCTS_URL"),
        ("MONGO_URL", None),
    ],
)
def test_a_name_that_is_misspelt_is_told(tmp_path, monkeypatch, name, meant):
    # A service with the name mongo would be at MONGO_URL.
    told = f"{name} is not a setting; did you mean {meant}?"
    assert misspelt([name]) == ([told] if meant else [])
    (tmp_path / ".env").write_text(f"{name}=token\n")
    monkeypatch.chdir(tmp_path)
    if meant:
        with pytest.raises(SettingsError, match=f"did you mean {meant}"):
            Settings.from_env()


def test_no_setting_is_taken_for_another_one_misspelt():
    named = re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert misspelt([*named, *(f"{name}_FILE" for name in named), "HOME", "LANG", "HOSTNAME"]) == []


@pytest.mark.parametrize("name", ["NEAR_CACHE", "NEAR_CACHE_FILE"])
def test_a_removed_setting_is_reported_once_and_stops_nothing(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    plain = environment()
    monkeypatch.setattr(os, "environ", plain | {name: "on"})
    (tmp_path / ".env").write_text(f"{name}=on\n")
    assert Settings.from_env() == Settings.from_env(plain)
    (sentence,) = ignored()
    assert sentence == (
        f"{name} is ignored: this setting was removed. Nothing has to replace it: all processes "
        "read cached responses from Redis, so that every response is current on all hosts."
    )
    monkeypatch.setattr(os, "environ", plain)
    assert ignored() == [sentence]
    (tmp_path / ".env").write_text(f"{name}=\n")
    assert ignored() == []


def test_where_nobody_can_call_is_no_address_of_a_service():
    with pytest.raises(
        SettingsError, match="PRODUCTS_URL: must be an address that clients can call"
    ):
        Settings.from_env({"PRODUCTS_URL": "http://0.0.0.0:5000"})


@pytest.mark.parametrize(
    ("given", "bind"),
    [
        ({}, "127.0.0.1:5000"),
        ({"PRODUCTS_URL": "http://products:7000"}, "127.0.0.1:7000"),
        ({"BIND": "[::]:80", "PRODUCTS_URL": "http://products"}, "[::]:80"),
    ],
)
def test_a_service_listens_where_it_is_told_or_at_its_own_port_of_this_machine(given, bind):
    assert listen_address(Settings.from_env(given), "products") == bind


def test_a_service_without_a_port_says_what_to_set():
    with pytest.raises(SettingsError, match="PRODUCTS_URL has no port; set BIND"):
        listen_address(Settings.from_env({"PRODUCTS_URL": "https://shop.example"}), "products")


@pytest.mark.parametrize("url", ["https://127.0.0.1:5000", "http://127.0.0.1:5000/shop"])
def test_a_service_serves_no_https_and_no_path_without_a_proxy(url):
    settings = Settings.from_env({"PRODUCTS_URL": url})
    with pytest.raises(SettingsError, match=r"^PRODUCTS_URL is of https or has a path, .*or BIND"):
        listen_address(settings, "products")
    behind = Settings.from_env({"PRODUCTS_URL": url, "BIND": "127.0.0.1:5000"})
    assert listen_address(behind, "products") == "127.0.0.1:5000"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"AUTH_MODE: token\n", r"\.env, line 1, is not NAME=value"),
        (b"WORKERS=3\nAUTH_MODE\n", r"\.env, line 2, is not NAME=value"),
        (b"\xff\xfe\x00", r"\.env cannot be read: it is not text"),
    ],
)
def test_a_dotenv_file_that_says_nothing_is_named(tmp_path, monkeypatch, text, told):
    (tmp_path / ".env").write_bytes(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=told):
        Settings.from_env()


def test_the_environment_wins_over_dotenv_also_by_a_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("WORKERS=3\nTHREADS_FILE=nowhere\n")
    (tmp_path / "workers").write_text(" 5 \n")
    monkeypatch.chdir(tmp_path)
    given = environment(WORKERS_FILE=str(tmp_path / "workers"), THREADS="4")
    monkeypatch.setattr(os, "environ", given)
    settings = Settings.from_env()
    assert (settings.workers, settings.threads) == (5, 4)


def test_a_file_of_a_setting_is_small(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 100_000)
    for path in (tmp_path / "large", tmp_path):
        with pytest.raises(SettingsError, match="is not a file of at most 65536 bytes"):
            Settings.from_env({"SECRET_KEY_FILE": str(path)})


def test_granian_does_not_start_again_by_itself():
    with pytest.raises(SettingsError, match="DEBUG=true needs SERVER=gunicorn"):
        Settings.from_env({"DEBUG": "true", "SERVER": "granian"})


ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth1\t0005A8C0\t00000000\t0001\t0\t0\t0\tC0FFFFFF\t0\t0\t0
"""


def test_attached_networks_are_those_of_the_interfaces(tmp_path, monkeypatch):
    monkeypatch.setattr(parsers, "ROUTES", tmp_path / "route")
    with pytest.raises(SettingsError, match="OPEN_NETWORKS='attached': cannot be attached here"):
        Settings.from_env({"OPEN_NETWORKS": "attached"})
    (tmp_path / "route").write_text(ROUTES)
    settings = Settings.from_env({"OPEN_NETWORKS": "attached, 192.168.65.0/24,172.18.0.0/16"})
    assert settings.open_networks == "172.18.0.0/16,192.168.5.0/26,192.168.65.0/24"
    of_the_internet = ROUTES.replace("0005A8C0", "00080808")
    (tmp_path / "route").write_text(of_the_internet)
    with pytest.raises(SettingsError, match=r"private networks, and 8\.8\.8\.0/26 is of"):
        Settings.from_env({"OPEN_NETWORKS": "attached"})


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "0.0.0.0/1", "::/0", "8.8.8.0/24", "lan", "10.0.0.1/8"]
)
def test_open_networks_are_private_networks(text):
    with pytest.raises(SettingsError, match="OPEN_NETWORKS"):
        Settings.from_env({"OPEN_NETWORKS": text})


def test_hosts_of_photos_are_names_and_addresses():
    settings = Settings.from_env({"PHOTO_HOSTS": " NAS.local, 10.0.0.5,my_cdn,fd00::5 "})
    assert settings.photo_hosts == "nas.local,10.0.0.5,my_cdn,fd00::5"


@pytest.mark.parametrize("text", ["http://nas.local", "nas:80", "10.0.0.0/8", "*", "a b", "[::1]"])
def test_what_is_not_a_host_of_photos_is_refused(text):
    with pytest.raises(SettingsError, match="must be hosts such as"):
        Settings.from_env({"PHOTO_HOSTS": text})
