"""Application factory of the service."""

from api_faulty.resource import blueprint, faulty
from shared.endpoints import jobs
from shared.server.app import build_app


def create_app(**options):
    app = build_app(faulty, blueprint, **options)
    jobs.init_app(app)
    return app
