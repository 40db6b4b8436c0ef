"""Derived fields: what each stored document holds besides the values that clients send.

* ``terms``: the words that a search finds it by.
* ``sort_keys``: for each text that lists are ordered by, the key of its order.  MongoDB has
  collations, too, but a query has one for its filters and its order together: a list ordered
  without a look at case and accents would also be filtered so.
* ``group_variant``: its group and options in one text, where items form groups, of which no two
  documents share one.

Two releases may run at once, with two rules for search terms.  The terms name their rule
(``search_terms.rule_of``).  A release replaces terms of a newer rule only if it changes what they
are made of, and the follower of the newer one then replaces its terms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.schema.groups import VARIANT, Groups
from shared.schema.search_terms import FIRST_RULE, RULE, Searched, rule_of
from shared.schema.serialization import Document
from shared.schema.text import sort_key

SORT_KEYS = "sort_keys"
TERMS = "terms"


@dataclass(frozen=True, slots=True)
class Derived:
    """The derived fields of a collection.

    Attributes:
        searched: The fields that a search looks into; None for no search.
        collated: The texts that lists are ordered by.
        groups: How items are variants of one thing; None if they are not.
    """

    searched: Searched | None = None
    collated: tuple[str, ...] = ()
    groups: Groups | None = None

    def fields(self, document: Mapping[str, Any]) -> Document:
        """Return the derived fields of a document that every write stores: not the variant."""
        fields: Document = {TERMS: self.searched.terms(document)} if self.searched else {}
        if self.collated:
            texts = ((name, document.get(name)) for name in self.collated)
            # Without a text the key is empty, so that each document has all keys.
            keys = {name: sort_key(text) if type(text) is str else "" for name, text in texts}
            fields[SORT_KEYS] = keys
        return fields

    def missing(
        self, document: Mapping[str, Any], before: Mapping[str, Any] | None = None
    ) -> Document:
        """Return those of ``fields`` that a document lacks, or has of older values.

        Args:
            document: The document.
            before: The document before a change: terms of a newer rule are replaced if the change
                did not touch them, but what they are made of.
        """
        kept = TERMS if self._has_newer_terms(document, before) else ""
        fields = self.fields(document).items()
        return {
            name: value
            for name, value in fields
            if (document.get(name) or None) != (value or None) and name != kept
        }

    def _has_newer_terms(
        self, document: Mapping[str, Any], before: Mapping[str, Any] | None
    ) -> bool:
        if rule_of(document.get(TERMS)) <= RULE:
            return False
        if before is None or before.get(TERMS) != document.get(TERMS):
            return True
        return not any(before.get(name) != document.get(name) for name in self._searched_names)

    @property
    def _searched_names(self) -> tuple[str, ...]:
        searched = self.searched
        return (*searched.title, *searched.codes, *searched.text) if searched else ()

    def with_variant(self, values: Document, stored: Mapping[str, Any]) -> Document:
        """Return the values of a write, with the variant if the group or the options change.

        Other writes leave it alone: of two documents that an edit by hand gave the same options,
        one has no variant, and it can be changed and sold nevertheless.
        """
        if self.groups is None or not values.keys() & {self.groups.field, self.groups.options}:
            return values
        return values | {VARIANT: self.groups.variant({**stored, **values})}

    def is_touched(self, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
        """Return True if a change concerns derived fields, or the fields that they are made of.

        A change of nothing but the terms, from a marked rule to the first one, is left as it is.
        The follower of a release without marks made it, and would answer each answer.
        """
        if not before or not after:
            return True
        groups = self.groups
        names = [TERMS, SORT_KEYS, VARIANT, *self.collated, *self._searched_names]
        names += (groups.field, groups.options) if groups else ()
        changed = {name for name in names if before.get(name) != after.get(name)}
        if changed == {TERMS} and before.get("revision") == after.get("revision"):
            return not rule_of(after.get(TERMS)) == FIRST_RULE < rule_of(before.get(TERMS))
        return bool(changed)

    def outdated(
        self, document: Mapping[str, Any], before: Mapping[str, Any] | None = None
    ) -> Document:
        """Return all derived fields that do not fit a document; None for one that it must lack.

        The arguments are those of ``missing``.
        """
        variant = self.groups.variant(document) if self.groups else None
        fits = document.get(VARIANT) == variant
        return self.missing(document, before) | ({} if fits else {VARIANT: variant})


def sort_path(name: str, collated: tuple[str, ...]) -> str:
    """Return the stored field that decides the order by a field."""
    return f"{SORT_KEYS}.{name}" if name in collated else name
