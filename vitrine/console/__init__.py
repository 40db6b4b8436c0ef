"""Console: the pages on port 5555 that show what a stack does, live, and why.

It is a client of the services, like the rest of the command line, and has no right of its own: each
request goes to a service with the token of the caller.

* ``app``         the routes
* ``server``      gunicorn around it; ``python -m vitrine.console`` starts it
* ``asgi``        the way of a request from gunicorn's event loop to the routes
* ``pages``       the page, its files, and the policy for browsers
* ``messages``    JSON in and out, and the problem documents of errors
* ``access``      who may send what, and the session of a caller
* ``services``    HTTP to the services
* ``forwarding``  requests of pages, passed on to a service
* ``hub``         events for all who watch: a memory of the last ones, and a queue for each watcher
* ``feeds``       threads that read the streams of the services
* ``reasons``     why a read was no hit
* ``sampler``     figures of each second, from ``/metrics``
* ``overview``    the state of each service and its problems
* ``trace``       one request in logs, notes, history and jobs
* ``checks``      the checks of all services
* ``fuzzing``     the freshness test, in a process of its own
* ``imports/``    files of a shop, imported from a page
* ``static/``     the pages

It imports ``vitrine.client``, ``errors``, ``findings``, ``readiness``, ``stack``, ``vitrine.fuzz``,
``vitrine.transfer``, ``vitrine.commands.undo`` and ``vitrine.local.processes``, and of the kit what
the command line may.
"""
