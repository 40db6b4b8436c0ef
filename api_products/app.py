"""Application factory of the products service."""

from typing import Any

from flask import Flask

from api_products.images import uploads
from api_products.resource import products
from api_products.views import blueprint
from shared.endpoints import jobs, media
from shared.server.app import build_app


def create_app(**options: Any) -> Flask:
    """Build the service; ``options`` are those of ``build_app``."""
    app = build_app(products, blueprint, **options)
    app.extensions["checks"] += ["/products:categories", "/products:files"]
    uploads.init_app(app)
    media.init_app(app)
    jobs.init_app(app)
    return app
