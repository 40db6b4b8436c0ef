"""``/docs`` and ``/redoc``: the documentation of a service in a browser.

Both pages show ``/openapi.json``.  Their scripts and styles come with a package and are served from
this host, so that the pages need no other one.
"""

from functools import cache

from flask import Flask, Response, current_app, request
from marshmallow import fields
from openapi_ui_bundles import redoc, swagger_ui

from shared.endpoints.openapi.document import document
from shared.http.auth import public
from shared.http.contract import returns
from shared.http.errors import NotFound
from shared.http.json import digest, encode_line
from shared.http.responses import JSON_UTF8

HTML = "text/html; charset=utf-8"
# The pages load from this host only, and run only scripts that are files.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ASSET_SECONDS = 3600  # seconds that a browser keeps a script
_MEDIA = ("text/css", "text/javascript", "image/png")
_TYPES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "redoc.standalone.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/docs/favicon-32x32.png">
{body}
</html>
"""
_SWAGGER = """<link rel="stylesheet" href="/docs/swagger-ui.css">
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>"""
_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
"""
_REDOC = """<body style="margin: 0">
<redoc spec-url="/openapi.json"></redoc>
<script src="/docs/redoc.standalone.js"></script>"""


def init_app(app: Flask) -> None:
    """Serve the pages, their files and the OpenAPI document."""
    app.add_url_rule("/openapi.json", "get_openapi", show_document)
    app.add_url_rule("/docs", "show_docs", show_docs)
    app.add_url_rule("/redoc", "show_redoc", show_redoc)
    app.add_url_rule("/docs/<name>", "get_docs_file", show_file)


@public
@returns(fields.Dict(), conditional=True)
def show_document() -> Response:
    """Return the OpenAPI 3.1 document of this service.

    Its server is the address of the request.
    """
    extensions = current_app.extensions
    if "openapi" not in extensions:
        extensions["openapi"] = document(current_app)
    servers = [{"url": request.host_url.removesuffix("/")}]
    body = encode_line(extensions["openapi"] | {"servers": servers})
    response = Response(body, content_type=JSON_UTF8)
    response.set_etag(digest(body))
    return response


@public
@returns(None, media=("text/html",), headers=("Content-Security-Policy",))
def show_docs() -> Response:
    """Show the documentation, with forms that send requests (Swagger UI)."""
    return _page(_SWAGGER)


@public
@returns(None, media=("text/html",), headers=("Content-Security-Policy",))
def show_redoc() -> Response:
    """Show the documentation for reading (ReDoc)."""
    return _page(_REDOC)


@public
@returns(None, media=_MEDIA, headers=("ETag",), conditional=True, errors=(404,))
def show_file(name: str) -> Response:
    """Return a script, style or icon of these pages."""
    if name not in _TYPES:
        raise NotFound(f"There is no file {name[:100]}.")
    data, etag = _asset(name)
    response = Response(data, content_type=_TYPES[name])
    response.headers["Cache-Control"] = f"public, max-age={ASSET_SECONDS}"
    response.set_etag(etag)
    return response


@cache
def _asset(name: str) -> tuple[bytes, str]:
    """Return a file and its ETag."""
    folder = (redoc if "redoc" in name else swagger_ui).static_path
    data = _START.encode() if name == "start.js" else (folder / name).read_bytes()
    # ReDoc would load its logo from another host.
    data = data.replace(b"https://cdn.redoc.ly/redoc/logo-mini.svg", b"/docs/favicon-32x32.png")
    return data, digest(data)


def _page(body: str) -> Response:
    title = f"Vitrine: {current_app.extensions['resource'].name}"
    response = Response(_PAGE.format(title=title, body=body), content_type=HTML)
    response.headers["Content-Security-Policy"] = POLICY
    return response
