"""Application factory of the games service."""

from typing import Any

from flask import Flask

from api_games.resource import games
from api_games.views import blueprint
from shared.chain.rate_limits import limiter
from shared.server.app import build_app


def create_app(**options: Any) -> Flask:
    """Build the service; ``options`` are those of ``build_app``."""
    app = build_app(games, blueprint, **options)
    limiter.init_app(app)
    return app
