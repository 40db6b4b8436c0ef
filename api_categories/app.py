"""Application factory of the categories service."""

from typing import Any

from flask import Flask

from api_categories.resource import categories
from api_categories.views import blueprint
from shared.server.app import build_app


def create_app(**options: Any) -> Flask:
    """Build the service; ``options`` are those of ``build_app``."""
    app = build_app(categories, blueprint, **options)
    app.extensions["checks"] += ["/categories:tree"]
    return app
