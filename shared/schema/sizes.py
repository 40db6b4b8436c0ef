"""Bounds on the bytes of stored documents, and of the documents that one response is made of.

The bytes are those of BSON, which are about those of the JSON.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import bson

from shared.http.errors import BadRequest, ContentTooLarge
from shared.schema.serialization import Document

MAX_DOCUMENT = 1_000_000  # bytes of a document
MAX_PAGE = 2_000_000  # bytes of the documents of a page
TOO_LARGE = (
    f"The items of this page take more than {MAX_PAGE // 1_000_000} MB. Send a smaller per, name "
    "the fields that you need in fields, or go on from next_cursor of the page before."
)


def check_document(document: Mapping[str, Any], stored: Mapping[str, Any] | None) -> None:
    """Raise ``ContentTooLarge`` if a document is too large and larger than before.

    Args:
        document: The document as it is to be stored.
        stored: The document as it is stored; None for a new one.
    """
    size = len(bson.encode(document))
    if size > MAX_DOCUMENT and size > len(bson.encode(stored or {})):
        raise ContentTooLarge(
            f"The item would take {size / 1e6:.1f} MB, and may take {MAX_DOCUMENT / 1e6:g} MB. "
            "Send shorter texts, or fewer attributes."
        )


def take(documents: Iterable[Document]) -> tuple[list[Document], bool]:
    """Return documents until they take ``MAX_PAGE``, at least one, and True if these are all."""
    taken: list[Document] = []
    size = 0
    for document in documents:
        size += len(bson.encode(document))
        if taken and size > MAX_PAGE:
            return taken, False
        taken.append(document)
    return taken, True


def take_page(documents: Iterable[Document], per: int) -> list[Document]:
    """Return the documents of a page, and one more of the next page if there is room.

    Raises:
        BadRequest: The page takes more than ``MAX_PAGE``.
    """
    taken, is_all = take(documents)
    if not is_all and len(taken) < per:
        raise BadRequest(TOO_LARGE)
    return taken
