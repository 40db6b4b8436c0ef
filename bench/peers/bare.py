"""As little as can be: a constant answer by a Flask route, and by a plain WSGI callable."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response

PRODUCT = {"id": 1, "name": "Teapot", "description": "x" * 600}
ITEM = json.dumps(PRODUCT).encode()
LIST = json.dumps({"items": [PRODUCT] * 20, "total": 20}).encode()

app = Flask(__name__)


@app.get("/products/<int:id>")
def item(id: int) -> Response:
    """Return the same product for every id."""
    return Response(ITEM, mimetype="application/json")


@app.get("/products")
def listing() -> Response:
    """Return the same 20 products for every query."""
    return Response(LIST, mimetype="application/json")


def raw(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer the same without Flask (PEP 3333)."""
    body = LIST if environ["PATH_INFO"] == "/products" else ITEM
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
