"""The WSGI application of a service, and the servers that run it.

* ``app``: ``build_app``, the application factory.
* ``cache_middleware``: answers cache hits, around Flask.
* ``rate_limits``: the standing limits, and ``limiter`` for a service's own.
* ``error_handlers``: exceptions as problem documents.
* ``serve``: starts the server that ``SERVER`` names.
* ``gunicorn_conf``, ``server``, ``connection``: gunicorn, with a worker of Vitrine.
* ``granian_server``, ``rsgi``: granian.
* ``healthcheck``: the health check of a container.

The modules may import all other packages of the kit.  This ``__init__`` imports nothing, so that
``healthcheck`` stays light.
"""
