"""Application factory of the clients service."""

from typing import Any

from flask import Flask

from api_clients.resource import clients
from api_clients.views import blueprint
from shared.server.app import build_app


def create_app(**options: Any) -> Flask:
    """Build the service; ``options`` are those of ``build_app``."""
    return build_app(clients, blueprint, **options)
