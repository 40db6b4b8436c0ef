"""Routes of ``/games``: the standard methods, and a preview for a screen in the shop."""

from flask import Response

from api_games.resource import games
from shared.chain.rate_limits import limiter
from shared.http import like
from shared.observability.metrics import metrics

blueprint = games.blueprint("list", "get", "create", "update", "delete", "restore", "batch")


# A route of your own: leave it out if the standard methods are enough.
@blueprint.get("/games/<ref>/preview")
@like(games.get)
@metrics.counter("games_previews", "Games shown on a screen in the shop.")
@limiter.limit("60/minute")
def preview(ref: str) -> Response:
    """Show a game on a screen in the shop."""
    return games.get(ref)
