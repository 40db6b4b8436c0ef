"""Endpoints that every service has besides its resource.

* ``health``, ``metrics``: for orchestrators and for Prometheus
* ``cache``: shows and purges cached responses
* ``docs``, ``openapi/``: the OpenAPI document and the pages that show it
* ``changes``, ``change_reader``: the change feed, by long poll or as a stream
* ``history``: the revisions of an item
* ``document_checks``: finds and repairs documents that were edited by hand
* ``media``, ``jobs``: pictures and the state of jobs, for services that have them

It may import all packages of ``shared`` but ``server``.
"""
