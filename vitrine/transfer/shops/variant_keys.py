"""Keys of what a shop sells: its reference, its SKU, its group and its options.

Two rows may have the same key in a shop, but not here.  The first keeps it; the other row comes in
with another key, and its texts stay as attributes.
"""

from collections import Counter
from typing import Any

from slugify import slugify

from vitrine.transfer.columns.plan import OPTION
from vitrine.transfer.identity import reference
from vitrine.transfer.shops.binding import PRODUCT, Binding
from vitrine.transfer.shops.folding import Sold

# Characters that the service accepts.
MAX_REFERENCE = 200
MAX_GROUP = 100
MAX_SKU = 64
MAX_OPTION = 100
MAX_SHOWN = 60  # characters of a text in a note

_CUT = "options are longer than 100 characters and are cut"
# Each with the first text that it is about.
_SAME_OPTIONS = (
    "rows have the options of another row of their product, first {}; they are no variants"
)
_NO_OPTIONS = (
    "rows are variants of a product, first of {}, but no options of theirs are read; they come in "
    "without their group"
)
_SAME_SKU = "rows have the SKU of another row, first {}; it is kept as the attribute sku"
_LONG_SKU = "SKUs are longer than 64 characters, first {}; they are kept as the attribute sku"


class VariantKeys:
    """Gives the rows of one reading their keys; it remembers which keys it has given.

    Args:
        binding: The columns of the file.
        notes: Counts the rows that have got another key.
    """

    def __init__(self, binding: Binding, notes: Counter[str]):
        fold = binding.format.fold
        # A file with a column for it, such as one of Vitrine's own, says which products have one.
        has_column = any(field.name == "external_ref" for field in binding.fields)
        self._makes_references = bool(fold.key) and not has_column
        self._names_parents = bool(fold.parent)
        self._group_columns = [
            column for column in binding.header.find(fold.group) if binding.uses[column] == PRODUCT
        ]
        self._notes = notes
        self._texts: dict[str, str] = {}  # the note of each kind, with its first text
        self._skus: set[str] = set()
        self._variants: set[tuple[str, ...]] = set()
        self._references: Counter[str] = Counter()
        self._groups: dict[str, str] = {}  # the slug of each group
        self._slugs: set[str] = set()

    def add(self, row: dict[str, Any], attributes: dict[str, Any], sold: Sold) -> None:
        """Add the keys of what is sold to its row, or texts that cannot be keys to attributes."""
        if self._makes_references and sold.group:
            row["external_ref"] = self._reference(sold)
        self._check_sku(row, attributes)
        options = {name: self._option(value) for name, value in sold.options.items()}
        if not sold.group or not options:
            attributes.update(options)
            self._keep_group(row, attributes, sold)
            if sold.group and self._names_parents:
                self._note(_NO_OPTIONS, sold.group)
            return
        pairs = sorted(f"{name}\0{value}".casefold() for name, value in options.items())
        variant = (sold.group, *pairs)
        if variant in self._variants:
            attributes.update(options)
            self._note(_SAME_OPTIONS, "/".join([sold.group, *options.values()]))
            return
        self._variants.add(variant)
        row["group"] = self._group(sold.group)
        row |= {OPTION + name: value for name, value in options.items()}

    def _note(self, kind: str, text: str) -> None:
        """Count a row that has got another key; the note names the first one."""
        shown = text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
        self._notes[self._texts.setdefault(kind, kind.format(shown))] += 1

    def _option(self, value: str) -> str:
        if len(value) <= MAX_OPTION:
            return value
        self._notes[_CUT] += 1
        return value[: MAX_OPTION - 1] + "…"

    def _keep_group(self, row: dict[str, Any], attributes: dict[str, Any], sold: Sold) -> None:
        """Keep the group of a product without options as an attribute, if it says something."""
        for column in self._group_columns:
            text = sold.own.get(column)
            if text not in (None, row.get("name")):
                attributes[column] = text

    def _group(self, text: str) -> str:
        """Return the slug of a group; two groups never get the same."""
        if text not in self._groups:
            slug = slugify(text)
            if not slug or len(slug) > MAX_GROUP or slug in self._slugs:
                _, _, digest = reference({"group": text}, "").rpartition(":")
                slug = f"{slug[: MAX_GROUP - len(digest) - 1].strip('-')}-{digest}".strip("-")
            self._slugs.add(slug)
            self._groups[text] = slug
        return self._groups[text]

    def _reference(self, sold: Sold) -> str:
        """Return the reference of a product, with the options of a variant."""
        text = "/".join([sold.group, *sold.options.values()])
        if len(text) > MAX_REFERENCE:
            text = reference({"group": sold.group, **sold.options}, "variant")
        self._references[text] += 1
        number = self._references[text]
        return text if number == 1 else f"{text}:{number}"

    def _check_sku(self, row: dict[str, Any], attributes: dict[str, Any]) -> None:
        """Keep an SKU that cannot be a key as an attribute, if the row has another key."""
        sku = row.get("sku")
        if sku is None or "external_ref" not in row:
            return
        text = str(sku)
        if note := _LONG_SKU if len(text) > MAX_SKU else _SAME_SKU if text in self._skus else "":
            attributes["sku"] = row.pop("sku")
            self._note(note, text)
        self._skus.add(text)
