"""Query parameters: reads query strings by the names and fields that are declared."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from flask import current_app, request
from marshmallow import Schema, ValidationError, fields, missing

from shared.http.contract import contract_of
from shared.http.errors import BadRequest, nearest

MAX_PARAMETERS = 50


@dataclass(slots=True)
class QueryString:
    """The parameters of one query string under their canonical names.

    ``texts`` are the values as they were sent, ``spellings`` the names as they were sent, and
    ``errors`` the messages about each parameter that is refused, by the name that was sent.
    """

    texts: dict[str, str]
    spellings: dict[str, str]
    errors: dict[str, list[str]]


def parse_query_string(
    raw: bytes, names: Mapping[str, str], blank: Collection[str] = (), prefix: str = ""
) -> QueryString:
    """Read a query string without a look at the values.

    Args:
        raw: The query string as it was sent.
        names: The canonical name of every accepted spelling.
        blank: The canonical names of parameters that may be blank, which is as if left out.
        prefix: Where parameters begin that may have any name; there are none by default.

    Raises:
        BadRequest: The query string is not UTF-8, or has too many parameters.
    """
    try:
        pairs = parse_qsl(raw.decode(), True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError as error:
        raise BadRequest("The query string is not UTF-8. Send UTF-8, percent-encoded.") from error
    except ValueError as error:
        raise BadRequest(
            f"The query string has more than {MAX_PARAMETERS} parameters. Send fewer."
        ) from error
    query = QueryString({}, {}, {})
    for spelling, value in pairs:
        is_open = prefix and spelling.startswith(prefix)
        name = spelling if is_open else names.get(spelling, "")
        if not name:
            query.errors[spelling] = [f"Unknown parameter{nearest(spelling, names)}"]
        elif name in query.texts:
            query.errors[spelling] = ["Sent twice; send it once."]
        elif "\0" in value:
            query.errors[spelling] = ["Contains a NUL character; remove it."]
        elif not value.strip() and name not in blank:
            query.errors[spelling] = ["Has no value; send one, or leave it out."]
        else:
            query.spellings[name] = spelling
            if value.strip():
                query.texts[name] = value
    return query


def read_parameters() -> dict[str, Any]:
    """Return the values of the query parameters that the view of this request declares.

    A parameter that was left out has its ``load_default``, or is left out here as well.  A field
    with ``metadata={"blank": True}`` may be sent blank, which is as if it were left out.

    Raise ``BadRequest`` naming each parameter that is unknown or has a wrong value.
    """
    declared = contract_of(current_app.view_functions[str(request.endpoint)]).query
    accepted = declared if isinstance(declared, Mapping) else _fields(declared)
    blank = [name for name, field in accepted.items() if field.metadata.get("blank")]
    query = parse_query_string(request.query_string, {name: name for name in accepted}, blank)
    values: dict[str, Any] = {}
    for name, field in accepted.items():
        try:
            value = field.deserialize(query.texts.get(name, missing), name, query.texts)
        except ValidationError as error:
            query.errors.setdefault(name, [str(message) for message in error.messages])
        else:
            if value is not missing:
                values[name] = value
    if query.errors:
        raise BadRequest.parameters(query.errors)
    return values


@lru_cache(maxsize=100)
def _fields(declared: type[Schema] | str) -> dict[str, fields.Field[Any]]:
    """Return the fields of a schema by parameter; a list's own query string has none here."""
    if isinstance(declared, str):
        return {}
    return {field.data_key or name: field for name, field in declared().load_fields.items()}
