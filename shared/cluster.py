"""The Redis of the cache: one server, or a cluster, with the same calls."""

from collections.abc import Sequence
from typing import Any, cast

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException
from redis.retry import Retry

CLUSTER = "+cluster://"
# All that a Redis which is down, or is moving, raises.
REDIS_ERRORS = (RedisError, RedisClusterException)


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


def connect(url: str, seconds: float, tries: int, **options: Any) -> Redis:
    """Return a client that gives up soon; by default redis-py would try for many seconds.

    A URL such as ``redis+cluster://host:7000`` is one node of a Redis Cluster.
    """
    options |= {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), tries - 1),
    }
    if CLUSTER in url:
        return cast(Redis, _Cluster(url.replace(CLUSTER, "://"), **options))
    return Redis.from_url(url, **options)


def read(redis: Redis, names: Sequence[str]) -> list[Any]:
    """Return the values of some keys, in one round trip to each server that has any of them."""
    if isinstance(redis, (_Cluster, RedisCluster)):
        return cast(list[Any], cast(Any, redis).mget_nonatomic(names))
    return cast(list[Any], redis.mget(names))


def servers(redis: Redis) -> frozenset[str]:
    """Return what identifies the servers that take writes, as they run now (``run_id``).

    Another set means that a server was started again or that a replica was promoted, and may
    have brought back the past.
    """
    if isinstance(redis, (_Cluster, RedisCluster)):
        nodes = cast(Any, redis)
        answers = nodes.info("server", target_nodes=RedisCluster.PRIMARIES)
        # A single primary's answer comes without the name of the node.
        each = [answers] if "run_id" in answers else answers.values()
        return frozenset(str(answer["run_id"]) for answer in each)
    return frozenset([str(cast(Any, redis.info("server"))["run_id"])])
