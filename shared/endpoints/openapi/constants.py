"""Parts of the OpenAPI document that all services share: headers, parameters, problems."""

from http import HTTPStatus
from typing import Any

from shared.http import import_id

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_WHOLE: Json = {"type": "integer", "minimum": 0}

# The headers of responses: schema, description, example.
_HEADERS: dict[str, tuple[Json, str, Any]] = {
    "Accept-Encoding": (_TEXT, "The codings that a body may have.", "identity"),
    "Allow": (_TEXT, "The methods that the path has.", "GET, HEAD, OPTIONS"),
    "Cache-Control": (
        _TEXT,
        "Which caches may keep the response, and for how long.",
        "private, no-cache",
    ),
    "Cache-Status": (
        _TEXT,
        "The result of the lookup in the cache (RFC 9211).",
        'vitrine; hit; ttl=87; key="products:list:page=1:per=20"',
    ),
    "Content-Security-Policy": (_TEXT, "The files that the page may load.", "default-src 'none'"),
    "ETag": (
        _TEXT,
        "The version of the response, for `If-Match` and `If-None-Match`.",
        '"33a64df551425fcc55e4d42a148795d9"',
    ),
    "Idempotency-Replayed": (
        {"type": "string", "enum": ["true"]},
        "Present if the response is that of an earlier request with the same `Idempotency-Key`.",
        "true",
    ),
    "Link": (
        _TEXT,
        "Related addresses (RFC 8288): the neighbouring pages, or a job that is not done.",
        '</products?page=2&per=20>; rel="next"',
    ),
    "Location": ({**_TEXT, "format": "uri-reference"}, "The address of the item.", "/products/1"),
    "Preference-Applied": (_TEXT, "The part of `Prefer` that was honoured.", "count=exact"),
    "RateLimit": (
        _TEXT,
        "The requests that are left until the limit is reached.",
        '"anonymous";r=99;t=60',
    ),
    "RateLimit-Policy": (_TEXT, "The rate limit.", '"anonymous";q=100;w=60'),
    "Retry-After": ({"type": "integer", "minimum": 1}, "Seconds to wait before another try.", 1),
    "Server-Timing": (_TEXT, "The milliseconds of each step.", "cache;dur=0.41"),
    "WWW-Authenticate": (
        _TEXT,
        "The token that is needed (RFC 6750).",
        'Bearer realm="vitrine"',
    ),
    "Vary": (_TEXT, "The request headers that the response depends on.", "Authorization"),
    "X-Request-ID": (_TEXT, "The id of the request in the logs.", "7f3c0f5b6f4b4f6f"),
}
HEADERS: Json = {
    name: {"description": text, "schema": schema, "example": example}
    for name, (schema, text, example) in _HEADERS.items()
}

_ETAGS = r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'
# The headers of requests.
_PARAMETERS: dict[str, tuple[Json, str]] = {
    "Idempotency-Key": (
        {**_TEXT, "pattern": '^"?[!#-~]{1,255}"?$'},
        "A request that is sent again with the same key within a day gets the same response, "
        "without a second effect.",
    ),
    "If-Match": (
        {**_TEXT, "pattern": _ETAGS},
        'The ETags of the versions to change, such as `"33a64df551425fcc55e4d42a148795d9"`; any '
        "other version is a 412.",
    ),
    "If-None-Match": (
        _TEXT,
        "The ETags that the client has: such a version is a 304, and is not changed. A PUT with "
        "`*` only creates items.",
    ),
    "Import-ID": (
        {**_TEXT, "pattern": f"^{import_id.PATTERN}$"},
        "The import that the change is a part of, by which it can be listed and undone.",
    ),
    "Last-Event-ID": (_TEXT, "The last event that was received; the stream continues after it."),
    "Prefer": (_TEXT, "`count=exact` or `count=none`: how to count `total` (RFC 7240)."),
    "Range": (_TEXT, "The part of the file to send, such as `bytes=0-99`."),
    "X-Request-ID": (_TEXT, "An id for the request, which the response and the logs show."),
}
PARAMETERS: Json = {
    name: {"name": name, "in": "header", "description": text, "schema": schema}
    for name, (schema, text) in _PARAMETERS.items()
}

ATTRIBUTES: Json = {
    "name": "attr",
    "in": "query",
    "description": "Attributes: `attr.color=blue`, `attr.year__gte=2020`, `attr.year__lte=2024`. "
    "`attr[color]=blue` and `attr[year][gte]=2020` mean the same.",
    "style": "form",
    "explode": True,
    "schema": {
        "type": "object",
        "additionalProperties": {"type": "string", "minLength": 1},
        "propertyNames": {"pattern": r"^attr\.[^.$\s_]+(__gte|__lte)?$"},
        # Without it Swagger UI would send properties that it makes up.
        "default": {},
    },
}

SECURITY: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The output of `vitrine token --scope products:write`, without `Bearer`. "
        "With `AUTH_MODE=open` no request needs one; the history shows its subject.",
    }
}

MISSING_WORDS: Json = {
    "type": "array",
    "items": {"type": "string"},
    "readOnly": True,
    "description": "The words of the search that the item does not have; only in a search.",
}
DELETED_AT: Json = {
    "type": ["string", "null"],
    "format": "date-time",
    "readOnly": True,
    "description": "The time of the deletion; present only in lists of the trash.",
}

PROBLEM: Json = {
    "type": "object",
    "description": "The error, and what to change (RFC 9457); some problems have further members.",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {**_TEXT, "description": "A sentence for people."},
        "instance": {**_TEXT, "description": "The path of the request."},
        "request_id": {"type": ["string", "null"]},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/InvalidPart"}},
    },
    "additionalProperties": True,
}

# The problems: description, an example of the detail, and headers of their own.
_PROBLEMS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    400: ("The request is malformed.", "pric: Unknown parameter; did you mean price?", ()),
    401: (
        "The request has no token, or one that is not valid.",
        "The request needs a token with the scope products:write. Send Authorization: Bearer "
        "TOKEN.",
        ("WWW-Authenticate",),
    ),
    403: (
        "The token does not allow it, or the request comes from another machine.",
        "The token does not have the scope admin. Send a token that has it.",
        ("WWW-Authenticate",),
    ),
    404: ("The item does not exist.", "There is no product 99.", ()),
    405: (
        "The path has no such method.",
        "TRACE is not allowed for this path. Allowed methods: GET.",
        ("Allow",),
    ),
    409: (
        "It conflicts with a stored item, or with other writes at the same moment.",
        "The sku 'TP-100' belongs to product 7.",
        ("Retry-After",),
    ),
    410: (
        "It existed and was removed for good.",
        "MongoDB has removed the changes since the token.",
        (),
    ),
    412: (
        "The item was changed after the version in `If-Match`.",
        "The item has changed since you read it. Read it again, then send your change with its new "
        "ETag in If-Match.",
        ("ETag",),
    ),
    413: (
        "The request is larger than the limit.",
        "The body is larger than 8 MB. Send a smaller one.",
        (),
    ),
    415: ("The media type or coding is not accepted.", "Send JSON.", ("Accept-Encoding",)),
    416: ("The file has no such part.", "The requested range cannot be satisfied.", ()),
    422: (
        "The body does not fit the schema or the stored item.",
        "The body does not fit the schema. /name: Is blank; send some text.",
        (),
    ),
    428: (
        "`If-Match` is required.",
        "If-Match is missing. Read the item, and send its ETag in If-Match, or * for any version.",
        (),
    ),
    429: (
        "The rate limit is exceeded.",
        "Rate limit exceeded: 100 requests per minute without a token. Retry in 60 s.",
        ("Retry-After",),
    ),
    500: (
        "The service has failed.",
        "The service has failed unexpectedly. Its log has the details.",
        (),
    ),
    501: (
        "This installation lacks a part that the request needs.",
        "This MongoDB has no change streams.",
        (),
    ),
    503: (
        "A server that the service needs is down.",
        "MongoDB cannot be reached. Send the request later.",
        ("Retry-After",),
    ),
}


def response_name(status: int) -> str:
    """Return the name of the response of a problem, such as ``NotFound``."""
    return HTTPStatus(status).phrase.title().replace(" ", "")


def header_references(names: tuple[str, ...]) -> Json:
    """Return references to the headers of responses."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _response(status: int) -> Json:
    text, detail, headers = _PROBLEMS[status]
    phrase = HTTPStatus(status).phrase
    example = {
        "type": f"urn:vitrine:problem:{phrase.lower().replace(' ', '-')}",
        "title": phrase,
        "status": status,
        "detail": detail,
        "instance": "/products",
        "request_id": "7f3c0f5b6f4b4f6f",
    }
    general = ("X-Request-ID", "Cache-Control", "RateLimit", "RateLimit-Policy")
    names = (*general, "Idempotency-Replayed", *headers)
    return {
        "description": text,
        "headers": header_references(names),
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example,
            }
        },
    }


RESPONSES: Json = {response_name(status): _response(status) for status in _PROBLEMS}
