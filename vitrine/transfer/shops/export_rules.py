"""The rules by which a kind of shop file is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ExportRules:
    """How a file of this kind is written: what its columns do not tell an import.

    The columns are those that are read, each in its first spelling.

    Attributes:
        name: The name of the format for ``vitrine export``.
        separator: The sign between two cells.
        constants: Texts of columns in each row of what is sold.
        product: Texts of columns in the first row of a product, or in the row of its own.
        variant: Texts of columns in the row of a variant, if its product has a row of its own.
        alone: Texts of columns in the row of a product without variants.
        statuses: The text for each status, in the first column of the status.
        hidden_variant: The text for the status of a variant that is stricter than its product;
            empty for that of the status itself.
        required: Fields that the program asks for; products without one are counted.
        availability: The texts for what can be bought, and for what cannot.
        tracked: Columns that have their text only in rows with a stock.
        with_units: Amounts have the code of their currency, and weights have their unit.
        only_active: Products that are not active are left out.
        link: The column of the address of a product.
    """

    name: str = ""
    separator: str = ","
    constants: Mapping[str, str] = field(default_factory=dict)
    product: Mapping[str, str] = field(default_factory=dict)
    variant: Mapping[str, str] = field(default_factory=dict)
    alone: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    hidden_variant: str = ""
    required: tuple[str, ...] = ()
    availability: tuple[str, ...] = ("yes", "no")
    tracked: Mapping[str, str] = field(default_factory=dict)
    with_units: bool = False
    only_active: bool = False
    link: str = ""
