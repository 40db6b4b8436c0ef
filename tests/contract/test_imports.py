"""Imports: the header that names one, what it did, and the requests that undo it."""

import threading

import pytest
from bson import ObjectId

from shared.endpoints.import_log import find_effects
from shared.schema import sizes
from shared.schema.mongo_schema import json_schema
from shared.storage import documents, trash
from shared.storage.audit_log import AuditLog
from shared.workers.follower import Follower
from tests.support.polling import poll
from tests.support.services import example, on_fakes, on_real_servers

ID = "20260131-093000-k3fd"
PART = {"Import-ID": ID}
# For rules that do not depend on the fields of a service; each test waits for the history.
in_products = pytest.mark.parametrize("package", ["api_products"], indirect=True)


@pytest.fixture
def leased(request):
    return "followed" in request.fixturenames


@pytest.fixture
def followed(client, resource, db, redis):
    """Run a follower of the service until the test ends."""
    history = AuditLog(db[f"{resource.name}.history"], resource.origins)
    validator = json_schema(resource.schema)
    follower = Follower(resource.repository, validator, db, redis, 60, history)
    thread = threading.Thread(target=follower.run)
    thread.start()
    poll(lambda: redis.exists(f"{resource.name}:generation"))
    yield
    follower.stopping = True
    thread.join()


@pytest.fixture
def effects(client, url):
    """Return what an import did, by the id of the item."""

    def effects(id=ID):
        answer = client.get(f"{url}:imports/{id}")
        assert answer.status_code == 200, answer.json
        assert answer.json["next_cursor"] is None
        return {each["id"]: each for each in answer.json["items"]}

    return effects


@pytest.fixture(params=["together", pytest.param("alone", marks=pytest.mark.long)])
def undo(request, client, url, effects):
    """Send all requests that undo an import, or have the service do it; return their statuses."""

    def pages(id):
        if request.param == "alone":
            return effects(id).values()
        answer = client.post(f"{url}:imports/{id}", headers={"Import-ID": f"undo-{id}"})
        assert answer.status_code == 200, answer.json
        return answer.json["items"]

    def undo(id=ID):
        statuses = []
        for effect in pages(id):
            if asked := effect["undo"]:
                if effect.get("done"):
                    statuses.append(204 if asked["method"] == "DELETE" else 200)
                    continue
                sent = {"If-Match": asked["if_match"]} if asked["if_match"] else {}
                answer = client.open(
                    asked["path"],
                    method=asked["method"],
                    json=asked["body"],
                    headers=sent | {"Import-ID": f"undo-{id}"},
                )
                statuses.append(answer.status_code)
        return statuses

    return undo


@pytest.fixture
def shown(client, url):
    """Return an item without what each write changes."""
    volatile = ("revision", "updated_at", "status", "history")

    def shown(id=1):
        item = client.get(f"{url}/{id}").json
        return {name: value for name, value in item.items() if name not in volatile}

    return shown


@on_fakes
@pytest.mark.parametrize("id", ["", "a b", "-x", "é", "x" * 101, "a/b", "a,b"])
def test_a_write_with_a_wrong_import_id_is_refused(client, url, resource, id):
    sent = {"Import-ID": id.encode().decode("latin-1")}
    answer = client.post(url, json=example(resource), headers=sent)
    assert answer.status_code == 400
    assert "Import-ID is not valid. Send 1 to 100 letters" in answer.json["detail"]
    assert client.get(url, headers=sent).status_code == 200
    assert client.get(url).json["total"] == 0


@on_real_servers
def test_an_import_is_listed_with_its_author_times_and_changes(
    client, url, followed, minimal, effects
):
    for name in ("First", "Second"):
        assert client.post(url, json=minimal(name), headers=PART).status_code == 201
    client.post(url, json=minimal("Other"), headers={"Import-ID": "other"})
    client.post(url, json=minimal("By hand"))
    assert {each["did"] for each in effects().values()} == {"created"}
    assert list(effects()) == [2, 1]
    later, listed = client.get(f"{url}:imports").json["items"]
    assert (later["id"], listed["id"]) == ("other", ID)
    assert listed["by"] == "anonymous"
    assert listed["changes"]["created"] == 2
    assert listed["started_at"] <= listed["ended_at"]
    page = client.get(f"{url}:imports?per=1").json
    assert ([each["id"] for each in page["items"]], page["total"]) == (["other"], 2)
    assert client.get(page["links"]["next"]).json["items"] == [listed]
    assert client.get(f"{url}:imports/unknown").status_code == 404
    history = client.get(f"{url}/1/history").json["items"]
    assert {entry["import_id"] for entry in history} == {ID}


@on_real_servers
def test_new_items_go_to_the_trash_and_come_back_as_they_were(
    client, url, followed, minimal, undo, effects, shown
):
    client.post(url, json=minimal("New"), headers=PART)
    made = shown()
    assert undo() == [204]
    assert client.get(f"{url}/1").status_code == 404
    assert undo() == []
    # An undo is an import as well.
    assert undo(f"undo-{ID}") == [200]
    assert shown() == made
    # The undo of the undo counts as the import's own, so that it can be undone again.
    if url != "/orders":  # Which a deletion cancels.
        assert undo() == [204]
        assert undo(f"undo-{ID}") == [200]
        assert shown() == made


@on_real_servers
def test_changed_fields_are_put_back_and_others_stay(
    client, url, followed, minimal, text_field, resource, undo, effects
):
    extra = "external_ref" if "external_ref" in resource.names else "genre"
    client.post(url, json=minimal("Before"))
    changes = {text_field: "After", extra: "R-1"}
    assert client.patch(f"{url}/1", json=changes, headers=PART).status_code == 200
    assert effects()[1]["did"] == "updated"
    assert undo() == [200]
    item = client.get(f"{url}/1").json
    assert (item[text_field], item[extra]) == ("Before", None)
    assert undo() == []
    assert effects()[1]["kept"] == []


@on_real_servers
def test_what_was_changed_since_is_kept_and_listed(
    client, url, followed, minimal, text_field, resource, undo, effects
):
    extra = "external_ref" if "external_ref" in resource.names else "genre"
    client.post(url, json=minimal("Before"))
    client.patch(f"{url}/1", json={text_field: "After", extra: "R-1"}, headers=PART)
    client.patch(f"{url}/1", json={text_field: "Later"})
    assert undo() == [200]
    item = client.get(f"{url}/1").json
    assert (item[text_field], item[extra]) == ("Later", None)
    (kept,) = effects()[1]["kept"]
    assert kept.pop("at")
    assert kept == {
        "pointer": f"/{text_field}",
        "from": "Before",
        "to": "After",
        "now": "Later",
        "by": "anonymous",
    }


@in_products
@on_real_servers
def test_a_value_that_was_changed_there_and_back_is_kept(
    client, url, followed, minimal, text_field, undo, effects
):
    client.post(url, json=minimal("Before"))
    for value, part in (("After", PART), ("Later", {}), ("After", {})):
        client.patch(f"{url}/1", json={text_field: value}, headers=part)
    assert undo() == []
    assert [kept["pointer"] for kept in effects()[1]["kept"]] == [f"/{text_field}"]
    assert client.get(f"{url}/1").json[text_field] == "After"


@in_products
@on_real_servers
def test_imports_can_be_undone_one_after_the_other(
    client, url, followed, minimal, text_field, undo
):
    client.post(url, json=minimal("New"), headers=PART)
    client.patch(f"{url}/1", json={text_field: "Second"}, headers={"Import-ID": "second"})
    assert undo() == []
    assert undo("second") == [200]
    assert undo() == [204]


@on_real_servers
def test_a_new_item_that_was_changed_since_is_kept(
    client, url, followed, minimal, text_field, undo, effects
):
    client.post(url, json=minimal("New"), headers=PART)
    client.patch(f"{url}/1", json={text_field: "Mine now"})
    assert undo() == []
    (kept,) = [k for k in effects()[1]["kept"] if k["pointer"] == f"/{text_field}"]
    assert (kept["to"], kept["now"]) == ("New", "Mine now")
    assert client.get(f"{url}/1").status_code == 200


@in_products
@on_real_servers
def test_a_value_that_the_service_would_not_store_again_is_left(
    client, url, followed, minimal, resource, db, text_field, undo, effects
):
    client.post(url, json=minimal("Before"))
    db[resource.name].update_one({"_id": 1}, {"$set": {text_field: " Tea"}})
    changes = {text_field: "Tea", "brand": "Acme"}
    assert client.patch(f"{url}/1", json=changes, headers=PART).status_code == 200
    assert effects()[1]["undo"]["body"] == {"brand": None}
    assert undo() == [200]
    assert undo() == []


@on_real_servers
def test_new_items_of_standard_services_are_undone_together(
    client, url, resource, followed, minimal
):
    for name in ("One", "Two", "Three"):
        client.post(url, json=minimal(name), headers=PART)
    path, sent = f"{url}:imports/{ID}?per=2", {"Import-ID": f"undo-{ID}"}
    page = client.post(path, headers=sent).json
    assert {each["undo"]["method"] for each in page["items"]} == {"DELETE"}
    is_standard = url in ("/products", "/clients")
    assert {each["done"] for each in page["items"]} == {is_standard}
    if is_standard:
        assert [each["id"] for each in client.get(url).json["items"]] == [1]
        assert client.get(f"{url}?deleted=only").json["total"] == 2
        rest = client.post(f"{path}&cursor={page['next_cursor']}", headers=sent).json
        assert ([each["id"] for each in rest["items"]], rest["next_cursor"]) == ([1], None)


@in_products
@on_real_servers
def test_what_the_service_refuses_is_left_for_a_request_that_says_why(
    client, url, followed, minimal
):
    sent = {"Import-ID": f"undo-{ID}"}
    for name in ("One", "Two"):
        client.post(url, json=minimal(name) | {"sku": name}, headers=PART)
    page = client.post(f"{url}:imports/{ID}", headers=sent).json
    assert all(each["done"] for each in page["items"])
    client.post(url, json=minimal("Other") | {"sku": "One"})
    again = {"Import-ID": f"undo-undo-{ID}"}
    two, one = client.post(f"{url}:imports/undo-{ID}", headers=again).json["items"]
    assert (two["done"], one["done"]) == (True, False)
    answer = client.post(one["undo"]["path"], json=one["undo"]["body"], headers=again)
    assert (answer.status_code, answer.json["owner"]) == (409, "/products/3")


@pytest.fixture
def deleted_by_import(client, url, followed, minimal):
    """Three items that an import has moved to the trash; return the path of its undo."""
    for name in ("One", "Two", "Three"):
        client.post(url, json=minimal(name))
    for id in (1, 2, 3):
        client.delete(f"{url}/{id}", headers=PART)
    return f"{url}:imports/{ID}"


@in_products
@on_real_servers
def test_nothing_is_lost_if_an_item_leaves_the_trash_during_an_undo_with_a_key(
    client, url, db, deleted_by_import, monkeypatch
):
    """The transaction of the key would have committed the half of a move."""
    sent = {"Import-ID": f"undo-{ID}"}
    read = trash.get_many

    def read_and_lose_one(*args):
        found = read(*args)
        db["products.trash"].delete_one({"id": 1})
        return found

    with monkeypatch.context() as disturbed:
        disturbed.setattr(trash, "get_many", read_and_lose_one)
        answer = client.post(deleted_by_import, headers=sent | {"Idempotency-Key": "a"})
    assert answer.status_code == 200, answer.json
    assert [each["done"] for each in answer.json["items"]] == [False, False, False]
    assert {each["id"] for each in db["products.trash"].find()} == {2, 3}
    again = client.post(deleted_by_import, headers=sent | {"Idempotency-Key": "b"})
    assert [each["done"] for each in again.json["items"]] == [True, True, False]
    assert client.get(url).json["total"] == 2


@in_products
@on_real_servers
def test_a_value_that_is_taken_stops_no_other_item_of_an_undo_with_a_key(
    client, url, db, followed, minimal
):
    for name in ("One", "Two"):
        client.post(url, json=minimal(name) | {"sku": name})
    for id in (1, 2):
        client.patch(f"{url}/{id}", json={"sku": f"new-{id}"}, headers=PART)
    client.post(url, json=minimal("Other") | {"sku": "One"})
    sent = {"Import-ID": f"undo-{ID}", "Idempotency-Key": "a"}
    answer = client.post(f"{url}:imports/{ID}", headers=sent)
    assert answer.status_code == 200, answer.json
    assert {each["id"]: each["done"] for each in answer.json["items"]} == {1: False, 2: True}
    again = client.post(f"{url}:imports/{ID}", headers=sent)
    assert (again.headers["Idempotency-Replayed"], again.json) == ("true", answer.json)
    client.delete(f"{url}/2?purge=true")
    assert db["products.idempotency"].count_documents({}) == 0


@in_products
@on_real_servers
def test_a_page_of_an_undo_restores_as_many_bytes_as_a_page_may_hold(
    client, url, db, deleted_by_import, monkeypatch
):
    db["products.trash"].update_many({}, {"$set": {"description": "x" * 10_000}})
    monkeypatch.setattr(sizes, "MAX_PAGE", 25_000)
    sent, found, cursor = {"Import-ID": f"undo-{ID}"}, [], ""
    while cursor is not None:
        page = client.post(
            f"{deleted_by_import}?per=100{cursor and f'&cursor={cursor}'}", headers=sent
        )
        assert page.status_code == 200, page.json
        assert all(each["done"] for each in page.json["items"])
        found.append([each["id"] for each in page.json["items"]])
        cursor = page.json["next_cursor"]
    assert found == [[3, 2], [1]]
    assert db["products.trash"].count_documents({}) == 0


@in_products
@on_real_servers
def test_nothing_is_undone_if_another_service_does_not_answer(
    client, url, followed, minimal, make_client, transport
):
    """Else the items of the first write would not be listed as done by the next request."""
    make_client("api_categories").post("/categories", json={"name": "Tea"})
    client.post(url, json=minimal("One") | {"category": "tea"})
    client.patch(f"{url}/1", json={"category": None}, headers=PART)
    client.post(url, json=minimal("New"), headers=PART)
    path, sent = f"{url}:imports/{ID}", {"Import-ID": f"undo-{ID}"}
    transport.down = {"categories"}
    assert client.post(path, headers=sent).status_code == 503
    assert client.get(f"{url}/2").status_code == 200
    transport.down = set()
    items = client.post(path, headers=sent).json["items"]
    assert {each["id"]: each["done"] for each in items} == {1: True, 2: True}


@in_products
@on_real_servers
def test_an_undo_together_has_the_import_id_of_an_undo(client, url, followed, minimal):
    client.post(url, json=minimal("One"), headers=PART)
    for sent in ({}, {"Import-ID": "other"}):
        answer = client.post(f"{url}:imports/{ID}", headers=sent)
        assert answer.status_code == 422
        assert f"Send the header Import-ID: undo-{ID}." in answer.json["detail"]
    assert client.get(url).json["total"] == 1


@in_products
@on_real_servers
def test_an_item_that_changes_during_the_undo_is_not_overwritten(
    client, url, followed, minimal, text_field, effects
):
    client.post(url, json=minimal("Before"))
    client.patch(f"{url}/1", json={text_field: "After"}, headers=PART)
    asked = effects()[1]["undo"]
    client.patch(f"{url}/1", json={text_field: "Meanwhile"})
    sent = {"If-Match": asked["if_match"]}
    assert client.patch(asked["path"], json=asked["body"], headers=sent).status_code == 412
    assert effects()[1]["undo"] is None


@on_real_servers
def test_a_deletion_is_undone_by_a_restore(client, url, followed, minimal, undo, effects, shown):
    client.post(url, json=minimal("Kept"))
    before = shown()
    client.delete(f"{url}/1", headers=PART)
    assert effects()[1]["did"] == "deleted"
    assert undo() == [200]
    assert shown() == before
    client.delete(f"{url}/1")
    assert effects()[1] | {"kept": []} == effects()[1]


@in_products
@on_real_servers
def test_an_item_that_was_deleted_or_purged_since_is_listed(
    client, url, followed, minimal, text_field, effects
):
    for name in ("One", "Two"):
        client.post(url, json=minimal(name))
        id = {"One": 1, "Two": 2}[name]
        client.patch(f"{url}/{id}", json={text_field: "After"}, headers=PART)
        client.delete(f"{url}/{id}")
    client.delete(f"{url}/2?purge=true")
    found = effects()
    assert found[1]["undo"] is found[2]["undo"] is None
    assert found[1]["kept"] == [{"pointer": "", "message": "Is in the trash; restore it first."}]
    assert found[2]["kept"] == [{"pointer": "", "message": "Is not in the trash any more."}]


@in_products
@on_real_servers
def test_many_items_are_listed_page_by_page(client, url, followed, minimal):
    for number in range(7):
        client.post(url, json=minimal(f"Item {number}"), headers=PART)
    found, path = [], f"{url}:imports/{ID}?per=3"
    while path:
        page = client.get(path).json
        found += [each["id"] for each in page["items"]]
        after = page["next_cursor"]
        path = after and f"{url}:imports/{ID}?per=3&cursor={after}"
    assert found == [7, 6, 5, 4, 3, 2, 1]
    assert client.get(f"{url}:imports/{ID}?cursor=x").status_code == 400


@in_products
@on_real_servers
def test_items_with_ids_of_several_types_are_all_listed(db, resource):
    history = db[f"{resource.name}.history"]
    ids = [1, 2, "a", "b", ObjectId(), ObjectId()]
    moment = documents.now()
    shared = {"import": ID, "kind": "created", "at": moment, "after": {}}
    history.insert_many([{"_id": str(id), "item": id, **shared} for id in ids])
    found, below = [], None
    for _ in range(len(ids)):
        effects, below = find_effects(history, ID, below, 1)
        found += [effect.item for effect in effects]
    assert (found, below) == (ids[::-1], None)


@on_fakes
@in_products
def test_an_undo_may_have_a_longer_id_than_its_import(client, url, minimal):
    for id in ("undo-" + "x" * 100, "undo-undo-" + "x" * 100):
        answer = client.post(url, json=minimal(id), headers={"Import-ID": id})
        assert answer.status_code == 201
