"""The kit every service is built from.

A module imports only from modules to its right, and nothing here imports a service:

    serve > app, granian, gunicorn, server > docs > openapi > feed, revisions, scrape
        > changelog, components, connection, front, health, inspection, parameters > logs, resource
        > batch, worker > bulk, follower, lease, pages, queue, trash > limits, mongo
        > allocation, history, ledger, release > backends, changes, indexes, loading,
        preconditions, responses > cache, documents, peers, pool, sweep, tally > keys, shapes
        > query, writer > auth, files > body, cors, fields, process, tokens > errors > sentry
        > settings > attempts, cluster, contract, counting, lines, metrics, parsing, parts, probe,
        words
"""
