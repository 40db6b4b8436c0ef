"""Groups: items that are variants of one thing, such as the sizes of a shirt.

Each item stays what is sold, with a price and a stock of its own.  The items of a group share the
value of one field and differ in their options.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
from bson import Decimal128

from shared.http.errors import Conflict
from shared.http.json import MAX_WHOLE, plain_number
from shared.schema.serialization import Document
from shared.schema.text import name_key

# The stored field with a group and its options in one text, of which no two items share one.  Shops
# may have stored a field "variant" of their own.
VARIANT = "group_variant"
# The member of an item in a collapsed list that sums up the items of its group.
VARIANTS = "variants"


@dataclass(frozen=True, slots=True)
class Groups:
    """How the items of a collection belong together.

    Args:
        field: The stored field that the items of a group share, which is also the parameter of the
            filter by it, and the value of ``collapse=``.
        options: The stored field with the options, an object of texts.
        price: The stored field whose lowest and highest value a summary shows.
        stock: The stored field whose sum a summary shows.
    """

    field: str
    options: str
    price: str
    stock: str

    def of(self, document: Mapping[str, Any]) -> str | None:
        """Return the group of a document; None for none, and for what a hand edit left there."""
        value = document.get(self.field)
        return value if type(value) is str and value else None

    def variant(self, document: Mapping[str, Any]) -> str | None:
        """Return a text that two items of one group share only if they have the same options.

        Neither the order of the options nor case and blanks tell two items apart.
        """
        group, options = self.of(document), document.get(self.options)
        if group is None:
            return None
        items = options.items() if isinstance(options, Mapping) else ()
        pairs = sorted([name_key(str(name)), name_key(str(value))] for name, value in items)
        return orjson.dumps([group, pairs]).decode()

    def conflict(self, owner: str) -> Conflict:
        """Return the error for an item whose options the ``owner`` has, another item or a place."""
        text = (
            f"{owner} has the same {self.field} and the same {self.options}. Send other "
            f"{self.options}, or another {self.field}."
        )
        error = {"pointer": f"/{self.options}", "message": text}
        return Conflict(text, [error], field=self.options, owner=owner)

    @property
    def key(self) -> Document:
        """The expression for the group of a document in MongoDB; its id if it has none."""
        path = f"${self.field}"
        return {"$cond": [is_group(path), path, "$_id"]}

    @property
    def reads(self) -> tuple[str, ...]:
        """The stored fields that a summary is made of."""
        return (self.field, self.options, self.price, self.stock)

    def summary(self, members: Sequence[Mapping[str, Any]]) -> Document:
        """Return how many items there are, their prices and stock, and the values of each option.

        The stock is null if that of one item is not tracked.  Values that a hand edit left, such
        as a text for a price, are left out.
        """
        prices = sorted(_amounts(member.get(self.price) for member in members))
        stocks = [member.get(self.stock) for member in members]
        counts = [
            stock for stock in stocks if isinstance(stock, int) and not isinstance(stock, bool)
        ]
        return {
            "count": len(members),
            self.price: {
                "min": plain_number(Decimal128(prices[0])),
                "max": plain_number(Decimal128(prices[-1])),
            }
            if prices
            else None,
            self.stock: min(sum(counts), MAX_WHOLE) if counts and None not in stocks else None,
            self.options: _values(member.get(self.options) for member in members),
        }


def is_group(value: str) -> Document:
    """Return the expression that is true for a value of a document that is a group, in MongoDB."""
    return {"$and": [{"$eq": [{"$type": value}, "string"]}, {"$ne": [value, ""]}]}


def _amounts(values: Iterable[Any]) -> Iterator[Decimal]:
    """Yield the stored amounts among some values."""
    for value in values:
        if isinstance(value, Decimal128) and (amount := value.to_decimal()).is_finite():
            yield amount


def _values(several: Iterable[Any]) -> dict[str, list[Any]]:
    """Return the different values of each option, in the order in which they come."""
    values: dict[str, dict[str, Any]] = {}
    for options in several:
        for name, value in options.items() if isinstance(options, Mapping) else ():
            values.setdefault(name, {}).setdefault(str(value), value)
    return {name: list(found.values()) for name, found in values.items()}
