"""Fixtures: every service, on fakes or on real servers, wired through the one seam."""

import gc
import shutil
import tempfile
import time
from pathlib import Path

import mongomock
import pytest
from fakeredis import FakeRedis, FakeServer
from redis import Redis

from shared.config.settings import Settings
from shared.storage.connections import Connections, open_mongo
from tests.support.conformance import CheckedClient, LenientClient
from tests.support.processes import free_port
from tests.support.services import (
    DATA,
    MEMORY,
    FakeConnections,
    InProcess,
    add_update,
    create_indexes,
    empty,
    find,
)
from tests.support.stack import running_stack
from vitrine.local import embedded
from vitrine.local.processes import stop

# Thousands of tests stay until the end: to look for garbage among them, again and again while they
# are collected, takes twice as long as to collect them.
gc.disable()


def pytest_collection_finish():
    """Look for garbage from now on, but not among what is there."""
    gc.freeze()
    gc.enable()


mongomock.ignore_feature("session")
mongomock.collection.Collection.create_indexes = create_indexes
mongomock.collection.BulkOperationBuilder.add_update = add_update
mongomock.collection.Collection.find = find


# The files that take longest; each runs in one process.
LONGEST = (
    "tests/integration/caching/test_caused_faults.py",
    "tests/integration/serving/test_exploration.py",
    "tests/integration/catalog/test_orders.py",
    "tests/integration/caching/test_faults.py",
    "tests/integration/caching/test_never_stale.py",
    "tests/docs/test_documentation.py",
    "tests/integration/serving/test_granian.py",
    "tests/integration/catalog/test_images.py",
    "tests/integration/catalog/test_photos.py",
    "tests/integration/stack/test_up.py",
    "tests/integration/catalog/test_plans.py",
    "tests/integration/catalog/test_variants.py",
)


def pytest_collection_modifyitems(items):
    """Run files of whole stacks first, those that share a stack last, and long ones before others.

    So all processes end at the same time, and no shared stack waits for the end of the suite: one
    that waits costs a twentieth of a processor.  Files with a browser come at the very end.
    """
    sharing = {_file(item) for item in items if "shared_stack" in item.fixturenames}
    browsing = {_file(item) for item in items if "browser" in item.fixturenames}

    def rank(item):
        file = _file(item)
        is_alone = "tests/integration/" in file and file not in sharing
        stage = 3 if file in browsing else 2 if file in sharing else 0 if is_alone else 1
        return stage, LONGEST.index(file) if file in LONGEST else len(LONGEST)

    items.sort(key=rank)


def _file(item):
    return item.nodeid.partition("::")[0]


@pytest.fixture(scope="session")
def servers():
    """Start a mongod and a Redis of the suite's own; return their ports."""
    # In memory where the system has such a folder: every acknowledged write waits for the disk.
    folder = Path(tempfile.mkdtemp(prefix="vitrine-test-", dir=MEMORY))
    processes = []
    try:
        ports = free_port(), free_port()
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
def shared_stack():
    """A running stack with the games example, for the tests that leave it running."""
    options = "--with", "examples/api_games"
    with running_stack(*options, console=True, WORKERS="2", JOB_WORKERS="1") as stack:
        yield stack


@pytest.fixture(scope="module")
def emptied_stack(shared_stack):
    """The shared stack, which is empty before the first test of a file."""
    shared_stack.empty()
    return shared_stack


@pytest.fixture(scope="session")
def start_redis():
    """Start a further Redis on a free port, with options of its own; it ends with the suite."""
    processes = []
    with tempfile.TemporaryDirectory(prefix="vitrine-test-", dir=MEMORY) as folder:

        def start(*options):
            port = free_port()
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
    buses = [free_port() for _ in range(3)]
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


@pytest.fixture(scope="session")
def real_servers(servers, mongo_client):
    """A database and a Redis on the real servers."""
    with Redis(port=servers[1], socket_timeout=2) as redis:
        yield mongo_client["contract"], redis


@pytest.fixture
def real_connections(real_servers):
    """Connections to the real servers, emptied; the indexes stay."""
    db, redis = real_servers
    empty(db, redis)
    return db, redis


@pytest.fixture(scope="session")
def fakes():
    """Databases and Redises that are fakes, by the settings they are used with."""
    return {}


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
def stores(request, settings, fakes):
    """A database and a Redis, both empty: fakes, then the real ones."""
    if request.param == "real":
        return (Connections, *request.getfixturevalue("real_connections"))
    if settings not in fakes:
        db = mongomock.MongoClient(tz_aware=True)["contract"]
        fakes[settings] = db, FakeRedis(server=FakeServer())
    db, redis = fakes[settings]
    empty(db, redis)
    return FakeConnections, db, redis


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("media")


@pytest.fixture
def settings(media_folder):
    """Settings without rate limits, which have tests of their own; no media are stored."""
    for folder in media_folder.iterdir():
        shutil.rmtree(folder)
    unlimited = {f"rate_limit_{name}": "" for name in ("anonymous", "token", "writes", "uploads")}
    return Settings(media_url=f"file://{media_folder}/files", **unlimited)


@pytest.fixture(scope="session")
def built():
    """The services that tests share, by their kind of connections and their settings."""
    shared = {}
    yield shared
    for services in shared.values():
        services.close()


@pytest.fixture
def own_apps(built):
    """Build the services for one test alone, because it changes indexes or collections."""
    yield
    for key in [key for key in built if key[0] is Connections]:
        built.pop(key).close()  # Built again, they make the indexes again.


@pytest.fixture
def leased(request):
    """Return True if a follower keeps the cache's roots; else readers create them."""
    return request.node.get_closest_marker("leased") is not None


@pytest.fixture
def transport(request, stores, leased, settings, built):
    """The way services reach each other in a test; ``transport.make_app`` builds them.

    An app takes longer to build than most tests take, so tests share apps that have the same
    settings.  Each test finds them as they were built, on empty stores.
    """
    kind, db, redis = stores
    key = kind, leased, settings
    is_shared = "own_apps" not in request.fixturenames
    if is_shared and key in built:
        services = built[key]
        services.reset()
    else:
        if kind is FakeConnections:
            queue = FakeRedis(server=FakeServer())
        else:
            queue = Redis(port=request.getfixturevalue("servers")[1], db=1)
            # The indexes of a collection depend on the settings; only one set can be there.
            for other in [other for other in built if other[0] is kind]:
                built.pop(other).close()
        services = InProcess(kind, db, redis, queue, leased, settings)
    by_hand = request.node.get_closest_marker("by_hand")
    services.client_class = LenientClient if by_hand else CheckedClient
    if is_shared:
        built[key] = services
    yield services
    if not is_shared:
        services.close()


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
