"""``/``, ``/health``, ``/__ping/redis``: the service, and the servers that it needs."""

import time
from collections.abc import Callable
from typing import Any

import pymongo
from flask import Flask, Response, current_app
from marshmallow import Schema
from marshmallow.fields import Boolean, Dict, Float, Integer, List, Nested, String
from pymongo.errors import PyMongoError
from redis import RedisError

from shared.cache.redis_topology import REDIS_ERRORS
from shared.http.auth import public
from shared.http.contract import returns
from shared.http.responses import respond
from shared.resource import Resource
from shared.storage.connections import connections
from shared.workers import queue
from shared.workers.follower_status import follower_status

PROBE_SECONDS = 1.0  # seconds until a server that does not answer is down


def init_app(app: Flask) -> None:
    """Serve ``/``, ``/health`` with ``live`` and ``ready``, and ``/__ping/redis``."""
    app.add_url_rule("/", "get_index", index)
    app.add_url_rule("/health/live", "get_liveness", live)
    app.add_url_rule("/health", "get_health", ready)
    app.add_url_rule("/health/ready", "get_readiness", ready)
    app.add_url_rule("/__ping/redis", "ping_redis", ping_redis)


class FieldSchema(Schema):
    """A field of an item."""

    type = String(metadata={"example": "Text"})
    required = Boolean()
    read_only = Boolean()
    aliases = List(String())


class IndexSchema(Schema):
    """The service, its fields and its addresses."""

    service = String(metadata={"example": "products"})
    item = String(metadata={"example": "product"})
    links = Dict(String(), String())
    checks = List(String())
    described = Dict(String(), Nested(FieldSchema), data_key="fields")
    keys = List(String())
    unlisted = Dict(String(), List(String()), metadata={"example": {"status": ["archived"]}})


class LifeSchema(Schema):
    """A process that serves requests."""

    status = String(metadata={"example": "ok"})


class ProbeSchema(Schema):
    """The time that a server took to answer, or its error."""

    latency_ms = Float(metadata={"example": 0.42, "optional": True})
    error = String(metadata={"optional": True})


class QueueSchema(Schema):
    """The job queue: its workers and the jobs that wait."""

    workers = Integer(metadata={"optional": True})
    waiting = Integer(metadata={"optional": True})
    oldest_seconds = Float(allow_none=True, metadata={"optional": True})
    error = String(metadata={"optional": True})


class ReadySchema(Schema):
    """The servers that the service needs, and their state."""

    status = String(metadata={"example": "ok"})
    mongodb = Nested(ProbeSchema)
    redis = Nested(ProbeSchema)
    follower = String(metadata={"example": "ok"})
    follower_lag_seconds = Float(allow_none=True, metadata={"optional": True})
    queue = Nested(QueueSchema, metadata={"optional": True})


class PingSchema(ProbeSchema):
    """The state of Redis."""

    redis = String(metadata={"example": "ok"})


@public
@returns(IndexSchema)
def index() -> Response:
    """Return the name of the service, the fields of its items and its addresses."""
    resource: Resource = current_app.extensions["resource"]
    links = {
        "items": f"/{resource.name}",
        "changes": f"/{resource.name}/changes",
        "ready": "/health/ready",
        "redis": "/__ping/redis",
        "docs": "/docs",
        "redoc": "/redoc",
        "openapi": "/openapi.json",
    }
    described = {
        "service": resource.name,
        "item": resource.item,
        "links": links,
        "checks": current_app.extensions["checks"],
        "fields": resource.describe(),
        "keys": resource.keys,
        "unlisted": resource.unlisted,
    }
    return respond(described)


@public
@returns(LifeSchema)
def live() -> Response:
    """Return 200 as long as the process serves requests."""
    return respond({"status": "ok"})


@public
@returns(ReadySchema)
@returns(ReadySchema, 503)
def ready() -> Response:
    """Return 200 when requests can be served, 503 with the name of the server that is down.

    Without Redis the service is ready, because every read still works.
    """
    probes = {"mongodb": probe_mongodb(), "redis": probe_redis()}
    status: dict[str, Any] = {"follower": "unknown"}
    if all("latency_ms" in probe for probe in probes.values()):
        try:
            status = follower()
        except PyMongoError as error:  # It has stopped meanwhile: the follower is not at fault.
            probes["mongodb"] = {"error": type(error).__name__}
        except REDIS_ERRORS as error:
            probes["redis"] = {"error": type(error).__name__}
    up = "latency_ms" in probes["mongodb"]
    value = {"status": "ok" if up else "MongoDB is down", **probes, **status}
    if "has_queue" in current_app.extensions:
        value["queue"] = _queue()
    return respond(value, 200 if up else 503)


@public
@returns(PingSchema)
@returns(PingSchema, 503)
def ping_redis() -> Response:
    """Return 200 with the latency of Redis, or 503 when it is down."""
    probe = probe_redis()
    if "error" in probe:
        return respond({"redis": "down", **probe}, 503)
    return respond({"redis": "ok", **probe})


def probe_mongodb() -> dict[str, Any]:
    """Read from MongoDB; return its ``latency_ms`` or its ``error``.

    MongoDB is down if it does not answer within a second, even if its connections are open.  A ping
    would be answered without a login.
    """
    with pymongo.timeout(PROBE_SECONDS):
        return _probe(lambda: connections().db["followers"].find_one({}, {"_id": True}))


def probe_redis() -> dict[str, Any]:
    """Ping Redis; return its ``latency_ms`` or its ``error``."""
    return _probe(lambda: connections().redis.ping())


def follower() -> dict[str, Any]:
    """Return the state of the follower, which notices edits made directly in MongoDB.

    Raises:
        PyMongoError: MongoDB does not answer.
        RedisError: Redis does not answer.
    """
    resource: Resource = current_app.extensions["resource"]
    with pymongo.timeout(PROBE_SECONDS):
        status = follower_status(resource.name)
    return {"follower": status.state, "follower_lag_seconds": status.lag_seconds}


def _queue() -> dict[str, Any]:
    try:
        return queue.status()
    except RedisError as error:
        return {"error": type(error).__name__}


def _probe(ping: Callable[[], Any]) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        ping()
    except (PyMongoError, *REDIS_ERRORS) as error:
        return {"error": type(error).__name__}
    return {"latency_ms": round((time.perf_counter() - started) * 1000, 2)}
