"""A list sends as many queries for a long page as for a short one."""

import contextlib

import pytest

from tests.support.services import on_real_servers


@pytest.fixture
def profiled(real_servers):
    """Return a block that lists the collections which its queries ask, by MongoDB's profiler."""
    db = real_servers[0]

    @contextlib.contextmanager
    def profiled():
        asked = []
        db.command("profile", 2)
        try:
            yield asked
        finally:
            db.command("profile", 0)
            reads = {"op": {"$in": ["query", "command"]}, "command.profile": {"$exists": False}}
            asked += sorted(entry["ns"] for entry in db["system.profile"].find(reads))
            db.drop_collection("system.profile")

    return profiled


@on_real_servers
@pytest.mark.parametrize("query", ["", "&ordering=-id", "&fields=id"])
def test_a_long_page_needs_no_more(client, url, minimal, serves, transport, profiled, query):
    serves("create")
    for number in range(6):
        assert client.post(url, json=minimal(f"Item {number}")).status_code == 201

    def queries(per):
        transport.calls.clear()
        with profiled() as asked:
            answer = client.get(f"{url}?per={per}{query}")
        assert len(answer.get_json()["items"]) == per
        return asked, [call[:2] for call in transport.calls]

    short = queries(2)
    assert short[0]
    assert queries(6) == short
