"""The kit every service is built from.

A module imports only from modules to its right, and nothing here imports a service:

    app, gunicorn > scrape > front, health, inspection > logs, resource > batch, worker
        > bulk, follower, lease, pages, queue, trash > mongo > allocation, release
        > backends, indexes, loading, preconditions, responses
        > cache, documents, peers, pool, sweep, tally > keys > query > body, fields, files, process
        > errors > sentry > attempts, auth, cluster, lines, metrics, settings, words
"""
