"""Requests that schemathesis generates from an OpenAPI document, valid and invalid ones."""

import math
import os

from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

TAKEN = ["2xx", "3xx", 401, 403, 404, 409, 412, 415, 422, 501, 503]
CONFIG = {
    "headers": {"Accept-Encoding": "identity"},  # schemathesis decodes no compressed body.
    "seed": int(os.environ.get("EXPLORE_SEED", "1")),
    "generation": {
        "max-examples": 4,
        "deterministic": True,
        "database": "none",
        "no-shrink": True,
        "allow-x00": False,  # NUL is refused, though no pattern excludes it: see test_bad_bodies.
        "with-security-parameters": False,
    },
    "suppress-health-check": ["too_slow"],  # Other processes may use the processors.
    "phases": {"stateful": {"enabled": False}},
    "checks": {
        # Without change streams the change feed answers 501.
        "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 501]},
        # A rule beyond the schema, such as that the category has to exist, is a 422; an invalid
        # picture is a 415, and a version that never existed a 412.
        "positive_data_acceptance": {"expected-statuses": TAKEN},
        # A batch has a result for each item: 207.
        "negative_data_rejection": {
            "expected-statuses": [207, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 501]
        },
        "ignored_auth": {"enabled": False},
    },
    "operations": [
        {
            # One parameter by two of its names, an invalid cursor, a floor above its ceiling; and a
            # token of the change feed that MongoDB does not know.
            "include-method": "GET",
            "checks": {"positive_data_acceptance": {"expected-statuses": [*TAKEN, 400, 410]}},
        },
        {
            # Both products=detach and move_to.
            "include-operation-id": "delete_category",
            "checks": {"positive_data_acceptance": {"expected-statuses": [*TAKEN, 400]}},
        },
        {
            # Flask names the methods of /orders/<ref>, which the path matches, too.
            "include-path-regex": "/stats$",
            "checks": {"allow_header_conformance": {"enabled": False}},
        },
    ],
}


def configuration(**more):
    """Return the configuration of an exploration, with more of its keys."""
    return SchemathesisConfig.from_dict(CONFIG | more)


def explore(schema, most=math.inf):
    """Send requests, not many more than ``most``; return their number and what was wrong."""
    wrong = {}
    cases = 0
    stream = from_schema(schema).execute()
    for event in stream:
        if cases > most:
            stream.stop()
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong[str(event)] = event
        elif isinstance(event, events.ScenarioFinished):
            cases += len(event.recorder.cases)
            wrong |= _failures(event.recorder)
    return cases, "\n\n".join(f"{title}\n{text}" for title, text in wrong.items())


def _failures(recorder):
    return {
        f"{recorder.label}: {check.failure_info.failure.title}": (
            f"{check.failure_info.failure.message}\n{check.failure_info.code_sample}"
        )
        for checks in recorder.checks.values()
        for check in checks
        if check.failure_info
    }
