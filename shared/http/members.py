"""Members of a body that a request has no use for: each is refused by its name."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app, request
from marshmallow import ValidationError

from shared.http import json_body
from shared.http.contract import Contract, contract_of
from shared.http.errors import BadRequest


def reject_members(names: Iterable[str]) -> None:
    """Raise ``ValidationError`` for members that this request does not have.

    The message about the name of a query parameter says where it belongs.
    """
    declared = _contract().query
    parameters = declared if isinstance(declared, Mapping) else ()
    place = f"send it in the URL, as in {request.path}"
    messages = {
        name: [
            f"Is a query parameter; {place}?{name}=VALUE."
            if name in parameters
            else "Unknown member; leave it out."
        ]
        for name in names
    }
    if messages:
        raise ValidationError(messages)


def reject_body() -> None:
    """Raise an error for a body that says something, if the view of this request declares none.

    An empty body, and an empty object or array, are accepted.

    Raises:
        ValidationError: The body is a JSON object with members; the errors name each of them.
        BadRequest: The body is something else.
    """
    if _contract().body is not None or not (raw := request.get_data()).strip():
        return
    value: Any = json_body.parse(raw) if request.is_json else raw
    if isinstance(value, dict):
        reject_members(value)
    elif value:
        raise BadRequest(f"{request.method} {request.path} has no body; leave it out.")


def _contract() -> Contract:
    return contract_of(current_app.view_functions[str(request.endpoint)])
