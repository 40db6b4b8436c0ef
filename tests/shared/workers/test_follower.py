"""The follower on real servers, in the process of the test, so that its steps can be watched."""

import threading
import time
from itertools import pairwise

import pytest
from bson import Timestamp
from bson.datetime_ms import DatetimeMS
from pymongo.database import Database
from pymongo.errors import OperationFailure

from api_products.resource import products
from shared.cache.cache import LEASE_SECONDS, Cache, Write
from shared.cache.keys import mark_of, root_of, tag_of
from shared.schema.mongo_schema import json_schema
from shared.schema.search_terms import RULE, rule_of
from shared.storage.audit_log import AuditLog
from shared.workers import follower as follower_module
from shared.workers.follower import Follower
from tests.support.polling import poll
from tests.support.services import on_real_servers

pytestmark = [on_real_servers, pytest.mark.usefixtures("own_apps")]

INDEX_BUILD_RUNS = 12587
ROOT, ALL_LISTS = root_of("products"), tag_of("products", "all")


@pytest.fixture
def follow(db, redis):
    """Run followers until the test ends."""
    running = []

    def start():
        history = AuditLog(db["products.history"], products.origins)
        validator = json_schema(products.schema)
        follower = Follower(products.repository, validator, db, redis, 60, history)
        thread = threading.Thread(target=follower.run)
        thread.start()
        running.append((follower, thread))
        poll(lambda: redis.exists(ROOT) and db.followers.find_one({"_id": "products"}))
        return follower, thread

    yield start
    for follower, thread in running:
        follower.stopping = True
        thread.join()


def end(follower, thread):
    follower.stopping = True
    thread.join()


def test_a_resume_token_that_fell_off_the_oplog_renews_the_root(
    db, redis, follow, caplog, monkeypatch
):
    """As after weeks without a follower: the changes of that time are unknown."""
    end(*follow())
    run = Database.command

    def forgetful(database, command, *args, **options):
        # An oplog keeps 990 megabytes at the least, so MongoDB's answer is given for it.
        if "resumeAfter" in str(command) and db.followers.find_one({"_id": "products"}):
            raise OperationFailure("Resume of change stream was not possible", code=286)
        return run(database, command, *args, **options)

    monkeypatch.setattr(Database, "command", forgetful)
    before = redis.get(ROOT)
    follow()
    assert poll(lambda: "the oplog does not hold all changes since the last run" in caplog.text)
    assert poll(lambda: redis.get(ROOT) not in (None, before))
    old = redis.get(ALL_LISTS)
    db.products.insert_one({"_id": 2, "name": "Seen"})
    assert poll(lambda: redis.get(ALL_LISTS) != old)


def test_a_follower_that_is_stopped_ends_the_lease(db, redis, follow):
    """The next follower may find a MongoDB that was restored, and the same Redis."""
    end(*follow())
    assert not redis.exists(ROOT)


def test_a_lease_is_announced_and_its_root_names_the_run_of_redis(db, redis, follow):
    follow()
    ends = []

    def is_extended():
        ends.append(redis.pexpiretime(ROOT))
        return ends[-1] > ends[0]

    poll(is_extended)
    # Redis and MongoDB are on one machine.
    announced = db.followers.find_one({"_id": "products"})["leased_until"]
    assert announced.timestamp() * 1000 >= ends[-1]
    assert redis.get(ROOT).startswith(mark_of(redis.info("server")["run_id"]).encode())


def test_it_stores_up_to_which_change_the_cache_is_invalidated(db, follow):
    follow()
    db.products.insert_one({"_id": 1, "name": "Seen"})
    moment = db.command("ping")["operationTime"]
    assert poll(lambda: db.followers.find_one({"_id": "products", "seen": {"$gte": moment}}))


@pytest.mark.long
def test_nothing_is_announced_while_redis_refuses_writes(db, redis, follow, caplog):
    """Writes would wait for leases that cannot be."""
    follow()

    def failures():
        return caplog.text.count("following again after TimeoutError")

    redis.client_pause(120_000, all=False)
    try:
        poll(failures)
        announced = db.followers.find_one({"_id": "products"})["leased_until"]
        poll(lambda: failures() >= 2)
        assert db.followers.find_one({"_id": "products"})["leased_until"] == announced
    finally:
        redis.client_unpause()
    assert poll(lambda: redis.exists(ROOT))


def test_changes_without_a_follower_are_handled_by_the_next_one(db, redis, follow):
    end(*follow())
    db.products.insert_one({"_id": 1, "name": "Missed"})
    follow()
    assert poll(lambda: redis.get(ALL_LISTS))


def test_one_of_two_followers_is_enough(db, redis, follow):
    first = follow()
    follow()
    end(*first)
    # The one that ended took the lease along; the other one makes a new one.
    assert poll(lambda: redis.exists(ROOT))
    root = redis.get(ROOT)
    old = redis.get(ALL_LISTS)
    db.products.insert_one({"_id": 1, "name": "Seen"})
    assert poll(lambda: redis.get(ALL_LISTS) != old)
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        assert redis.get(ROOT) == root
        time.sleep(0.05)


def test_another_redis_in_the_place_of_the_first_gets_a_new_root(db, redis, follow, monkeypatch):
    """The identity of the server decides, even if no connection broke."""
    follow()
    root = redis.get(ROOT)
    asked = redis.info
    monkeypatch.setattr(redis, "info", lambda *args: asked(*args) | {"run_id": "another"})
    assert poll(lambda: redis.get(ROOT) not in (None, root))


def test_a_write_that_renewed_its_tags_is_not_renewed_again(db, redis, follow, make_client):
    client = make_client("api_products")
    follow()

    def wrote():
        """Return the token of a write, if the follower has not overtaken it, as it may."""
        made = client.post("/products", json={"name": "Own"}).json
        token = redis.get(ALL_LISTS)
        return db.products.find_one({"_id": made["id"]})["written"].encode() == token and token

    token = poll(wrote)
    db.products.update_one({}, {"$set": {"stock": 1}})
    assert poll(lambda: redis.get(ALL_LISTS) != token)


def test_only_the_follower_writes_the_root(db, redis, follow):
    cache = Cache(redis, 60, leased=True)
    end(*follow())
    redis.delete(ROOT)
    cache.invalidate(Write("products", None, "0" * 16))
    assert redis.get(ROOT) is None


def is_followed(db, redis):
    """Return True if changes are noticed soon, and the root then stays as it is."""
    old = redis.get(ALL_LISTS)

    def is_noticed():
        db.products.insert_one({"name": "Seen"})
        return redis.get(ALL_LISTS) != old

    assert poll(is_noticed)
    assert poll(lambda: redis.exists(ROOT))
    root = redis.get(ROOT)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        if redis.get(ROOT) != root:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("how", ["drop", "rename"])
def test_a_collection_that_was_dropped_is_followed_again(db, redis, follow, how):
    db.products.insert_one({"name": "Before"})
    follow()
    if how == "drop":
        db.products.drop()
    else:
        poll(lambda: is_renamed(db.products))
    assert is_followed(db, redis)


def is_renamed(collection):
    """Rename a collection; return False while MongoDB still builds an index of it."""
    try:
        collection.rename("elsewhere", dropTarget=True)
    except OperationFailure as error:
        if error.code != INDEX_BUILD_RUNS:
            raise
        return False
    return True


def test_a_change_that_cannot_be_read_is_skipped(db, redis, follow, caplog):
    """An event of more than 16 MB, because it holds the document before and after."""
    db.products.insert_one({"_id": 1, "filler": "x" * 9_000_000})
    follow()
    db.products.update_one({"_id": 1}, {"$set": {"stock": 1}})
    assert poll(lambda: "skipping the changes at which following fails" in caplog.text)
    assert is_followed(db, redis)


def test_a_document_with_an_impossible_date_is_followed(db, redis, follow):
    follow()
    db.products.insert_one({"_id": 1, "created_at": DatetimeMS(253_402_300_800_000_000)})
    assert is_followed(db, redis)


def test_stale_entries_are_swept_when_they_are_stale(db, redis, follow, monkeypatch):
    """A change that took long to invalidate, on a busy machine, left its lists in Redis."""
    found, swept = [], threading.Event()
    renew = Cache.renew_generations

    def sweep(client, service):
        found.append(redis.get(ALL_LISTS))
        swept.set()

    def renew_late(cache, *writes):
        swept.clear()
        swept.wait(1)  # A sweep that comes too early comes in this time.
        renew(cache, *writes)

    monkeypatch.setattr(follower_module.sweeper, "sweep", sweep)
    db.products.insert_one({"_id": 1, "name": "Late"})
    follow()
    poll(lambda: found)
    monkeypatch.setattr(Cache, "renew_generations", renew_late)
    before = redis.get(ALL_LISTS)
    db.products.delete_one({"_id": 1})  # The follower itself does not change it after this.
    poll(lambda: redis.get(ALL_LISTS) != before)
    poll(lambda: found[-1] == redis.get(ALL_LISTS))


def test_a_sweep_that_fails_is_repeated_after_a_pause_and_logged_once(
    redis, follow, monkeypatch, caplog
):
    sweeps = []

    def sweep(client, service):
        sweeps.append(time.monotonic())
        if len(sweeps) < 4:
            raise TimeoutError("Redis is busy")

    monkeypatch.setattr(follower_module.sweeper, "sweep", sweep)
    monkeypatch.setattr(follower_module, "SWEEP_RETRY_SECONDS", 1)
    follow()
    poll(lambda: len(sweeps) == 4)
    assert all(later - earlier >= 1 for earlier, later in pairwise(sweeps))
    assert caplog.text.count("stale entries stay: TimeoutError: Redis is busy") == 1


def test_a_generation_that_is_not_a_token_is_replaced(db, redis, follow):
    follow()
    redis.set(ALL_LISTS, b"\xff\xfe")
    assert is_followed(db, redis)
    assert len(redis.get(ALL_LISTS)) == 16


def test_a_root_that_is_not_a_token_is_replaced(redis, follow):
    follow()
    redis.delete(ROOT)
    redis.lpush(ROOT, "x")
    assert poll(lambda: redis.type(ROOT) == b"string")


def test_the_lease_ends_when_the_stream_falls_behind(redis, follow, monkeypatch):
    """As when a majority of MongoDB's members is gone: the stream stays empty."""
    follow()
    monkeypatch.setattr(follower_module, "token_time", lambda token: Timestamp(1, 1))
    assert poll(lambda: not redis.exists(ROOT), LEASE_SECONDS + 2)


def has_seen(db, redis):
    """Wait until the follower has handled all earlier writes."""
    before = redis.get(tag_of("products", "mark"))
    db.products.insert_one({"_id": "mark", "name": "Mark"})
    assert poll(lambda: redis.get(tag_of("products", "mark")) != before)


def test_requests_that_follow_each_other_closely_are_not_renewed_again(
    db, redis, follow, make_client
):
    client = make_client("api_products")
    end(*follow())
    for number in range(20):
        made = client.post("/products", json={"name": f"Own {number}"}).json
        client.patch(f"/products/{made['id']}", json={"stock": number})
    last = db.products.find_one({"_id": made["id"]})["written"]
    follow()
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        assert redis.get(ALL_LISTS).decode() == last
        time.sleep(0.05)
    has_seen(db, redis)
    assert redis.get(tag_of("products", str(made["id"]))).decode() == last


def test_a_copy_made_by_hand_is_noticed_though_it_has_the_token_of_a_request(
    db, redis, follow, make_client
):
    client = make_client("api_products")
    follow()
    made = client.post("/products", json={"name": "Own"}).json
    token = redis.get(ALL_LISTS)
    db.products.insert_one(db.products.find_one({"_id": made["id"]}) | {"_id": 99, "slug": "x"})
    assert poll(lambda: redis.get(ALL_LISTS) != token)
    assert poll(lambda: redis.get(tag_of("products", "99")))


def test_the_sort_keys_of_a_request_to_another_version_are_stored(db, redis, follow):
    """An earlier version knows no sort keys, but its request has renewed the tags."""
    follow()
    token = "0123456789abcdef"
    redis.set(tag_of("products", "7"), token)
    keys = products.repository.derived.fields({"name": "Before"})
    db.products.insert_one({"_id": 7, "name": "Zebra", "revision": 2, "written": token, **keys})
    assert poll(lambda: db.products.find_one({"_id": 7})["sort_keys"]["name"] == "zebra")


def test_an_edit_by_hand_between_two_requests_is_noticed(db, redis, follow, make_client):
    client = make_client("api_products")
    for name in ("A", "B"):
        client.post("/products", json={"name": name})
    follow()
    for number in range(20):
        client.patch("/products/1", json={"stock": number})
        tag = redis.get(tag_of("products", "2"))
        db.products.update_one({"_id": 2}, {"$set": {"name": f"By hand {number}"}})
        client.patch("/products/1", json={"stock": 100 + number})
        assert poll(lambda tag=tag: redis.get(tag_of("products", "2")) != tag)


def test_terms_of_another_release_are_not_rewritten_in_turn(db, follow):
    follow()
    markup = {"name": "Pot", "description": "<p>Tea</p>"}
    db.products.insert_one({"_id": 1, **markup})
    terms = poll(lambda: db.products.find_one({"_id": 1}).get("terms"))
    assert rule_of(terms) == RULE

    def write(values):
        """Write by hand; wait until the follower has handled that and a later change."""
        db.products.update_one({"_id": 1}, {"$set": values})
        db.products.insert_one({"_id": 2, "name": "Later"})
        poll(lambda: db.products.find_one({"_id": 2}).get("terms"))
        db.products.delete_one({"_id": 2})
        return db.products.find_one({"_id": 1})["terms"]

    # A follower that knows no rules would write its terms again and again.
    older = ["=pot", "+pot", "-p", "-tea"]
    assert write({"terms": older}) == older
    newer = [*terms, "~99"]
    newer.remove(f"~{RULE}")
    assert write({"terms": newer}) == newer
    assert write({"stock": 5}) == newer
    # After the way back to this release, nothing else would mend them.
    assert "+kettle" in write({"name": "Kettle"})
