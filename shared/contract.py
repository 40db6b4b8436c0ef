"""What a route takes and gives, declared on its view: the OpenAPI document is made of it.

The declaration is an attribute of the view and changes nothing of what it does, but for one: the
query parameters that a write has are those declared here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from flask import current_app, request
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
    """One answer: its shape (None for no JSON), its media types, and headers of its own."""

    shape: Shape | None
    media: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """All that is declared of a view.

    ``query`` maps parameters to fields, or is the schema of a whole query string; ``headers`` are
    request headers it heeds; ``errors`` are statuses that not every route like it has.
    """

    body: Shape | None = None
    optional: bool = False
    media: tuple[str, ...] = (JSON,)
    query: Mapping[str, fields.Field[Any]] | type[Schema] | str = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    answers: Mapping[int, tuple[Answer, ...]] = field(default_factory=dict)
    errors: tuple[int, ...] = ()


def of(view: Callable[..., Any]) -> Contract:
    """Return what is declared of a view."""
    declared: Contract = getattr(view, "contract", Contract())
    return declared


def takes(
    body: Shape | None = None,
    *,
    media: tuple[str, ...] = (JSON,),
    optional: bool = False,
    query: type[Schema] | str = "",
    headers: tuple[str, ...] = (),
    **parameters: fields.Field[Any],
) -> Callable[[View], View]:
    """Declare the body, the query string and the headers of a view's request."""

    def mark(view: View) -> View:
        known = of(view)
        if body is not None:
            known = replace(known, body=body, media=media, optional=optional)
        if query:
            known = replace(known, query=query)
        elif parameters:
            before = known.query if isinstance(known.query, Mapping) else {}
            known = replace(known, query={**before, **parameters})
        return _marked(view, replace(known, headers=(*known.headers, *headers)))

    return mark


def gives(
    shape: Shape | None,
    status: int = 200,
    *,
    media: tuple[str, ...] = (JSON,),
    headers: tuple[str, ...] = (),
    conditional: bool = False,
    errors: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Declare an answer of a view, besides those declared already.

    A ``conditional`` one is a 304 for whom it is the same as before; ``errors`` are statuses that
    not every view like it answers.
    """

    def mark(view: View) -> View:
        known = of(view)
        same = (*known.answers.get(status, ()), Answer(shape, media, headers))
        answers = {**known.answers, status: same}
        if conditional:
            answers[304] = (Answer(None, (), headers),)
        return _marked(view, replace(known, answers=answers, errors=(*known.errors, *errors)))

    return mark


def like(other: Callable[..., Any]) -> Callable[[View], View]:
    """Declare that a view takes and gives what another one does."""
    return lambda view: _marked(view, of(other))


def parameters() -> tuple[str, ...]:
    """Return the query parameters that are declared of the view of this request."""
    query = of(current_app.view_functions[str(request.endpoint)]).query
    return tuple(query) if isinstance(query, Mapping) else ()


def _marked(view: View, known: Contract) -> View:
    view.contract = known  # type: ignore[attr-defined]
    return view
