"""The orders service."""

from typing import Any

from flask import Flask

from api_orders.resource import orders
from api_orders.views import blueprint
from shared import queue
from shared.app import build_app


def create_app(**options: Any) -> Flask:
    """Build the service; ``options`` are those of ``build_app``."""
    app = build_app(orders, blueprint, **options)
    queue.init_app(app)
    return app
