"""The way of every request of a service: middlewares, rate limits, cached reads, Flask, errors.

* ``chain``: the class ``Chain``, which passes a request through the links, and its answer back.
* ``paths``: middlewares for proxies, prefixes of paths, and faults of a request.
* ``rate_limits``: the standing limits, and ``limiter`` for a service's own.
* ``cached_reads``: looks reads up in the cache, and answers hits and misses.
* ``expectations``: refuses a request before its body, if the client waits for that.
* ``error_handlers``: exceptions as problem documents.

Links that need neither the cache nor the resource are in ``http``.  The package may import all
packages of ``shared`` but ``server``.
"""
