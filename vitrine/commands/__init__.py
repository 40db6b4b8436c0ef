"""Commands that start a stack, ask it, and stop it.

* ``up``         ``vitrine up`` and ``vitrine stop``
* ``status``     addresses, readiness and figures of each service
* ``logs``       log lines of all processes, in the order of time
* ``doctor``     checks of every document and file, and the freshness test
* ``reconcile``  stocks against their ledger, unfinished orders
* ``console``    the console of a stack in a browser
* ``token``      bearer tokens: make one, explain one
* ``imports``    imports of all services
* ``images``     images by state, and photos to fetch again
* ``undo``       what imports did, and taking one back
* ``cache``      entries of the cache: count, show, remove

They import ``shared``, ``vitrine.client``, ``vitrine.stack``, ``vitrine.fuzz``, ``vitrine.local``
and ``vitrine.console``.
"""
