"""The connection that brings notes: one on which Redis no longer answers is noticed."""

import pytest
from redis import TimeoutError

from shared.cache.redis_topology import connect
from shared.endpoints.live import Notes
from tests.support.polling import poll


@pytest.mark.real
@pytest.mark.parametrize("kind", ["server", "cluster"])
def test_every_kind_of_redis_answers_each_time(request, kind):
    url = (
        request.getfixturevalue("redis_cluster")
        if kind == "cluster"
        else f"redis://127.0.0.1:{request.getfixturevalue('servers')[1]}"
    )
    redis = connect(url, 1, tries=1)
    with redis.pubsub() as subscription:
        subscription.subscribe("things:tap")
        notes = Notes(subscription)
        for _ in range(3):
            notes.check()
            assert poll(lambda: notes.read() == ([], 0, 0) and not notes._is_answer_due)
    redis.close()


def test_a_connection_without_an_answer_is_given_up():
    class Silent:
        def get_message(self, timeout):
            return None

        def ping(self):
            return None

    notes = Notes(Silent())
    notes.check()
    assert notes.read() == ([], 0, 0)
    with pytest.raises(TimeoutError):
        notes.check()
