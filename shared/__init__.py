"""The kit every service is built from.

A module imports only from modules to its right, and nothing here imports a service:

    app, gunicorn > front, health, logs > resource > batch > bulk, trash > mongo
        > backends, fields, indexes, responses > documents, peers > body, cache, query
        > errors, settings, words
"""
