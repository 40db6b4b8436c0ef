"""Products in JSON-LD by the vocabulary of schema.org, in an HTML page or a JSON file.

Each thing that is sold is a row: a ``Product``, a variant of a ``ProductGroup``, or one of several
offers with a SKU of its own.  What the group says holds for its variants.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any, BinaryIO

from vitrine.errors import StackError
from vitrine.transfer.columns.units import grams, in_grams
from vitrine.transfer.files.csv_rows import Row
from vitrine.transfer.texts import TOO_DEEP, clean_row

MAX_BYTES = 100_000_000  # of a page or a file, which is held in memory
MAX_DEPTH = 60
SAMPLE_BYTES = 4096
OPTIONS, ATTRIBUTES = "options", "attributes"  # columns with objects

_GROUP = "ProductGroup"
_PRODUCTS = frozenset(
    {"Product", _GROUP, "IndividualProduct", "ProductModel", "SomeProducts", "Vehicle", "Car"}
)
_VOCABULARY = ("https://schema.org/", "http://schema.org/", "schema:")
_OFFER_MEMBERS = {
    "price": "price",
    "priceCurrency": "priceCurrency",
    "availability": "availability",
    "sku": "sku",
    "gtin": "gtin",
    "gtin13": "gtin13",
    "itemCondition": "condition",
}
_UNITS = {"GRM": "g", "KGM": "kg", "LBR": "lb", "ONZ": "oz"}  # codes of UN/CEFACT
_NUMBER = re.compile(r"\d+(\.\d+)?")
_LEFT_OUT = frozenset(
    {
        *("offers", "hasVariant", "isVariantOf", "inProductGroupWithID", "review", "reviews"),
        *("aggregateRating", "isRelatedTo", "isSimilarTo", "mainEntityOfPage", "variesBy"),
        *("productGroupID", "potentialAction"),
    }
)
# Old pages hide a script from browsers that do not know it.
_WRAPPING = re.compile(
    r"\A\s*(?:(?://|/\*)?\s*(?:<!--|<!\[CDATA\[)(?:\s*\*/)?)"
    r"|(?:(?://|/\*)?\s*(?:-->|\]\]>)(?:\s*\*/)?)\s*\Z"
)
_LIST_PRICES = ("ListPrice", "StrikethroughPrice", "MSRP", "SRP")


def is_linked_data(file: BinaryIO) -> bool:
    """Return True if a JSON file begins as JSON-LD of schema.org does."""
    start = file.tell()
    sample = file.read(SAMPLE_BYTES)
    file.seek(start)
    return b'"@context"' in sample and b"schema.org" in sample


def linked_rows(file: BinaryIO, path: str, *, is_page: bool) -> Iterator[Row]:
    """Yield the products of a page or a JSON file in UTF-8, numbered from 1.

    Args:
        file: The file.
        path: Its name, for errors.
        is_page: The file is HTML.

    Raises:
        StackError: The file is too large, or has no product.
    """
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise StackError(f"{path} is too large to find products in it. Export them as JSON lines.")
    text = content.decode()
    number = 0
    for value in _values(text, path, is_page=is_page):
        if isinstance(value, str):
            number += 1
            yield number, value
            continue
        for row in _rows(value):
            number += 1
            yield number, row
    if not number:
        raise StackError(
            f"{path} has no product of schema.org in JSON-LD. Export the products of the shop as "
            "CSV, JSON or XML, and import that file."
        )


def _rows(value: Any) -> Iterator[dict[str, Any] | str]:
    """Yield the rows in a value of JSON; a text for one that cannot be read."""
    try:
        for product in _products(value):
            for row in _sold(product):
                yield row if isinstance(row, str) else clean_row(row)
    except RecursionError:
        yield TOO_DEEP  # Nothing after it can be read.


def _values(text: str, path: str, *, is_page: bool) -> Iterator[Any]:
    """Yield the JSON of a file, or of each script in a page; a text for one that is broken."""
    if not is_page:
        try:
            yield json.loads(text)
        except (ValueError, RecursionError) as error:
            raise StackError(f"{path} is not JSON: {error}.") from error
        return
    page = _Page()
    page.feed(text)
    page.close()
    for line, script in page.scripts:
        try:
            yield json.loads(_WRAPPING.sub("", script), strict=False)
        except (ValueError, RecursionError) as error:
            yield f"The JSON-LD in line {line} is not JSON: {error}."


class _Page(HTMLParser):
    """Scripts with JSON-LD in a page, with their lines."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[int, str]] = []
        self._is_open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a script with JSON-LD."""
        kind = dict(attrs).get("type") or ""
        self._is_open = tag == "script" and kind.strip().casefold().startswith(
            "application/ld+json"
        )
        if self._is_open:
            self.scripts.append((self.getpos()[0], ""))

    def handle_data(self, data: str) -> None:
        """Add the text of a script."""
        if self._is_open:
            line, text = self.scripts[-1]
            self.scripts[-1] = line, text + data

    def handle_endtag(self, tag: str) -> None:
        """Close a script."""
        self._is_open = False


def _types(node: Mapping[str, Any]) -> set[str]:
    """Return the types of a node without the address of the vocabulary."""
    value = node.get("@type")
    types = value if isinstance(value, list) else [value]
    return {_term(text) for text in types if isinstance(text, str)}


def _term(text: str) -> str:
    for address in _VOCABULARY:
        text = text.removeprefix(address)
    return text


def _products(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the products and the groups in a value, each once, with references resolved."""
    nodes: dict[str, dict[str, Any]] = {}
    found = list(_found(value, nodes, 0))
    variants = {
        id(node) for group in found for node in _listed(_resolved(group.get("hasVariant"), nodes))
    }
    shown: set[str] = set()
    for product in found:
        text = json.dumps(product, sort_keys=True, default=str)
        if id(product) in variants or text in shown:
            continue
        shown.add(text)
        yield {name: _resolved(inner, nodes) for name, inner in product.items()}


def _found(value: Any, nodes: dict[str, dict[str, Any]], depth: int) -> Iterator[dict[str, Any]]:
    """Yield the products in a value, and collect all nodes by their id."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _found(item, nodes, depth + 1)
    elif isinstance(value, dict):
        if isinstance(value.get("@id"), str) and len(value) > 1:
            nodes.setdefault(value["@id"], value)
        if _types(value) & _PRODUCTS:
            yield value
            return  # Products in a product are its variants, or others like it.
        for inner in value.values():
            yield from _found(inner, nodes, depth + 1)


def _resolved(value: Any, nodes: Mapping[str, dict[str, Any]]) -> Any:
    """Return a value with each reference replaced by the node it names."""
    if isinstance(value, list):
        return [_resolved(item, nodes) for item in value]
    if isinstance(value, dict) and set(value) <= {"@id", "@type"}:
        return nodes.get(str(value.get("@id")), value)
    return value


def _listed(value: Any) -> list[dict[str, Any]]:
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, dict)]


def _sold(product: dict[str, Any]) -> Iterator[dict[str, Any] | str]:
    """Yield a row for each thing that is sold of a product: its variants, or itself."""
    variants = _listed(product.get("hasVariant"))
    if not variants:
        yield from _offered(product, _parent_group(product))
        return
    shared = {name: value for name, value in product.items() if name != "hasVariant"}
    group = product.get("productGroupID") or product.get("@id") or product.get("name")
    varies = product.get("variesBy") or []
    names = [_term(text) for text in (varies if isinstance(varies, list) else [varies])]
    for variant in variants:
        options = {name: text for name in names if (text := _text(variant.get(name))) is not None}
        merged = {**shared, **{name: value for name, value in variant.items() if value is not None}}
        merged = {name: value for name, value in merged.items() if name not in names}
        title = product.get("name") or variant.get("name")
        extra = {"name": title, "item_group_id": group, OPTIONS: options}
        yield from _offered(merged, extra)


def _parent_group(product: Mapping[str, Any]) -> dict[str, Any]:
    """Return the group that a product says it is a variant of."""
    parent = product.get("isVariantOf")
    own = product.get("inProductGroupWithID")
    if own is None and isinstance(parent, dict):
        own = parent.get("productGroupID") or parent.get("@id")
    return {"item_group_id": own} if own is not None else {}


def _offered(product: dict[str, Any], extra: Mapping[str, Any]) -> Iterator[dict[str, Any] | str]:
    """Yield the rows of a product: one, or one for each offer with a SKU of its own."""
    base = {**_plain(product), **extra}
    offers = [offer for value in _listed(product.get("offers")) for offer in _single(value)]
    skus = [offer.get("sku") for offer in offers]
    if len(offers) > 1 and all(skus) and len(set(map(str, skus))) == len(offers):
        group = base.get("item_group_id") or product.get("productGroupID") or base.get("name")
        for offer in offers:
            own_name = offer.get("name")
            option = {OPTIONS: {"Variant": str(own_name)}} if own_name else {}
            yield base | ({"item_group_id": group} | option if option else {}) | _of_offer(offer)
        return
    prices = sorted({str(price) for offer in offers if (price := _price(offer)) is not None})
    if len(prices) > 1:
        name = base.get("name") or "A product"
        yield (
            f"{name!r} has several prices without a SKU of their own: {', '.join(prices)}. Give "
            "one price, or a Product for each variant."
        )
        return
    yield base | (_of_offer(offers[0]) if offers else {})


def _single(offer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the single offers of an offer, which may be several together."""
    inner = _listed(offer.get("offers"))
    if inner:
        yield from inner
    elif "lowPrice" in offer and offer.get("price") is None:
        currency = {"priceCurrency": offer.get("priceCurrency")}
        prices = [offer["lowPrice"], offer.get("highPrice", offer["lowPrice"])]
        rest = {"availability": offer.get("availability")}
        for price in prices:
            yield {"price": price, **currency, **rest}
    else:
        yield offer


def _price(offer: Mapping[str, Any]) -> Any:
    """Return the price of an offer, of which some stand in a specification."""
    if offer.get("price") is not None:
        return offer["price"]
    own = [each for each in _specifications(offer) if not _is_list_price(each)]
    return own[0].get("price") if own else None


def _specifications(offer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return _listed(offer.get("priceSpecification"))


def _is_list_price(specification: Mapping[str, Any]) -> bool:
    kind = specification.get("priceType")
    return isinstance(kind, str) and _term(kind).endswith(_LIST_PRICES)


def _of_offer(offer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that an offer gives."""
    columns = {
        column: _term(value) if isinstance(value, str) else value
        for name, column in _OFFER_MEMBERS.items()
        if (value := offer.get(name)) not in (None, "")
    }
    columns["price"] = _price(offer)
    for specification in _specifications(offer):
        if _is_list_price(specification):
            columns["compare_at_price"] = specification.get("price")
        columns.setdefault("priceCurrency", specification.get("priceCurrency"))
    level = offer.get("inventoryLevel")
    columns["stock"] = level.get("value") if isinstance(level, dict) else level
    return {name: value for name, value in columns.items() if value is not None}


def _plain(product: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a product as columns, all but its offers, reviews and references."""
    columns: dict[str, Any] = {}
    for name, value in product.items():
        if name.startswith("@") or name in _LEFT_OUT:
            continue
        if name == "additionalProperty":
            columns[ATTRIBUTES] = {
                pair["name"]: pair["value"]
                for pair in _listed(value)
                if isinstance(pair.get("name"), str) and pair.get("value") is not None
            }
            continue
        text = _grams(value) if name == "weight" else _text(value)
        if text is not None:
            columns[name] = text
    return columns


def _grams(value: Any) -> Any:
    """Return a weight in grams; one in a unit that is not known stays with its unit."""
    if not isinstance(value, dict):
        return _text(value)
    unit = str(value.get("unitCode") or value.get("unitText") or "")
    number = value.get("value")
    if isinstance(number, bool) or not isinstance(number, int | float | str):
        return _text(value)
    column = f"({_UNITS.get(unit.upper(), unit)})"
    is_known = grams(column) is not None and _NUMBER.fullmatch(str(number))
    return in_grams(str(number), column) if is_known else _text(value)


def _text(value: Any) -> Any:
    """Return a value without its type: the name, the address or the amount of an object."""
    if isinstance(value, list):
        texts = [text for item in value if (text := _text(item)) is not None]
        return texts[0] if len(texts) == 1 else texts or None
    if not isinstance(value, dict):
        return _term(value) if isinstance(value, str) else value
    if value.get("value") is not None:
        unit = value.get("unitText") or value.get("unitCode")
        return f"{value['value']} {unit}" if unit else value["value"]
    return next(
        (value[name] for name in ("name", "url", "contentUrl", "@id") if value.get(name)), None
    )
