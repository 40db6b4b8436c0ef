"""Visibility: which items a reader finds, by the value of one field such as ``status``.

A ``Resource`` declares it once.  The kit then narrows each list, search, facet and total, hides
items and their changes, and keeps the cached lists of the two kinds of readers apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.http.errors import Forbidden
from shared.http.tokens import Principal
from shared.schema.query import PageRequest
from shared.schema.serialization import Document
from shared.storage.repository import both


@dataclass(frozen=True, slots=True)
class Visibility:
    """Three kinds of items: public, unlisted and hidden ones.

    A public item is in each list.  An unlisted item is answered by id and slug, and is in a list
    that asks for its value.  An item with any other value is hidden: only a caller with one of the
    scopes finds it, by id, by slug and in lists.

    Args:
        field: The stored field, which is also the parameter of the filter by it.
        public: The values of public items.  An item without a value counts as the first of them.
        unlisted: The values of unlisted items.
        scopes: The scopes of which a caller needs one to see hidden items.
    """

    field: str
    public: tuple[str, ...]
    unlisted: tuple[str, ...]
    scopes: tuple[str, ...]

    def is_hidden(self, document: Mapping[str, Any]) -> bool:
        """Return True if only callers with a scope see a stored document."""
        value = document.get(self.field)
        # MongoDB compares each element of a list, which only a hand edit can store.
        values = value if isinstance(value, list) else [value]
        return not any(each is None or each in (*self.public, *self.unlisted) for each in values)

    def sees_hidden(self, principal: Principal) -> bool:
        """Return True if a caller sees hidden items."""
        return any(map(principal.may, self.scopes))

    def asks_hidden(self, page_request: PageRequest) -> bool:
        """Return True if a query string asks for hidden items."""
        asked = page_request.equal.get(self.field)
        return asked not in (None, *self.public, *self.unlisted)

    @property
    def not_hidden(self) -> Document:
        """The filter for items that each reader finds."""
        return {self.field: {"$in": [*self.public, *self.unlisted, None]}}

    @property
    def not_listed(self) -> Document:
        """The filter for items that are in no public list."""
        return {self.field: {"$nin": [*self.public, None]}}

    def narrow(self, page_request: PageRequest, sees_hidden: bool) -> PageRequest:
        """Return the request for the items among the matches that a reader sees.

        Raises:
            Forbidden: The request is for hidden items, and the reader sees none.
        """
        asked = page_request.equal.get(self.field)
        if asked is None and sees_hidden:
            return replace(
                page_request,
                filter=both(page_request.asked, {self.field: {"$nin": [*self.unlisted]}}),
                not_listed={self.field: {"$in": [*self.unlisted]}},
            )
        if asked is None:
            narrowed = self._narrow_to_values(page_request, self.public)
            return replace(narrowed, not_listed=self.not_listed, is_public=True)
        if asked == self.public[0]:
            return self._narrow_to_values(page_request, (asked,))
        if self.asks_hidden(page_request) and not sees_hidden:
            raise Forbidden(f"Items whose {self.field} is {asked} need a scope.")
        if self.asks_hidden(page_request):
            return page_request
        return replace(page_request, seen=self.not_hidden)  # One answer for readers of both kinds.

    def _narrow_to_values(self, page_request: PageRequest, values: tuple[str, ...]) -> PageRequest:
        """Keep the items with one of these values, or without a value."""
        equal = {self.field: page_request.equal.get(self.field)}
        conditions = page_request.asked.get("$and", [page_request.asked])
        others = [condition for condition in conditions if condition != equal]
        asked = {"$and": others} if len(others) > 1 else (others or [{}])[0]
        either = (*values, None)
        return replace(
            page_request,
            asked=asked,
            filter=both(asked, {self.field: {"$in": [*either]}}),
            among={self.field: either},
            seen=self.not_hidden,
            equal={path: value for path, value in page_request.equal.items() if path != self.field},
        )
