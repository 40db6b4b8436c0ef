"""The kit that every service stands on, in eleven packages.

A package imports only from the packages before it in this list, and no package imports a service:

    config, observability, http, schema, cache, storage, resource, workers, endpoints, chain, server

``python -m shared`` is the command line of a service's processes.
"""
