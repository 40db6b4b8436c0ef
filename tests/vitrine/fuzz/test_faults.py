"""Which stacks the fuzzer may harm, and what it counts as lost."""

import pytest

from vitrine.errors import StackError
from vitrine.fuzz import faults
from vitrine.fuzz.documents import DELETED, FuzzDocument, FuzzNamespace
from vitrine.fuzz.faults import FAULTS, SLOT_SECONDS, FaultOutcome
from vitrine.fuzz.fuzz import find_lost
from vitrine.stack import Running


def running(*embedded):
    return Running(1, "mongodb://u:p@db/vitrine", "redis://:p@cache/0", {}, embedded=embedded)


def test_a_stack_of_its_own_may_be_harmed():
    faults.check(list(FAULTS), running("MongoDB", "Redis"), len(FAULTS) * SLOT_SECONDS)


@pytest.mark.parametrize(
    ("name", "embedded", "server"),
    [("stepdown", ["Redis"], "MongoDB at mongodb://***@db"), ("kill", ["MongoDB"], "Redis at")],
)
def test_servers_that_may_serve_others_are_not(name, embedded, server):
    with pytest.raises(StackError, match="may serve others") as refusal:
        faults.check([name], running(*embedded), SLOT_SECONDS)
    assert server in str(refusal.value)
    assert ":p@" not in str(refusal.value)


def test_a_stack_must_run_here_and_the_time_must_suffice():
    with pytest.raises(StackError, match="needs a stack on this machine"):
        faults.check(["kill"], None, 99)
    with pytest.raises(StackError, match="These faults need 50 s"):
        faults.check(["kill", "stop"], running("Redis"), 2 * SLOT_SECONDS - 1)


def test_what_was_in_the_time_of_a_fault_is_counted():
    assert FaultOutcome("kill", 10, 20, 1).count([9, 10, 15, 20, 21]) == 3


def test_a_document_is_lost_if_mongodb_holds_less_than_was_acknowledged():
    namespace, document = FuzzNamespace(), FuzzDocument(0, "products", 1, "a")
    versions = [version for version in range(99) if document.category(version) != DELETED]
    floor = next(version for version in versions[1:] if version + 1 in versions)

    def lost(version):
        value = None if version is None else {"name": namespace.name(0, version)}
        return find_lost(namespace, {document: value}, [floor], [floor + 1])

    assert lost(floor) == lost(floor + 1) == []
    (text,) = lost(floor - 1)
    assert f"MongoDB holds version {floor - 1}, version {floor} was acknowledged" in text
    (text,) = lost(None)
    assert "MongoDB holds nothing" in text
