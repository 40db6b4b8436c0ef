"""Removal of the items that a file no longer has."""

from types import SimpleNamespace

import pytest

from vitrine.errors import RequestRefused
from vitrine.transfer.importer import ImportReport
from vitrine.transfer.missing import remove_missing

GONE, REFUSED = 404, 409


class Service:
    """Categories in a tree, of which one with children is refused; statuses are those of writes."""

    service = "categories"

    def __init__(self, parents, statuses=()):
        self.parents = dict(parents)
        self.statuses = dict(statuses)
        self.written = []

    def get(self, path):
        return {"unlisted": {"status": ["archived", "draft"]}}

    def items(self, path, **query):
        return [] if "status" in query else [{"id": id, "sku": f"S{id}"} for id in self.parents]

    def write(self, method, path, body, if_match):
        id = int(path.rpartition("/")[2])
        has_children = method == "DELETE" and id in self.parents.values()
        if status := self.statuses.get(id, REFUSED * has_children):
            raise RequestRefused("No.", status)
        if method == "DELETE":
            del self.parents[id]
        self.written.append((method, id, body, if_match))


@pytest.fixture
def remove():
    """Remove all items of a service; return the report."""

    def remove(service, action, keys=("sku",), prefix=""):
        report = ImportReport()
        report.counts["unchanged"] = 1
        identity = SimpleNamespace(keys=keys, used={keys[0]}, prefix=prefix)
        importer = SimpleNamespace(report=report, client=service, identity=identity, ids={0})
        remove_missing(importer, action, {}, dry_run=False)
        return report

    return remove


@pytest.mark.parametrize("parents", [{9: None, 10: 9}, {9: 10, 10: None, 100: 9}])
def test_a_category_goes_after_its_children(remove, parents):
    report = remove(Service(parents), "trash")
    assert report.missing == {"moved to the trash": len(parents)}
    assert report.errors == []


def test_a_category_that_is_refused_stays(remove):
    report = remove(Service({1: None, 2: 1, 3: 2}, {2: REFUSED}), "trash")
    assert report.missing == {"moved to the trash": 1}
    assert report.counts["failed"] == 2
    assert report.errors == ["/categories/2 stays: No.", "/categories/1 stays: No."]


def test_archived_items_are_counted_by_what_the_service_did(remove):
    service = Service(dict.fromkeys((1, 2, 3)), {1: REFUSED, 2: GONE})
    report = remove(service, "archive")
    assert report.missing == {"archived": 1}
    assert report.counts["failed"] == 1
    assert service.written == [("PATCH", 3, {"status": "archived"}, "*")]


class Clients(Service):
    """Clients of two shops, of whom one is known by the address alone."""

    service = "clients"

    def items(self, path, **query):
        refs = {1: "north:7", 2: "south:7", 3: "7", 4: None}
        found = [] if "status" in query else self.parents
        return [{"id": id, "external_ref": refs[id], "email": f"{id}@x.example"} for id in found]


def test_with_a_source_no_client_of_another_shop_is_missing(remove):
    service = Clients(dict.fromkeys((1, 2, 3, 4)))
    remove(service, "trash", ("external_ref", "email"), "north:")
    assert [id for _, id, *_ in service.written] == [1]
    service = Clients(dict.fromkeys((1, 2, 3, 4)))
    remove(service, "trash", ("email",), "north:")
    assert not service.written, "by an address, nobody knows the shop of a client"
