"""The mapping of a shop's rows to products."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from shared.schema.currency import decimals_of
from vitrine.transfer.columns.compared_prices import amount_of
from vitrine.transfer.columns.plan import Plan
from vitrine.transfer.mapping import RowMapping

_CENT = Decimal("0.01")
_PLACES = Decimal("0.0001")  # as many as the service keeps


class ShopMapping(RowMapping):
    """Turns the rows of a shop, in the names of fields, into products."""

    def __init__(self, fields: Mapping[str, Any], sets: list[str], decimal: str | None):
        """Prepare the mapping of one import.

        Args:
            fields: The fields of the service, as ``GET /`` describes them.
            sets: ``FIELD=VALUE`` for every row.
            decimal: The decimal mark of amounts; None lets the file tell it.
        """
        super().__init__(fields, (), sets, (), None, None, decimal)

    def decide(self) -> Plan:
        """Decide what each column becomes; the texts of an attribute tell its type."""
        plan = super().decide()
        plan.roles = {
            column: replace(role, is_typed=False) if role.is_typed else role
            for column, role in plan.roles.items()
        }
        return plan

    @property
    def known_fields(self) -> set[str]:
        """All fields: the format of a shop decides what fills them, and no option can."""
        return set(self.writable)

    def item(self, row: Mapping[str, Any], are_texts: bool = False) -> dict[str, Any]:
        """Return the product of a row.

        Raises:
            StackError: A cell contradicts another.
        """
        item = super().item(row, are_texts)
        accepted, step = _steps(item.get("currency"))
        for name in ("price", "compare_at_price"):
            self._round(item, name, accepted, step)
        self._round(item, "weight", _PLACES, _PLACES)
        self._check_compared(item)  # again, as the rounded prices may be equal
        return item

    def _round(
        self, item: dict[str, Any], name: str, accepted: Decimal | None, step: Decimal
    ) -> None:
        """Round an amount with more decimals than the service accepts; None leaves it as it is."""
        amount = amount_of(item.get(name))
        if amount is not None and accepted and amount != amount.quantize(accepted):
            item[name] = str(amount.quantize(step, ROUND_HALF_UP))
            self.notes[f"values of {name} have too many decimals and are rounded"] += 1


def _steps(currency: Any) -> tuple[Decimal | None, Decimal]:
    """Return the smallest step of prices that the service accepts, and the one to round to.

    Without decimals, rounding would change a price by much: the service names such a price.
    """
    if not isinstance(currency, str):
        return _PLACES, _CENT
    step = Decimal(1).scaleb(-decimals_of(currency.strip().upper()))
    return (step if step < 1 else None), step
