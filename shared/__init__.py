"""The kit every service is built from.

A module imports only from modules to its right, and nothing here imports a service:

    app, gunicorn > front, health > logs, resource > batch > bulk, trash > mongo
        > allocation > backends, indexes, loading, preconditions, responses
        > documents, peers > query > body, cache, fields
        > attempts, errors, settings, words
"""
