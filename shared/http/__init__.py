"""One HTTP request: its parameters and body, its caller, its response.  Knows no database.

* ``contract``: declares on a view what it accepts and returns; OpenAPI is made of it.
* ``parameters``, ``json_body``, ``preconditions``: read the query string, the body, ``If-Match``.
* ``auth``, ``tokens``: the caller of a request, the scopes a view needs, and bearer tokens.
* ``errors``: exceptions with a status, and problem documents (RFC 9457).
* ``json``, ``responses``: encode values, and answer with them.
* ``compression``: compresses responses.
* ``request_state``: what is known about a request, and the interface of middlewares.
* ``allowance``: what remains of a rate limit.
* ``service_client``: calls other services.
* ``clocks``: how far the clock of the host that sent a response differs from this one.
* ``import_id``: the header that names the import which a write is a part of.
* ``access_log``, ``cors``: one log line for each request, and pages of other origins.

The package imports ``config`` and ``observability``.  Its modules import each other by full path;
services import the names below, and ``auth``, from the package.
"""

from shared.http.contract import (
    CACHED,
    FILES,
    FORM,
    ITEM,
    JSON,
    LIST,
    NEW,
    Batch,
    accepts,
    like,
    returns,
)
from shared.http.errors import (
    ApiError,
    BadRequest,
    Conflict,
    ContentTooLarge,
    Forbidden,
    Gone,
    NotFound,
    NotInstalled,
    PreconditionFailed,
    PreconditionRequired,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    Unprocessable,
    UnsupportedMediaType,
    WriteConflict,
)
from shared.http.json import encode
from shared.http.parameters import read_parameters
from shared.http.request_state import state
from shared.http.responses import Content, empty, respond

__all__ = [
    "CACHED",
    "FILES",
    "FORM",
    "ITEM",
    "JSON",
    "LIST",
    "NEW",
    "ApiError",
    "BadRequest",
    "Batch",
    "Conflict",
    "Content",
    "ContentTooLarge",
    "Forbidden",
    "Gone",
    "NotFound",
    "NotInstalled",
    "PreconditionFailed",
    "PreconditionRequired",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "Unprocessable",
    "UnsupportedMediaType",
    "WriteConflict",
    "accepts",
    "empty",
    "encode",
    "like",
    "read_parameters",
    "respond",
    "returns",
    "state",
]
