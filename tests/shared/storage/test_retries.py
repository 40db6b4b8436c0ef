"""A write that meets another write is repeated; a failed If-Match is not."""

import pytest

from shared.http.errors import PreconditionFailed, WriteConflict
from shared.storage.retries import ATTEMPTS, DocumentChanged, retry_conflicts


class Writer:
    """A write that fails with each error in turn, and then succeeds."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "written"


def test_a_write_is_repeated_until_no_other_write_comes_between():
    write = Writer(DocumentChanged("thing"), DocumentChanged("thing"))
    assert retry_conflicts(write, "this thing") == "written"
    assert write.calls == 3


def test_a_write_that_always_meets_another_one_is_a_conflict():
    write = Writer(*[DocumentChanged("thing")] * ATTEMPTS)
    with pytest.raises(WriteConflict, match="writing this thing at the same time"):
        retry_conflicts(write, "this thing")
    assert write.calls == ATTEMPTS


def test_a_failed_precondition_of_the_client_is_not_repeated():
    write = Writer(PreconditionFailed("The item has changed."))
    with pytest.raises(PreconditionFailed, match="The item has changed"):
        retry_conflicts(write, "this thing")
    assert write.calls == 1
