"""The WSGI application of a service, and the servers that run it."""
