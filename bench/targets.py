"""Targets of the benchmark: Vitrine and its peers, each started by one command line."""

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import works
from bench.catalog import EVE, PEERS, ROOT, VITRINE
from bench.works import Headers, Work
from shared.config.settings import Settings
from shared.http.tokens import Tokens

BIN = ROOT / ".venv-bench/bin"
THREADS = 8
UNBOUNDED = "1000000000/minute"  # counted as any other limit is, and not reached
SECRET_KEY = secrets.token_hex(32)

Arguments = list[str]


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the databases are."""

    mongo_uri: str
    redis_url: str
    sqlite: Path


@dataclass(frozen=True, slots=True)
class Target:
    """One server of products: how it is started, and which works it can do.

    ``cached`` says whether it keeps answers in Redis at all, ``gives_ids`` whether who creates an
    item says what its id is, and ``folder`` holds the code that is run.
    """

    name: str
    command: Callable[[int, int], Arguments]
    environment: Callable[[int, int, Servers], Mapping[str, str]]
    query: Callable[[Mapping[str, str]], str] = works.plain
    works: tuple[Work, ...] = works.COMMON
    cached: bool = True
    gives_ids: bool = True
    headers: Headers = field(default_factory=dict)
    beside: Arguments = field(default_factory=list)
    folder: Path = ROOT

    @property
    def is_vitrine(self) -> bool:
        """Return True if its responses have a Cache-Status."""
        return bool(self.beside)


def vitrine(server: str, **settings: str) -> Target:
    """Return Vitrine as ``vitrine up`` serves it, follower and all; settings alone tell it how."""

    def environment(port: int, workers: int, servers: Servers) -> Mapping[str, str]:
        return {
            "SERVER": server,
            "WORKERS": str(workers),
            "THREADS": str(THREADS),
            "BIND": f"127.0.0.1:{port}",
            "MONGO_URI": servers.mongo_uri.replace("/?", f"/{VITRINE}?"),
            "REDIS_URL": servers.redis_url,
            "DATA_DIR": str(servers.sqlite.parent / "data"),
            "AUTH_MODE": "token",
            "SECRET_KEY": SECRET_KEY,
            "RATE_LIMIT_ANONYMOUS": UNBOUNDED,
            "RATE_LIMIT_TOKEN": UNBOUNDED,
            "RATE_LIMIT_WRITES": UNBOUNDED,
            # An unused port: without errors, Sentry receives nothing.
            "SENTRY_DSN": "http://bench@127.0.0.1:9/1",
            **settings,
        }

    token = Tokens(Settings(secret_key=SECRET_KEY)).mint("bench", ["products:write"], 86_400)
    return Target(
        f"Vitrine on {server}",
        lambda port, workers: [sys.executable, "-m", "shared", "serve", "api_products"],
        environment,
        works.vitrine,
        works.ALL,
        gives_ids=False,
        headers={"Authorization": f"Bearer {token}"},
        beside=[sys.executable, "-m", "shared", "follow", "api_products"],
    )


def _gunicorn(app: str) -> Callable[[int, int], Arguments]:
    return lambda port, workers: [
        *(str(BIN / "python"), "-m", "gunicorn", "--workers", str(workers)),
        *("--worker-class", "gthread", "--threads", str(THREADS), "--keep-alive", "15"),
        *("--bind", f"127.0.0.1:{port}", "--log-level", "warning", "--no-control-socket", app),
    ]


def _granian(app: str) -> Callable[[int, int], Arguments]:
    return lambda port, workers: [
        *(str(BIN / "python"), "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--workers", str(workers), "--blocking-threads", str(THREADS)),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "error", app),
    ]


def _uvicorn(app: str) -> Callable[[int, int], Arguments]:
    return lambda port, workers: [
        *(str(BIN / "python"), "-m", "uvicorn", "--workers", str(workers), "--no-access-log"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", app),
    ]


def _peer(**more: str) -> Callable[[int, int, Servers], Mapping[str, str]]:
    return lambda port, workers, servers: {
        "PYTHONPATH": str(ROOT / "bench/peers"),
        "MONGO_URI": servers.mongo_uri,
        "REDIS_URL": servers.redis_url,
        "DATABASE": PEERS,
        "SQLITE": str(servers.sqlite),
        **more,
    }


VITRINE_GRANIAN, VITRINE_GUNICORN = vitrine("granian"), vitrine("gunicorn")
VITRINE_NOW = (VITRINE_GUNICORN, VITRINE_GRANIAN)
VITRINE_UVICORN = replace(
    vitrine("uvicorn", SERVER="gunicorn"),
    command=lambda port, workers: [
        sys.executable,
        "-m",
        "bench.on_uvicorn",
        str(port),
        str(workers),
    ],
)
RAW_GRANIAN = Target(
    "raw WSGI on granian", _granian("bare:raw"), _peer(), works=works.HITS, cached=False
)
RAW_GUNICORN = Target(
    "raw WSGI on gunicorn", _gunicorn("bare:raw"), _peer(), works=works.HITS, cached=False
)
FLASK_GRANIAN = Target(
    "bare Flask on granian", _granian("bare:app"), _peer(), works=works.HITS, cached=False
)
FLASK_GUNICORN = Target(
    "bare Flask on gunicorn", _gunicorn("bare:app"), _peer(), works=works.HITS, cached=False
)
FASTAPI_BYTES = Target("FastAPI, bytes kept", _uvicorn("fastapi_shop:app"), _peer(KEPT="bytes"))
FASTAPI_DICT = Target("FastAPI, dict kept", _uvicorn("fastapi_shop:app"), _peer(KEPT="dict"))
NAIVE = Target("Flask + pymongo + redis", _gunicorn("naive:app"), _peer())
DRF = Target(
    "Django REST framework",
    _gunicorn("django.core.wsgi:get_wsgi_application()"),
    _peer(DJANGO_SETTINGS_MODULE="drf_settings"),
)
EVE = Target("Eve", _gunicorn("eve_shop:app"), _peer(DATABASE=EVE), works.eve, cached=False)
ALL = (
    *(
        VITRINE_GRANIAN,
        VITRINE_GUNICORN,
        VITRINE_UVICORN,
        RAW_GRANIAN,
        RAW_GUNICORN,
        FLASK_GRANIAN,
        FLASK_GUNICORN,
    ),
    *(FASTAPI_BYTES, FASTAPI_DICT, NAIVE, DRF, EVE),
)


def before(target: Target, revision: str, folder: Path) -> Target:
    """Return Vitrine as it was at a revision, whose files are in a folder."""
    if (folder / "shared" / "__main__.py").exists():
        serve, follow = ["shared", "serve"], ["shared", "follow"]
    else:
        serve, follow = ["shared.serve"], ["shared.follower"]

    def command(port: int, workers: int) -> Arguments:
        return [sys.executable, "-m", *serve, "api_products"]

    return replace(
        target,
        name=f"{target.name}, {revision}",
        command=command,
        beside=[sys.executable, "-m", *follow, "api_products"],
        folder=folder,
    )


def environment(target: Target, port: int, workers: int, servers: Servers) -> dict[str, str]:
    """Return the whole environment of a target: nothing of who runs the bench changes it."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return own | dict(target.environment(port, workers, servers))
