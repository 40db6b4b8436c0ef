"""Declaration of clients: the schemas, the query and the resource."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from api_clients.country import Country
from shared.resource import Resource
from shared.schema import (
    Birthday,
    DocumentSchema,
    Email,
    Id,
    Key,
    Query,
    Revision,
    Searched,
    Text,
    Timestamp,
    eq,
    titled,
)

BILLING, SHIPPING = "billing", "shipping"
MAX_ADDRESSES = 20  # of one client
_OPTIONAL = {"optional": True}


class AddressSchema(Schema):
    """An address of a client: where invoices or parcels go, with the name that stands on them."""

    kind = fields.String(
        required=True,
        validate=validate.OneOf((BILLING, SHIPPING)),
        metadata={"component": "AddressKind"},
    )
    name = Text(allow_none=True, metadata=_OPTIONAL)
    company = Text(allow_none=True, metadata=_OPTIONAL)
    street = Text(500, lines=True, allow_none=True, metadata=_OPTIONAL)
    postal_code = Text(20, allow_none=True, metadata=_OPTIONAL)
    city = Text(100, allow_none=True, metadata=_OPTIONAL)
    region = Text(100, allow_none=True, metadata=_OPTIONAL)
    country = Country(allow_none=True, metadata=_OPTIONAL)
    phone = Text(40, allow_none=True, metadata=_OPTIONAL)

    @post_load
    def _drop_empty(self, address: dict[str, Any], **_: Any) -> dict[str, Any]:
        stored = {name: value for name, value in address.items() if value is not None}
        if stored.keys() == {"kind"}:
            raise ValidationError("Has a kind alone; send a street, a city or another field.")
        return stored


class Addresses(fields.List[Any]):
    """The addresses of a client; a value broken by a hand edit is shown as it is."""

    def __init__(self, **kwargs: Any):
        super().__init__(
            fields.Nested(AddressSchema), validate=validate.Length(max=MAX_ADDRESSES), **kwargs
        )

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if isinstance(value, list) and all(isinstance(address, dict) for address in value):
            return super()._serialize(value, attr, obj, **kwargs)
        return value


class ClientSchema(DocumentSchema):
    """A client as API callers send and receive it."""

    id = Id()
    external_ref = Key(200, allow_none=True)
    name = Text(required=True, metadata={"example": "Nirina Crépin"})
    birthday = Birthday(allow_none=True, metadata={"example": "29/10/2001"})
    email = Email(allow_none=True, metadata={"example": "nirina@example.org"})
    phone = Text(40, allow_none=True, metadata={"example": "02562358455"})
    city = Text(100, allow_none=True, metadata={"example": "Brussels"})
    genre = Text(40, allow_none=True, metadata={"example": "Woman"})
    addresses = Addresses(
        allow_none=True,
        metadata={
            "example": [
                {
                    **{"kind": "shipping", "name": "Nirina Crépin", "street": "Rue Haute 7"},
                    **{"postal_code": "1000", "city": "Brussels", "country": "BE"},
                }
            ]
        },
    )
    created_at = Timestamp()
    updated_at = Timestamp()
    revision = Revision()


class ClientQuery(Query):
    """Filters by city, genre, email, or words of the name."""

    sortable = ("name", "city", "created_at", "updated_at")
    countable = ("city", "genre")

    city = eq(Text(), "city")
    genre = eq(Text(), "genre")
    email = eq(Email(), "email")
    external_ref = eq(Key(200), "external_ref")
    name = titled()


clients = Resource(
    "clients",
    "client",
    ClientSchema(),
    ClientQuery(),
    unique=("email", "external_ref"),
    searched=Searched(title=("name",), codes=("email", "phone"), text=("city",)),
    together={"update": {}, "delete": {}, "restore": {}},
)
