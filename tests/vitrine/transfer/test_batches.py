"""Batches of an import: a few are sent at once, and each row is counted once and in order."""

from itertools import islice
from threading import Barrier

import pytest

from vitrine.errors import StackError
from vitrine.transfer.importer import BATCH_ITEMS, MAX_SENT, ImportReport, ItemImporter, WriteMode


class Rows:
    path, size, position, has_texts = "rows.csv", 0, 0, True

    def __init__(self, count):
        self._count = count

    def rows(self):
        return ((number, {"sku": str(number)}) for number in range(1, self._count + 1))


class Mapping:
    columns = {"sku": "sku"}

    def item(self, row, are_texts):
        return dict(row)


class Identity:
    def identify(self, item, row, number, file):
        pass

    def key_of(self, item):
        return "sku"


class Service:
    """Answers batches; waits until several have come, and fails at one of them."""

    service = "products"

    def __init__(self, at_once=1, broken=""):
        self._barrier = Barrier(at_once)
        self._broken = broken
        self.batches = []

    def batch(self, items, **query):
        self._barrier.wait(10)
        self.batches.append([item["sku"] for item in items])
        if self._broken in self.batches[-1]:
            raise StackError("The products service does not answer.")
        return {"results": [self._result(item["sku"]) for item in items]}

    def _result(self, sku):
        if sku in ("7", "1007"):
            return {"result": "failed", "errors": [{"pointer": "/sku", "message": f"No {sku}."}]}
        return {"result": "created"}


def importer(service):
    report = ImportReport()
    made = ItemImporter(
        service, Mapping(), None, Identity(), WriteMode(False, merges_attributes=True), report
    )
    return made, report


def test_several_batches_are_sent_at_once_and_counted_in_order():
    made, report = importer(Service(at_once=MAX_SENT))
    steps = [number * BATCH_ITEMS for number in (1, 2, 3, 4)]
    assert list(made.run(Rows(4 * BATCH_ITEMS))) == steps
    assert report.counts == {"created": 4 * BATCH_ITEMS - 2, "failed": 2}
    assert report.errors == ["row 7, sku: No 7.", "row 1007, sku: No 1007."]


@pytest.mark.parametrize("broken", ["3", str(BATCH_ITEMS + 3)])
def test_what_was_written_counts_if_another_batch_fails(broken):
    made, report = importer(Service(at_once=2, broken=broken))
    with pytest.raises(StackError, match="does not answer"):
        list(made.run(Rows(2 * BATCH_ITEMS)))
    assert report.counts == {"created": BATCH_ITEMS - 1, "failed": 1}


def test_what_was_sent_counts_if_the_reader_stops():
    made, report = importer(Service())
    steps = made.run(Rows(10 * BATCH_ITEMS))
    assert list(islice(steps, 1)) == [BATCH_ITEMS]
    steps.close()
    assert 1 <= report.counts.total() // BATCH_ITEMS <= 1 + MAX_SENT


class LongNumbers(Rows):
    def rows(self):
        yield 1, {"sku": "1", "stock": 2**64}
        yield 2, {"sku": "2", "attributes": {"a": [1, -(2**63) - 1]}}
        yield 3, {"sku": "3", "stock": 2**64 - 1}


def test_a_number_of_more_than_64_bits_fails_its_row_with_its_place():
    made, report = importer(Service())
    list(made.run(LongNumbers(3)))
    assert report.counts == {"failed": 2, "created": 1}
    assert [error.partition(" Is")[0] for error in report.errors] == [
        "row 1, stock:",
        "row 2, attributes/a/2:",
    ]
