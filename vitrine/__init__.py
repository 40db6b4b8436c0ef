"""Command line of Vitrine: it starts the services on this machine and talks to them over HTTP.

* ``cli``        the ``vitrine`` command: the group of all commands
* ``client``     HTTP client of one service
* ``stack``      services on disk, and the addresses of the running stack
* ``readiness``  the state that a service reports, and its problems in sentences
* ``findings``   the findings of checks in sentences
* ``errors``     failures that are shown as one sentence
* ``local/``     processes of a stack on this machine
* ``commands/``  commands that start a stack, ask it, and stop it
* ``transfer/``  import and export
* ``fuzz/``      freshness test of a running stack
* ``console/``   pages on port 5555 that show what a stack does, live

It imports ``shared.config``, ``shared.http`` and ``shared.observability``, and never a service.
"""
