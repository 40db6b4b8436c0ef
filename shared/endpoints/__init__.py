"""Endpoints that every service has besides its resource.

* ``health``, ``metrics``: for orchestrators and for Prometheus
* ``shown_settings``: the settings, without secrets
* ``cache``, ``invalidation``: shows, lists and purges cached responses; why one is not valid
* ``live``: what the service does, as a stream
* ``openapi/``: the OpenAPI document and the pages that show it
* ``changes``, ``change_reader``, ``places``: the change feed, by long poll or as a stream
* ``history``: the revisions of an item
* ``imports``, ``import_log``, ``inverse``: effects of an import, and the requests that undo it
* ``searching``: suggestions and synonyms, for services that have them
* ``document_checks``: finds and repairs documents that were edited by hand
* ``media``, ``jobs``: pictures and the state of jobs, for services that have them

It may import all packages of ``shared`` but ``server``.
"""
