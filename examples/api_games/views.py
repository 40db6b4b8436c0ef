"""``/games``: the standard methods."""

from api_games.resource import games

blueprint = games.blueprint("list", "get", "create", "update", "delete", "restore", "batch")
