"""Contract of a view: what it accepts and returns, from which the OpenAPI document is made.

The declaration is an attribute of the view.  It documents the view and does not change it, with
one exception: ``read_parameters`` accepts the query parameters that are declared here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from marshmallow import Schema, fields

JSON = "application/json"
FORM = "multipart/form-data"
MERGE_PATCH = "application/merge-patch+json"
# Shapes of the resource of the service: a new item, changes to an item, an item, a page of items,
# and the query string of a list.
NEW, CHANGES, ITEM, PAGE, LIST = "new", "changes", "item", "page", "list"
FILES = "files"
CONDITIONS = ("If-Match", "If-None-Match")
CACHED = ("Cache-Status", "Server-Timing")


@dataclass(frozen=True, slots=True)
class Batch:
    """The body of a batch: an array of items of one shape, or an object with an array ``items``."""

    of: "Shape"


Shape = type[Schema] | fields.Field[Any] | Batch | str
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its shape in JSON, or its other media types, and its headers."""

    shape: Shape | None
    media: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request: its shape, its media types, and True if it is optional."""

    shape: Shape
    media: tuple[str, ...] = (JSON,)
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """The declaration of a view.

    Attributes:
        body: The body of the request.
        query: A field for each query parameter, or the schema of the query string.
        headers: The request headers that the view honours.
        answers: The responses for each status.
        errors: The statuses of errors that other views with the same method do not have.
    """

    body: Body | None = None
    query: Mapping[str, fields.Field[Any]] | type[Schema] | str = ""
    headers: tuple[str, ...] = ()
    answers: Mapping[int, tuple[Answer, ...]] = field(default_factory=dict)
    errors: tuple[int, ...] = ()

    def __or__(self, other: "Contract") -> "Contract":
        """Return both declarations in one; ``other`` wins for the body and the query string."""
        query = other.query or self.query
        if isinstance(self.query, Mapping) and isinstance(other.query, Mapping):
            query = {**self.query, **other.query}
        answers = {
            status: (*self.answers.get(status, ()), *other.answers.get(status, ()))
            for status in (*self.answers, *other.answers)
        }
        return Contract(
            other.body or self.body,
            query,
            (*self.headers, *other.headers),
            answers,
            (*self.errors, *other.errors),
        )


def contract_of(view: Callable[..., Any]) -> Contract:
    """Return the declaration of a view, which is empty if it has none."""
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
    """Declare the request of a view.

    Args:
        body: The shape of the body; None for no body.
        media: The media types of the body.
        optional: True if the body may be left out.
        query: The schema of the query string, instead of ``parameters``.
        headers: The request headers that the view honours.
        parameters: A field for each query parameter.
    """
    accepted = None if body is None else Body(body, media, optional)
    return _declaring(Contract(accepted, query or parameters, headers))


def returns(
    shape: Shape | None,
    status: int = 200,
    *,
    media: tuple[str, ...] = (),
    headers: tuple[str, ...] = (),
    conditional: bool = False,
    errors: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Declare a response of a view.

    Args:
        shape: The shape of the JSON; None for no JSON.
        status: The HTTP status.
        media: Other media types, instead of JSON.
        headers: The headers of the response.
        conditional: True if a client that has the response already gets a 304.
        errors: The statuses of errors that other views with the same method do not have.
    """
    answers = {status: (Answer(shape, media, headers),)}
    answers |= {304: (Answer(None, (), headers),)} if conditional else {}
    return _declaring(Contract(answers=answers, errors=errors))


def like(other: Callable[..., Any]) -> Callable[[View], View]:
    """Declare that a view accepts and returns what another view does, and what it declares."""
    return _declaring(contract_of(other))


def _declaring(declared: Contract) -> Callable[[View], View]:
    def declare(view: View) -> View:
        view.contract = declared | contract_of(view)  # type: ignore[attr-defined]
        return view

    return declare
