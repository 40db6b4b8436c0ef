"""The Redis that Sentinels name, by real servers: another one takes over when it dies."""

import subprocess

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker

from shared.cache.redis_topology import REDIS_ERRORS, client, connect, servers
from tests.support.polling import poll
from tests.support.processes import free_port
from vitrine.local import embedded
from vitrine.local.processes import stop

PASSWORD = "p@ss/word"
RULES = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor catalog 127.0.0.1 {primary} 1
sentinel auth-pass catalog {password}
sentinel down-after-milliseconds catalog 300
sentinel failover-timeout catalog 1000
"""


@pytest.fixture
def sentinel(start_redis, tmp_path):
    """The URL of a Sentinel of two servers, and the port of the one that takes writes."""
    primary, other = start_redis("--repl-diskless-sync-delay", "0"), start_redis()
    for each in primary, other:
        with Redis(port=each) as redis:
            redis.config_set("masterauth", PASSWORD)
            redis.config_set("requirepass", PASSWORD)
    with Redis(port=other, password=PASSWORD) as replica:
        replica.replicaof("127.0.0.1", primary)
        until(lambda: replica.info("replication")["master_link_status"] == "up")
    port, rules = free_port(), tmp_path / "sentinel.conf"
    rules.write_text(RULES.format(port=port, folder=tmp_path, primary=primary, password=PASSWORD))
    process = subprocess.Popen(
        [embedded.redis_binary(), rules, "--sentinel"], stdout=subprocess.DEVNULL
    )
    try:
        with Redis(port=port, decode_responses=True) as asked:
            until(lambda: asked.sentinel_slaves("catalog"))
        yield f"redis+sentinel://:p%40ss%2Fword@127.0.0.1:{port}/catalog/1", primary
    finally:
        stop(process, 3)


def answers(check):
    """Return the result of a check, or False while Redis does not answer."""
    try:
        return check()
    except REDIS_ERRORS:
        return False


def until(check):
    return poll(lambda: answers(check))


def test_the_one_that_takes_writes_is_found_and_found_again_when_another_takes_over(sentinel):
    url, primary = sentinel
    redis = connect(url, 1, tries=1)
    before = servers(redis).runs
    redis.set("seen", "before")
    redis.wait(1, 2000)
    jobs = client(url)
    queue = Queue("things", connection=jobs)
    with Redis(port=primary, password=PASSWORD, retry=Retry(NoBackoff(), 0)) as first:
        first.shutdown(nosave=True, now=True)
    until(lambda: redis.set("written", "after"))
    assert servers(redis).runs != before
    assert redis.get("seen") == b"before"
    job = queue.enqueue("time.sleep", 0)
    SimpleWorker([queue], connection=jobs).work(burst=True, logging_level="WARNING")
    assert until(lambda: job.is_finished)
    redis.close()
    jobs.close()
