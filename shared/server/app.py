"""Application factory of all services."""

import logging

from flask import Blueprint, Flask
from pymongo.errors import PyMongoError

from shared.chain import error_handlers, rate_limits
from shared.chain.cached_reads import CachedReads
from shared.chain.chain import Chain
from shared.chain.paths import CanonicalPath, Faults, Proxies, Reference
from shared.chain.rate_limits import Limits, RateLimitHeaders
from shared.config import startup
from shared.config.settings import Settings
from shared.endpoints import (
    cache,
    changes,
    document_checks,
    health,
    history,
    imports,
    live,
    metrics,
    shown_settings,
)
from shared.endpoints.openapi import docs
from shared.endpoints.places import Places
from shared.http import access_log, auth, import_id
from shared.http.access_log import AccessLog
from shared.http.auth import Auth
from shared.http.compression import Compression
from shared.http.cors import Cors
from shared.http.request_state import Middleware
from shared.http.responses import CacheControl, NotModified, SecurityHeaders
from shared.observability import sentry
from shared.resource import Resource, idempotency
from shared.storage import connections as storage_connections
from shared.storage.connections import Connections

log = logging.getLogger(__name__)


def build_app(
    resource: Resource,
    blueprint: Blueprint,
    *,
    settings: Settings | None = None,
    connections: Connections | None = None,
) -> Flask:
    """Return the WSGI application of a service.

    Args:
        resource: The resource that the service serves.
        blueprint: The routes of the service.
        settings: The settings; by default those of the environment.
        connections: The connections; by default those that the settings name.

    Raises:
        SettingsError: A setting of the environment has a wrong value.
    """
    settings = settings or Settings.from_env()
    app = _flask(resource.name, settings)
    access_log.init_app(app, settings)
    code = startup.code_digest(type(resource.schema))
    connections = connections or Connections.connect(settings, code)
    sentry.start(settings, resource.name, code)
    storage_connections.init_app(app, connections)
    error_handlers.init_app(app)
    limits = Limits(settings)
    rate_limits.init_app(app, limits)
    auth.init_app(app)
    import_id.init_app(app)
    health.init_app(app)
    metrics.init_app(app)
    shown_settings.init_app(app)
    cache.init_app(app)
    document_checks.init_app(app, resource)
    docs.init_app(app)
    app.register_blueprint(blueprint)
    app.extensions["resource"] = resource
    waiting = Places.of_threads(settings.threads)
    changes.init_app(app, resource, waiting)
    live.init_app(app, resource, waiting)
    history.init_app(app, resource)
    imports.init_app(app, resource)
    idempotency.init_app(app)
    caller = app.extensions["auth"] = Auth(settings)
    reads = CachedReads(app, resource, connections.cache, limits)
    chain = app.extensions["chain"] = Chain(
        _middlewares(settings, resource.name, caller), reads, app.wsgi_app
    )
    app.wsgi_app = chain  # type: ignore[method-assign]

    with app.app_context():
        try:
            resource.repository.create_indexes()
        except PyMongoError as error:
            # The first write creates the indexes; before that, MongoDB has to be back anyway.
            log.warning("MongoDB is not ready yet: %s", str(error).partition(",")[0])
    return app


def _flask(name: str, settings: Settings) -> Flask:
    """Return the Flask app of a service, with the rules of its paths and bodies."""
    app = Flask(f"api_{name}", static_folder=None)
    # A path with two slashes is another path; Flask would redirect it with a page of HTML.
    app.url_map.merge_slashes = False
    app.url_map.converters["default"] = Reference
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_mb * 1_000_000
    app.config["MAX_FORM_LENGTH"] = app.config["MAX_CONTENT_LENGTH"]
    app.extensions["settings"] = settings
    return app


def _middlewares(settings: Settings, service: str, caller: Auth) -> list[Middleware]:
    """Return the links of the chain before the cached reads, the outermost first."""
    return [
        *([Proxies(settings.trusted_proxies)] if settings.trusted_proxies else []),
        *([Cors(settings.cors_origins.split(","))] if settings.cors_origins else []),
        CanonicalPath(),
        AccessLog(service),
        SecurityHeaders(),
        CacheControl(settings.cache_control_public),
        RateLimitHeaders(),
        NotModified(),
        *([Compression()] if settings.compression else []),
        Faults(),
        caller,
    ]
