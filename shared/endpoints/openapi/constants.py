"""What the OpenAPI documents of all services share: headers, parameters, and what goes wrong."""

from http import HTTPStatus
from typing import Any

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_WHOLE: Json = {"type": "integer", "minimum": 0}

# The headers of answers, each with its schema, what it says, and an example.
_HEADERS: dict[str, tuple[Json, str, Any]] = {
    "Allow": (_TEXT, "The methods that the path has.", "GET, HEAD, OPTIONS"),
    "Cache-Control": (_TEXT, "Who may keep the answer, and for how long.", "private, no-cache"),
    "Cache-Status": (
        _TEXT,
        "Whether the cache answered, and if not, why (RFC 9211).",
        'vitrine; hit; ttl=87; key="products:list:page=1:per=20"',
    ),
    "Content-Security-Policy": (_TEXT, "What the page may load.", "default-src 'none'"),
    "ETag": (
        _TEXT,
        "The version of the answer, for `If-Match` and `If-None-Match`.",
        '"33a64df551425fcc55e4d42a148795d9"',
    ),
    "Idempotency-Replayed": (
        {"type": "string", "enum": ["true"]},
        "There when the answer is that of an earlier request with the same `Idempotency-Key`.",
        "true",
    ),
    "Link": (
        _TEXT,
        "Related addresses (RFC 8288): the neighbouring pages, or what is under way still.",
        '</products?page=2&per=20>; rel="next"',
    ),
    "Location": ({**_TEXT, "format": "uri-reference"}, "Where it is.", "/products/1"),
    "Preference-Applied": (_TEXT, "The part of `Prefer` that was heeded.", "count=exact"),
    "RateLimit": (_TEXT, "What is left of the allowance.", '"anonymous";r=99;t=60'),
    "RateLimit-Policy": (_TEXT, "The allowance.", '"anonymous";q=100;w=60'),
    "Retry-After": ({"type": "integer", "minimum": 1}, "Seconds to wait before another try.", 1),
    "Server-Timing": (_TEXT, "Milliseconds that each step took.", "cache;dur=0.41"),
    "WWW-Authenticate": (
        _TEXT,
        "The token that is asked for (RFC 6750).",
        'Bearer realm="vitrine"',
    ),
    "X-Request-ID": (_TEXT, "The id of the request, as in the logs.", "7f3c0f5b6f4b4f6f"),
}
HEADERS: Json = {
    name: {"description": text, "schema": schema, "example": example}
    for name, (schema, text, example) in _HEADERS.items()
}

_ETAGS = r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'
# The headers of requests.
_ASKED: dict[str, tuple[Json, str]] = {
    "Idempotency-Key": (
        {**_TEXT, "pattern": '^"?[!#-~]{1,255}"?$'},
        "Sent again with the same key, a request is answered again and not done again, for a day.",
    ),
    "If-Match": (
        {**_TEXT, "pattern": _ETAGS},
        'The ETags to write onto, such as `"33a64df551425fcc55e4d42a148795d9"`; another version '
        "is a 412.",
    ),
    "If-None-Match": (
        _TEXT,
        "The ETags that are known: such a version is answered with 304, and not written onto. A "
        "PUT with `*` only makes something new.",
    ),
    "Last-Event-ID": (_TEXT, "The last event that was received, to go on behind it."),
    "Prefer": (_TEXT, "`count=exact` or `count=none`: how to count `total` (RFC 7240)."),
    "Range": (_TEXT, "The part of the file to send, such as `bytes=0-99`."),
    "X-Request-ID": (_TEXT, "An id for the request, which answers and logs will show."),
}
PARAMETERS: Json = {
    name: {"name": name, "in": "header", "description": text, "schema": schema}
    for name, (schema, text) in _ASKED.items()
}

ATTRIBUTES: Json = {
    "name": "attr",
    "in": "query",
    "description": "Attributes: `attr.color=blue`, `attr.year__gte=2020`, `attr.year__lte=2024`.",
    "style": "form",
    "explode": True,
    "schema": {
        "type": "object",
        "additionalProperties": {"type": "string", "minLength": 1},
        "propertyNames": {"pattern": r"^attr\.[^.$\s_]+(__gte|__lte)?$"},
        # Else Swagger UI would send properties of its own invention.
        "default": {},
    },
}

SECURITY: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "What `vitrine token --scope products:write` prints, without `Bearer`. "
        "With `AUTH_MODE=open` nothing needs one; it then says whom the history names.",
    }
}

DELETED_AT: Json = {
    "type": ["string", "null"],
    "format": "date-time",
    "readOnly": True,
    "description": "When it was deleted; only in the trash.",
}

_PLACE: Json = {
    "type": "object",
    "required": ["message"],
    "properties": {
        "pointer": {**_TEXT, "description": "Where in the body (RFC 6901)."},
        "parameter": {**_TEXT, "description": "Which parameter of the query string."},
        "message": _TEXT,
    },
}
PROBLEM: Json = {
    "type": "object",
    "description": "What went wrong, and what to change (RFC 9457); some problems tell more.",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {**_TEXT, "description": "A sentence for people."},
        "instance": {**_TEXT, "description": "The path that was asked for."},
        "request_id": {"type": ["string", "null"]},
        "errors": {"type": "array", "items": _PLACE},
    },
    "additionalProperties": True,
}

# What goes wrong: when, an example of the detail, and the headers that tell more.
_PROBLEMS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    400: ("It cannot be understood.", "pric: Unknown parameter; did you mean price?", ()),
    401: (
        "The request has no token, or one that is not valid.",
        "The request needs a token with the scope products:write. Send Authorization: Bearer "
        "TOKEN.",
        ("WWW-Authenticate",),
    ),
    403: (
        "It is not allowed with this token, or from elsewhere.",
        "The token does not have the scope admin. Send a token that has it.",
        ("WWW-Authenticate",),
    ),
    404: ("There is no such thing.", "There is no product 99.", ()),
    405: ("The path has no such method.", "TRACE is not allowed here, only GET.", ("Allow",)),
    409: (
        "It clashes with what is stored, or with others who write the same.",
        "The sku 'TP-100' belongs to product 7.",
        ("Retry-After",),
    ),
    410: ("It was there and will not be again.", "MongoDB no longer holds what has changed.", ()),
    412: (
        "It was written since the version that `If-Match` names.",
        "The item has changed since you read it. Read it again, then send your change with its new "
        "ETag in If-Match.",
        ("ETag",),
    ),
    413: ("It has more than is taken at once.", "The body is larger than 8 MB.", ()),
    415: ("It has a media type that is not taken here.", "Send JSON.", ()),
    416: ("The file has no such part.", "The requested range cannot be satisfied.", ()),
    422: (
        "It does not fit the schema, or what is stored.",
        "The body does not fit the schema. /name: Is blank; send some text.",
        (),
    ),
    428: (
        "`If-Match` is asked for.",
        "If-Match is missing. Read the item, and send its ETag in If-Match, or * for any version.",
        (),
    ),
    429: (
        "The allowance is used up.",
        "Rate limit exceeded: 100 requests per minute without a token. Retry in 60 s.",
        ("Retry-After",),
    ),
    500: (
        "It is our fault.",
        "Something went wrong on our side; the log has the details.",
        (),
    ),
    501: ("This installation lacks what it needs.", "This MongoDB has no change streams.", ()),
    503: (
        "Something that the service needs is down.",
        "MongoDB cannot be reached; try again shortly.",
        ("Retry-After",),
    ),
}


def response_name(status: int) -> str:
    """Return what the response of a problem is called, such as ``NotFound``."""
    return HTTPStatus(status).phrase.title().replace(" ", "")


def header_references(names: tuple[str, ...]) -> Json:
    """Return references to headers of answers."""
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
    known = ("X-Request-ID", "RateLimit", "RateLimit-Policy", "Idempotency-Replayed", *headers)
    return {
        "description": text,
        "headers": header_references(known),
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example,
            }
        },
    }


RESPONSES: Json = {response_name(status): _response(status) for status in _PROBLEMS}
