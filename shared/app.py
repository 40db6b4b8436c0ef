"""The application factory all services share."""

import logging

from flask import Blueprint, Flask
from pymongo.errors import PyMongoError

from shared import (
    auth,
    backends,
    checkup,
    docs,
    errors,
    feed,
    front,
    health,
    idempotency,
    inspection,
    limits,
    logs,
    release,
    revisions,
    scrape,
    sentry,
)
from shared.backends import Backends
from shared.resource import Resource
from shared.responses import secure
from shared.settings import Settings

log = logging.getLogger(__name__)


def build_app(
    resource: Resource,
    blueprint: Blueprint,
    *,
    settings: Settings | None = None,
    connections: Backends | None = None,
) -> Flask:
    """Assemble a service, configured by the environment unless told otherwise.

    Raise ``SettingsError`` for a setting with a wrong value.
    """
    settings = settings or Settings.from_env()
    app = Flask(f"api_{resource.name}", static_folder=None)
    # A path with two slashes is another path: nothing is redirected, and never by a page of HTML.
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_mb * 1_000_000
    app.config["MAX_FORM_LENGTH"] = app.config["MAX_CONTENT_LENGTH"]

    app.extensions["settings"] = settings
    logs.init_app(app, settings)
    connections = connections or Backends.connect(settings)
    connections.cache.release = release.of(type(resource.schema))
    sentry.start(settings, resource.name, connections.cache.release)
    connections.cache.leased = connections.is_followed()
    if settings.near_cache:
        connections.cache.start_near((resource.name, *resource.depends))
    backends.init_app(app, connections)
    errors.init_app(app)
    limits.init_app(app, settings)
    auth.init_app(app)
    app.after_request(secure)
    health.init_app(app)
    scrape.init_app(app)
    inspection.init_app(app)
    checkup.init_app(app, resource)
    docs.init_app(app)
    app.register_blueprint(blueprint)
    app.extensions["resource"] = resource
    idempotency.init_app(app)
    feed.init_app(app, resource, settings)
    revisions.init_app(app, resource)
    front.init_app(app, resource, connections.cache, settings)

    with app.app_context():
        try:
            resource.repository.create_indexes()
        except PyMongoError as error:
            # The first write tries again; until then MongoDB cannot be written anyway.
            log.warning("MongoDB is not ready yet: %s", str(error).partition(",")[0])
    return app
