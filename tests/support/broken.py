"""Instances of products with a fault, to be run by gunicorn beside the real ones."""

import os
import signal

from flask import request

from api_products.app import create_app
from shared.cache import leases
from shared.cache.entry import decode
from shared.resource.caching import Outcome


def dies_before_invalidating():
    """Its workers are killed between the commit of a write and the invalidation."""
    app = create_app()

    def renew_generations(*args):
        os.kill(os.getpid(), signal.SIGKILL)

    app.extensions["connections"].cache.renew_generations = renew_generations
    return app


def acknowledges_at_once():
    """It answers writes although Redis refuses to invalidate what they make stale."""
    leases.invalidate = lambda db, cache, writes: cache.invalidate(*writes)
    return create_app()


def cuts_bodies():
    """It loses the end of the products it answers, while the fuzzer runs."""
    answer = Outcome.answer

    def cut(outcome, *args):
        # The last bracket and the line break are lost.  What is stored stays whole, because other
        # instances share the cache.  Documents have " v0" at the end of their names until the
        # fuzzer has written them.
        body = outcome.content.body
        if b' v0"' not in body:
            outcome = outcome._replace(content=outcome.content._replace(body=body[:-2]))
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


def forgets_groups():
    """Its writes do not invalidate the lists of groups, which is left to the follower."""
    app = create_app()
    cache = app.extensions["connections"].cache
    renew = cache.renew_generations

    def renew_others(*writes):
        kept = [
            write._replace(tags=[tag for tag in write.tags or () if not tag.startswith("group=")])
            for write in writes
        ]
        renew(*kept)

    cache.renew_generations = renew_others
    return app


def fails():
    """It raises an unexpected error whose text holds personal data."""
    app = create_app()

    @app.route("/fails/<name>", methods=["GET", "POST"])
    def fail(name):
        token, email = request.headers["Authorization"], request.args["email"]
        raise RuntimeError(f"No luck: {token} of {email} at mongodb://{email}/db")

    return app
