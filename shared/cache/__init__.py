"""Cache of responses in Redis: never stale, invalidated in O(1).

* ``cache``: look up, fill and invalidate; ``Cache`` is the class that the other packages use
* ``keys``: keys of entries and of generations; ``Address`` is where a response is cached
* ``entry``: format of an entry, and the result of a lookup
* ``inspection``: whether entries are valid, without reading their bodies
* ``leases``: what followers announce in MongoDB, for writes that Redis does not accept
* ``rate_counter``: rate-limit counters, which are counted in the round trip of a lookup
* ``sweeper``: removes stale entries from Redis, for people who look at its keys
* ``redis_topology``: one client for a server, Sentinels or a cluster
* ``redis_client``, ``redis_async``: several commands in one round trip, in threads and in a loop

It may import ``config``, ``observability``, ``http`` and ``schema``.
"""
