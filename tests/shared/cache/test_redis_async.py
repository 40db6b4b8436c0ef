"""One connection for all requests of a loop: each gets its own replies, even after faults."""

import asyncio
import contextlib
import random
import socket
import threading
import time

import pytest
from redis import ConnectionError, Redis, RedisError, ResponseError, TimeoutError

from shared.cache.keys import mark_of
from shared.cache.redis_async import AsyncServer
from shared.cache.redis_topology import connect
from tests.support.processes import suspended

pytestmark = pytest.mark.real

SECONDS = 0.2


@pytest.fixture
def other(start_redis):
    with Redis(port=start_redis()) as client:
        yield client


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request, other):
    """Runs ``work(redis)`` in a loop."""
    usual = other.connection_pool.connection_kwargs["port"]
    loops = asyncio if request.param == "asyncio" else pytest.importorskip("uvloop")

    def run(work, port=usual, login="", database=0):
        async def main():
            redis = AsyncServer(server)
            try:
                return await asyncio.wait_for(work(redis), 30)
            finally:
                redis.close()

        url = f"redis://{login}127.0.0.1:{port}/{database}?protocol=2"
        with (
            connect(url, SECONDS, tries=1) as server,
            asyncio.Runner(loop_factory=loops.new_event_loop) as runner,
        ):
            return runner.run(main())

    return run


@pytest.fixture
def fickle():
    """The port of a server that says what Redis says to a PING, and hangs up soon after."""
    chance = random.Random(1)

    def serve():
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                while (said := client.recv(4096)) and b"PING" not in said:
                    client.sendall(b"+OK\r\n" * said.count(b"*"))
                client.sendall(b"+PONG\r\n" * said.count(b"PING"))
                time.sleep(chance.random() * 0.002)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_the_run_of_redis_is_known_in_a_loop_and_in_threads(run, other):
    mark = mark_of(other.info("server")["run_id"]).encode()
    assert run(lambda redis: redis.exchange(("GET", "a"))).mark == mark
    port = other.connection_pool.connection_kwargs["port"]
    with connect(f"redis://127.0.0.1:{port}", SECONDS, tries=1) as server:
        assert server.exchange(("GET", "a")).mark == mark


def test_the_run_is_unknown_to_a_user_who_may_not_ask(run, other):
    other.execute_command("ACL SETUSER few on >pass ~* +get +select")
    assert run(lambda redis: redis.exchange(("GET", "a")), login="few:pass@").mark == b""


def test_answers_come_in_the_order_of_the_commands(run):
    async def work(redis):
        first = await redis.exchange(("SET", "a", "ä"), ("GET", "a"), ("MGET", "a", "b"))
        return first, await redis.exchange(("INCR", "a"), ("PTTL", "a"))

    first, (error, left) = run(work)
    assert first == [b"OK", "ä".encode(), ["ä".encode(), None]]
    assert isinstance(error, ResponseError)
    assert left == -1


def test_it_logs_in_and_chooses_its_database(run, other):
    async def work(redis):
        return await redis.exchange(("SET", "a", "x"), ("ACL", "WHOAMI"))

    assert run(work, database=1) == [b"OK", b"default"]
    assert other.get("a") is None
    other.execute_command("ACL", "SETUSER", "shop", "on", ">secret", "~*", "+@all")
    assert run(work, login="shop:secret@", database=1) == [b"OK", b"shop"]
    with pytest.raises(ConnectionError, match="Redis refuses the connection: WRONGPASS"):
        run(work, login="shop:wrong@")


def test_all_that_is_asked_at_once_takes_one_connection_and_few_packets(run, other):
    async def work(redis):
        asked = [redis.exchange(("ECHO", str(number)), ("PING",)) for number in range(200)]
        return await asyncio.gather(*asked)

    before = other.info("stats")
    assert run(work) == [[str(number).encode(), b"PONG"] for number in range(200)]
    after = other.info("stats")
    assert after["total_connections_received"] - before["total_connections_received"] == 1
    assert after["total_reads_processed"] - before["total_reads_processed"] < 20


def test_who_waits_too_long_is_told_and_a_late_answer_is_nobody_elses(run, other):
    async def work(redis):
        await redis.exchange(("SET", "a", "x"))
        with suspended(other):
            found = await asyncio.gather(
                *(redis.exchange(("GET", "a")) for _ in range(3)), return_exceptions=True
            )
        while True:
            try:
                return found, await redis.exchange(("GET", "b"), ("GET", "a"))
            except TimeoutError:
                await asyncio.sleep(0.01)

    found, answers = run(work)
    assert [type(each) for each in found] == [TimeoutError] * 3
    assert answers == [None, b"x"]


def test_nobody_waits_for_a_redis_that_is_gone(run, other):
    async def work(redis):
        await redis.exchange(("PING",))
        other.shutdown(nosave=True)
        for _ in range(3):
            with pytest.raises(ConnectionError):  # and no TimeoutError, which comes after a wait
                await redis.exchange(("PING",))

    run(work)


def test_who_asks_gets_his_own_answers_while_connections_are_cut(run, other):
    wrong, asked, over = [], [], []

    async def ask(redis, name):
        while not over:
            try:
                answers = await redis.exchange(("SET", name, name), ("GET", name), ("ECHO", name))
            except RedisError:
                await asyncio.sleep(0)
                continue
            asked.append(name)
            if answers[1:] != [name.encode()] * 2:
                wrong.append(answers)

    async def work(redis):
        asking = [asyncio.ensure_future(ask(redis, f"name-{each}")) for each in range(16)]
        for _ in range(20):
            before = len(asked)
            while len(asked) < before + 50:
                await asyncio.sleep(0.001)
            other.client_kill_filter(_type="normal", skipme=True)
        over.append(True)
        await asyncio.gather(*asking)

    run(work)
    assert not wrong
    assert len(asked) > 1000


def test_everybody_is_told_of_a_redis_that_hangs_up(run, fickle):
    async def ask(redis):
        try:
            return await redis.exchange(("PING",))
        except RedisError as error:
            return error

    async def work(redis):
        found = []
        for _ in range(100):
            found += await asyncio.gather(*(ask(redis) for _ in range(3)))
        return found

    found = run(work, fickle)
    assert len(found) == 300
    assert [b"PONG"] in found


def test_a_loop_that_is_late_does_not_take_redis_for_slow(run):
    async def work(redis):
        await redis.exchange(("PING",))
        asked = [asyncio.ensure_future(redis.exchange(("PING",))) for _ in range(3)]
        for _ in range(3):
            await asyncio.sleep(0)
            time.sleep(SECONDS * 1.2)  # Another thread holds the interpreter.
        return await asyncio.gather(*asked)

    assert run(work) == [[b"PONG"]] * 3
