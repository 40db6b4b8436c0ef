"""Fixtures: every service, on fakes or on real servers, wired through the one seam."""

import shutil
import tempfile
import time
from importlib import import_module
from pathlib import Path

import mongomock
import pytest
from fakeredis import FakeRedis
from flask import Flask
from redis import Redis

from shared.cache.cache import Cache
from shared.config.settings import Settings
from shared.http.service_client import ServiceClient
from shared.http.tokens import Tokens
from shared.storage.connections import Connections, open_mongo
from tests.support.conformance import CheckedClient, LenientClient
from tests.support.services import (
    DATA,
    MEMORY,
    FakeConnections,
    InProcess,
    add_update,
    create_indexes,
)
from vitrine.local import embedded
from vitrine.local.processes import free_port, stop

mongomock.ignore_feature("session")
mongomock.collection.Collection.create_indexes = create_indexes
mongomock.collection.BulkOperationBuilder.add_update = add_update


@pytest.fixture(scope="session")
def servers():
    """Start a mongod and a Redis of the suite's own; return their ports."""
    # In memory where the system has such a folder: every acknowledged write waits for the disk.
    folder = Path(tempfile.mkdtemp(prefix="vitrine-test-", dir=MEMORY))
    processes = []
    try:
        ports = free_port(0), free_port(0)
        starts = (embedded.start_mongod, embedded.start_redis)
        waits = (embedded.wait_for_mongod, embedded.wait_for_redis)
        for start, port in zip(starts, ports, strict=True):
            processes.append(start(folder / start.__name__, port, folder / f"{port}.log"))
        for wait, process, port in zip(waits, processes, ports, strict=True):
            wait(process, port, folder / f"{port}.log")
        yield ports
    finally:
        for process in processes:
            stop(process, 3)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def start_redis():
    """Start a further Redis on a free port, with options of its own; it ends with the suite."""
    processes = []
    with tempfile.TemporaryDirectory(prefix="vitrine-test-", dir=MEMORY) as folder:

        def start(*options):
            port = free_port(0)
            log = Path(folder, f"{port}.log")
            process = embedded.start_redis(Path(folder, str(port)), port, log, (), *options)
            processes.append(process)
            embedded.wait_for_redis(process, port, log)
            return port

        yield start
        for process in processes:
            stop(process, 3)


@pytest.fixture(scope="session")
def redis_cluster(start_redis):
    """The URL of a Redis Cluster of three."""
    buses = [free_port(0) for _ in range(3)]
    ports = [start_redis("--cluster-enabled", "yes", "--cluster-port", str(bus)) for bus in buses]
    slots = (0, 5461), (5462, 10922), (10923, 16383)
    nodes = [Redis(port=port) for port in ports]
    for node, span in zip(nodes, slots, strict=True):
        node.execute_command("CLUSTER ADDSLOTSRANGE", *span)
    for port, bus in zip(ports[1:], buses[1:], strict=True):
        nodes[0].execute_command("CLUSTER MEET", "127.0.0.1", port, bus)
    deadline = time.monotonic() + 20
    while {(len(node.cluster("slots")), _state(node)) for node in nodes} != {(3, "ok")}:
        assert time.monotonic() < deadline, "the cluster does not form"
        time.sleep(0.02)
    for node in nodes:
        node.close()
    return f"redis+cluster://127.0.0.1:{ports[0]}"


def _state(node):
    return node.cluster("info")["cluster_state"]


@pytest.fixture(scope="session")
def redis_replica(servers, start_redis):
    """The port of a replica of the suite's Redis."""
    with Redis(port=servers[1]) as primary:
        primary.config_set("repl-diskless-sync-delay", 0)
    port = start_redis("--replicaof", f"127.0.0.1 {servers[1]}")
    with Redis(port=port) as replica:
        deadline = time.monotonic() + 20
        while replica.info("replication")["master_link_status"] != "up":
            assert time.monotonic() < deadline, "the replica does not follow"
            time.sleep(0.02)
    return port


@pytest.fixture(scope="session")
def mongo_client(servers):
    with open_mongo(f"mongodb://127.0.0.1:{servers[0]}", 30) as client:
        yield client


@pytest.fixture
def real_connections(servers, mongo_client):
    """Connections to the real servers, emptied; the indexes stay."""
    db = mongo_client["contract"]
    for name in db.list_collection_names():
        db[name].delete_many({})
    with Redis(port=servers[1], socket_timeout=2) as redis:
        redis.flushall()
        yield db, redis


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
def stores(request):
    """A database and a Redis: fakes, then the real ones."""
    if request.param == "real":
        return (Connections, *request.getfixturevalue("real_connections"))
    return FakeConnections, mongomock.MongoClient(tz_aware=True)["contract"], FakeRedis()


@pytest.fixture
def settings(tmp_path):
    # Limits are tests of their own.
    counted = ("anonymous", "token", "writes", "uploads")
    unlimited = {f"rate_limit_{name}": "" for name in counted}
    return Settings(media_url=f"file://{tmp_path}/media", **unlimited)


@pytest.fixture
def transport(request, stores, settings):
    """The way services reach each other in a test; ``transport.make_app`` builds them."""
    kind, db, redis = stores
    apps: dict[str, Flask] = {}
    by_hand = request.node.get_closest_marker("by_hand")
    kind_of_client = LenientClient if by_hand else CheckedClient

    def make_app(package):
        if package not in apps:
            create_app = import_module(f"{package}.app").create_app
            apps[package] = create_app(settings=settings, connections=connections)
            apps[package].config["PROPAGATE_EXCEPTIONS"] = False
            apps[package].test_client_class = kind_of_client
        return apps[package]

    transport = InProcess(make_app)
    queue = (
        FakeRedis()
        if kind is FakeConnections
        else Redis(port=request.getfixturevalue("servers")[1], db=1)
    )
    connections = kind(
        db, redis, Cache(redis, 60), ServiceClient(transport, Tokens(settings)), queue
    )
    transport.make_app = make_app
    yield transport
    queue.close()


@pytest.fixture
def make_client(transport):
    """Return a client of a service, by the name of its package."""
    return lambda package: transport.make_app(package).test_client()


@pytest.fixture
def db(stores):
    return stores[1]


@pytest.fixture
def redis(stores):
    return stores[2]


@pytest.fixture
def products(make_client):
    return make_client("api_products")


@pytest.fixture
def categories(make_client):
    return make_client("api_categories")


@pytest.fixture
def clients(make_client):
    return make_client("api_clients")


@pytest.fixture
def orders(make_client):
    return make_client("api_orders")


@pytest.fixture
def data_folder():
    """The folder of real catalogs; a test that needs it says so when it is absent."""
    if not DATA.exists():
        pytest.skip("the real catalogs of ../shared/data are not here")
    return DATA
