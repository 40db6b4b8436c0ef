"""Query strings: filters, order and page, parsed into one ``PageRequest``.

Parsing is a pure function of the text, so its result may be remembered.  A parameter has a type
and an operator; neither can be sent, so operators cannot be injected.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from bson import Decimal128
from marshmallow import Schema, ValidationError, fields, missing, validate

from shared.http import parameters
from shared.http.errors import BadRequest, nearest
from shared.schema.attribute_rules import ATTRIBUTE_NAME
from shared.schema.cursor import decode as decode_cursor
from shared.schema.cursor import digest
from shared.schema.fields import Whole
from shared.schema.filters import by_attributes
from shared.schema.search_terms import Search

MAX_FACETS = 10
MAX_DEPTH = 10_000  # Documents that MongoDB may be asked to skip.

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What to find, in which order, which page of it, and which fields to show.

    ``equal`` are the values that paths are filtered by, ``ranges`` the floor and ceiling of paths;
    ``q`` is a text to search by relevance, empty when there is an order.  ``after`` are the values
    behind which a cursor goes on, None for a page by number, ``bound`` what binds a cursor to this
    query.  ``facets`` maps what is to be counted to its path; ``deleted`` asks for the trash
    instead.  ``given`` holds the parameters under their canonical names, sorted: equal requests
    have equal ``given``.  ``sent`` are the names of all parameters as they were sent.
    """

    filter: dict[str, Any]
    equal: dict[str, Any]
    ranges: dict[str, tuple[Any, Any]]
    q: str
    sort: tuple[tuple[str, int], ...]
    page: int
    per: int
    after: tuple[Any, ...] | None
    bound: bytes
    shown: tuple[str, ...]
    facets: dict[str, str]
    deleted: bool
    given: tuple[tuple[str, str], ...]
    sent: tuple[str, ...]

    def url(self, path: str, page: int) -> str:
        """Return the canonical URL of another page of the same list."""
        return f"{path}?{urlencode((('page', page), ('per', self.per), *self.given))}"

    def url_behind(self, path: str, cursor: str) -> str:
        """Return the canonical URL of the page behind a cursor."""
        others = [pair for pair in self.given if pair[0] not in ("cursor", "facets")]
        return f"{path}?{urlencode((('per', self.per), ('cursor', cursor), *others))}"


class Query(Schema):
    """The query string of a collection; a subclass adds filters, made by ``shared.schema.filters``.

    ``sortable`` are the fields one may order by, besides ``id``, and what is ordered by several of
    them at any size, such as ``-price,name``.  ``attributes`` names the document's field that
    ``attr.x=``, ``attr.x__gte=`` and ``attr.x__lte=`` look into.  ``countable`` are the fields that
    ``facets=`` may count, besides the attributes.
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
        validate=validate.Length(max=200),
        metadata={
            "aliases": ("search",),
            "blank": True,
            "description": "Words that all have to be there, or begin a word; the best first.",
        },
    )
    ordering = fields.String(
        metadata={
            "aliases": ("sort",),
            "list_of": "orders",
            "description": "What to order by, `-` before what is to go down.",
        }
    )
    cursor = fields.String(
        validate=validate.Length(max=4000),
        metadata={"description": "Where to go on: `next_cursor` of an answer to the same query."},
    )
    shown = fields.String(
        data_key="fields", metadata={"list_of": "names", "description": "The fields to show."}
    )
    facets = fields.String(
        metadata={"list_of": "facets", "description": "What to count the values of."}
    )
    deleted = fields.String(
        validate=validate.Equal("only"), metadata={"description": "Show the trash instead."}
    )

    def parse(self, raw: bytes, showable: Iterable[str]) -> PageRequest:
        """Read a query string, as it came, or raise ``BadRequest`` naming every bad parameter.

        ``showable`` are the field names that ``fields=`` may ask for.
        """
        is_open = "attr." if self.attributes else ""
        query = parameters.parse(raw, self._names, self._blank, is_open)
        given, sent, errors = query.texts, query.spellings, query.errors
        conditions, wrong = by_attributes(self.attributes, given)
        errors |= wrong
        values = self._values(given, errors)
        known = {*showable, *(["deleted_at"] if "deleted" in given else [])}
        sort = _checked(lambda: self._sort(values.get("ordering", "")), errors)
        shown = _checked(lambda: _shown(values.get("shown", ""), known), errors)
        facets = _checked(lambda: self._facets(values.get("facets", "")), errors)
        _checked(lambda: self._check_bounds(values, sent), errors)
        if errors:
            messages: dict[str, list[str]] = {}
            for name, texts in errors.items():
                messages.setdefault(sent.get(name, name), []).extend(texts)
            raise BadRequest.parameters(messages)
        for name, value in values.items():
            if "condition" in self.fields[name].metadata:
                conditions.append(self.fields[name].metadata["condition"](value))
        q = values.get("q", "")
        if q and "ordering" in given:
            conditions, q = [*conditions, Search(q).anywhere], ""
        bound = _bound(given)
        return PageRequest(
            filter={"$and": conditions} if len(conditions) > 1 else (conditions or [{}])[0],
            equal=self._equal(values),
            ranges=self._ranges(values),
            q=q,
            sort=sort,
            page=values["page"],
            per=values["per"],
            after=self._after(given, bound, q, len(sort)),
            bound=bound,
            shown=shown,
            facets=facets,
            deleted=_only_deleted(given),
            given=tuple(sorted((k, v) for k, v in given.items() if k not in ("page", "per"))),
            sent=tuple(sent.values()),
        )

    def _values(self, given: Mapping[str, str], errors: dict[str, list[str]]) -> dict[str, Any]:
        """Return what the parameters mean, as ``load`` does, and note what is wrong.

        Of twenty fields a query string has two or three, so the others cost nothing here.
        """
        values: dict[str, Any] = {}
        for name, field in self.load_fields.items():
            spelt = field.data_key or name
            if spelt in given:
                try:
                    values[name] = field.deserialize(given[spelt], spelt, given)
                except ValidationError as error:
                    errors |= {spelt: error.messages}  # type: ignore[dict-item]
            elif field.load_default is not missing:
                values[name] = field.load_default
        return values

    def _equal(self, values: dict[str, Any]) -> dict[str, Any]:
        known = ((self.fields[name].metadata.get("path"), value) for name, value in values.items())
        return {path: value for path, value in known if path}

    def _ranges(self, values: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        found: dict[str, tuple[Any, Any]] = {}
        for name, value in values.items():
            bounds = self.fields[name].metadata
            if path := bounds.get("floor_of"):
                found[path] = (value, found.get(path, (None, None))[1])
            elif path := bounds.get("ceiling_of"):
                found[path] = (found.get(path, (None, None))[0], value)
        return found

    def _after(
        self, given: dict[str, str], bound: bytes, q: str, count: int
    ) -> tuple[Any, ...] | None:
        if "cursor" not in given:
            return None
        wrong = ""
        if "page" in given:
            wrong = "Goes on by itself; leave page out."
        elif q:
            wrong = "A search by relevance has none; add ordering."
        if wrong:
            raise BadRequest.parameter("cursor", wrong)
        return decode_cursor(given["cursor"], bound, count)

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
    def _blank(self) -> frozenset[str]:
        """The canonical names of the parameters that may be blank."""
        return frozenset(
            field.data_key or name
            for name, field in self.fields.items()
            if field.metadata.get("blank")
        )

    def _facets(self, text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in filter(None, map(str.strip, text.split(","))):
            attribute = name.removeprefix("attr.")
            if self.attributes and attribute != name and ATTRIBUTE_NAME.fullmatch(attribute):
                found[name] = f"{self.attributes}.{attribute}"
            elif name in self.countable:
                found[name] = name
            else:
                known = ", ".join((*self.countable, *(["attr.NAME"] if self.attributes else ())))
                text = f"Counts {known}." if known else "There are none here."
                raise ValidationError({"facets": [f"Cannot count {name!r}. {text}"]})
        if len(found) > MAX_FACETS:
            raise ValidationError({"facets": [f"Names more than {MAX_FACETS}."]})
        return found

    def _sort(self, text: str) -> tuple[tuple[str, int], ...]:
        keys: dict[str, int] = {}
        for part in map(str.strip, text.split(",") if text else []):
            name, direction = part.removeprefix("-"), -1 if part[:1] == "-" else 1
            if name not in ("id", *self.sortable) or "," in name:
                known = ", ".join(("id", *self.sortable))
                raise ValidationError({"ordering": [f"Cannot order by {name!r}, only by {known}."]})
            if name in keys:
                raise ValidationError({"ordering": [f"Names {name} twice."]})
            keys[name] = direction
        # The id comes last, so that equal keys keep one order from page to page.
        last = [1, *keys.values()][-1]
        pairs = {("_id" if name == "id" else name): way for name, way in keys.items()}
        return tuple(({**pairs, "_id": pairs.get("_id", last)}).items())

    def _check_bounds(self, values: dict[str, Any], sent: dict[str, str]) -> None:
        if values.get("page", 1) * values.get("per", 1) > MAX_DEPTH:
            text = f"Beyond the first {MAX_DEPTH:,} items; go on with the cursor of links.next."
            raise ValidationError({"page": [text]})
        floors = {self.fields[n].metadata.get("floor_of"): (n, v) for n, v in values.items()}
        for name, value in values.items():
            path = self.fields[name].metadata.get("ceiling_of")
            if path and path in floors and _comparable(floors[path][1]) > _comparable(value):
                ceiling = sent.get(name, name)
                raise ValidationError({floors[path][0]: [f"Is more than {ceiling}."]})


def _only_deleted(given: Mapping[str, str]) -> bool:
    """Whether the trash is asked for; it comes in the order of deletion and is not narrowed."""
    if "deleted" not in given:
        return False
    if extra := sorted(given.keys() - {"deleted", "page", "per", "fields"}):
        text = "Is not for the trash, which takes only page, per and fields."
        raise BadRequest.parameters({name: [text] for name in extra})
    return True


def _checked(part: Callable[[], T], errors: dict[str, list[str]]) -> T:
    """Return a part of what was asked, or note what is wrong with it and return nothing of use."""
    try:
        return part()
    except ValidationError as error:
        errors |= error.messages_dict
        return cast(T, ())


def _bound(given: Mapping[str, str]) -> bytes:
    """Return what a cursor is bound to: all that says which items come in which order."""
    free = ("page", "per", "cursor", "fields", "facets")
    return digest(urlencode(sorted((k, v) for k, v in given.items() if k not in free)))


def _comparable(value: Any) -> Any:
    return value.to_decimal() if isinstance(value, Decimal128) else value


def _shown(text: str, showable: set[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(","))) if text else ()
    for name in names:
        if name not in showable:
            raise ValidationError({"fields": [f"No field {name!r}{nearest(name, showable)}"]})
    return names
