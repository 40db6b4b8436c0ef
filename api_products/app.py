"""Application factory of the products service."""

from typing import Any

from flask import Flask

from api_products.images import uploads
from api_products.resource import products
from api_products.views import blueprint
from shared.server.app import build_app
from shared.storage import file_store
from shared.workers import queue


def create_app(**options: Any) -> Flask:
    """Build the service; ``options`` are those of ``build_app``."""
    app = build_app(products, blueprint, **options)
    app.extensions["checks"] += ["/products:categories", "/products:files"]
    uploads.init_app(app)
    file_store.init_app(app)
    queue.init_app(app)
    return app
