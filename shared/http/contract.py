"""What a route takes and gives, declared on its view: the OpenAPI document is made of it.

The declaration is an attribute of the view and changes nothing of what it does, but for one: the
query parameters that a write has are those declared here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from marshmallow import Schema, fields

JSON = "application/json"
FORM = "multipart/form-data"
MERGE_PATCH = "application/merge-patch+json"
# What belongs to the resource itself, whichever it is: a new item, changes to one, one as it is, a
# selection of its fields, a page of them, and the query string of a list.
NEW, CHANGES, ITEM, SELECTION, PAGE, LIST = "new", "changes", "item", "selection", "page", "list"
FILES = "files"
CONDITIONS = ("If-Match", "If-None-Match")
CACHED = ("Cache-Control", "Cache-Status", "Server-Timing")


@dataclass(frozen=True, slots=True)
class Batch:
    """The body of a batch: an array of such items, or an object with an array ``items``."""

    of: "Shape"


Shape = type[Schema] | fields.Field[Any] | Batch | str
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its shape in JSON, or its other media types, and headers of its own."""

    shape: Shape | None
    media: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request: its shape, its media types, and whether there may be none."""

    shape: Shape
    media: tuple[str, ...] = (JSON,)
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """All that is declared of a view.

    ``query`` maps parameters to fields, or is the schema of a whole query string; ``headers`` are
    request headers it heeds; ``errors`` are statuses that not every route like it has.
    """

    body: Body | None = None
    query: Mapping[str, fields.Field[Any]] | type[Schema] | str = ""
    headers: tuple[str, ...] = ()
    answers: Mapping[int, tuple[Answer, ...]] = field(default_factory=dict)
    errors: tuple[int, ...] = ()

    def __or__(self, other: "Contract") -> "Contract":
        """Return what both declare; of body and query string, what the other does."""
        query = other.query or self.query
        if isinstance(self.query, Mapping) and isinstance(other.query, Mapping):
            query = {**self.query, **other.query}
        mine, others = self.answers, other.answers
        return Contract(
            other.body or self.body,
            query,
            (*self.headers, *other.headers),
            {n: (*mine.get(n, ()), *others.get(n, ())) for n in (*mine, *others)},
            (*self.errors, *other.errors),
        )


def contract_of(view: Callable[..., Any]) -> Contract:
    """Return what is declared of a view."""
    declared: Contract = getattr(view, "contract", Contract())
    return declared


def accepts(
    body: Shape | None = None,
    *,
    media: tuple[str, ...] = (JSON,),
    optional: bool = False,
    query: type[Schema] | str = "",
    headers: tuple[str, ...] = (),
    **parameters: fields.Field[Any],
) -> Callable[[View], View]:
    """Declare the body, the query string and the headers of a view's request."""
    given = None if body is None else Body(body, media, optional)
    return _marking(Contract(given, query or parameters, headers))


def returns(
    shape: Shape | None,
    status: int = 200,
    *,
    media: tuple[str, ...] = (),
    headers: tuple[str, ...] = (),
    conditional: bool = False,
    errors: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Declare one answer of a view.

    A ``conditional`` one is a 304 for whom it is the same as before; ``errors`` are statuses that
    not every view like it answers.
    """
    answers = {status: (Answer(shape, media, headers),)}
    answers |= {304: (Answer(None, (), headers),)} if conditional else {}
    return _marking(Contract(answers=answers, errors=errors))


def like(other: Callable[..., Any]) -> Callable[[View], View]:
    """Declare that a view takes and gives what another one does, besides what it says itself."""
    return _marking(contract_of(other))


def _marking(declared: Contract) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.contract = declared | contract_of(view)  # type: ignore[attr-defined]
        return view

    return mark
