"""Rows of a shop's file, written by the format that ``vitrine import shop`` reads.

A format folds the rows of a product in one of three ways.  With ``key``, its rows stand below each
other, and those after the first have what differs.  With ``parent``, the product has a row of its
own.  Otherwise each row is complete.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vitrine.transfer.columns import words
from vitrine.transfer.exports import cells as texts
from vitrine.transfer.exports.item_store import Item, ItemStore, explained
from vitrine.transfer.exports.references import CategoryPaths, PhotoAddresses
from vitrine.transfer.files.guarded_cells import ATTRIBUTE
from vitrine.transfer.shops.export_rules import ExportRules
from vitrine.transfer.shops.format_files import FieldRule, ShopFormat
from vitrine.transfer.shops.translation import OWN

Cells = dict[str, str]

# Fields of a product.  All others are those of a variant, and each of its rows has them.
_SHARED = ("name", "description", "category", "brand", "tags", "status")
_ALONE = "--alone"  # after the slug of a product without variants, if a group has the same name
_ACTIVE = "active"
_FREE = "cost nothing, where an import reads the price to compare with"
_SHOWN = "are hidden variants, but the shop shows them with the others of their product"
_NO_PHOTOS = "have no photos, where an import reads those of the product"


class WrittenRows:
    """The rows of a shop's file.

    Args:
        format: The format.
        store: The items.
        categories: The names of categories.
        photos: The URLs of photos.
        address: The address of a product, with ``{slug}`` in it; empty if it is not known.

    Attributes:
        count: The number of products that were written.
        notes: What the format cannot hold, with the number of products.
    """

    def __init__(
        self,
        format: ShopFormat,
        store: ItemStore,
        categories: CategoryPaths,
        photos: PhotoAddresses,
        address: str = "",
    ):
        assert format.export is not None
        self._format = format
        self._rules: ExportRules = format.export
        self._store = store
        self._categories = categories
        self._photos = photos
        self._address = address
        self._attributes = [*store.names.get("attributes", {})]
        self._options = [*store.names.get("options", {})]
        self._parents = 0
        self.count = 0
        # The columns of a product whose cells an import gives to variants without such a cell.
        self._inherited = [_first(rule) for name, rule in format.fields.items() if name not in OWN]
        self.notes: Counter[str] = Counter()

    def columns(self) -> list[str]:
        """Return the header."""
        format, rules = self._format, self._rules
        columns = [*format.fold.key[:1], *format.fold.parent, *format.fold.group[:1]]
        columns += [name for part in _constants(rules) for name in part]
        columns += ["ID"] if format.fold.parent else []
        for name, rule in format.fields.items():
            columns += rule.columns if self._is_written_twice(name) else rule.columns[:1]
            columns += rule.unless if name == "external_ref" else ()
        columns += [column for pair in self._option_columns() for column in pair]
        photos = format.photos
        # Rows below each other have a photo each, in the first spelling of its column.
        columns += photos.columns[:1] if format.fold.key else photos.columns
        columns += [*photos.of_variant[:1], *photos.text[:1]]
        columns += filter(None, [rules.link])
        columns += [ATTRIBUTE + name for name in self._attributes]
        return list(dict.fromkeys(columns))

    def rows(self) -> Iterator[Cells]:
        """Yield the rows of all products."""
        for family in self._store.families():
            items = family
            if self._rules.only_active:
                items = [item for item in family if item.get("status") == _ACTIVE]
                self._note("are not active and left out", len(family) - len(items))
            with explained(items):
                yield from self._family(items)
            self.count += len(items)

    def _family(self, items: Sequence[Item]) -> list[Cells]:
        """Return the rows of the items of one group."""
        # A product that is stricter than its variants would make them strict as well.
        variants = sorted(filter(_is_variant, items), key=_strictness)
        rows = list(self._product(variants)) if variants else []
        for item in items:
            if not _is_variant(item):
                self._note_lost(item)
                rows += self._product([item])
        return rows

    def _product(self, items: Sequence[Item]) -> Iterator[Cells]:
        """Yield the rows of a product: of its variants, or of one without variants."""
        rows = [self._cells(item) for item in items]
        if self._format.fold.parent and _is_variant(items[0]):
            yield from self._with_parent(items, rows)
        elif self._format.fold.key:
            yield from self._block(items, rows)
        else:
            for item, row in zip(items, rows, strict=True):
                yield row | self._photo_cells(self._photos.of(item))

    def _note_lost(self, item: Item) -> None:
        if item.get("group"):
            self._note("have a group without options, and are written as products of their own")
        elif item.get("options"):
            self._note("have options without a group, which are left out")

    def _block(self, items: Sequence[Item], rows: Sequence[Cells]) -> Iterator[Cells]:
        """Yield rows below each other, with one photo in each."""
        key = self._key(items[0])
        self._note(_SHOWN, sum(_strictness(item) > _strictness(items[0]) for item in items))
        gallery, own_photos = self._gallery(items)
        rows = [
            {**rows[0], **self._rules.product},
            *(self._differing(rows[0], row) for row in rows[1:]),
        ]
        of_variant = self._format.photos.of_variant[:1]
        for row, own in zip(rows, own_photos, strict=True):
            row |= dict.fromkeys(of_variant, own) if own else {}
        column = next(iter(self._format.photos.columns), "")
        gallery = gallery if column else []
        texts = {url: text for item in items for url, text in self._photos.texts(item).items()}
        for position in range(max(len(rows), len(gallery))):
            row = dict(rows[position]) if position < len(rows) else {}
            if position < len(gallery):
                url = gallery[position]
                row[column] = url
                row |= dict.fromkeys(self._format.photos.text[:1], texts.get(url, ""))
            yield key | row

    def _with_parent(self, items: Sequence[Item], rows: Sequence[Cells]) -> Iterator[Cells]:
        """Yield the row of a product, then those of its variants."""
        self._parents += 1
        rules, fields, first = self._rules, self._format.fields, rows[0]
        shared = [_first(fields[name]) for name in _SHARED if name in fields]
        photos = self._photos.of(items[0])
        product = {name: first[name] for name in shared if name in first}
        product |= {_first(fields["sku"]): items[0]["group"], "ID": str(self._parents)}
        for number, name in enumerate(_names_of_options(items)):
            values = dict.fromkeys(str(item.get("options", {}).get(name, "")) for item in items)
            column, value_column = self._pair(number)
            product |= {column: name, value_column: texts.list_text(filter(None, values), ",")}
        yield {**product, **rules.constants, **rules.product, **self._photo_cells(photos)}
        for item, row in zip(items, rows, strict=True):
            own = self._photos.of(item)
            differing = self._differing(product, row)
            differing |= {_first(fields["status"]): self._status_of_variant(items[0], item)}
            differing |= {self._format.fold.parent[0]: f"id:{self._parents}"}
            if photos and not own:
                self._note(_NO_PHOTOS)
            # A variant without photos gets those of its product.
            own = [] if own == photos else own
            yield {**differing, **rules.variant, **self._photo_cells(own)}

    def _status_of_variant(self, product: Item, item: Item) -> str:
        """Return the text for the status of a variant that has a row of its own."""
        statuses = self._rules.statuses
        if _strictness(item) > _strictness(product) and self._rules.hidden_variant:
            return self._rules.hidden_variant
        return statuses.get(item["status"], item["status"])

    def _differing(self, product: Cells, row: Cells) -> Cells:
        """Return the cells of a variant that are not those of its product."""
        fields = self._format.fields
        shared = {_first(fields[name]) for name in _SHARED if name in fields}
        shared |= {names for names, _ in self._option_columns()} if self._format.fold.key else set()
        lost = [name for name in self._inherited if product.get(name) and not row.get(name)]
        for name in lost:
            self._note(f"have no {name}, where an import reads that of the product")
        return {
            name: text
            for name, text in row.items()
            if name not in shared or product.get(name) != text
        }

    def _cells(self, item: Item) -> Cells:
        """Return the cells of what is sold, all but its photos."""
        rules = self._rules
        cells: Cells = {}
        for name, rule in self._format.fields.items():
            cells |= self._field(name, rule, item)
            if name in rules.required and item.get(name) in (None, ""):
                self._note(f"have no {name}, which {self._format.title} asks for")
        options = item["options"] if _is_variant(item) else {}
        for number, (name, value) in enumerate(options.items()):
            cells |= self._option(number, name, str(value))
        if self._format.fold.group and options:
            cells[self._format.fold.group[0]] = item["group"]
        attributes: Cells = {}
        for name, value in item.get("attributes", {}).items():
            attributes[ATTRIBUTE + name] = texts.attribute_text(value)
        if rules.link and self._address:
            cells[rules.link] = self._address.replace("{slug}", item["slug"])
        constants = dict(rules.constants)
        constants |= {} if options else rules.alone
        constants |= {} if item.get("stock") is None else rules.tracked
        return {name: texts.kept(text) for name, text in cells.items() if text} | (
            attributes | constants
        )

    def _field(self, name: str, rule: FieldRule, item: Item) -> Cells:
        """Return the cells of a field."""
        column, value = _first(rule), item.get(name)
        match name:
            case "external_ref" if value is None and rule.unless:
                # The program asks for a key.  The mark has an import leave it out again.
                return {column: item["slug"], **rule.unless}
            case "status":
                exact = {rule.columns[-1]: str(value)} if self._is_written_twice(name) else {}
                return exact | {column: self._rules.statuses.get(str(value), str(value))}
            case "availability":
                is_available = item.get("stock") is None or item["stock"] > 0
                return {column: self._rules.availability[not is_available]}
            case "price" | "compare_at_price" if value is not None:
                self._note(_FREE, self._is_free_sale(name, item))
                return {self._price_column(name, item): self._amount(value, item)}
            case "category" if value is not None:
                return {column: texts.category_text(self._categories.names(value), rule)}
            case "tags" if value:
                return {column: texts.list_text(value, next(iter(rule.separator), ","))}
            case "weight" if value is not None:
                unit = f" {rule.unit}" if self._rules.with_units else ""
                return {column: texts.weight_text(value, rule.unit) + unit}
        return {} if value is None else {column: str(value)}

    def _amount(self, value: Any, item: Item) -> str:
        return texts.amount_text(value, item.get("currency", "") if self._rules.with_units else "")

    def _is_free_sale(self, name: str, item: Item) -> bool:
        """Return True for a price of zero in the column for sales, where a zero means no sale."""
        is_free = not item[name] and item.get("compare_at_price") is not None
        return name == "price" and is_free and self._is_written_twice(name)

    def _price_column(self, name: str, item: Item) -> str:
        """Return the column of a price: with a price to compare with, that of a sale."""
        columns = self._format.fields[name].columns
        compared = self._format.fields.get("compare_at_price")
        if name == "price" and compared and _first(compared) in columns:
            is_sale = item.get("compare_at_price") is not None
            return next(each for each in columns if (each != _first(compared)) == is_sale)
        return columns[0]

    def _is_written_twice(self, name: str) -> bool:
        """Return True for a price with a column for sales, and for a status in words of a shop."""
        fields = self._format.fields
        if name == "status":
            return bool(self._rules.statuses)
        compared = fields.get("compare_at_price")
        return name == "price" and compared is not None and _first(compared) in fields[name].columns

    def _option_columns(self) -> Iterator[tuple[str, str]]:
        """Yield the columns of options: of names and of values, or those of each name."""
        if self._format.options.pairs:
            yield from map(self._pair, range(self._store.longest.get("options", 0)))
        else:
            yield from ((self._option_column(name),) * 2 for name in self._options)

    def _option(self, number: int, name: str, value: str) -> Cells:
        if self._format.options.pairs:
            name_column, value_column = self._pair(number)
            return {name_column: name, value_column: value}
        return {self._option_column(name): value}

    def _pair(self, number: int) -> tuple[str, str]:
        names, values = self._format.options.pairs[0]
        return names.replace("#", str(number + 1)), values.replace("#", str(number + 1))

    def _option_column(self, name: str) -> str:
        """Return the column of an option: the one the format names, or one for all others."""
        columns = self._format.options.columns
        folded = name.casefold()
        is_known = folded in {each.casefold() for each in columns}
        # Another option may differ from it in case alone.
        first = next(each for each in self._options if each.casefold() == folded)
        others = next((each for each in columns if "*" in each), "*")
        return name if is_known and name == first else others.replace("*", name)

    def _key(self, item: Item) -> Cells:
        """Return the cell that keeps the rows of a product together."""
        column = self._format.fold.key[0]
        if _is_variant(item):
            return {column: item["group"]}
        slug = item["slug"]
        return {column: slug + _ALONE if self._store.has_group(slug) else slug}

    def _gallery(self, items: Sequence[Item]) -> tuple[list[str], list[str]]:
        """Return the photos of a product, and the one that each variant has of its own."""
        photos = [self._photos.of(item) for item in items]
        gallery, own = dict.fromkeys(photos[0]), [""]
        for each in photos[1:]:
            is_shared = each == photos[0]
            own.append("" if is_shared or not each else each[0])
            if not is_shared and len(each) > 1:
                gallery |= dict.fromkeys(each)
                self._note("have several photos of their own, which their product shows")
            if photos[0] and not each:
                self._note(_NO_PHOTOS)
        return list(gallery), own

    def _photo_cells(self, photos: Sequence[str]) -> Cells:
        """Return the cells of photos: one in each column, the rest in the last one."""
        rule = self._format.photos
        if not photos or not rule.columns:
            return {}
        last = len(rule.columns) - 1
        cells = dict(zip(rule.columns[:last], photos, strict=False))
        rest = photos[last:] if rule.separator else photos[last : last + 1]
        return cells | ({rule.columns[last]: f"{rule.separator} ".join(rest)} if rest else {})

    def _note(self, text: str, count: int = 1) -> None:
        if count:
            self.notes[text] += count


def _is_variant(item: Item) -> bool:
    return bool(item.get("group") and item.get("options"))


def _strictness(item: Item) -> int:
    return words.STRICTNESS.index(item["status"])


def _first(rule: FieldRule) -> str:
    """Return the column that a field is written to."""
    return rule.columns[0]


def _constants(rules: ExportRules) -> tuple[Mapping[str, str], ...]:
    return rules.product, rules.variant, rules.alone, rules.constants, rules.tracked


def _names_of_options(items: Sequence[Item]) -> list[str]:
    return list(dict.fromkeys(name for item in items for name in item.get("options", {})))
