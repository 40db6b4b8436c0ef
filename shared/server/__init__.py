"""The WSGI application of a service, and the servers that run it.

* ``app``: ``build_app``, the application factory, with the list of middlewares.
* ``chain``: the one way of every request, through the middlewares, the cache and Flask.
* ``paths``: middlewares for proxies, prefixes of paths, and faults of a request.
* ``cached_reads``: looks reads up in the cache, and answers hits.
* ``rate_limits``: the standing limits, and ``limiter`` for a service's own.
* ``expectations``: refuses a request before its body, if the client waits for that.
* ``error_handlers``: exceptions as problem documents.
* ``serve``: starts the server that ``SERVER`` names.
* ``asgi``: the ASGI application, with cached reads in the event loop and Flask in threads.
* ``gunicorn_conf``, ``granian_server``: the configurations of the servers.
* ``healthcheck``: the health check of a container.

The modules may import all other packages of the kit.  This ``__init__`` imports nothing, so that
``healthcheck`` stays light.
"""
