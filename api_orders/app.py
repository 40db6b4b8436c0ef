"""Application factory of the orders service."""

from typing import Any

from flask import Flask

from api_orders.resource import orders
from api_orders.views import blueprint
from shared.endpoints import jobs
from shared.server.app import build_app


def create_app(**options: Any) -> Flask:
    """Build the service; ``options`` are those of ``build_app``."""
    app = build_app(orders, blueprint, **options)
    jobs.init_app(app)
    return app
