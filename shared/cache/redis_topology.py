"""Redis: one server, the one that Sentinels name, or a cluster, with the same calls."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, unquote, urlsplit

from redis import ConnectionError, Redis, RedisError
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel

from shared.cache.redis_async import Pipeline
from shared.cache.redis_client import Command, Server

CLUSTER = "+cluster://"
SENTINEL = "+sentinel://"
SENTINEL_PORT = 26379
SENTINEL_SECONDS = 1.0
# All that a Redis which is down, or is moving, raises.
REDIS_ERRORS = (RedisError, RedisClusterException)


class RateCounter(NamedTuple):
    """Rate-limit counter shared by all instances: its key, and the seconds of its window.

    The window begins with the first request that is counted, and is never prolonged.
    """

    key: str
    seconds: int


class _Cluster:
    """A cluster's client, made at its first use: redis-py's own looks for the cluster at once."""

    def __init__(self, url: str, **options: Any):
        self._url = url
        self._options = options
        self._client: RedisCluster | None = None

    def __getattr__(self, name: str) -> Any:
        client = self._client
        if client is None:
            client = self._client = RedisCluster.from_url(self._url, **self._options)
        return getattr(client, name)

    def close(self) -> None:
        """Forget the client, and with it which servers there are; the next use looks again."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect_connection_pools()  # type: ignore[no-untyped-call]
            client.close()


def connect(url: str, seconds: float, tries: int, **options: Any) -> Redis:
    """Return a client that gives up soon; by default redis-py would try for many seconds."""
    options |= {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), tries - 1),
    }
    return client(url, **options)


def client(url: str, **options: Any) -> Redis:
    """Return a client that connects at its first use.

    A URL such as ``redis+cluster://host:7000`` is one node of a Redis Cluster,
    ``redis+sentinel://host:26379,host/name/0`` are the Sentinels of the servers of that name.
    """
    if CLUSTER in url:
        return cast(Redis, _Cluster(url.replace(CLUSTER, "://"), **options))
    if SENTINEL in url:
        return _named_by_sentinels(url, options)
    return Server.from_url(url, **options)


def _named_by_sentinels(url: str, options: dict[str, Any]) -> Redis:
    """Return a client of whichever server takes writes at the moment.

    The user and the password are the servers' own, ``?sentinel_password=`` is the Sentinels'.
    """
    parts = urlsplit(url)
    access, _, hosts = parts.netloc.rpartition("@")
    user, _, password = map(unquote, access.partition(":"))
    name, _, database = parts.path.strip("/").partition("/")
    secure = {"ssl": True} if parts.scheme.startswith("rediss") else {}
    asked = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), SENTINEL_SECONDS)
    named = [f"//{host}" for host in hosts.split(",")]
    (theirs,) = parse_qs(parts.query).get("sentinel_password", [None])
    sentinels = cast(Any, Sentinel)(
        [(each.hostname or "", each.port or SENTINEL_PORT) for each in map(urlsplit, named)],
        sentinel_kwargs={**asked, **secure, "password": theirs, "retry": Retry(NoBackoff(), 0)},
    )
    login = {"username": user or None, "password": password or None}
    found = sentinels.master_for(name, db=int(database), **login, **secure, **options)
    return cast(Redis, found)


def read(redis: Redis, names: Sequence[str]) -> list[Any]:
    """Return the values of some keys, in one round trip to each server that has any of them."""
    if isinstance(redis, Server):
        return _values(redis.exchange(("MGET", *names))[0])
    if isinstance(redis, (_Cluster, RedisCluster)):
        return cast(list[Any], cast(Any, redis).mget_nonatomic(names))
    return cast(list[Any], redis.mget(names))


def count(
    redis: Redis, counter: RateCounter, names: Sequence[str] = ()
) -> tuple[int, float, list[Any]]:
    """Count one request, and return the count, the seconds it lives, and the values of some keys.

    All of it takes one round trip to each server of a cluster that is concerned.
    """
    number, left, values = _counted(redis, counter, names)
    number, left, amends = _judged(counter, number, left)
    if amends:
        together(redis, [amends])
    return number, left, values


async def count_soon(
    pipeline: Pipeline, counter: RateCounter, names: Sequence[str]
) -> tuple[int, float, list[Any]]:
    """Do what ``count`` does, by one connection that many wait for at once."""
    number, left, found = await pipeline.ask(*_counting(counter), ("MGET", *names))
    number, left, amends = _judged(counter, number, left)
    if amends:
        await pipeline.ask(amends)
    return number, left, _values(found)


async def read_soon(pipeline: Pipeline, names: Sequence[str]) -> list[Any]:
    """Do what ``read`` does, by one connection that many wait for at once."""
    return _values(*await pipeline.ask(("MGET", *names)))


def count_all(redis: Redis, counters: Sequence[RateCounter]) -> list[tuple[int, float]]:
    """Count one more under each of several keys, as ``count`` does, in one round trip."""
    answers = together(redis, [each for counter in counters for each in _counting(counter)])
    found = [
        _judged(each, number, left)
        for each, number, left in zip(counters, answers[::2], answers[1::2], strict=True)
    ]
    if amends := [each for _, _, each in found if each]:
        together(redis, amends)
    return [(number, left) for number, left, _ in found]


def _counting(counter: RateCounter) -> tuple[Command, Command]:
    return ("INCRBY", counter.key, 1), ("PTTL", counter.key)


def _judged(counter: RateCounter, number: Any, left: Any) -> tuple[int, float, Command]:
    """Return a count, the seconds it lives, and what Redis has to be told because of it, if any."""
    if isinstance(number, Exception):
        # Somebody has put there what is no number, or Redis has no memory left to count with.
        is_odd = "WRONGTYPE" in str(number) or "not an integer" in str(number)
        return 0, 0.0, ("DEL", counter.key) if is_odd else ()
    if left < 0:
        # A new one; or whoever counted first has died before it came here.
        return number, float(counter.seconds), ("EXPIRE", *counter)
    return number, left / 1000, ()


def _counted(
    redis: Redis, counter: RateCounter, names: Sequence[str]
) -> tuple[Any, Any, list[Any]]:
    """Return a counter, which may be an error, its milliseconds, and the values of some keys."""
    asked: list[Command] = [*_counting(counter)]
    if isinstance(redis, (_Cluster, RedisCluster)):
        number, left, *found = together(redis, [*asked, *(("GET", name) for name in names)])
        return number, left, [None if isinstance(each, Exception) else each for each in found]
    number, left, *found = together(redis, [*asked, *([("MGET", *names)] if names else [])])
    return number, left, _values(found[0]) if found else []


def _values(answer: Any) -> list[Any]:
    """Return what MGET answered, or raise the error it answered."""
    if isinstance(answer, Exception):
        raise answer
    return cast(list[Any], answer)


def together(redis: Redis, commands: Sequence[Command], once: bool = False) -> list[Any]:
    """Return the answers to some commands of one key each, errors too, in one round trip.

    In a cluster it is one to each server, all at once.  What must not come in twice goes ``once``.
    """
    if isinstance(redis, Server):
        return redis.exchange(*commands, once=once)
    pipeline = cast(Any, redis).pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return cast(list[Any], pipeline.execute(raise_on_error=False))


def servers(redis: Redis) -> frozenset[str]:
    """Return what identifies the servers that take writes, as they run now (``run_id``).

    Another set means that a server was started again or that a replica was promoted, and may
    have brought back the past.  Raise ``ConnectionError`` when one takes no writes any more.
    """
    if any(each["role"] != "master" for each in _info(redis, "replication")):
        raise ConnectionError("another Redis was promoted")
    return frozenset(str(each["run_id"]) for each in _info(redis, "server"))


def _info(redis: Redis, section: str) -> list[dict[str, Any]]:
    """Return a section of INFO of every server that takes writes, as far as the client knows."""
    if not isinstance(redis, (_Cluster, RedisCluster)):
        return [redis.info(section)]
    answers = cast(Any, redis).info(section, target_nodes=RedisCluster.PRIMARIES)
    # A single primary's answer comes without the name of the node.
    several = all(isinstance(each, dict) and len(each) > 3 for each in answers.values())
    return list(answers.values()) if several else [answers]
