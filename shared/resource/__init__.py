"""A collection over HTTP: its declaration, its standard methods, its batches.

* ``resource``: the class ``Resource``, which a service declares once and which serves it.
* ``caching``: answers from the cache, and the storing of responses in it.
* ``batch``: many items in one request.
* ``members``: refuses members of a body that are unknown, or read-only and not as they were read.
* ``page_content``: the content of a response with one page of a list.
* ``collapsed_page``: a page of a list with one entry for each group of items.
* ``references``: the item that a text names: by slug, id, old slug or exact name.
* ``visibility``: the items that not every reader sees.
* ``idempotency``: the header ``Idempotency-Key``, with which a POST is safe to repeat.

The package imports ``config``, ``observability``, ``http``, ``schema``, ``cache`` and ``storage``.
"""

from shared.resource.caching import cached
from shared.resource.idempotency import resumes
from shared.resource.resource import Resource, purges
from shared.resource.visibility import Visibility

__all__ = ["Resource", "Visibility", "cached", "purges", "resumes"]
