"""Tables that are imported as something else than they are: orders as products, and so on.

The attributes of products are public, so that the names and cities of clients must not become some.
"""

from collections.abc import Iterable
from itertools import product

from vitrine.errors import StackError
from vitrine.transfer.columns.field_names import FIELD_NAMES, key_of, keys_of
from vitrine.transfer.columns.header_words import sign_words

PRODUCTS, CLIENTS, CATEGORIES, ORDERS = "products", "clients", "categories", "orders"
_GOODS = ("sku", "price", "compare_at_price", "gtin", "stock", "weight")
_OF_LINES = ("sku", "price", "stock")  # which lines of orders have as well
_NOT_OF_CATEGORIES = ("sku", "price", "gtin")
_CONTACTS = ("email", "phone", "birthday")
# Names of Vitrine's own fields, and those of other columns that lines of orders have.
_TOTALS = ("total", "order total", "subtotal", "amount", "line total", "item", "product", "items")
_ONLY_LINES = ("quantity", "qty", "items", "unit price", "line items")
_MAYBE_A_PLACE = "order"  # the number of an order, or the place of a row in a list


class _Columns:
    """The columns of a table, by what their names are a sign of."""

    def __init__(self, columns: Iterable[str]):
        self._columns = {key: column for column in columns for key in keys_of(column)}

    def first(self, names: Iterable[str]) -> str:
        """Return the first column with one of some names, or an empty text."""
        keys = (key_of(name) for name in names)
        return next((self._columns[key] for key in keys if key in self._columns), "")

    def field(self, resource: str, fields: Iterable[str]) -> str:
        """Return the first column that means one of some fields, or an empty text."""
        known = FIELD_NAMES[resource]
        return self.first(name for field in fields for name in (field, *known.get(field, ())))

    @property
    def order(self) -> str:
        """The column with the number of an order."""
        return self.first(sign_words("order"))

    @property
    def person(self) -> str:
        """A column about the person or the place that an order went to."""
        return self.first(sign_words("person"))

    @property
    def goods(self) -> str:
        """A column that products have."""
        return self.field(PRODUCTS, _GOODS)

    @property
    def contact(self) -> str:
        """A column by which a client is reached."""
        return self.field(CLIENTS, _CONTACTS)


def pair_of_options(columns: Iterable[str]) -> tuple[str, str] | None:
    """Return two columns with the names and the values of options; None without such a pair."""
    by_key = {key_of(column): column for column in columns}
    signs, names, values = (
        tuple(map(key_of, sign_words(meaning)))
        for meaning in ("options", "option_name", "option_value")
    )
    for key, column in by_key.items():
        if any(sign in key for sign in signs):
            for name, value in product(names, values):
                other = by_key.get(key.replace(name, value), column)
                if other != column:
                    return column, other
    return None


def check_kind(resource: str, columns: Iterable[str], path: str) -> None:
    """Check that a table may hold what it is imported as.

    Args:
        resource: What is imported.
        columns: The columns of the table.
        path: Its name, for errors.

    Raises:
        StackError: Its columns are those of another resource; names the command that fits.
    """
    table = _Columns(columns)
    check = {
        PRODUCTS: _check_products,
        CLIENTS: _check_clients,
        CATEGORIES: _check_categories,
        ORDERS: _check_orders,
    }.get(resource)
    if check:
        check(table, path)


def _check_products(table: _Columns, path: str) -> None:
    if table.order and table.person:
        raise _other(
            path,
            (table.order, table.person),
            ORDERS,
            "If it has products, name the columns to keep: `vitrine import products FILE "
            "--attributes A,B`.",
        )
    if (email := table.field(CLIENTS, ("email",))) and not table.goods:
        raise StackError(
            f"{path} has email addresses in {email}, and neither a price, a stock nor an SKU. "
            "Import it with `vitrine import clients FILE`."
        )


def _check_clients(table: _Columns, path: str) -> None:
    number = table.first(name for name in sign_words("order") if name != _MAYBE_A_PLACE)
    line = table.field(PRODUCTS, _OF_LINES) or table.first(_TOTALS)
    if number and line and (table.contact or table.person):
        raise _other(path, (number, line), ORDERS)
    if table.goods and not (table.contact or table.person):
        raise _other(path, (table.goods,), PRODUCTS)


def _check_categories(table: _Columns, path: str) -> None:
    if table.order and table.person:
        raise _other(path, (table.order, table.person), ORDERS)
    if goods := table.field(PRODUCTS, _NOT_OF_CATEGORIES):
        raise _other(path, (goods,), PRODUCTS)
    if email := table.field(CLIENTS, ("email",)):
        raise _other(path, (email,), CLIENTS)


def _check_orders(table: _Columns, path: str) -> None:
    if table.first(_ONLY_LINES):
        return
    advice = "If it has orders, name the column of their pieces with --map quantity=COLUMN."
    if table.order and table.person:
        return
    has_number = table.order or table.first(("external_ref", "uuid"))
    own = table.first(("slug",)) or table.field(PRODUCTS, ("stock",))
    if own or (table.goods and not has_number):
        raise _other(path, (own or table.goods,), PRODUCTS, advice)
    if table.contact and not table.goods and not table.order:
        raise _other(path, (table.contact,), CLIENTS, advice)


def _other(path: str, signs: Iterable[str], resource: str, advice: str = "") -> StackError:
    """Return the error for a table of another resource."""
    text = (
        f"{path} has {' and '.join(signs)}, as tables of {resource} have. Import it with `vitrine "
        f"import {resource} FILE`."
    )
    return StackError(f"{text} {advice}".rstrip())
