"""Addresses of clients, from columns of an export."""

from collections.abc import Mapping
from typing import Any

from vitrine.transfer.shop_orders.cells import Cells

BILLING, SHIPPING = "billing", "shipping"
# Names of countries that some programs write instead of the code; others stay as they are, so that
# the service names them.
_COUNTRIES = {
    **{"united states": "US", "united states of america": "US", "usa": "US", "canada": "CA"},
    **{"united kingdom": "GB", "great britain": "GB", "england": "GB", "uk": "GB", "ireland": "IE"},
    **{"germany": "DE", "deutschland": "DE", "austria": "AT", "österreich": "AT"},
    **{"switzerland": "CH", "schweiz": "CH", "suisse": "CH", "france": "FR", "spain": "ES"},
    **{"españa": "ES", "italy": "IT", "italia": "IT", "portugal": "PT", "netherlands": "NL"},
    **{"the netherlands": "NL", "nederland": "NL", "belgium": "BE", "belgië": "BE"},
    **{"belgique": "BE", "luxembourg": "LU", "denmark": "DK", "danmark": "DK", "sweden": "SE"},
    **{"sverige": "SE", "norway": "NO", "norge": "NO", "finland": "FI", "suomi": "FI"},
    **{"poland": "PL", "polska": "PL", "czech republic": "CZ", "czechia": "CZ", "greece": "GR"},
    **{"australia": "AU", "new zealand": "NZ", "japan": "JP", "china": "CN", "india": "IN"},
    **{"singapore": "SG", "hong kong": "HK", "mexico": "MX", "méxico": "MX", "brazil": "BR"},
    **{"brasil": "BR", "south africa": "ZA", "israel": "IL", "turkey": "TR"},
}
_PLACE = ("street", "postal_code", "city", "country")  # one of them makes an address

# For each field the columns that it is read from, ``{}`` standing for the kind of the address.
# Of several ways to write a field the first that has a cell is read; its columns are joined.
Columns = Mapping[str, tuple[tuple[str, ...], ...]]


def address(cells: Cells, columns: Columns, kind: str, word: str | None = None) -> dict[str, Any]:
    """Return an address, or an empty one if the cells name no place.

    Args:
        cells: The cells of a row.
        columns: The columns of each field.
        kind: ``BILLING`` or ``SHIPPING``.
        word: The word for the kind in the names of columns; None if it is the kind.
    """
    found = {}
    for name, ways in columns.items():
        joint = "\n" if name == "street" else " "
        for way in ways:
            texts = [cells.text([column.format(word or kind)]) for column in way]
            if text := joint.join(dict.fromkeys(filter(None, texts))):
                is_name = name == "country"
                found[name] = _COUNTRIES.get(text.casefold(), text) if is_name else text
                break
    return {"kind": kind} | found if any(name in found for name in _PLACE) else {}


def client(email: str, name: str, phone: str, addresses: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a client; the first address fills the fields that the client lacks.

    Args:
        email: The email address; empty for none.
        name: The name.
        phone: The phone number.
        addresses: The addresses; empty ones are left out.
    """
    known = [each for each in addresses if each]
    first: dict[str, Any] = known[0] if known else {}
    values = {
        "email": email,
        "name": name or first.get("name") or first.get("company") or email or phone,
        "phone": phone or first.get("phone"),
        "city": first.get("city"),
        "addresses": known,
    }
    return {field: value for field, value in values.items() if value}
