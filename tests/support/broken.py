"""Instances of products with a fault, to be run by gunicorn beside the real ones."""

import os
import signal

from flask import request

from api_products.app import create_app
from shared.cache.entry import decode
from shared.http.errors import ServiceUnavailable
from shared.resource.caching import Outcome


def dies_before_invalidating():
    """Its workers are killed between the commit of a write and the invalidation."""
    app = create_app()

    def renew_generations(*args):
        os.kill(os.getpid(), signal.SIGKILL)

    app.extensions["connections"].cache.renew_generations = renew_generations
    return app


def cuts_bodies():
    """It loses the last byte of the products it answers, while the fuzzer runs."""
    answer = Outcome.answer

    def cut(outcome, *args):
        # What is stored stays whole, because other instances share the cache.  Documents have
        # " v0" at the end of their names until the fuzzer has written them.
        body = outcome.content.body
        if b' v0"' not in body:
            outcome = outcome._replace(content=outcome.content._replace(body=body[:-1]))
        return answer(outcome, *args)

    Outcome.answer = cut
    return create_app()


def believes_anything():
    """It serves every entry, even if its generations are stale."""
    app = create_app()
    cache = app.extensions["connections"].cache
    validate = cache.validate

    def trust(address, entry, tokens, *count):
        _, head = decode(entry or b"")
        if head is not None:
            stamp = (head["root"], head["generation"], *head["depends"])
            tokens = [token.encode() for token in stamp]
        return validate(address, entry, tokens, *count)

    cache.validate = trust
    return app


def crash():
    """A job that ends its process as a broken decoder does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def take_memory(bytes):
    """A job that takes so much memory, or none when it may not."""
    try:
        return len(bytearray(bytes))
    except MemoryError:
        return 0


def fails():
    """It raises an unexpected error whose text holds personal data."""
    app = create_app()

    @app.route("/fails/<name>", methods=["GET", "POST"])
    def fail(name):
        token, email = request.headers["Authorization"], request.args["email"]
        raise RuntimeError(f"No luck: {token} of {email} at mongodb://{email}/db")

    return app


def raise_error(email):
    """A job that fails, and says so as ``fails`` does."""
    raise RuntimeError(f"No luck with {email}")


def miss_server():
    """A job that cannot be done because a server is down."""
    raise ServiceUnavailable("The categories service does not answer.")
