"""The kit every service is built from.

A module imports only from modules to its right, and nothing here imports a service:

    app, gunicorn, server > feed, revisions, scrape > changelog, front, health, inspection
        > logs, resource > batch, worker > bulk, follower, lease, pages, queue, trash
        > limits, mongo > allocation, history, ledger, release
        > backends, changes, indexes, loading, preconditions, responses
        > cache, documents, peers, pool, sweep, tally > keys > query, writer
        > auth, files > body, cors, fields, process, tokens > errors > sentry
        > attempts, cluster, lines, metrics, settings, words
"""
