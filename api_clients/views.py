"""Routes of ``/clients``: the standard methods."""

from api_clients.resource import clients

blueprint = clients.blueprint("list", "get", "create", "update", "delete", "restore", "batch")
