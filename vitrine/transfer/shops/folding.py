"""Folding: from the rows of a shop's file to what is sold, each with the cells of its product.

What is sold has a price and a stock of its own: a variant, or a product without variants.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from vitrine.transfer.shops.binding import Binding
from vitrine.transfer.shops.named_values import (
    Cells,
    flattened,
    named_values,
    photo_texts,
)

Row = tuple[int, dict[str, Any] | str]  # with its number; a text says why it cannot be read
Rows = Callable[[], Iterable[Row]]  # reads the file again

_PLACE = re.compile(r"\{([^}]*)\}")  # a column in the name of a row
_NOTHING: Cells = {}
_NOTHING_SOLD = "rows have neither a name nor a price and continue the row above; they are left out"

_PRICE_RULE = (
    "Row {} changes a price, but has no options that say of which variant; write the prices of "
    "variants into their own rows and remove that row."
)


@dataclass(slots=True)
class Sold:
    """A variant, or a product without variants.

    Attributes:
        number: The number of its row.
        own: The cells of its row.
        product: The cells of the row of its product; empty if that is the same row.
        group: The reference of the product that it is a variant of, or an empty text.
        options: Its options.
        photos: Its photos.
        photo_texts: The texts of photos that have one.
    """

    number: int
    own: Cells
    product: Cells = field(default_factory=dict)
    group: str = ""
    options: dict[str, str] = field(default_factory=dict)
    photos: list[str] = field(default_factory=list)
    photo_texts: dict[str, str] = field(default_factory=dict)


Folded = Iterator[Sold | tuple[int, str]]


def folded(rows: Rows, binding: Binding, notes: Counter[str]) -> Folded:
    """Yield all that is sold, and each row that cannot be read with its number and the reason.

    Args:
        rows: Reads the rows.
        binding: The columns.
        notes: Counts the rows that are left out.
    """
    fold = binding.format.fold
    if fold.skip:
        rows = _without(rows, binding)
    if fold.key or fold.each:
        return _Blocks(binding).read(rows())
    if fold.parent and binding.column(fold.parent):
        return _Parents.found(rows, binding).read(rows())
    if fold.children and binding.column(fold.children.column):
        return _Parents.naming(rows, binding).read(rows())
    return _alone(rows(), binding, notes)


def _without(rows: Rows, binding: Binding) -> Rows:
    """Return the rows without those that the format leaves out."""
    skipped = [
        (column, text.casefold())
        for pattern, text in binding.format.fold.skip.items()
        for column in binding.header.find((pattern,))
    ]

    def kept() -> Iterator[Row]:
        for number, row in rows():
            cells = {} if isinstance(row, str) else row
            if not any(
                cells.get(column) and text in ("*", str(cells[column]).casefold())
                for column, text in skipped
            ):
                yield number, row

    return kept


def _alone(rows: Iterable[Row], binding: Binding, notes: Counter[str]) -> Folded:
    """Yield each row as a product, or as a variant of the group that it names."""
    fold = binding.format.fold
    columns, sold = binding.header.find(fold.group), binding.header.find(fold.sold)
    for number, row in rows:
        if isinstance(row, str):
            yield number, row
            continue
        cells = flattened(row)
        if sold and not any(column in cells for column in sold):
            notes[_NOTHING_SOLD] += 1
            continue
        group = _first(cells, columns)
        options = _options(binding, cells, _NOTHING) if group else {}
        photos = _photos(binding, cells, of_variant=True) + _photos(binding, cells)
        yield Sold(number, cells, _NOTHING, group, options, list(dict.fromkeys(photos)))


class _Blocks:
    """Rows of one product that stand one after another, or one row with a list of variants."""

    def __init__(self, binding: Binding):
        fold = binding.format.fold
        self._binding = binding
        self._key = binding.header.find(fold.key)
        self._sold = binding.header.find(fold.sold)
        self._has_parents = fold.has_parents
        self._first_is_parent = fold.first_is_parent
        self._names = next((one.columns for one in binding.fields if one.name == "name"), ())
        self._prices = next((one.columns for one in binding.fields if one.name == "price"), ())
        self._below = binding.header.find(fold.below)
        self._below_texts = {text.casefold() for text in fold.below_texts}
        self._each = fold.each
        self._first_rows: dict[str, int] = {}  # of each product

    def read(self, rows: Iterable[Row]) -> Folded:
        """Yield what is sold."""
        block: list[tuple[int, Cells]] = []
        key = ""
        unread = 0  # the row above that cannot be read, which may be of another product
        for number, row in rows:
            if isinstance(row, str):
                unread = number
                yield number, row
                continue
            cells = flattened(row)
            own_key = _first(cells, self._key)
            if unread and own_key != key and (self._is_below(cells) or (self._key and not own_key)):
                yield number, f"Continues row {unread}, which cannot be read; correct that one."
                continue
            unread = 0
            if block and self._belongs(cells, own_key, key, block[0][1]):
                block.append((number, cells))
                continue
            yield from self._fold(key, block)
            block, key = [(number, cells)], own_key
        yield from self._fold(key, block)

    def _belongs(self, cells: Cells, own_key: str, key: str, product: Cells) -> bool:
        """Return True if a row belongs to the product of the rows above it."""
        if self._each or not self._key:
            return False
        if self._is_below(cells):
            return True
        return own_key == key if own_key else self._continues(cells, product)

    def _continues(self, cells: Cells, product: Cells) -> bool:
        """Return True if a row without a key has what rows below a product have.

        It has options or a photo, and no name but that of the product.
        """
        names = {_name(cells[column]) for column in self._names if column in cells}
        if names - {_name(product[column]) for column in self._names if column in product}:
            return False
        binding = self._binding
        photos = _photos(binding, cells) or _photos(binding, cells, of_variant=True)
        return bool(photos or _options(binding, cells, product))

    def _is_sold(self, cells: Cells) -> bool:
        return not self._sold or any(column in cells for column in self._sold)

    def _is_price_rule(self, row: tuple[int, Cells]) -> bool:
        """Return True for a row below a product that has a price and no options."""
        _, cells = row
        has_price = any(column in cells for column in self._prices)
        return has_price and not _options(self._binding, cells, _NOTHING)

    def _is_below(self, cells: Cells) -> bool:
        return any(
            str(cells.get(column, "")).strip().casefold() in self._below_texts
            for column in self._below
        )

    def _fold(self, key: str, block: list[tuple[int, Cells]]) -> Folded:
        """Yield what the rows of one product sell."""
        if not block:
            return
        number, product = block[0]
        if self._key and not key:
            columns = " or ".join(self._key)
            yield from (
                (number, f"Has no {columns}, which names its product.") for number, _ in block
            )
            return
        first = self._first_rows.setdefault(key, number) if key else number
        if first != number:
            reason = f"Has the {self._key[0]} {key!r} of row {first}, but does not stand below it"
            yield from ((number, f"{reason}; sort the rows by it.") for number, _ in block)
            return
        if self._each:
            block, product = _members(number, product, self._each)
        yield from self._variants(key, block, product)

    def _variants(self, key: str, block: list[tuple[int, Cells]], product: Cells) -> Folded:
        binding = self._binding
        photos: dict[str, None] = {}
        texts: dict[str, str] = {}
        sold: list[Sold] = []
        below = [self._is_below(cells) for _, cells in block]
        if rule := next(filter(self._is_price_rule, compress(block, below)), None):
            reason = _PRICE_RULE.format(rule[0])
            yield from ((number, reason) for number, _ in block)
            return
        # A product without a price is sold too: its first row.
        rows_sold = [self._is_sold(cells) for _, cells in block]
        rows_sold[0] |= not any(rows_sold)
        for (number, cells), is_below, is_sold in zip(block, below, rows_sold, strict=True):
            of_row = _photos(binding, cells)
            photos |= dict.fromkeys(of_row)
            if text := str(cells.get(binding.photo_text) or "").strip():
                texts |= dict.fromkeys(of_row, text)
            if not is_sold:
                continue
            options = _options(binding, cells, product) if is_below or not self._below else {}
            own = _photos(binding, cells, of_variant=True)
            shared = _NOTHING if cells is product else product
            sold.append(Sold(number, cells, shared, key, options, own, texts))
        if self._first_is_parent and len(sold) > 1:
            del sold[0]
        if self._has_parents or any(below):
            sold = [one for one in sold if one.options] or sold
        if self._each:
            photos = dict.fromkeys(_photos(binding, product)) | photos
        for position, one in enumerate(sold):
            one.photos = _shared_photos(one.photos, list(photos), is_first=position == 0)
        yield from sold


def _members(
    number: int, product: Cells, each: Iterable[str]
) -> tuple[list[tuple[int, Cells]], Cells]:
    """Return the variants in a list of a row, and the cells of their product."""
    for column in each:
        members = product.get(column)
        members = members if isinstance(members, list) else []
        objects = [member for member in members if isinstance(member, dict)]
        if objects:
            shared = {name: value for name, value in product.items() if name != column}
            return [(number, flattened({column: member})) for member in objects], shared
    return [(number, product)], product


class _Parents:
    """Rows of products and rows of variants, wherever they stand in the file.

    Attributes of a product are read before its variants, so that the file is read once more.
    """

    def __init__(self, binding: Binding):
        self._binding = binding
        self._parents: dict[str, Cells] = {}  # the row of each product, by each of its names
        self._children: dict[str, tuple[str, dict[str, str]]] = {}  # by SKU: product and options
        self._named: dict[str, list[str]] = {}  # the SKUs that a product names, if it names them
        self._rows: dict[str, int] = {}  # the rows of these products
        self._came: set[str] = set()  # SKUs that a product names and that have a row
        self._with_photos: set[str] = set()  # products whose first variant was read
        self._more_photos: dict[str, list[str]] = {}  # of rows that only add photos, by the product
        self._sold_columns = binding.header.find(binding.format.fold.sold)
        self._parent = binding.column(binding.format.fold.parent)
        self._names = binding.format.fold.parent_names
        self._skus = next((one.columns for one in binding.fields if one.name == "sku"), ())

    @classmethod
    def found(cls, rows: Rows, binding: Binding) -> "_Parents":
        """Return the products that rows of variants name."""
        parents = cls(binding)
        named: set[str] = set()
        for cells in _cells(rows()):
            name = _parent_name(cells.get(parents._parent))
            if not parents._is_sold(cells):
                parents._more_photos.setdefault(name, []).extend(_photos(binding, cells))
                continue
            if name and name not in parents._names_of(cells):  # A row may name itself.
                named.add(name)
        for cells in _cells(rows()):
            for name in parents._names_of(cells):
                if name in named:
                    parents._parents[name] = cells
        return parents

    @classmethod
    def naming(cls, rows: Rows, binding: Binding) -> "_Parents":
        """Return the products that name their variants."""
        parents = cls(binding)
        rule = binding.format.fold.children
        assert rule is not None
        column = binding.column(rule.column)
        for cells in _cells(rows()):
            if not (text := str(cells.get(column) or "")):
                continue
            product = _first(cells, parents._skus)
            if not product or product in parents._parents:
                continue
            parents._parents[product] = cells
            named = parents._named[product] = []
            for part in text.split(rule.between):
                pairs = (pair.partition(rule.sign) for pair in part.split(rule.pairs))
                options = {name.strip(): value.strip() for name, _, value in pairs}
                if sku := options.pop(rule.name, ""):
                    named.append(sku)
                    parents._children.setdefault(sku, (product, options))
        return parents

    def read(self, rows: Iterable[Row]) -> Folded:
        """Yield what is sold."""
        for number, row in rows:
            if isinstance(row, str):
                yield number, row
                continue
            cells = flattened(row)
            if self._is_sold(cells) and not self._is_product(number, cells):
                yield self._sold(number, cells)
        for product, named in self._named.items():
            yield from self._without_rows(product, named)

    def _is_sold(self, cells: Cells) -> bool:
        columns = self._sold_columns
        return not columns or any(column in cells for column in columns)

    def _is_product(self, number: int, cells: Cells) -> bool:
        """Return True if a row is that of a product, of which only the variants are sold."""
        if self._parent:
            # A variant may have variants itself; it is sold as well.
            return not _parent_name(cells.get(self._parent)) and any(
                name in self._parents for name in self._names_of(cells)
            )
        sku = _first(cells, self._skus)
        if sku in self._named:
            self._rows.setdefault(sku, number)
            return True
        if sku in self._children:
            self._came.add(sku)
        return False

    def _without_rows(self, product: str, named: list[str]) -> Folded:
        """Yield an error for each variant without a row; the product itself if all lack one."""
        number, cells = self._rows[product], self._parents[product]
        missing = [
            sku for sku in named if sku not in self._came or self._children[sku][0] != product
        ]
        if len(missing) == len(named):
            photos = _photos(self._binding, cells, of_variant=True) + _photos(self._binding, cells)
            yield Sold(number, cells, photos=list(dict.fromkeys(photos)))
        for sku in missing:
            owner = self._children[sku][0]
            if owner != product:
                yield number, f"Names the variant {sku}, which {owner} names too; leave one out."
            else:
                yield (
                    number,
                    f"Names the variant {sku}, which has no row; export all products at once.",
                )

    def _sold(self, number: int, cells: Cells) -> Sold:
        binding = self._binding
        if self._parent:
            name = _parent_name(cells.get(self._parent))
            options = _options(binding, cells, _NOTHING) if name else {}
        else:
            name, options = self._children.get(_first(cells, self._skus), ("", {}))
        product = self._parents.get(name, _NOTHING)
        own = _photos(binding, cells, of_variant=True) + _photos(binding, cells)
        own += [photo for key in self._names_of(cells) for photo in self._more_photos.get(key, ())]
        photos = _shared_photos(
            list(dict.fromkeys(own)),
            _photos(binding, product) + self._more_photos.get(name, []),
            is_first=name not in self._with_photos,
        )
        self._with_photos.add(name)
        group = _first(product, self._skus) or name
        return Sold(number, cells, product, group, options, photos)

    def _names_of(self, cells: Cells) -> Iterator[str]:
        """Yield the names by which rows of variants may name a row."""
        for name in self._names:
            if "{" not in name:
                column = self._binding.column((name,))
                if text := _key(cells.get(column)):
                    yield text
                continue
            columns = {part: self._binding.column((part,)) for part in _PLACE.findall(name)}
            if all(cells.get(column) for column in columns.values()):
                for part, column in columns.items():
                    name = name.replace(f"{{{part}}}", str(cells[column]))
                yield _key(name)


def _name(value: Any) -> str:
    return " ".join(str(value).split()).casefold()


def _key(value: Any) -> str:
    """Return the name of a row as it is compared: "id: 42" is id:42."""
    return "" if value is None else "".join(str(value).split()).casefold()


def _parent_name(value: Any) -> str:
    """Return the name of a row's product; a 0 names none."""
    name = _key(value)
    return "" if name == "0" else name


def _shared_photos(own: list[str], of_product: list[str], *, is_first: bool) -> list[str]:
    """Return the photos of a variant.

    The first variant gets those of its product too, as does a variant without a photo of its own.
    """
    return list(dict.fromkeys([*own, *of_product])) if is_first or not own else own


def _cells(rows: Iterable[Row]) -> Iterator[Cells]:
    """Yield the cells of all rows that can be read."""
    return (flattened(row) for _, row in rows if not isinstance(row, str))


def _options(binding: Binding, own: Cells, product: Cells) -> dict[str, str]:
    values = named_values(binding.options, own, product)
    return {name: _option(value) for name, value in values.items()}


def _option(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _photos(binding: Binding, cells: Cells, *, of_variant: bool = False) -> list[str]:
    columns = binding.variant_photos if of_variant else binding.photos
    if not columns:
        return []
    return photo_texts(cells, columns, binding.format.photos)


def _first(cells: Mapping[str, Any], columns: Iterable[str]) -> str:
    """Return the first cell with a text, or an empty text."""
    return next((str(cells[column]) for column in columns if cells.get(column)), "")
