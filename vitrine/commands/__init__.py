"""Commands that ask a running stack.

* ``status``     addresses, readiness and figures of each service
* ``logs``       log lines of all processes, in the order of time
* ``doctor``     checks of every document and file, and the freshness test
* ``reconcile``  stocks against their ledger, unfinished orders
* ``token``      bearer tokens: make one, explain one
* ``cache``      entries of the cache: count, show, remove

They import ``shared``, ``vitrine.client``, ``vitrine.stack``, ``vitrine.fuzz`` and
``vitrine.local``.
"""
