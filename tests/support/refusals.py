"""Redis servers that answer reads and refuse writes, each in a way of its own."""

from contextlib import contextmanager
from pathlib import Path

from tests.support.polling import poll


@contextmanager
def readonly(redis):
    """The replica of a server that does not exist."""
    redis.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        redis.replicaof("NO", "ONE")


@contextmanager
def oom(redis):
    """No memory is left; only what needs none is done, such as UNLINK."""
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        redis.config_set("maxmemory", 0)


@contextmanager
def pause_write(redis):
    """Writes are answered after the pause only."""
    redis.client_pause(60_000, all=False)
    try:
        yield
    finally:
        redis.client_unpause()


@contextmanager
def misconf(redis):
    """The snapshot cannot be written, as on a full disk: even UNLINK is refused."""
    folder = Path(redis.config_get("dir")["dir"])
    obstacle = folder / redis.config_get("dbfilename")["dbfilename"]
    before = redis.config_get("save")["save"]
    redis.config_set("save", "3600 1")
    (obstacle / "in the way").mkdir(parents=True)
    try:
        redis.bgsave()
        poll(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err")
        yield
    finally:
        (obstacle / "in the way").rmdir()
        obstacle.rmdir()
        redis.config_set("save", before)


REFUSALS = {kind.__name__: kind for kind in (readonly, oom, pause_write, misconf)}
