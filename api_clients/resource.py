"""Declaration of clients: the schema, the query and the resource."""

from marshmallow import fields

from shared.resource import Resource
from shared.schema import (
    Birthday,
    DocumentSchema,
    Email,
    Id,
    Query,
    Revision,
    Searched,
    Text,
    Timestamp,
    eq,
    titled,
)


class ClientSchema(DocumentSchema):
    """A client as API callers send and receive it."""

    id = Id()
    external_ref = Text(200, allow_none=True)
    name = Text(200, required=True, metadata={"example": "Nirina Crépin"})
    birthday = Birthday(allow_none=True, metadata={"example": "29/10/2001"})
    email = Email(allow_none=True, metadata={"example": "nirina@example.org"})
    phone = Text(40, allow_none=True, metadata={"example": "02562358455"})
    city = Text(100, allow_none=True, metadata={"example": "Brussels"})
    genre = Text(40, allow_none=True, metadata={"example": "Woman"})
    created_at = Timestamp()
    updated_at = Timestamp()
    revision = Revision()


class ClientQuery(Query):
    """Filters by city, genre, email, or words of the name."""

    sortable = ("name", "city", "created_at", "updated_at")
    countable = ("city", "genre")

    city = eq(fields.String(), "city")
    genre = eq(fields.String(), "genre")
    email = eq(Email(), "email")
    external_ref = eq(fields.String(), "external_ref")
    name = titled()


clients = Resource(
    "clients",
    "client",
    ClientSchema(),
    ClientQuery(),
    unique=("email", "external_ref"),
    searched=Searched(title=("name",), codes=("email", "phone"), text=("city",)),
)
