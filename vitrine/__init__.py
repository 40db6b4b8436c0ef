"""Command line of Vitrine: it starts the services on this machine and talks to them over HTTP.

* ``cli``        the ``vitrine`` command, with ``up`` and ``stop``
* ``client``     HTTP client of one service
* ``stack``      services on disk, and the addresses of the running stack
* ``errors``     failures that are shown as one sentence
* ``local/``     processes of a stack on this machine
* ``commands/``  commands that ask a running stack
* ``transfer/``  import and export
* ``fuzz/``      freshness test of a running stack

It imports ``shared.config``, ``shared.http`` and ``shared.observability``, and never a service.
"""
