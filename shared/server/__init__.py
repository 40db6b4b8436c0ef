"""The assembly of a service, and the servers that run it.

* ``app``: ``build_app``, the application factory, with the list of middlewares.
* ``asgi``: the ASGI application, with cached reads in the event loop and Flask in threads.
* ``serve``: starts the server that ``SERVER`` names.
* ``gunicorn_conf``, ``granian_server``: the configurations of the servers.
* ``healthcheck``: the health check of a container.

The modules may import all other packages of the kit.  This ``__init__`` imports nothing, so that
``healthcheck`` stays light.
"""
