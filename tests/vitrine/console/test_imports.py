"""Imports from a page: limits, owners, sentences; ``tests/browser/test_import.py`` imports."""

import errno
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading

import pytest

from shared.config.settings import Settings
from shared.http.errors import Conflict, NotFound, ServiceUnavailable
from shared.http.tokens import Tokens
from tests.support.polling import poll
from tests.support.services import ROOT
from vitrine.console.access import user_name
from vitrine.console.app import build_app
from vitrine.console.imports import parts, tasks, uploads
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


def blocked(upstream):
    """Have the service answer about itself when the event is set."""
    go_on, known = threading.Event(), upstream.answers["/"]

    class Late(tuple):
        def __iter__(self):
            go_on.wait(60)
            return iter(known)

    upstream.answers["/"] = Late()
    return go_on


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
        (
            "a.csv",
            b"name,email,city\nAnn,a@x.org,Rome\n",
            "a.csv has email addresses in email, and",
        ),
        ("a.csv", b"order id,client,name\n1,Ann,Pot\n", "a.csv has order id and client, as tables"),
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
    ("option", "value"),
    [("format", "/etc/passwd.toml"), ("weight_unit", "t"), ("decimal", "x"), ("source", "x" * 51)],
)
def test_an_option_that_is_none_is_refused(send, option, value):
    """The path of a format would have the console read a file of its own machine."""
    id = upload(send).get_json()["id"]
    answer = send(f"/imports/{id}/plan", "POST", json=OPTIONS | {option: value})
    assert (answer.status_code, option in answer.get_json()["detail"]) == (400, True)


def test_a_source_goes_before_the_references_of_its_items(send, upstream, about):
    fields = FIELDS | {"external_ref": FIELDS["sku"]}
    upstream.answers["/"] = (200, {}, {"fields": fields, "keys": ["external_ref", "sku"]})
    upstream.answers["/products:batch"] = (200, {}, {"results": []})
    id = upload(send, b"id,name,sku\n7,Cup,C-1\n").get_json()["id"]
    assert read(send, id, source="Etsy")["state"] == "read"
    assert send(f"/imports/{id}/dry-run", "POST").status_code == 202
    state(send, id)
    sent = [body for method, path, _, body in upstream.requests if "products:batch" in path]
    assert b'"Etsy:' in sent[0]


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
    go_on = blocked(upstream)
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
    for path, method in (("plan", "POST"), ("run", "POST"), ("stop", "POST")):
        assert send(f"/imports/{id}/{path}", method, headers=ben, json=OPTIONS).status_code == 404
    assert send(f"/imports/{id}", "DELETE", headers=ben).status_code == 404
    assert send("/imports", headers=ben).get_json()["items"] == []
    assert send(f"/imports/{id}/stop", "POST", headers=reader).status_code == 403
    assert send(f"/imports/{id}", "DELETE", headers=reader).status_code == 403
    answer = send(f"/imports/{id}/plan", "POST", headers=ann, json=OPTIONS)
    assert answer.status_code == 202
    assert state(send, id, ann)["state"] == "read"
    sent = [
        headers.get("Authorization") for _, path, headers, _ in upstream.requests if path == "/"
    ]
    assert set(sent) == {ann["Authorization"]}  # The console adds no right.


REFUSED = {"result": "failed", "errors": [{"message": "No."}]}


def imported(send, upstream, results=(REFUSED, REFUSED)):
    """The id of an import whose rows had these results."""
    id = upload(send).get_json()["id"]
    assert read(send, id)["state"] == "read"
    upstream.answers["/products:batch"] = (200, {}, {"results": list(results)})
    assert send(f"/imports/{id}/run", "POST").status_code == 202
    assert state(send, id)["state"] == "done"
    return id


def undone(send, id):
    assert send(f"/imports/{id}/undo", "POST").status_code == 202
    return state(send, id)


def undo_page(*kept):
    request = {"method": "DELETE", "path": "/categories/1", "if_match": '"a"', "body": None}
    effect = {"id": 1, "undo": request, "kept": [{"message": text} for text in kept], "done": True}
    return (200, {}, {"items": [effect], "next_cursor": None})


def test_an_undo_asks_the_services_although_every_row_was_refused(send, upstream, about):
    """Categories may have been made for refused products, and answers may have been lost."""
    id = imported(send, upstream)
    upstream.answers[f"/categories:imports/{id}"] = undo_page("It has children.")
    one = undone(send, id)
    assert (one["state"], one["changes"]) == ("undone", 0)
    assert one["undone"]["done"] == {"moved to the trash": 1}
    told = one["undone"]
    assert told["is_known"]
    assert (told["left"], told["kept"]) == (1, ["categories/1: It has children."])
    assert (told["refusals"], told["refused"], told["hidden"]) == (0, [], [])


def test_an_import_that_no_service_knows_has_nothing_to_take_back(send, upstream, about):
    for id in (imported(send, upstream), "20200101-000000-abcd"):
        one = undone(send, id)
        assert (one["state"], one["undone"]["is_known"]) == ("undone", False)
        assert one["undone"]["done"] == {}


def test_an_undo_asks_only_the_services_of_its_import(settings, upstream, folder, about):
    names = ("products", "categories", "orders", "clients", "wishes")
    client = build_app(settings, dict.fromkeys(names, upstream.url), folder).test_client()

    def send(target, method="GET", headers=(), **options):
        environ = {"RAW_URI": target}
        sent = {"X-Console": "1", **dict(headers)}
        return client.open(
            target, method=method, headers=sent, environ_overrides=environ, **options
        )

    def asked():
        paths = [path.partition("?")[0] for _, path, _, _ in upstream.requests]
        return {path.partition(":")[0][1:] for path in paths if ":imports/" in path}

    undone(send, imported(send, upstream))
    assert asked() == {"products", "categories"}
    undone(send, "20200101-000000-abcd")
    assert asked() == set(names)


@pytest.fixture
def imports(app):
    return app.extensions["console"].imports._imports


def test_a_file_that_comes_after_the_import_has_begun_is_left_out(send, upstream, about, imports):
    id = upload(send).get_json()["id"]
    one = imports.get(id, user_name())
    go_on = blocked(upstream)

    def parts():
        yield b"name\n"
        assert send(f"/imports/{id}", "DELETE").status_code == 409
        assert send(f"/imports/{id}/plan", "POST", json=OPTIONS).status_code == 202
        yield b"Late\n"

    with pytest.raises(Conflict, match="until the import begins"):
        imports.add_file(one, "late.csv", parts())
    assert one.state == "reading"
    assert [path.name for path in one.folder.iterdir()] == ["shop.csv"]
    go_on.set()
    assert state(send, id)["state"] == "read"


def test_two_files_may_come_at_once(send, imports):
    id = upload(send).get_json()["id"]
    one = imports.get(id, user_name())

    def parts():
        yield b"name\n"
        imports.add_file(one, "second.csv", iter([b"name\nCup\n"]))
        yield b"Pot\n"

    imports.add_file(one, "first.csv", parts())
    assert one.files == {"shop.csv": len(TABLE), "second.csv": 9, "first.csv": 9}


def test_the_imports_of_others_are_never_forgotten(upstream, imports):
    ann = imports.create("ann")
    imports.add_file(ann, "a.csv", iter([TABLE]))
    for number in range(tasks.MAX_IMPORTS + 2):
        one = imports.undo(f"made-up-{number}", "ben", "")
        poll(lambda one=one: not one.is_busy, 60, "the undo")
    assert len(imports.of("ben")) == tasks.MAX_IMPORTS
    assert imports.get(ann.id, "ann") is ann
    ben = imports.create("ben")
    for _ in range(tasks.MAX_IMPORTS - 1):
        imports.create("ben")
    assert imports.get(ben.id, "ben") is ben  # The undos went first: they have no files.
    imports.create("ben")
    with pytest.raises(NotFound):
        imports.get(ben.id, "ben")
    assert not ben.folder.exists()
    assert ann.folder.exists()


def test_an_import_that_gets_a_file_is_not_forgotten(imports, monkeypatch):
    one = imports.create("ann")

    def parts():
        yield b"name\n"
        with monkeypatch.context() as patched:
            patched.setattr(tasks, "KEPT_SECONDS", -1)
            assert imports.of("ann") == [one]
        for _ in range(tasks.MAX_IMPORTS + 1):
            imports.create("ann")
        yield b"Cup\n"

    imports.add_file(one, "a.csv", parts())
    assert imports.get(one.id, "ann").files == {"a.csv": 9}
    for each in imports.of("ann"):
        each.receiving = 1
    with pytest.raises(ServiceUnavailable, match="20 imports at work or getting files"):
        imports.create("ann")


def test_an_undo_that_may_not_begin_is_not_kept(send, upstream, about, imports):
    go_on = blocked(upstream)
    id = upload(send).get_json()["id"]
    assert send(f"/imports/{id}/plan", "POST", json=OPTIONS).status_code == 202
    with pytest.raises(Conflict, match=id):
        imports.undo("made-up", "ben", "")
    assert imports.of("ben") == []
    go_on.set()
    assert state(send, id)["state"] == "read"


def test_an_old_import_is_forgotten_at_the_next_request(send, imports, monkeypatch):
    id = upload(send).get_json()["id"]
    kept = imports.get(id, user_name()).folder
    monkeypatch.setattr(tasks, "KEPT_SECONDS", -1)
    assert send("/imports").get_json()["items"] == []
    assert not kept.exists()


def test_only_a_dry_run_and_an_import_can_be_stopped(send, upstream, about, imports):
    id = upload(send).get_json()["id"]
    assert send(f"/imports/{id}/stop", "POST").status_code == 409
    go_on = blocked(upstream)
    assert send(f"/imports/{id}/plan", "POST", json=OPTIONS).status_code == 202
    answer = send(f"/imports/{id}/stop", "POST")
    assert (answer.status_code, "reading" in answer.get_json()["detail"]) == (409, True)
    go_on.set()
    assert state(send, id)["state"] == "read"
    upstream.answers["/"] = (200, {}, {"fields": FIELDS, "keys": ["sku"]})
    go_on = blocked(upstream)
    assert send(f"/imports/{id}/run", "POST").status_code == 202
    with pytest.raises(NotFound):
        imports.stop(id, "ben", is_admin=False)
    assert imports.stop(id, "ben", is_admin=True).id == id
    go_on.set()
    assert state(send, id)["state"] == "stopped"
    assert not any(path.startswith("/products:batch") for _, path, _, _ in upstream.requests)


def test_copies_of_files_are_bounded(send, about, monkeypatch):
    monkeypatch.setattr(parts, "MAX_COPY_BYTES", 10_000)
    packed = gzip.compress(b"name\n" + b"Cup\n" * 5000)
    one = read(send, upload(send, packed, "a.csv.gz").get_json()["id"])
    assert one["state"] == "failed"
    assert one["error"].startswith("a.csv.gz is larger than 0 MB when it is unpacked")


@pytest.mark.slow
def test_a_plan_is_short_whatever_the_file_has(send, about):
    inner = {f"member {at}": {"text": "y" * 1000} for at in range(100)}
    rows = [{"name": "x" * 5000, "sku": f"S-{at}", "price": 5, "specs": inner} for at in range(9)]
    rows[0] |= {f"column {at} {'z' * 500}": "w" * 5000 for at in range(500)}
    one = upload(send, json.dumps(rows).encode(), "deep.json").get_json()
    one = read(send, one["id"])
    assert one["state"] == "read"
    assert len(one["plan"][0]["columns"]) <= 400
    assert len(json.dumps(one["plan"])) < 1_000_000
    assert "plan" not in send("/imports").get_json()["items"][0]


def test_the_folder_of_a_killed_console_is_removed_by_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    alive = uploads.Uploads()
    kept = alive.new_folder()
    unlocked = tmp_path / "vitrine-imports-elsewhere"
    unlocked.mkdir()  # Another console may have made it just now.
    code = (
        "import os, signal; from vitrine.console.imports.uploads import Uploads; "
        "console = Uploads(); console.new_folder(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    env = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, check=False)
    assert len(list(tmp_path.iterdir())) == 3
    uploads.Uploads()
    assert set(tmp_path.iterdir()) == {kept.parent, unlocked}
