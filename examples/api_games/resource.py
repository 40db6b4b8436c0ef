"""Declaration of games: the schema, the query and the resource."""

from shared.resource import Resource
from shared.schema import (
    DocumentSchema,
    Id,
    Key,
    Money,
    Query,
    Revision,
    Searched,
    Text,
    Timestamp,
    Whole,
    eq,
    gte,
    lte,
)


class GameSchema(DocumentSchema):
    """A game as clients send and receive it."""

    id = Id()
    external_ref = Key(200, allow_none=True)
    title = Text(required=True, metadata={"example": "FIFA 25"})
    year = Whole(1950, 2100, allow_none=True, metadata={"example": 2024})
    genre = Text(60, allow_none=True, metadata={"example": "Sport"})
    platform = Text(60, allow_none=True, metadata={"example": "PS5"})
    price = Money(allow_none=True, metadata={"example": 70})
    quantity = Whole(0, allow_none=True, metadata={"example": 12})
    # Copy the three fields below as they are.
    created_at = Timestamp()
    updated_at = Timestamp()
    revision = Revision()


class GameQuery(Query):
    """Filters by genre, platform, year or price, and the fields to sort by."""

    sortable = ("title", "year", "price")

    genre = eq(Text(), "genre")
    platform = eq(Text(), "platform")
    year = eq(Whole(strict=False), "year")
    price__gte = gte(Money(), "price", aliases=("price_min",))
    price__lte = lte(Money(), "price", aliases=("price_max",))


games = Resource(
    "games",
    "game",
    GameSchema(),
    GameQuery(),
    unique=("external_ref",),
    public=True,
    searched=Searched(title=("title",), text=("platform", "genre", "year")),
)
