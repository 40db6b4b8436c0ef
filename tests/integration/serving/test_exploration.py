"""Generated requests through real sockets: both servers answer them as the document says."""

import os
from contextlib import nullcontext
from importlib import import_module

import pytest
import schemathesis

from tests.support.exploration import CONFIG, configuration, explore
from tests.support.services import example
from tests.support.stack import instance, running_stack

# Generated requests of each operation; with more than one, all corner cases of the document too:
# 3,000 to 6,000 requests to each service on each server.
EXAMPLES = int(os.environ.get("EXPLORED_EXAMPLES", "1"))


@pytest.fixture(scope="module")
def stack():
    with running_stack() as stack:
        yield stack


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("products", "gunicorn"),
        ("orders", "granian"),
        *(
            pytest.param(name, server, marks=pytest.mark.long)
            for name, server in (
                ("products", "granian"),
                ("orders", "gunicorn"),
                ("categories", "gunicorn"),
                ("categories", "granian"),
                ("clients", "gunicorn"),
                ("clients", "granian"),
            )
        ),
    ],
)
def test_generated_requests_get_documented_responses(stack, name, server):
    resource = getattr(import_module(f"api_{name}.resource"), name)
    for _ in range(2):
        sent = {k: v for k, v in example(resource).items() if k not in resource.unique}
        stack.request("POST", name, f"/{name}", sent)
    config = configuration(
        generation=CONFIG["generation"] | {"max-examples": EXAMPLES},
        phases={"stateful": {"enabled": False}, "coverage": {"enabled": EXAMPLES > 1}},
    )
    is_own = server == "gunicorn"
    serving = nullcontext(stack.url(name)) if is_own else instance(stack, f"api_{name}", 1, server)
    with serving as address:
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json", config=config)
        # A request may select some fields of an item, which the document cannot tell.
        del schema.raw_schema["components"]["schemas"][resource.item.title()]["required"]
        # A live view ends when its client closes it, and schemathesis reads a response to its end.
        cases, wrong = explore(schema.exclude(operation_id="watch_cache"))
    assert not wrong, wrong
    assert cases > 40 * EXAMPLES
