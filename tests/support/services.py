"""Common parts of the tests: paths, fake connections, example bodies."""

import os
from contextlib import nullcontext
from contextvars import Context
from functools import partial
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import mongomock
import pytest
from flask.testing import FlaskClient
from mongomock.collection import BulkOperationBuilder
from prometheus_client.parser import text_string_to_metric_families
from pymongo.database import Database

from shared.cache.cache import Cache
from shared.http.errors import ServiceUnavailable
from shared.http.service_client import ServiceClient
from shared.http.tokens import Tokens
from shared.storage.connections import Connections

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
# A folder in memory for databases, where the system has one: every acknowledged write waits for it.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
SERVICES = sorted(
    path.parent.name for folder in (ROOT, ROOT / "examples") for path in folder.glob("api_*/app.py")
)


class FakeConnections(Connections):
    """Connections to fakes, where a transaction undoes nothing."""

    def open_session(self):
        return FakeSession()

    at_one_moment = nullcontext

    def estimate(self, name):
        return self.db[name].estimated_document_count()

    def count_now(self, name, filter, limit=0):
        return self.db[name].count_documents(filter, **({"limit": limit} if limit else {}))

    def count_each_now(self, name, filters, limit=0, session=None):
        return [self.count_now(name, filter, limit) for filter in filters]


def create_indexes(collection, indexes, session=None):
    """Stand in for mongomock's own, which makes a partial unique index a whole one."""
    for index in indexes:
        kept = ("unique", "sparse", "partialFilterExpression", "expireAfterSeconds")
        options = {name: index.document[name] for name in kept if name in index.document}
        collection.create_index(list(index.document["key"].items()), **options)


def find(collection, *args, hint=None, _original=mongomock.collection.Collection.find, **kwargs):
    """Stand in for mongomock's own, which does not know hints: it has no plans."""
    return _original(collection, *args, **kwargs)


def add_update(bulk, *args, sort=None, _original=BulkOperationBuilder.add_update, **kwargs):
    """Stand in for mongomock's own, which does not know pymongo's newest argument."""
    return _original(bulk, *args, **kwargs)


class FakeSession:
    client = mongomock.MongoClient()
    in_transaction = False

    def bind(self):
        return self

    def commit_transaction(self):
        return None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def with_transaction(self, work):
        return work(self)


class InProcess:
    """The services in this process, and a transport on which they call each other.

    All are built on the same connections, each when it is first asked for.
    """

    def __init__(self, kind, db, redis, queue, leased, settings):
        cache = Cache(redis, 60, leased=leased)
        services = ServiceClient(self, Tokens(settings))
        self.settings = settings
        self.connections = kind(db, redis, cache, services, queue)
        self.client_class = FlaskClient
        self._apps = {}
        self._as_built = {}
        self._cache_as_built = dict(vars(cache))
        self.reset()

    def reset(self):
        """Undo what a test has changed in the apps and their connections."""
        self.down = set()
        self.lost = set()  # services whose responses do not come back
        self.calls = []
        self.connections.queue.flushdb()
        self.connections.notes.clear()
        vars(self.connections.cache).update(self._cache_as_built)
        for package, app in self._apps.items():
            extensions, config = self._as_built[package]
            app.extensions.clear()
            app.extensions.update(extensions)
            app.config.clear()
            app.config.update(config)

    def close(self):
        self.connections.queue.close()

    def make_app(self, package):
        """Return the app of a service."""
        app = self._apps.get(package)
        if app is None:
            create_app = import_module(f"{package}.app").create_app
            app = create_app(settings=self.settings, connections=self.connections)
            app.config["PROPAGATE_EXCEPTIONS"] = False
            self._apps[package] = app
            self._as_built[package] = dict(app.extensions), dict(app.config)
        app.test_client_class = self.client_class
        return app

    def send(self, service, method, path, body, headers, seconds=5):
        """Send a request to a service, as ``ServiceClient`` asks its transport to."""
        self.calls.append((service, method, path))
        if service in self.down:
            raise ServiceUnavailable(f"The {service} service does not answer; try again shortly.")
        client = self.make_app(f"api_{service}").test_client()
        # As in a process of its own, nothing is known of the request that calls.
        ask = partial(client.open, path, method=method, json=body, headers=headers)
        response = Context().run(ask)
        if service in self.lost:
            raise ServiceUnavailable(f"The {service} service does not answer; try again shortly.")
        return response.status_code, response.data


def empty(db, redis):
    """Remove all documents and keys; the indexes stay."""
    for name in _filled(db):
        db[name].delete_many({})
    redis.flushall()


def _filled(db):
    """Return the names of the collections with documents, or of all that a fake has.

    A deletion in each of them, before each test, would take longer than most tests.
    """
    names = db.list_collection_names()
    if not names or not isinstance(db, Database):
        return names
    parts = {name: [{"$limit": 1}, {"$project": {"name": {"$literal": name}}}] for name in names}
    unions = [{"$unionWith": {"coll": name, "pipeline": parts[name]}} for name in names[1:]]
    return [found["name"] for found in db[names[0]].aggregate([*parts[names[0]], *unions])]


# For what is refused before any database is asked.
on_fakes = pytest.mark.parametrize("stores", ["fake"], indirect=True)
# For what the fakes cannot do: transactions, pipelines in updates, comparing decimals.
on_real_servers = pytest.mark.parametrize(
    "stores", [pytest.param("real", marks=pytest.mark.real)], indirect=True
)


def example(resource, **changes):
    """Build a valid body from the examples in a schema."""
    body = {
        field.data_key or name: field.metadata["example"]
        for name, field in resource.schema.load_fields.items()
        if "example" in field.metadata
    }
    body.pop("slug", None)
    return body | changes


def samples(text):
    """Return the samples of a scrape by their names and the values of their labels, in order."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def path_of(url):
    """Return the path and query of a URL."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def environment(**changes):
    """Return this environment without the variables Vitrine reads, plus some."""
    ours = {"MONGO_URI", "DATABASE_URL", "REDIS_URL", "REDIS_QUEUE_URL", "DATA_DIR"}
    return {k: v for k, v in os.environ.items() if k not in ours} | changes
