"""Rows of XML: the repeated element of a feed or an export, such as ``item`` or ``product``.

An element becomes a column by its name without the prefix.  ``<price currency="EUR">5</price>`` is
the columns ``price`` and ``price_currency``; an element with others in it is an object; one that is
repeated, a list.  Entities that a file declares are refused, because a few of them fill the memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from vitrine.errors import StackError
from vitrine.transfer.files.csv_rows import Row
from vitrine.transfer.texts import clean_row

CHUNK_BYTES = 1 << 16
MAX_DEPTH = 50  # elements in each other
MAX_PLACES = 5_000  # different places of elements in a file
TEXT = "text"  # the text of an element with attributes, in a list

_GOOGLE = "http://base.google.com/ns/1.0"  # its names win over those of RSS and Atom
# Attributes about the XML itself.
_FORMAL = ("{http://www.w3.org/2001/XMLSchema-instance}", "{http://www.w3.org/XML/1998/namespace}")
# Names of the elements that are rows, by what is imported.  The outermost element with one of the
# names is a row; of those of one depth, the first name counts.
_NAMES = {
    "products": (
        *("item", "entry", "product", "offer", "shopitem", "produkt", "artikel", "article"),
        *("produit", "producto", "articulo", "prodotto", "articolo"),
    ),
    "clients": ("client", "customer", "kunde", "cliente"),
    "categories": ("category", "kategorie", "categorie", "categoria"),
    "orders": ("order", "bestellung", "commande", "pedido", "ordine"),
}
_ANY = ("item", "entry", "row", "record")

Place = tuple[str, ...]  # the names from the root


def xml_rows(file: BinaryIO, path: str, resource: str = "") -> Iterator[Row]:
    """Yield the rows of a file in UTF-8, numbered from 1.

    Args:
        file: The file.
        path: Its name, for errors.
        resource: What is imported, such as products.

    Raises:
        StackError: The file is not XML, declares entities, or has no element that is a row.
    """
    start = file.tell()
    survey = _Survey()
    for _ in _fed(file, survey, path):
        pass
    rows = _Rows(_row_place(survey, path, resource))
    file.seek(start)
    number = 0
    for _ in _fed(file, rows, path):
        for value in rows.taken():
            number += 1
            yield number, value


def _fed(file: BinaryIO, target: Any, path: str) -> Iterator[None]:
    """Feed a file to a target, and pause after each part of it."""
    # The file was decoded before, so that the encoding it declares does not count.
    parser = DefusedXMLParser(target=target, encoding="utf-8")
    try:
        while chunk := file.read(CHUNK_BYTES):
            parser.feed(chunk)
            yield
        parser.close()
        yield
    except DefusedXmlException as error:
        raise StackError(
            f"{path} declares entities, which are not read. Export it without a DOCTYPE."
        ) from error
    except ParseError as error:
        raise StackError(f"{path} is not XML: {error}. Export it again.") from error


def _local(tag: str) -> str:
    """Return the name of an element without its namespace."""
    return tag.rpartition("}")[2]


class _Survey:
    """Target of the parser that counts elements by their place.

    Attributes:
        counts: The number of elements at each place.
        parents: The places of elements with several others or attributes in them.
    """

    def __init__(self) -> None:
        self.counts: dict[Place, int] = {}
        self.parents: set[Place] = set()
        self._place: Place = ()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Count an element."""
        parent = self._place
        self._place = (*parent, _local(tag))
        if len(self._place) > MAX_DEPTH:
            raise StackError(f"The XML is nested too deep: more than {MAX_DEPTH} elements.")
        if self._place in self.counts or len(self.counts) < MAX_PLACES:
            self.counts[self._place] = self.counts.get(self._place, 0) + 1
        self.parents.add(parent)
        if len(attributes) > 1:
            self.parents.add(self._place)

    def end(self, tag: str) -> None:
        """Leave an element."""
        self._place = self._place[:-1]

    def close(self) -> None:
        """End the file."""


def _row_place(survey: _Survey, path: str, resource: str) -> Place:
    """Return the place of the elements that are rows, or raise ``StackError``."""
    places = [place for place in survey.counts if place in survey.parents]
    names = (*_NAMES.get(resource, ()), *_ANY)
    named = _shallowest(place for place in places if place[-1].casefold() in names)
    if named:
        first = min(names.index(place[-1].casefold()) for place in named)
        chosen = [place for place in named if place[-1].casefold() == names[first]]
        return _only(chosen, path)
    repeated = _shallowest(place for place in places if survey.counts[place] > 1 and len(place) > 1)
    if repeated:
        return _only(repeated, path)
    raise StackError(
        f"{path} has no element such as item or product that is repeated. Export the rows as "
        "elements of one name, or as CSV."
    )


def _shallowest(places: Iterable[Place]) -> list[Place]:
    """Return the places with the fewest names: an item within a product is a part of it."""
    all_places = list(places)
    depth = min(map(len, all_places), default=0)
    return [place for place in all_places if len(place) == depth]


def _only(places: Sequence[Place], path: str) -> Place:
    """Return the one place; raise ``StackError`` if there are several."""
    if len(places) > 1:
        names = ", ".join("/".join(place) for place in places)
        raise StackError(f"{path} has several lists: {names}. Write the one to import as a file.")
    return places[0]


@dataclass(slots=True)
class _Element:
    """An element that is being read."""

    tag: str
    attributes: dict[str, str]
    children: dict[str, list[Any]] = field(default_factory=dict)
    own_text: list[str] = field(default_factory=list)
    whole_text: list[str] = field(default_factory=list)  # with the texts of its children

    def value(self, prefixes: dict[str, str]) -> Any:
        """Return a text, an object, or None for an empty element."""
        text = "".join(self.own_text).strip()
        attributes = {
            _local(name): value
            for name, value in self.attributes.items()
            if not name.startswith(_FORMAL)
        }
        if self.children and text:
            return "".join(self.whole_text).strip()  # Words with markup between them.
        if not self.children:
            return attributes | ({TEXT: text} if text else {}) if attributes else text or None
        members = self._members(prefixes)
        # A child wins over an attribute of its name.
        own = {
            f"{name}_attribute" if name in members else name: value
            for name, value in attributes.items()
            if value
        }
        return own | members

    def _members(self, prefixes: dict[str, str]) -> dict[str, Any]:
        """Return the children by name; of two with one name, one gets its prefix."""
        members: dict[str, Any] = {}
        google_first = sorted(self.children, key=lambda tag: not tag.startswith(f"{{{_GOOGLE}}}"))
        names: dict[str, str] = {}
        for tag in google_first:
            name, space = _local(tag), tag[1:].partition("}")[0]
            is_taken = name in names.values()
            prefix = prefixes.get(space) or "feed"
            names[tag] = f"{prefix}_{name}" if is_taken else name
        for tag, values in self.children.items():
            filled = [value for value in values if value is not None]
            if not filled:
                continue
            if len(filled) > 1:
                members[names[tag]] = filled
            else:
                members |= _spread(names[tag], filled[0])
        return members


def _spread(name: str, value: Any) -> dict[str, Any]:
    """Return a child as columns: its text, and its attributes by their own names."""
    if not isinstance(value, dict) or TEXT not in value:
        return {name: value}
    others = {f"{name}_{key}": inner for key, inner in value.items() if key != TEXT}
    return {name: value[TEXT], **others}


class _Rows:
    """Target of the parser that builds the elements at one place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._path: list[str] = []
        self._open: list[_Element] = []
        self._rows: list[dict[str, Any] | str] = []
        self._prefixes: dict[str, str] = {}

    def taken(self) -> list[dict[str, Any] | str]:
        """Return the rows that were completed since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def start_ns(self, prefix: str, uri: str) -> None:
        """Remember the prefix of a namespace."""
        self._prefixes.setdefault(uri, prefix)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        self._path.append(_local(tag))
        if self._open or tuple(self._path) == self._place:
            self._open.append(_Element(tag, dict(attributes)))

    def data(self, text: str) -> None:
        """Add a text to the open element."""
        if self._open:
            self._open[-1].own_text.append(text)
            self._open[-1].whole_text.append(text)

    def end(self, tag: str) -> None:
        """Close an element: it becomes a row, or a value in its parent."""
        self._path.pop()
        if not self._open:
            return
        element = self._open.pop()
        value = element.value(self._prefixes)
        if self._open:
            self._open[-1].children.setdefault(element.tag, []).append(value)
            self._open[-1].whole_text.extend(element.whole_text)
        elif isinstance(value, dict):
            self._rows.append(clean_row(value))
        elif value is not None:
            self._rows.append("Has a text instead of elements.")

    def close(self) -> None:
        """End the file."""
