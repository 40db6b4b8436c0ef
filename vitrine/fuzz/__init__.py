"""Freshness test of a running stack: ``vitrine doctor --fuzz``.

Threads write random changes while processes read, and every response is checked: none may be
older than a write that was acknowledged before the read began.

* ``fuzz``       one run, from creating the documents to the report
* ``documents``  the documents of a run: their names, versions and categories
* ``writers``    threads that write through the API and straight into MongoDB
* ``readers``    processes that read and check each response
* ``progress``   counts while a run goes on
* ``__main__``   a run that prints its progress, for the console
* ``faults``     faults of Redis and MongoDB that a run causes and takes back

It imports ``vitrine.client``, ``vitrine.errors``, ``vitrine.stack`` and ``vitrine.local.signals``.
"""
