"""The kit that every service stands on, in ten packages.

A package imports only from those before it, and nothing here imports a service:

    config > observability > http > schema > cache > storage > resource > workers
        > endpoints > server
"""
