"""Members of a body that a request cannot use: each is refused by its name.

Some are unknown, or belong into the query string.  Others are read-only: a client may send back an
item as it was read, but another value is a wish that the request cannot fulfil.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from flask import current_app, request
from marshmallow import ValidationError

from shared.http import json_body
from shared.http.contract import Contract, contract_of
from shared.http.errors import BadRequest
from shared.http.json import encode
from shared.schema.serialization import Document

if TYPE_CHECKING:
    from shared.resource.resource import Resource

REVISION = "revision"
LEAVE_OUT = "leave it out"


def read_only_messages(
    resource: "Resource", values: Mapping[str, Any], stored: Document | None
) -> dict[str, Sequence[str]]:
    """Return a message for each read-only member that this request would have to change.

    A null in a new item is accepted, because clients with typed objects send it.  If the body has
    the revision of an earlier reading, then its read-only values are of that time, and are not
    compared: else the second of two equal requests would be refused.  ``live`` fields and the
    members that items have in lists alone are accepted beside a revision.

    Args:
        resource: The collection.
        values: The members of the body.
        stored: The document to be changed; None for a new item.
    """
    fields = {f.data_key or name: f for name, f in resource.schema.dump_fields.items()}
    writable = {f.data_key or name for name, f in resource.schema.load_fields.items()}
    sent = [n for n in values if n in resource.of_lists or (n in fields and n not in writable)]
    if stored is None:
        wrong = [name for name in sent if values[name] is not None]
    elif sent:
        wrong = _changed(resource, {name: values[name] for name in sent}, stored)
    else:
        wrong = []
    return {name: [refusal(fields[name].metadata if name in fields else {})] for name in wrong}


def refusal(metadata: Mapping[str, Any]) -> str:
    """Return the message about a read-only field, with its ``instead`` of the metadata, if any."""
    return f"Is read-only; {metadata.get('instead', LEAVE_OUT)}."


def is_same(sent: Any, shown: Any) -> bool:
    """Return True if a value in a body is what a response shows."""
    # In Python, but not in JSON, true is 1.
    return isinstance(sent, bool) == isinstance(shown, bool) and sent == orjson.loads(encode(shown))


def _changed(resource: "Resource", sent: Mapping[str, Any], stored: Document) -> list[str]:
    """Return the names of the members that are not as they were read."""
    unseen = {*resource.of_lists, *resource.live}
    (shown,) = resource.dump([stored], [name for name in {REVISION, *sent} if name not in unseen])
    revision, now = sent.get(REVISION), shown.get(REVISION)
    # A hand edit may have left another value than a number; true is not 1 here.
    is_read = (
        0 < revision <= now
        if type(revision) is int and type(now) is int
        else type(revision) is type(now) and is_same(revision, now)
    )
    if is_read and revision != now:
        return []
    return [
        name
        for name, value in sent.items()
        if (not is_read if name in unseen else not is_same(value, shown[name]))
    ]


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
