"""``Expect: 100-continue``: a request that is refused by its head is refused before its body.

A client that sends the header waits before it sends a large body (RFC 9110, section 10.1.1).
"""

from flask import Flask
from werkzeug.exceptions import HTTPException

from shared.http.auth import required_scope
from shared.http.request_state import RequestState
from shared.resource import Resource


def is_refused(app: Flask, state: RequestState) -> bool:
    """Return True if Flask answers a request with an error, without a look at its body.

    That is for an unknown path, a method that the path lacks, and a caller that is not identified
    or lacks the scope of the view.

    Args:
        app: The app of the service.
        state: The state of the request, which has passed the middlewares.
    """
    try:
        endpoint, _ = app.url_map.bind("").match(state.path, state.method)
    except HTTPException:
        return True
    resource: Resource = app.extensions["resource"]
    view = app.view_functions[endpoint]
    scope = required_scope(view, state.method, resource.name, resource.public)
    return state.principal is None or bool(scope and not state.principal.may(scope))
