"""marshmallow: the fields of documents, query strings, and what MongoDB checks.

* ``fields``: fields with rules of their own, such as ``Money`` and ``Slug``.
* ``filters``, ``query``, ``cursor``: the query string of a list: filters, order, page and cursor.
* ``serialization``: loads request bodies and dumps documents.
* ``search_terms``, ``slugs``: the words a search finds a document by, and names in URLs.
* ``attribute_rules``: the rules of a category for the attributes of its products.
* ``mongo_schema``: the validator of a collection, and the violations in a stored document.

The package imports ``config``, ``observability`` and ``http``.  Its modules import each other by
full path; services import the names below from the package.
"""

from shared.schema.fields import (
    Attributes,
    Birthday,
    Email,
    Flag,
    Id,
    Moment,
    Money,
    Names,
    Plain,
    Ref,
    Revision,
    Slug,
    Text,
    Timestamp,
    Whole,
    timestamp,
)
from shared.schema.filters import either, eq, gte, lte, titled, within
from shared.schema.query import PageRequest, Query
from shared.schema.search_terms import Searched
from shared.schema.serialization import Document, DocumentSchema
from shared.schema.slugs import to_slug

__all__ = [
    "Attributes",
    "Birthday",
    "Document",
    "DocumentSchema",
    "Email",
    "Flag",
    "Id",
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
    "Timestamp",
    "Whole",
    "either",
    "eq",
    "gte",
    "lte",
    "timestamp",
    "titled",
    "to_slug",
    "within",
]
