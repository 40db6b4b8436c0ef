"""The products service."""

from typing import Any

from flask import Flask

from api_products import uploads
from api_products.resource import products
from api_products.views import blueprint
from shared import files, queue
from shared.app import build_app


def create_app(**options: Any) -> Flask:
    """Build the service; ``options`` are those of ``build_app``."""
    app = build_app(products, blueprint, **options)
    app.extensions["checks"] += ["/products:categories", "/products:files"]
    uploads.init_app(app)
    files.init_app(app)
    queue.init_app(app)
    return app
