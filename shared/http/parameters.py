"""Query parameters: reads query strings by the names and fields that are declared."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from flask import current_app, request
from marshmallow import Schema, ValidationError, fields, missing

from shared.http.contract import contract_of
from shared.http.errors import BadRequest, nearest

MAX_PARAMETERS = 50
PLUS = "A + is a blank here; send %2B for a plus."

# ``attr[size]``, ``attr[size__gte]`` and ``attr[size][gte]``, as form encoders write attr.size.
_BRACKETED = re.compile(r"(\w+)\[([^\[\]]+)\](?:\[(\w+)\]|(__\w+))?", re.ASCII)
# ``attr.size[gte]``; brackets with another word may be a part of the name, as in ``Weight[kg]``.
_DOTTED = re.compile(r"(.+)\[(gte|lte)\]\Z", re.DOTALL)


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
    raw: bytes,
    names: Mapping[str, str],
    blank: Collection[str] = (),
    lists: Collection[str] = (),
    prefix: str = "",
) -> QueryString:
    """Read a query string without a look at the values.

    Args:
        raw: The query string as it was sent.
        names: The canonical name of every accepted spelling.
        blank: The canonical names of parameters that may be blank, which is as if left out.
        lists: The canonical names of parameters that hold values between commas.  Such a parameter
            may be sent several times, and its name may end in ``[]``.
        prefix: Where parameters begin that may have any name, such as ``attr.``; there are none by
            default.

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
        name = _canonical(spelling, names, lists, prefix)
        if not name:
            query.errors[spelling] = [f"Unknown parameter{nearest(spelling, names)}"]
        elif name in lists and name in query.texts:
            query.texts[name] += f",{value}"
        elif name in query.spellings:
            query.errors[spelling] = [sent_twice(spelling, query.spellings[name])]
        elif "\0" in value:
            query.errors[spelling] = ["Contains a NUL character; remove it."]
        elif not value.strip() and name not in blank:
            query.errors[spelling] = ["Has no value; send one, or leave it out."]
        else:
            query.spellings[name] = spelling
            if value.strip():
                query.texts[name] = value
    return query


def sent_twice(spelling: str, other: str) -> str:
    """Return the message about a parameter that was sent again, perhaps in another spelling."""
    if spelling == other:
        return "Sent twice; send it once."
    return f"{other} and {spelling} mean the same; send one of them."


def refusal(raw: bytes, messages: Mapping[str, Sequence[str]]) -> BadRequest:
    """Return the error for query parameters, with the messages about each.

    A plus sign means a blank in a query string.  Where one was sent, the message says so, because
    the client may have meant a plus, as in the time zone ``+02:00``.

    Args:
        raw: The query string as it was sent.
        messages: The messages by the name of each parameter as it was sent.
    """
    as_read, as_meant = (
        parse_qsl(query.decode(errors="replace"), True)
        for query in (raw, raw.replace(b"+", b"%2B"))
    )
    plus = {
        name for (name, value), (_, meant) in zip(as_read, as_meant, strict=True) if value != meant
    }
    return BadRequest.parameters(
        {
            name: [*texts[:-1], f"{texts[-1]} {PLUS}"] if name in plus else texts
            for name, texts in messages.items()
        }
    )


def _canonical(spelling: str, names: Mapping[str, str], lists: Collection[str], prefix: str) -> str:
    """Return the canonical name of a parameter, or an empty text if it is unknown."""
    if name := names.get(spelling):
        return name
    if names.get(spelling.removesuffix("[]")) in lists:
        return names[spelling.removesuffix("[]")]
    match = _BRACKETED.fullmatch(spelling)
    if match and prefix == f"{match[1]}.":
        operator = f"__{match[3]}" if match[3] else match[4] or ""
        # A word in the second brackets is an operator, and never the end of a name.
        return f"{prefix}{match[2]}{operator}" if match[3] in (None, "gte", "lte") else ""
    if not prefix or not spelling.startswith(prefix):
        return ""
    return _DOTTED.sub(r"\1__\2", spelling)


def read_parameters() -> dict[str, Any]:
    """Return the values of the query parameters that the view of this request declares.

    A parameter that was left out has its ``load_default``, or is left out here as well.  A field
    with ``metadata={"blank": True}`` may be sent blank, which is as if it were left out.

    Raise ``BadRequest`` naming each parameter that is unknown or has a wrong value.
    """
    declared = contract_of(current_app.view_functions[str(request.endpoint)]).query
    accepted = declared if isinstance(declared, Mapping) else _fields(declared)
    blank = [name for name, field in accepted.items() if field.metadata.get("blank")]
    lists = [name for name, field in accepted.items() if is_list(field)]
    query = parse_query_string(
        request.query_string, {name: name for name in accepted}, blank, lists
    )
    values: dict[str, Any] = {}
    for name, field in accepted.items():
        try:
            value = field.deserialize(query.texts.get(name, missing), name, query.texts)
        except ValidationError as error:
            messages = [str(message) for message in error.messages]
            if field.required and name not in query.texts:
                query.errors[name] = [f"Is required: send {name}=VALUE."]  # Also if sent blank.
            query.errors.setdefault(name, messages)
        else:
            if value is not missing:
                values[name] = value
    if query.errors:
        raise refusal(request.query_string, query.errors)
    return values


def is_list(field: fields.Field[Any]) -> bool:
    """Return True if a parameter holds values between commas."""
    return bool({"list_of", "joined"} & field.metadata.keys())


@lru_cache(maxsize=100)
def _fields(declared: type[Schema] | str) -> dict[str, fields.Field[Any]]:
    """Return the fields of a schema by parameter; a list's own query string has none here."""
    if isinstance(declared, str):
        return {}
    return {field.data_key or name: field for name, field in declared().load_fields.items()}
