"""Notifications about products: the message, its signature and its headers."""

import hashlib
import hmac
from urllib.parse import urlsplit

import orjson

SIGNATURE = "X-Vitrine-Signature"
EVENT = "X-Vitrine-Event"


def message(event: str, product: bytes, occurred_at: str) -> bytes:
    """Return the JSON message about a product.

    Args:
        event: The id of the event, which is also the id of its job.
        product: The product as JSON.
        occurred_at: The time of the event (ISO 8601).
    """
    about = {"event": event, "type": "product.updated", "occurred_at": occurred_at}
    return orjson.dumps({**about, "product": orjson.Fragment(product)})


def signature(body: bytes, secret: str) -> str:
    """Return ``sha256=`` and the HMAC (RFC 2104) of a body in hexadecimal digits."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def without_secrets(url: str) -> str:
    """Return a URL without user name, password, query string and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
