"""The MongoDB and the Redis that all targets share."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import catalog
from bench.targets import Servers
from vitrine.local import embedded
from vitrine.local.processes import free_port, stop


@contextmanager
def databases(count: int) -> Iterator[tuple[Servers, list[catalog.Product]]]:
    """Start MongoDB and Redis with so many products in a folder that goes afterwards."""
    # Who ends this process has the servers ended, and their folder removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name:
        folder = Path(name)
        ports = free_port(0), free_port(0)
        mongod = embedded.start_mongod(folder / "mongo", ports[0], folder / "mongo.log", (), 1)
        redis = embedded.start_redis(
            folder / "redis", ports[1], folder / "redis.log", (), "--appendonly", "no"
        )
        try:
            embedded.wait_for_mongod(mongod, ports[0], folder / "mongo.log")
            embedded.wait_for_redis(redis, ports[1], folder / "redis.log")
            uri = f"mongodb://127.0.0.1:{ports[0]}/?directConnection=true"
            servers = Servers(uri, f"redis://127.0.0.1:{ports[1]}/0", folder / "products.sqlite")
            items = catalog.catalog(count)
            catalog.store(uri, servers.sqlite, items)
            yield servers, items
        finally:
            stop(mongod, 10)
            stop(redis, 5)
