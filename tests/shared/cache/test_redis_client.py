"""Several commands in one round trip: each reply belongs to its command, even after faults."""

import threading

import pytest
from redis import ConnectionError, Redis, ResponseError, TimeoutError

from shared.cache.redis_client import Server
from shared.cache.redis_topology import connect
from tests.support.polling import poll
from tests.support.processes import suspended

pytestmark = pytest.mark.real

SECONDS = 0.2


@pytest.fixture
def port(start_redis):
    return start_redis()


@pytest.fixture
def other(port):
    with Redis(port=port) as client:
        yield client


@pytest.fixture
def server(port):
    with connect(f"redis://127.0.0.1:{port}/0", SECONDS, tries=1) as client:
        assert isinstance(client, Server)
        yield client


def test_answers_come_in_the_order_of_the_commands(server):
    assert server.exchange(("SET", "a", "ä"), ("GET", "a"), ("MGET", "a", "b")) == [
        b"OK",
        "ä".encode(),
        ["ä".encode(), None],
    ]


def test_an_error_is_one_of_the_answers(server):
    answers = server.exchange(("SET", "a", "x"), ("INCR", "a"), ("GET", "a"))
    assert isinstance(answers[1], ResponseError)
    assert answers[2] == b"x"
    assert server.exchange(("GET", "a")) == [b"x"]


def test_who_was_hung_up_on_asks_again(server, other):
    server.exchange(("SET", "a", "x"))
    other.client_kill_filter(_type="normal", skipme=True)
    assert server.exchange(("GET", "a")) == [b"x"]


def test_what_goes_once_goes_over_a_new_connection_when_redis_has_hung_up(server, other):
    server.exchange(("SET", "a", "0"))
    other.client_kill_filter(_type="normal", skipme=True)
    assert server.exchange(("INCR", "a"), once=True) == [1]


def test_a_late_answer_is_nobody_elses(server, other):
    server.exchange(("SET", "a", "x"))
    with suspended(other), pytest.raises(TimeoutError):
        server.exchange(("GET", "a"))
    assert poll(lambda: answered(server))
    assert server.exchange(("GET", "b"), ("GET", "a")) == [None, b"x"]


def answered(server):
    try:
        return server.exchange(("PING",))
    except TimeoutError:
        return None


def test_nobody_waits_for_a_redis_that_is_gone(server, other):
    server.exchange(("PING",))
    other.shutdown(nosave=True)
    with pytest.raises(ConnectionError):  # and no TimeoutError, which comes after a wait
        server.exchange(("PING",))


def test_threads_get_their_own_answers_while_connections_are_cut(server, other):
    wrong, asked = [], []
    stopping = threading.Event()

    def ask(name):
        while not stopping.is_set():
            try:
                answers = server.exchange(("SET", name, name), ("GET", name), ("ECHO", name))
            except (ConnectionError, TimeoutError):
                continue
            asked.append(name)
            if answers[1:] != [name.encode()] * 2:
                wrong.append(answers)

    threads = [threading.Thread(target=ask, args=(f"name-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        before = len(asked)
        assert poll(lambda before=before: len(asked) > before + 50)
        other.client_kill_filter(_type="normal", skipme=True)
    stopping.set()
    for thread in threads:
        thread.join()
    assert not wrong
