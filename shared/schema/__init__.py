"""marshmallow: the fields of documents, query strings, and what MongoDB checks.

* ``text``: the one rule for names, keys and texts on every way in, and how they are compared.
* ``fields``: fields with rules of their own, such as ``Money`` and ``Slug``.
* ``html_text``: the text of HTML.
* ``currency``: the codes of currencies, and the decimals of their amounts.
* ``filters``, ``query``, ``cursor``: the query string of a list: filters, order, page and cursor.
* ``serialization``: loads request bodies and dumps documents.
* ``derived``: search terms and sort keys, which documents hold besides the values of clients.
* ``search_terms``, ``search_query``: the words of a document, and the ways in which a search has
  them; ``units`` knows other spellings.
* ``slugs``: names in URLs.
* ``groups``: items that are variants of one thing.
* ``sizes``: bounds on the bytes of a document and of a page.
* ``attribute_rules``: the rules of a category for the attributes of its products.
* ``mongo_schema``: the validator of a collection, and the violations in a stored document.

The package imports ``config``, ``observability`` and ``http``.  Its modules import each other by
full path; services import the names below from the package.
"""

from shared.schema.currency import Currency
from shared.schema.fields import (
    Attributes,
    Birthday,
    Email,
    Flag,
    Id,
    Key,
    Moment,
    Money,
    Names,
    Plain,
    Ref,
    Revision,
    Slug,
    Text,
    TextOf,
    Timestamp,
    Truth,
    Uuid,
    Whole,
    timestamp,
)
from shared.schema.filters import collapse, either, eq, gte, lte, titled, within
from shared.schema.query import PageRequest, Query
from shared.schema.search_terms import Searched
from shared.schema.serialization import Document, DocumentSchema

__all__ = [
    "Attributes",
    "Birthday",
    "Currency",
    "Document",
    "DocumentSchema",
    "Email",
    "Flag",
    "Id",
    "Key",
    "Moment",
    "Money",
    "Names",
    "PageRequest",
    "Plain",
    "Query",
    "Ref",
    "Revision",
    "Searched",
    "Slug",
    "Text",
    "TextOf",
    "Timestamp",
    "Truth",
    "Uuid",
    "Whole",
    "collapse",
    "either",
    "eq",
    "gte",
    "lte",
    "timestamp",
    "titled",
    "within",
]
