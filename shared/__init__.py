"""The kit every service is built from.

A module imports only from modules to its right, and nothing here imports a service:

    app > resource > front, health > mongo > fields > peers > backends
        > cache, query > body, errors, settings, words
"""
