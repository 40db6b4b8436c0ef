"""Query strings of lists: filters, order and page, parsed into one ``PageRequest``.

Parsing is a pure function of the text, so that its results may be cached.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from bson import Decimal128
from marshmallow import Schema, ValidationError, fields, missing, validate

from shared.http.errors import BadRequest, nearest
from shared.http.parameters import (
    QueryString,
    is_list,
    parse_query_string,
    refusal,
    sent_twice,
)
from shared.schema.attribute_rules import ATTRIBUTE_NAME
from shared.schema.cursor import decode as decode_cursor
from shared.schema.cursor import digest
from shared.schema.derived import sort_path
from shared.schema.fields import MAX_NAME, Whole
from shared.schema.filters import Reference, by_attributes
from shared.schema.search_query import check_words
from shared.schema.text import clean, clean_key, refused_in

MAX_FACETS = 10
MISSING_WORDS = "missing_words"  # the field with the words of a search that an item lacks
MAX_DEPTH = 10_000  # items that pages by number may skip and show

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A parsed query string: which items, in which order, which page, which fields.

    Attributes:
        filter: The filter for MongoDB.
        asked: The part of the filter that the parameters made.
        among: The values of which each path has one; the filter is ``asked`` and these.
        not_listed: The filter for items that lists of this reader leave out; empty for none.
        is_public: True if hidden items are left out, which other readers would see.
        seen: The filter for the items whose words may be shown to the reader; empty for all.
        equal: The value that each path is compared with.
        ranges: The lower and upper bound of each path.
        q: The text to search; empty for none.
        is_ordered: True if the items have an order of their own, instead of the best first.
        sort: The fields to order by, each with its direction.
        page: The number of the page.
        per: The size of a page.
        after: The values in the cursor; None for a page by number.
        bound: The digest that binds a cursor to this query.
        shown: The fields to show; empty for all.
        facets: The path of each facet to count.
        collapse: The field of which one item for each value is shown; empty for all items.
        deleted: True for the trash instead of the collection.
        parameters: The parameters under their canonical names, sorted; equal for equal requests.
        sent: The canonical name of each parameter, and the name as it was sent.
    """

    filter: dict[str, Any]
    asked: dict[str, Any]
    among: dict[str, tuple[Any, ...]]
    not_listed: dict[str, Any]
    is_public: bool
    seen: dict[str, Any]
    equal: dict[str, Any]
    ranges: dict[str, tuple[Any, Any]]
    q: str
    is_ordered: bool
    sort: tuple[tuple[str, int], ...]
    page: int
    per: int
    after: tuple[Any, ...] | None
    bound: bytes
    shown: tuple[str, ...]
    facets: dict[str, str]
    collapse: str
    deleted: bool
    parameters: tuple[tuple[str, str], ...]
    sent: tuple[tuple[str, str], ...]

    @property
    def parts(self) -> tuple[dict[str, Any], ...]:
        """The filters that divide the matches by their values in ``among``.

        MongoDB counts one value in an index alone, and several values by reading each document.
        """
        parts = [
            {"$and": [self.asked, {path: value}]} if self.asked else {path: value}
            for path, values in self.among.items()
            for value in values
        ]
        return tuple(parts) or (self.filter,)

    def url(self, path: str, page: int) -> str:
        """Return the canonical URL of another page of the same list."""
        return f"{path}?{urlencode((('page', page), ('per', self.per), *self.parameters))}"

    def url_after(self, path: str, cursor: str) -> str:
        """Return the canonical URL of the page after a cursor."""
        others = [pair for pair in self.parameters if pair[0] not in ("cursor", "facets")]
        return f"{path}?{urlencode((('per', self.per), ('cursor', cursor), *others))}"


class Query(Schema):
    """The query string of a list; a subclass adds filters, made by ``shared.schema.filters``.

    Attributes:
        sortable: The fields to order by besides ``id``, and combinations of fields that lists of
            any size can be ordered by, such as ``-price,name``.
        attributes: The field of a document that ``attr.x=``, ``attr.x__gte=`` and ``attr.x__lte=``
            filter by; empty for none.
        countable: The fields that ``facets=`` can count besides the attributes.
    """

    sortable: tuple[str, ...] = ()
    attributes: str = ""
    countable: tuple[str, ...] = ()

    page = Whole(
        1, strict=False, load_default=1, metadata={"description": "The page, up to item 10,000."}
    )
    per = Whole(
        1,
        100,
        strict=False,
        load_default=20,
        metadata={
            "aliases": ("page_size", "per_page", "limit"),
            "description": "How many items a page has.",
        },
    )
    q = fields.String(
        validate=[validate.Length(max=MAX_NAME), check_words],
        metadata={
            "aliases": ("search",),
            "blank": True,
            "description": "Words: items with all of them first, then items with most of them.",
        },
    )
    ordering = fields.String(
        metadata={
            "aliases": ("sort",),
            "list_of": "orders",
            "description": "The fields to order by, `-` before a field for descending order.",
        }
    )
    cursor = fields.String(
        validate=validate.Length(max=4000),
        metadata={"description": "The next page: `next_cursor` of a response to the same query."},
    )
    shown = fields.String(
        data_key="fields", metadata={"list_of": "names", "description": "The fields to show."}
    )
    facets = fields.String(
        metadata={"list_of": "facets", "description": "The fields whose values to count."}
    )
    deleted = fields.String(
        validate=validate.Equal("only", error="Is not valid; send deleted=only."),
        metadata={"description": "Show the trash instead."},
    )

    def parse(
        self, raw: bytes, showable: Iterable[str], collated: tuple[str, ...] = ()
    ) -> PageRequest:
        """Parse a query string.

        Args:
            raw: The query string as it was sent.
            showable: The fields that ``fields=`` accepts.
            collated: The texts that are ordered by their sort keys, see ``shared.schema.derived``.

        Raises:
            BadRequest: Names every parameter that is not valid.
        """
        is_open = "attr." if self.attributes else ""
        query = parse_query_string(raw, self._names, self._blank, self._lists, is_open)
        sent, errors = query.spellings, query.errors
        texts = self._canonical(query)
        conditions, attribute_errors = by_attributes(self.attributes, texts)
        errors |= attribute_errors
        values = self._values(texts, errors)
        for name, value in values.items():
            parameter = self.fields[name].data_key or name
            if parameter in texts and type(value) in (str, int):
                texts[parameter] = str(value)  # As its field cleans it.
        names = {*showable, *(["deleted_at"] if "deleted" in texts else [])}
        names |= {MISSING_WORDS} if "q" in texts and "deleted" not in texts else set()
        sort = _checked(lambda: self._sort(values.get("ordering", ""), collated), errors)
        shown = _checked(lambda: _shown(values.get("shown", ""), names), errors)
        facets = _checked(lambda: self._facets(values.get("facets", "")), errors)
        _checked(lambda: self._check_bounds(values, sent), errors)
        _checked(lambda: self.check_together(values), errors)
        if errors:
            raise refusal(raw, _by_spelling(errors, sent))
        conditions += self._conditions(values)
        q = values.get("q", "")
        is_ordered = "ordering" in texts
        bound = _bound(texts, sort)
        asked = {"$and": conditions} if len(conditions) > 1 else (conditions or [{}])[0]
        return PageRequest(
            filter=asked,
            asked=asked,
            among={},
            not_listed={},
            is_public=False,
            seen={},
            equal=self._equal(values),
            ranges=self._ranges(values),
            q=q,
            is_ordered=is_ordered,
            sort=sort,
            page=values["page"],
            per=values["per"],
            after=self._after(texts, bound, bool(q) and not is_ordered, len(sort)),
            bound=bound,
            shown=shown,
            facets=facets,
            collapse=values.get("collapse", ""),
            deleted=_only_deleted(texts),
            parameters=tuple(sorted((k, v) for k, v in texts.items() if k not in ("page", "per"))),
            sent=tuple(sent.items()),
        )

    def check_together(self, values: Mapping[str, Any]) -> None:
        """Raise ``ValidationError`` for filters that no item can match together.

        Args:
            values: The values of the parameters, by the names of their fields.
        """

    def _canonical(self, query: QueryString) -> dict[str, str]:
        """Return the parameters in one spelling for each meaning, and add to the errors.

        Values are clean, and values between commas are without blanks.
        """
        texts: dict[str, str] = {}
        for sent_name, sent in query.texts.items():
            is_open = sent_name not in self._canonical_names
            name = f"attr.{clean_key(sent_name.removeprefix('attr.'))}" if is_open else sent_name
            parts = sent.split(",") if name in self._lists else [sent]
            text = ",".join(filter(None, map(clean, parts)))
            if name in texts:
                query.errors[sent_name] = [sent_twice(sent_name, query.spellings[name])]
            elif place := refused_in(text, lines=True):
                query.errors[sent_name] = [f"Contains {place}; remove it."]
            elif text:
                texts[name] = text
                query.spellings[name] = query.spellings[sent_name]
            elif name not in self._blank:
                query.errors[sent_name] = ["Has no value; send one, or leave it out."]
        return texts

    def _values(self, texts: Mapping[str, str], errors: dict[str, list[str]]) -> dict[str, Any]:
        """Return the values of the parameters as ``load`` does, and add to the errors.

        ``load`` visits every field; most of some twenty are not sent, and cost nothing here.
        """
        values: dict[str, Any] = {}
        for name, field in self.load_fields.items():
            parameter = field.data_key or name
            if parameter in texts:
                try:
                    values[name] = field.deserialize(texts[parameter], parameter, texts)
                except ValidationError as error:
                    errors |= {parameter: error.messages}  # type: ignore[dict-item]
            elif field.load_default is not missing:
                values[name] = field.load_default
        return values

    def _conditions(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the conditions of the filters for MongoDB."""
        filters = ((self.fields[name].metadata.get("condition"), values[name]) for name in values)
        return [condition(value) for condition, value in filters if condition]

    def _equal(self, values: dict[str, Any]) -> dict[str, Any]:
        pairs = ((self.fields[name].metadata.get("path"), value) for name, value in values.items())
        return {path: value for path, value in pairs if path}

    def _ranges(self, values: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        ranges: dict[str, tuple[Any, Any]] = {}
        for name, value in values.items():
            bounds = self.fields[name].metadata
            if path := bounds.get("floor_of"):
                ranges[path] = (value, ranges.get(path, (None, None))[1])
            elif path := bounds.get("ceiling_of"):
                ranges[path] = (ranges.get(path, (None, None))[0], value)
        return ranges

    def _after(
        self, texts: dict[str, str], bound: bytes, is_ranked: bool, count: int
    ) -> tuple[Any, ...] | None:
        if "cursor" not in texts:
            return None
        if "page" in texts:
            raise BadRequest.parameter("cursor", "Is not allowed with page; leave page out.")
        if is_ranked:
            text = "Is not allowed in a search by relevance; add ordering."
            raise BadRequest.parameter("cursor", text)
        return decode_cursor(texts["cursor"], bound, count)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Map every accepted spelling of a parameter to the canonical one."""
        names = {}
        for name, field in self.fields.items():
            canonical = field.data_key or name
            for spelling in (canonical, *field.metadata.get("aliases", ())):
                names[spelling] = canonical
        return names

    @cached_property
    def references(self) -> dict[str, Reference]:
        """The references of the parameters that name an item of a collection."""
        return {
            field.data_key or name: field.metadata["reference"]
            for name, field in self.fields.items()
            if "reference" in field.metadata
        }

    @cached_property
    def _canonical_names(self) -> frozenset[str]:
        return frozenset(self._names.values())

    @cached_property
    def _lists(self) -> frozenset[str]:
        """The canonical names of the parameters that hold values between commas."""
        return frozenset(
            field.data_key or name for name, field in self.fields.items() if is_list(field)
        )

    @cached_property
    def _blank(self) -> frozenset[str]:
        """The canonical names of the parameters that may be blank."""
        return frozenset(
            field.data_key or name
            for name, field in self.fields.items()
            if field.metadata.get("blank")
        )

    def _facets(self, text: str) -> dict[str, str]:
        facets: dict[str, str] = {}
        for name in filter(None, map(str.strip, text.split(","))):
            attribute = name.removeprefix("attr.")
            if self.attributes and attribute != name and ATTRIBUTE_NAME.fullmatch(attribute):
                facets[name] = f"{self.attributes}.{attribute}"
            elif name in self.countable:
                facets[name] = name
            else:
                names = ", ".join((*self.countable, *(["attr.NAME"] if self.attributes else ())))
                advice = f"send some of {names}" if names else "leave facets out"
                raise ValidationError({"facets": [f"Cannot count {name!r}; {advice}."]})
        if len(facets) > MAX_FACETS:
            text = f"Names more than {MAX_FACETS} facets; send fewer."
            raise ValidationError({"facets": [text]})
        return facets

    def _sort(self, text: str, collated: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
        keys: dict[str, int] = {}
        for part in map(str.strip, text.split(",") if text else []):
            name, direction = part.removeprefix("-"), -1 if part[:1] == "-" else 1
            if name not in ("id", *self.sortable) or "," in name:
                names = ", ".join(("id", *self.sortable))
                text = f"Cannot order by {name!r}; send some of {names}."
                raise ValidationError({"ordering": [text]})
            if name in keys:
                raise ValidationError({"ordering": [f"Names {name} twice; name it once."]})
            keys[name] = direction
        # The id comes last, so that items with equal keys keep one order from page to page.
        last = [1, *keys.values()][-1]
        pairs = {
            ("_id" if name == "id" else sort_path(name, collated)): way
            for name, way in keys.items()
        }
        return tuple(({**pairs, "_id": pairs.get("_id", last)}).items())

    def _check_bounds(self, values: dict[str, Any], sent: dict[str, str]) -> None:
        if values.get("page", 1) * values.get("per", 1) > MAX_DEPTH:
            text = f"Is beyond the first {MAX_DEPTH:,} items; go on with the cursor of links.next."
            raise ValidationError({"page": [text]})
        floors = {self.fields[n].metadata.get("floor_of"): (n, v) for n, v in values.items()}
        for name, value in values.items():
            path = self.fields[name].metadata.get("ceiling_of")
            if path and path in floors and _comparable(floors[path][1]) > _comparable(value):
                ceiling = sent.get(name, name)
                text = f"Is more than {ceiling}; send at most that."
                raise ValidationError({floors[path][0]: [text]})


def _only_deleted(texts: Mapping[str, str]) -> bool:
    """Return True for a request for the trash, which has one order."""
    if "deleted" not in texts:
        return False
    if extra := sorted(texts.keys() & {"ordering", "cursor", "facets", "collapse"}):
        text = "Is not allowed for the trash, which has one order: the latest deletion first."
        raise BadRequest.parameters({name: [text] for name in extra})
    return True


def _checked(parse: Callable[[], T], errors: dict[str, list[str]]) -> T:
    """Return the result of a function, or add its errors and return an unused value."""
    try:
        return parse()
    except ValidationError as error:
        errors |= error.messages_dict
        return cast(T, ())


def _by_spelling(errors: Mapping[str, list[str]], sent: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the errors by the names of the parameters as they were sent."""
    messages: dict[str, list[str]] = {}
    for name, reasons in errors.items():
        messages.setdefault(sent.get(name, name), []).extend(reasons)
    return messages


def _bound(texts: Mapping[str, str], sort: tuple[tuple[str, int], ...]) -> bytes:
    """Return the digest of the parameters that decide which items come in which order.

    The order is that of the stored fields, whose values a cursor has.
    """
    free = ("page", "per", "cursor", "fields", "facets", "ordering")
    pairs = sorted((k, v) for k, v in texts.items() if k not in free)
    order = [("ordering", sort)] if "ordering" in texts else []
    return digest(urlencode([*pairs, *order]))


def _comparable(value: Any) -> Any:
    return value.to_decimal() if isinstance(value, Decimal128) else value


def _shown(text: str, showable: set[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(","))) if text else ()
    for name in names:
        if name not in showable:
            text = f"Unknown field {name!r}{nearest(name, showable)}"
            raise ValidationError({"fields": [text]})
    return names
