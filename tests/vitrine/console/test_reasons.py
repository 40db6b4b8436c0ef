"""Why a read was no hit: the write whose token is the generation, or the lack of one."""

import pytest

from vitrine.console.reasons import MAX_KEYS, MAX_NOTES, Memory, Recent

KEY = "product:12"
TTL = 60


def read(at, cache="miss", generation="t0", **more):
    """Return the note of a read that found an entry, or stored one."""
    note = {"kind": "request", "id": f"r{at}", "service": "products", "at": at, "ms": 0}
    note |= {"cache": cache, "detail": "", "key": KEY, "tag": "12", "part": "", "token": ""}
    return note | {"root": "r0", "generation": generation, "ttl": TTL} | more


def stale(at, token, part="tag", **more):
    """Return the note of a read that found a stale entry, and stored a new one."""
    return read(at, "stale", token, detail="generation", part=part, token=token) | more


def write(at, token, **more):
    note = {"kind": "write", "id": "w", "service": "products", "at": at, "by": "maria"}
    note |= {"method": "PATCH", "path": "/products/12", "tags": ["12", "all"], "keys": []}
    return note | {"token": token} | more


def change(at, token, **more):
    note = {"kind": "change", "id": "", "service": "products", "at": at, "token": token}
    note |= {"by": "outside the API", "outside": True, "type": "updated", "item": 12}
    note |= {"revision": {"from": 3, "to": 3}, "fields": ["price"], "tags": ["12", "all"]}
    return note | {"place": f"82{token}"} | more


@pytest.fixture
def memory():
    return Memory()


def test_a_hit_has_no_reason(memory):
    assert memory.add(read(1, "hit")) is None


def test_a_stale_read_names_the_write(memory):
    memory.add(read(1))
    memory.add(write(10, "t1"))
    because = memory.add(stale(10.279, "t1"))
    assert because["text"] == "PATCH /products/12 by maria, 279 ms before"
    assert (because["code"], because["request_id"], because["ms_before"]) == ("write", "w", 279)


def test_a_key_that_a_write_has_removed_names_the_write(memory):
    memory.add(read(1))
    memory.add(write(10, "t1"))
    assert (
        memory.add(read(11, "miss", "t1"))["text"] == "PATCH /products/12 by maria, 1000 ms before"
    )


def test_an_edit_in_mongodb_is_named(memory):
    memory.add(read(1))
    memory.add(change(10, "t1"))
    because = memory.add(stale(10.4, "t1"))
    assert because["text"] == "an edit in MongoDB itself, 400 ms before"
    assert (because["code"], because["outside"]) == ("outside", True)


def test_the_follower_does_not_hide_the_request_that_it_has_seen(memory):
    memory.add(read(1))
    memory.add(write(10, "t1"))
    memory.add(change(10.1, "t1", by="maria", outside=False, id="w"))
    assert memory.add(read(11, "miss", "t1"))["path"] == "/products/12"


def test_a_write_of_a_job_is_named_by_what_it_did(memory):
    memory.add(read(1))
    memory.add(change(10, "t1", by="service:products", outside=False, id="job"))
    because = memory.add(read(11, "miss", "t1"))
    assert because["text"] == "updated by service:products, 1000 ms before"


def test_the_first_read_of_a_key_is_named_as_such(memory):
    memory.add(write(1, "t1"))
    assert memory.add(read(60, "miss", "t1"))["code"] == "first"


def test_a_key_that_is_gone_without_a_write(memory):
    memory.add(read(1))
    assert memory.add(read(5))["code"] == "removed"
    memory.add(read(10, "hit", ttl=TTL - 5))
    assert memory.add(read(100))["text"] == "expired: stored 95 s before"


def test_an_entry_that_was_never_hit_expires_as_well(memory):
    memory.add(read(1))
    assert memory.add(read(62))["text"] == "expired: stored 61 s before"


def test_a_write_from_before_the_entry_was_stored_is_not_its_reason(memory):
    """The entry has the token of that write already."""
    memory.add(read(1))
    memory.add(write(10, "t1"))
    assert memory.add(read(10.3, "miss", "t1"))["code"] == "write"
    assert memory.add(read(40, "miss", "t1"))["code"] == "removed"
    assert memory.add(read(400, "miss", "t1"))["text"] == "expired: stored 360 s before"


def test_a_write_after_the_end_of_an_entry_is_not_its_reason(memory):
    memory.add(read(1))
    memory.add(write(100, "t1"))
    assert memory.add(read(101, "miss", "t1"))["code"] == "expired"


def test_a_write_that_was_not_seen_is_unknown(memory):
    memory.add(read(1))
    assert memory.add(stale(2, "t9"))["code"] == "unknown"
    assert memory.add(read(3, "miss", "t10"))["code"] == "unknown"
    assert memory.add(stale(4, ""))["code"] == "unknown"


def test_many_changes_that_one_token_covers_are_told_apart(memory):
    """The follower renews the tags of all changes that it has missed by one token."""
    memory.add(read(1, generation="t0"))
    memory.add(change(10, "t1", by="maria", outside=False, id="first"))
    memory.add(change(10, "t1", place="82b", item=13, tags=["13", "all"], by="paul", id="last"))
    assert memory.add(stale(11, "t1"))["request_id"] == "first"
    assert memory.add(stale(11, "t1", key="product:13", tag="13"))["by"] == "paul"
    assert memory.add(stale(11, "t1", key="products:list:", tag="all"))["by"] == "paul"
    assert memory.add(stale(11, "t1", key="product:14", tag="14"))["code"] == "unknown"


def test_a_batch_is_named_for_each_of_its_items(memory):
    memory.add(write(10, "t1", path="/products:batch", tags=["1", "2"], omitted=1))
    memory.add(change(10, "t1", by="maria", outside=False, id="w", tags=["2", "all"]))
    for tag in ("1", "2", "12"):
        assert memory.add(stale(11, "t1", tag=tag))["path"] == "/products:batch"


def test_a_write_of_another_service_is_named(memory):
    memory.add(change(10, "t1", by="maria", outside=False, id="w"))
    because = memory.add(stale(11, "t1", part="products", key="category:games", tag="games"))
    assert because["request_id"] == "w"


@pytest.mark.parametrize("detail", ["lease", "redis", "release", "undecodable"])
def test_other_reasons_have_a_sentence(memory, detail):
    because = memory.add(read(1, "bypass", detail=detail))
    assert because["code"] == detail
    assert len(because["text"]) > 20


def test_a_new_root_is_named(memory):
    because = memory.add(stale(1, "r1", part="root"))
    assert because["code"] == "root"


def test_an_entry_that_was_swept_after_a_new_root_names_it(memory):
    memory.add(read(1))
    assert memory.add(read(9, root="r1"))["code"] == "root"
    assert memory.add(read(11, root="r1"))["code"] == "removed"


def test_a_memory_forgets_what_was_set_first():
    recent = Recent(3)
    for number in range(10):
        recent.set(str(number), number, 1)
    assert [recent.get(str(number)) for number in (6, 7, 8, 9)] == [None, 7, 8, 9]
    assert MAX_KEYS < 100_000


def test_a_memory_is_bounded_by_bytes():
    recent = Recent(100, 1000)
    for number in range(10):
        recent.set(str(number), number, 400)
    assert len(recent) == 2
    recent.set("9", 9, 100)
    recent.set("10", 10, 400)
    assert len(recent) == 3
    recent.set("huge", 0, 1001)
    assert len(recent) == 0


def test_notes_are_forgotten_before_they_fill_the_memory(memory):
    for number in range(300):
        memory.add(write(number, f"t{number}", id=f"w{number}", path="/products/" + "x" * 50_000))
    assert not memory.notes_of("w200")
    assert memory.notes_of("w299")
    memory.add(read(300))
    assert memory.add(stale(301, "t200"))["code"] == "unknown"
    assert memory.add(stale(302, "t299"))["code"] == "write"


def test_the_notes_of_one_request_are_bounded(memory):
    for number in range(100):
        memory.add(write(number, f"t{number}"))
    assert len(memory.notes_of("w")) == MAX_NOTES


def test_the_author_of_a_change_is_found_by_its_place(memory):
    """An edit in MongoDB itself keeps the revision of the write before it."""
    memory.add(change(1, "t1", by="maria", outside=False, id="w"))
    memory.add(change(2, "t2"))
    assert memory.author_of("82t1-c0ffee")["by"] == "maria"
    assert memory.author_of("82t2-c0ffee")["outside"] is True
    assert memory.author_of("82t3-c0ffee") is None
    assert [note["kind"] for note in memory.notes_of("w")] == ["change"]
