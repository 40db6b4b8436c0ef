"""What others are told about a product: the message and its signature."""

import hashlib
import hmac
from urllib.parse import urlsplit

import orjson

SIGNATURE = "X-Vitrine-Signature"
EVENT = "X-Vitrine-Event"


def message(event: str, product: bytes, occurred_at: str) -> bytes:
    """Return the JSON to send about a product, which is JSON itself."""
    told = {"event": event, "type": "product.updated", "occurred_at": occurred_at}
    return orjson.dumps({**told, "product": orjson.Fragment(product)})


def signature(body: bytes, secret: str) -> str:
    """Return ``sha256=`` and the HMAC (RFC 2104) of a body in hexadecimal digits."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def shown(url: str) -> str:
    """Return a URL without the parts that may hold a password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
