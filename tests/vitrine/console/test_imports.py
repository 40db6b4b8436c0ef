"""Imports from a page: limits, owners, sentences; ``tests/browser/test_import.py`` imports."""

import errno
import threading

import pytest

from shared.config.settings import Settings
from shared.http.tokens import Tokens
from tests.support.polling import poll
from vitrine.console.access import user_name
from vitrine.console.app import build_app
from vitrine.console.imports import uploads
from vitrine.console.imports.parts import Options

OPTIONS = dict.fromkeys(Options.__dataclass_fields__, "") | {"photos": True}
FIELDS = {
    name: {"type": type, "read_only": False, "aliases": []}
    for name, type in (("name", "Text"), ("sku", "Key"), ("price", "Money"))
}
TABLE = b"name,sku,price\nTeapot,T-1,12.50\nCup,C-1,\n"


@pytest.fixture
def app(settings, upstream, folder):
    return build_app(settings, dict.fromkeys(("products", "categories"), upstream.url), folder)


@pytest.fixture
def about(upstream):
    upstream.answers["/"] = (200, {}, {"fields": FIELDS, "keys": ["sku"]})


def upload(send, data=TABLE, name="shop.csv", headers=()):
    return send(f"/imports?name={name}", "POST", data=data, headers=headers)


def state(send, id, headers=()):
    """The import, once no thread works on it."""

    def idle():
        one = send(f"/imports/{id}", headers=headers).get_json()
        return one if one["state"] not in ("reading", "checking", "running", "undoing") else None

    return poll(idle, 60, "the import")


def read(send, id, **options):
    answer = send(f"/imports/{id}/plan", "POST", json=OPTIONS | options)
    assert answer.status_code == 202, answer.get_json()
    return state(send, id)


def test_a_table_is_read_and_its_columns_are_told(send, about):
    one = upload(send).get_json()
    assert one["files"] == [{"name": "shop.csv", "bytes": len(TABLE)}]
    one = read(send, one["id"])
    (file,) = one["plan"]
    assert (one["state"], file["kind"], file["counts"]) == ("read", "", {"rows": 2})
    told = {each["column"]: (each["kind"], each["becomes"]) for each in file["columns"]}
    assert told == {name: ("field", name) for name in ("name", "sku", "price")}
    assert [each["filled"] for each in file["columns"]] == [2, 2, 1]
    assert [item["name"] for item in file["first"]] == ["Teapot", "Cup"]
    assert one["scopes"] == ["products:write", "categories:write"]


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.bin", b"\0\1\2" * 50, "a.bin"),
        ("a.csv", b"colour,size\nred,1\n", "a.csv: no kind of shop has these columns"),
        ("a.gz", b"\x1f\x8b\x08\x00broken", "a.gz cannot be decompressed"),
    ],
)
def test_a_bad_file_has_the_sentence_of_the_command_line(send, about, name, data, text):
    one = read(send, upload(send, data, name).get_json()["id"])
    assert one["state"] == "failed"
    assert one["error"].startswith(text)
    assert "/tmp" not in one["error"]


@pytest.mark.parametrize("name", ["", "..", "a/..", "%00", "x" * 201])
def test_a_name_that_is_none_is_refused(send, name):
    answer = upload(send, name=name)
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["parameter"] == "name"


def test_folders_in_a_name_are_left_out(send):
    assert (
        upload(send, name="..%2F..%5Cetc%2Fshop.csv").get_json()["files"][0]["name"] == "shop.csv"
    )


def test_files_are_limited(send, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_FILE_BYTES", 10)
    answer = upload(send)
    assert (answer.status_code, "larger than" in answer.get_json()["detail"]) == (413, True)
    assert send("/imports").get_json()["items"] == []  # nothing is left of it
    monkeypatch.setattr(uploads, "MAX_BYTES", 25)
    assert upload(send, b"name\nCup\n").status_code == 201
    assert upload(send, b"name\nCup\n", "b.csv").status_code == 201
    answer = upload(send, b"name\nCup\n", "c.csv")
    assert (answer.status_code, "Remove an import" in answer.get_json()["detail"]) == (413, True)


def test_a_full_temporary_folder_is_told(send, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads.Uploads, "_add", full)
    answer = upload(send)
    assert (answer.status_code, "is full" in answer.get_json()["detail"]) == (413, True)


def test_two_files_of_one_name_are_refused(send):
    id = upload(send).get_json()["id"]
    assert send(f"/imports/{id}/files?name=shop.csv", "POST", data=b"x").status_code == 409
    assert send(f"/imports/{id}/files?name=b.csv", "POST", data=b"x").status_code == 201
    assert send(f"/imports/{id}/files?name=c.csv", "POST", data=b"").status_code == 400


@pytest.mark.parametrize(
    ("option", "value"), [("format", "/etc/passwd.toml"), ("weight_unit", "t"), ("decimal", "x")]
)
def test_an_option_that_is_none_is_refused(send, option, value):
    """The path of a format would have the console read a file of its own machine."""
    id = upload(send).get_json()["id"]
    answer = send(f"/imports/{id}/plan", "POST", json=OPTIONS | {option: value})
    assert (answer.status_code, option in answer.get_json()["detail"]) == (400, True)


def test_an_import_is_removed_with_its_files(send, app):
    id = upload(send).get_json()["id"]
    imports = app.extensions["console"].imports._imports
    kept = imports.get(id, user_name()).folder
    assert [path.name for path in kept.iterdir()] == ["shop.csv"]
    assert send(f"/imports/{id}", "DELETE").status_code == 204
    assert not kept.exists()
    answer = send(f"/imports/{id}")
    assert answer.status_code == 404
    assert "started again" in answer.get_json()["detail"]
    assert send(f"/imports/{id}/run", "POST").status_code == 404


def test_rows_that_were_not_read_are_not_imported(send):
    id = upload(send).get_json()["id"]
    assert send(f"/imports/{id}/run", "POST").status_code == 409
    assert send(f"/imports/{id}/dry-run", "POST").status_code == 409


def test_one_import_is_at_work_at_a_time(send, upstream, about):
    first, second = upload(send).get_json()["id"], upload(send).get_json()["id"]
    go_on = threading.Event()
    known = upstream.answers["/"]

    class Late(tuple):
        def __iter__(self):
            go_on.wait(60)
            return iter(known)

    upstream.answers["/"] = Late()
    assert send(f"/imports/{first}/plan", "POST", json=OPTIONS).status_code == 202
    for path, method in ((f"/imports/{second}/plan", "POST"), (f"/imports/{first}", "DELETE")):
        answer = send(path, method, **({"json": OPTIONS} if method == "POST" else {}))
        assert answer.status_code == 409
        assert "reading" in answer.get_json()["detail"]
    go_on.set()
    assert state(send, first)["state"] == "read"


def test_a_run_ends_at_a_refused_token_with_its_sentence(send, upstream, about):
    """It must not try each row by itself."""
    id = upload(send).get_json()["id"]
    assert read(send, id)["state"] == "read"
    upstream.answers["/products:batch"] = (403, {}, {"detail": "The token lacks products:write."})
    assert send(f"/imports/{id}/run", "POST").status_code == 202
    one = state(send, id)
    assert one["state"] == "failed"
    assert "products:write" in one["error"]
    assert sum(path.startswith("/products:batch") for _, path, _, _ in upstream.requests) == 1


def test_another_caller_does_not_see_an_import(settings, upstream, folder, about):
    with_tokens = Settings(
        data_dir=settings.data_dir, auth_mode="token", secret_key="0123456789abcdef" * 4
    )
    client = build_app(with_tokens, {"products": upstream.url}, folder).test_client()
    upstream.answers["/__cache"] = (403, {}, {"detail": "Needs admin."})

    def send(target, method="GET", headers=(), **options):
        environ = {"RAW_URI": target}
        sent = {"X-Console": "1", **dict(headers)}
        return client.open(
            target, method=method, headers=sent, environ_overrides=environ, **options
        )

    def caller(name, *scopes):
        return {"Authorization": f"Bearer {Tokens(with_tokens).mint(name, list(scopes), 60)}"}

    ann, ben = caller("ann", "products:write"), caller("ben", "products:write")
    reader = caller("cleo", "products:read")
    assert upload(send).status_code == 401
    answer = upload(send, headers=reader)
    assert (answer.status_code, "products:write" in answer.get_json()["detail"]) == (403, True)
    id = upload(send, headers=ann).get_json()["id"]
    assert send(f"/imports/{id}", headers=ann).status_code == 200
    assert send(f"/imports/{id}", headers=ben).status_code == 404
    assert send(f"/imports/{id}/undo", "POST", headers=ben).status_code == 409
    assert send("/imports", headers=ben).get_json()["items"] == []
    answer = send(f"/imports/{id}/plan", "POST", headers=ann, json=OPTIONS)
    assert answer.status_code == 202
    assert state(send, id, ann)["state"] == "read"
    sent = [
        headers.get("Authorization") for _, path, headers, _ in upstream.requests if path == "/"
    ]
    assert set(sent) == {ann["Authorization"]}  # The console adds no right.
