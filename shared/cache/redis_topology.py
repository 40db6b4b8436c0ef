"""Redis topologies behind one client: one server, a primary behind Sentinels, or a cluster."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, unquote, urlsplit

from redis import ConnectionError, Redis, RedisError, ResponseError
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel

from shared.cache.redis_client import Command, Replies, Server

CLUSTER = "+cluster://"
SENTINEL = "+sentinel://"
SENTINEL_PORT = 26379
MAX_CURSOR = 2**64 - 1  # the largest cursor of a scan
SENTINEL_SECONDS = 1.0  # seconds to wait for a Sentinel
# All errors of a Redis that is down or moves to another server.
REDIS_ERRORS = (RedisError, RedisClusterException)


class _Cluster:
    """Client of a cluster that connects at its first use; redis-py's own connects at once."""

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
        """Close the client; the next use asks again for the servers of the cluster."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect_connection_pools()  # type: ignore[no-untyped-call]
            client.close()


def connect(url: str, seconds: float, tries: int, **options: Any) -> Redis:
    """Return a client that gives up soon; by default redis-py tries for many seconds.

    Args:
        url: The URL of Redis; see ``client``.
        seconds: Seconds to wait for a connection or a reply.
        tries: How often a connection is tried.
        options: More options of redis-py's client.
    """
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
    """Return a client of the server that accepts writes at the moment.

    User and password of the URL are those of the servers; ``?sentinel_password=`` is that of the
    Sentinels.
    """
    parts = urlsplit(url)
    access, _, hosts = parts.netloc.rpartition("@")
    user, _, password = map(unquote, access.partition(":"))
    name, _, database = parts.path.strip("/").partition("/")
    secure = {"ssl": True} if parts.scheme.startswith("rediss") else {}
    timeouts = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), SENTINEL_SECONDS)
    sentinel_urls = [urlsplit(f"//{host}") for host in hosts.split(",")]
    (sentinel_password,) = parse_qs(parts.query).get("sentinel_password", [None])
    sentinels = cast(Any, Sentinel)(
        [(url.hostname or "", url.port or SENTINEL_PORT) for url in sentinel_urls],
        sentinel_kwargs={
            **timeouts,
            **secure,
            "password": sentinel_password,
            "retry": Retry(NoBackoff(), 0),
        },
    )
    login = {"username": user or None, "password": password or None}
    primary = sentinels.master_for(name, db=int(database), **login, **secure, **options)
    return cast(Redis, primary)


def exchange(redis: Redis, commands: Sequence[Command], once: bool = False) -> Replies:
    """Send commands in one round trip, and return the reply to each; errors are replies, too.

    Each command has one key, except for MGET.  A cluster gets one round trip for each server.  The
    run of Redis is known of a single server only.

    Args:
        redis: A client that ``connect`` returned.
        commands: The commands, in the order in which Redis is to run them.
        once: Do not send the commands again when the connection breaks.

    Raises:
        RedisError: Redis does not answer.
    """
    if isinstance(redis, Server):
        return redis.exchange(*commands, once=once)
    is_cluster = isinstance(redis, (_Cluster, RedisCluster))
    pipeline = cast(Any, redis).pipeline(transaction=False)
    for command in commands:
        if is_cluster and command[0] == "MGET":
            for key in command[1:]:
                pipeline.execute_command("GET", key)
        else:
            pipeline.execute_command(*command)
    received = cast(list[Any], pipeline.execute(raise_on_error=False))
    replies = Replies()
    replies += _join_gets(commands, received) if is_cluster else received
    return replies


def _join_gets(commands: Sequence[Command], replies: Sequence[Any]) -> list[Any]:
    """Return the replies of a cluster, with those to the GETs of an MGET in one list."""
    remaining = iter(replies)
    return [
        [_value(next(remaining)) for _ in command[1:]] if command[0] == "MGET" else next(remaining)
        for command in commands
    ]


def _value(reply: Any) -> Any:
    """Return the reply to GET as MGET would: None for a key that holds no string."""
    if isinstance(reply, ResponseError):
        return None
    if isinstance(reply, Exception):
        raise reply
    return reply


def values(reply: Any) -> list[Any]:
    """Return the values that MGET replied, or raise the error that it replied."""
    if isinstance(reply, Exception):
        raise reply
    return cast(list[Any], reply)


def read(redis: Redis, names: Sequence[str]) -> list[Any]:
    """Return the values of keys, None for each that is missing or holds no string."""
    return values(exchange(redis, [("MGET", *names)])[0])


def scan_page(redis: Redis, pattern: str, cursor: str, count: int) -> tuple[list[bytes], str]:
    """Return about ``count`` keys that match a pattern, and the cursor of the next ones.

    Args:
        redis: A client that ``connect`` returned.
        pattern: The pattern of the keys.
        cursor: The cursor of the page before; empty for the first page.
        count: The number of keys that Redis looks at, about.

    Returns:
        The keys, perhaps none, and the next cursor; it is empty after the last page.

    Raises:
        ValueError: The cursor is not one of this Redis.
        RedisError: Redis does not answer.
    """
    number, _, position = (cursor or "0-0").partition("-")
    if int(position) > MAX_CURSOR:
        raise ValueError("Redis has no cursor as large as this")
    options: dict[str, Any] = {"cursor": int(position), "match": pattern, "count": count}
    if not isinstance(redis, (_Cluster, RedisCluster)):
        if int(number) > 0:
            raise ValueError("this Redis is one server")
        following, keys = cast(Any, redis).scan(**options)
        return keys, f"0-{following}" if following else ""
    primaries = sorted(cast(Any, redis).get_primaries(), key=lambda node: str(node.name))
    if int(number) >= len(primaries):
        raise ValueError("the cluster has fewer servers")
    cursors, keys = cast(Any, redis).scan(**options, target_nodes=primaries[int(number)])
    (following,) = cursors.values()
    if following:
        return keys, f"{number}-{following}"
    return keys, f"{int(number) + 1}-0" if int(number) + 1 < len(primaries) else ""


class Servers(NamedTuple):
    """The ``run_id`` of each server that accepts writes, and the earliest of their clocks.

    Another set of runs means that a server was restarted or a replica promoted, which may have
    brought back earlier data.  The clock is in milliseconds since 1970.
    """

    runs: frozenset[str]
    milliseconds: int


def servers(redis: Redis) -> Servers:
    """Return the state of the servers that accept writes.

    Raises:
        ConnectionError: One of the servers has become a replica.
    """
    if any(info["role"] != "master" for info in _info(redis, "replication")):
        raise ConnectionError("another Redis was promoted")
    infos = _info(redis, "server")
    runs = frozenset(str(info["run_id"]) for info in infos)
    return Servers(runs, min(int(info["server_time_usec"]) for info in infos) // 1000)


def _info(redis: Redis, section: str) -> list[dict[str, Any]]:
    """Return a section of INFO from every server that accepts writes and that the client knows."""
    if not isinstance(redis, (_Cluster, RedisCluster)):
        return [redis.info(section)]
    replies = cast(Any, redis).info(section, target_nodes=RedisCluster.PRIMARIES)
    # The reply of a single primary comes without the name of the node.
    has_names = all(isinstance(reply, dict) and len(reply) > 3 for reply in replies.values())
    return list(replies.values()) if has_names else [replies]
