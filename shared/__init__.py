"""The kit every service is built from.

A module imports only from modules to its right, and nothing here imports a service:

    app, gunicorn > front, health, inspection > logs, resource > batch
        > bulk, follower, lease, pages, trash > mongo > allocation
        > backends, indexes, loading, preconditions, responses
        > cache, documents, peers, sweep > keys > query > body, fields
        > errors > attempts, cluster, metrics, settings, words
"""
