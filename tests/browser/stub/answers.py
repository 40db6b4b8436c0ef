"""The answers of the stub: a stack that is well but for two failed jobs and some findings."""

import time

from tests.browser.stub import (
    answers_categories,
    answers_imports,
    answers_product,
    answers_products,
)
from tests.browser.stub.answers_shop import SHOP
from tests.browser.stub.moments import NOW, iso

SERVICES = ("products", "clients", "categories", "orders")


def service(index, name):
    queue = {"workers": 2, "waiting": 1, "oldest_seconds": 0.4}
    return {
        "name": name,
        "url": f"http://127.0.0.1:{5000 + index}",
        "item": name.rstrip("s"),
        "state": "ok",
        "milliseconds": 2.4 + index,
        "ready": {
            "status": "ok",
            "mongodb": {"latency_ms": 0.42 + index / 10},
            "redis": {"latency_ms": 0.18},
            "follower": "ok",
            "follower_lag_seconds": 0.2 + index / 10,
            **({"queue": queue} if name in ("products", "orders") else {}),
        },
        "problems": [],
    }


def sample(seconds_ago, seconds=2.0):
    busy = 12 + 9 * (int(seconds_ago / 40) % 3)
    known = {"up": True, "lag": 0.3, "waiting": 0, "workers": 2, "errors": 0, "bypass": 0}
    reads = {"hit": busy, "miss": 2, "stale": 1 + int(seconds_ago / 20) % 3}
    services = {name: {**known, **reads, "requests": busy + 5} for name in SERVICES[:2]}
    return {"at": NOW - seconds_ago, "seconds": seconds, "services": services}


def job(index, state, **more):
    return {
        "id": f"thumbnail-{index}-1",
        "state": state,
        "name": "make_thumbnails",
        "created_at": iso(90 + index),
        "enqueued_at": iso(90 + index),
        "started_at": iso(60 + index) if state == "failed" else None,
        "ended_at": iso(58 + index) if state == "failed" else None,
        "due_at": None,
        "request_id": "77ab19c04d2e4f55",
        "retries_left": 0,
        "error": "",
        "worker": None,
        **more,
    }


ERROR = "ImageUnreadable: the file is not an image, or is cut off after 20,480 bytes"
WORKER = {
    "name": "9c1e4b7d2f6a4e0c8d3b5a7f1e2c4d6b",
    "state": "idle",
    "job": None,
    "since": iso(3600),
    "heartbeat": iso(2),
    "done": 1412,
    "failed": 3,
}


def jobs(items, workers):
    counts = {"waiting": 1, "running": 0, "failed": len(items)}
    page = {"items": items, "total": len(items), "page": 1, "per": 50, "counts": counts}
    return page | {"workers": workers}


LIST_KEY = "products:list:page=1:per=20:category=keyboards"
FAILED = [job(12, "failed", error=ERROR), job(7, "failed", error="TimeoutError: 30 s are over")]
ENTRIES = [
    {"key": "product:12", "counts": True, "state": "hit", "why": "", "text": "", "part": "",
     "tag": "12", "search": "", "ttl": 71, "bytes": 812},
    {"key": LIST_KEY, "counts": False, "state": "stale", "why": "generation",
     "text": "a write invalidated the entry", "part": "tag", "tag": "category=keyboards",
     "search": "", "ttl": 44, "bytes": 18_342},
    {"key": "products:search:cdb0e0256eb9ab09445e85948a9f729f57fa33ba", "counts": True,
     "state": "hit", "why": "", "text": "", "part": "", "tag": "all",
     "search": "page=1&per=20&q=fifa+ps5", "ttl": 12, "bytes": 4120},
]  # fmt: skip
ENTRY = {
    "key": LIST_KEY, "counts": False, "why": "generation",
    "text": "a write invalidated the entry", "ttl": 44, "bytes": 18_342,
    "head": {"tag": "category=keyboards", "etag": "9f0e", "stamps": ["1a2b", "3c4d"]},
    "generations": ["1a2b", "5e6f"],
    "because": {"text": "updated by maria", "part": "tag", "at": iso(4), "type": "updated",
                "item": 12, "by": "maria", "request_id": "77ab19c04d2e4f55", "fields": ["price"]},
}  # fmt: skip
TRACE = [
    {"at": iso(5.0), "kind": "log", "service": "orders", "process": "orders", "level": "info",
     "text": "POST /orders 201", "data": {"method": "POST", "path": "/orders", "ms": 31.2}},
    {"at": iso(4.98), "kind": "log", "service": "products", "process": "products", "level": "info",
     "text": "PUT /products/reservations/3f6c 200", "data": {"ms": 12.4}},
    {"at": iso(4.97), "kind": "note", "service": "products", "process": "", "level": "info",
     "text": "renewed 12, all, category=keyboards", "data": {"tags": ["12", "all"]}},
    {"at": iso(4.9), "kind": "history", "service": "products", "process": "follower",
     "level": "info", "text": "updated 12: stock", "data": {"fields": ["stock"]}},
    {"at": iso(3.1), "kind": "job", "service": "products", "process": "", "level": "error",
     "text": "thumbnail-12-1 failed: " + ERROR, "data": {}},
]  # fmt: skip
FINDINGS = [
    {"check": "/products:documents", "kind": "lacking", "total": 12, "mends": 12,
     "text": "documents that lack fields which every write sets", "cases": ["12", "13", "14"]},
    {"check": "/products:documents", "kind": "broken", "total": 2, "mends": 1,
     "text": "documents that do not fit the schema",
     "cases": ["12: price: is not a number", "40: name: is missing"]},
]  # fmt: skip
NO_RUN = {
    "state": "none", "seconds": 0, "elapsed": 0, "reads": 0, "hits": 0, "writes": 0,
    "hand_writes": 0, "stale": 0, "failed": 0, "problems": [], "started_by": "", "started_at": None,
}  # fmt: skip
ANSWERS = SHOP | {
    ("GET", "/services"): {"services": [service(*each) for each in enumerate(SERVICES)]},
    ("GET", "/samples"): {"samples": [sample(ago) for ago in range(880, 0, -2)]},
    ("GET", "/trace/77ab19c04d2e4f55"): {
        "id": "77ab19c04d2e4f55",
        "events": TRACE,
        "sources": dict.fromkeys(("logs", "stream", "history", "jobs"), "searched"),
    },
    ("GET", "/doctor"): {
        "services": [
            {"name": name, "url": "", "problems": [], "findings": FINDINGS if at == 0 else []}
            for at, name in enumerate(SERVICES)
        ],
        "total": 14,
        "mends": 13,
    },
    ("POST", "/doctor/fix"): {"findings": [], "mended": 12},
    ("GET", "/fuzz"): NO_RUN,
    ("POST", "/fuzz"): NO_RUN | {"state": "preparing", "seconds": 30},
    ("DELETE", "/fuzz"): NO_RUN | {"state": "stopped", "seconds": 30},
    ("GET", "/api/products/jobs"): jobs(FAILED, [WORKER]),
    ("GET", "/api/orders/jobs"): jobs([], [WORKER | {"name": "1b7d2f6a4e0c8d3b5a7f1e2c4d6b9c1e"}]),
    ("POST", "/api/products/jobs:retry"): {"retried": 2},
    ("POST", "/api/products/jobs/thumbnail-12-1/retry"): job(12, "queued"),
    ("GET", "/api/products/products/12/history"): {
        "items": [
            {"at": iso(0), "type": "updated", "by": "outside the API", "request_id": None,
             "import_id": None, "revision": {"from": 3, "to": 3}, "fields": ["price"],
             "changes": {"price": {"from": 12.5, "to": 13.75}}}
        ]
    },
}  # fmt: skip
ANSWERS |= answers_categories.ANSWERS | answers_imports.ANSWERS
ANSWERS |= answers_products.ANSWERS | answers_product.ANSWERS
for name in SERVICES:
    path = f"/api/{name}/__cache"
    prefix = f"{name.rstrip('s')}:"
    counts = {prefix: 2, f"{name}:list:": 1, f"{name}:search:": 0}
    ANSWERS["GET", path] = {"entries": counts}
    ANSWERS["GET", f"{path}?prefix"] = {
        "prefix": prefix,
        "entries": ENTRIES,
        "next_cursor": "0-288",
    }
    ANSWERS["GET", f"{path}?key"] = ENTRY
    ANSWERS["DELETE", f"{path}?prefix"] = {"prefix": prefix, "purged": 3, "dry_run": True}


def request(**more):
    """A request of the stream."""
    return {
        "at": time.time(), "service": "products", "id": "5c1f0b7a9d3e4c21", "method": "GET",
        "path": "/products/12", "query": "", "route": "/products/<ref>", "status": 200, "ms": 0.4,
        "by": "anonymous", "cache": "hit", "detail": "", "search": "", "part": "",
        "verdict": 'vitrine; hit; ttl=71; key="product:12"', "key": "product:12", "tag": "12",
        "because": None,
    } | more  # fmt: skip


def change(**more):
    """A change of the stream."""
    return {
        "service": "products", "token": "t", "type": "updated", "id": 12, "at": iso(0),
        "fields": ["price"], "slug": None, "item": {"id": 12, "name": "Teapot"}, "by": "maria",
        "request_id": "77ab19c04d2e4f55", "outside": False,
    } | more  # fmt: skip


WRITE = {
    "code": "write", "cause": "PATCH /products/12 by maria",
    "text": "PATCH /products/12 by maria, 279 ms before", "by": "maria",
    "request_id": "77ab19c04d2e4f55", "at": NOW, "ms_before": 279, "method": "PATCH",
    "path": "/products/12", "outside": False,
}  # fmt: skip
OUTSIDE = WRITE | {"code": "outside", "cause": "an edit in MongoDB itself",
                   "text": "an edit in MongoDB itself, 412 ms before",
                   "ms_before": 412, "outside": True}  # fmt: skip
FIRST = {"code": "first", "cause": "asked for the first time",
         "text": "asked for the first time since the console watches"}  # fmt: skip


def story():
    """Requests as a day brings them, the oldest first."""
    item = 'vitrine; fwd={}; stored; key="product:12"'
    listed = {
        "path": "/products",
        "query": "category=keyboards&per=20",
        "key": LIST_KEY,
        "tag": "category=keyboards",
        "ms": 5.6,
        "verdict": f'vitrine; fwd=miss; stored; key="{LIST_KEY}"',
    }
    plain = {"cache": "", "verdict": "", "key": "", "tag": ""}
    requests = [
        request(cache="miss", ms=4.2, because=FIRST, verdict=item.format("miss")),
        request(),
        request(**listed, cache="miss", because=FIRST),
        request(**listed | {"ms": 0.5}),
        request(**plain, method="PATCH", by="maria", ms=8.9, id="77ab19c04d2e4f55"),
        request(**listed, cache="stale", because=WRITE),
        request(**listed | {"ms": 0.4}, by="shop"),
        request(cache="stale", because=OUTSIDE, ms=3.8, part="tag", verdict=item.format("stale")),
        request(**plain, path="/products/9", status=404),
        request(
            **plain, method="POST", path="/orders", service="orders", status=201, by="shop", ms=31.2
        ),
    ]
    now = time.time()
    return [each | {"at": now - (10 - at) * 0.79} for at, each in enumerate(requests)]
