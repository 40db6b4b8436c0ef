"""Effects of a transaction wait for its commit."""

import pytest

from shared.cache.cache import Write
from shared.cache.keys import tag_of
from shared.storage.transactions import (
    current_session,
    invalidate_on_commit,
    on_commit,
    transaction,
)

TAG = tag_of("products", "1")


@pytest.fixture
def app_context(products):
    with products.application.app_context():
        yield


pytestmark = pytest.mark.usefixtures("app_context")


def invalidate(token):
    invalidate_on_commit(Write("products", ["1"], token))


def test_the_cache_is_invalidated_after_the_commit(redis):
    def work():
        invalidate("a" * 16)
        return redis.get(TAG)

    assert transaction(work) is None
    assert redis.get(TAG) == b"a" * 16


def test_outside_of_a_transaction_effects_are_immediate(redis):
    calls = []
    invalidate("b" * 16)
    on_commit(lambda: calls.append("called"))
    assert (redis.get(TAG), calls, current_session()) == (b"b" * 16, ["called"], None)


def test_functions_are_called_after_the_commit_and_the_invalidation(redis):
    seen = []

    def work():
        on_commit(lambda: seen.append(redis.get(TAG)))
        invalidate("c" * 16)
        seen.append("worked")

    transaction(work)
    assert seen == ["worked", b"c" * 16]


def test_a_transaction_inside_another_one_becomes_a_part_of_it():
    seen = []

    def outer():
        session = current_session()
        transaction(lambda: on_commit(lambda: seen.append("inner")))
        return session is not None and seen == []

    assert transaction(outer)
    assert seen == ["inner"]


def test_a_failed_transaction_has_no_effects(redis):
    calls = []

    def work():
        invalidate("d" * 16)
        on_commit(lambda: calls.append("called"))
        raise LookupError

    with pytest.raises(LookupError):
        transaction(work)
    assert (redis.get(TAG), calls) == (None, [])
