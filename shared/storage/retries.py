"""Optimistic concurrency: a write that meets another write reads again and is repeated."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from shared.http.errors import PreconditionFailed, WriteConflict

T = TypeVar("T")

ATTEMPTS = 30
MAX_WAIT = 0.05  # seconds between two attempts, at most


class DocumentChanged(PreconditionFailed):
    """The stored document was written after this request had read it."""

    def __init__(self, item: str):
        super().__init__(
            f"The {item} changed while this request was running. Read it and send the change again."
        )


def retry_conflicts(write: Callable[[], T], subject: str) -> T:
    """Return ``write()``; repeat it as long as it raises ``DocumentChanged``.

    Before all attempts but the first two it waits a random moment, so that many writers of one
    document make room for each other.

    Args:
        write: Reads the documents and writes them; each attempt has to read them again.
        subject: The documents, for the error message, such as "this product".

    Raises:
        WriteConflict: Other writes came between at each of 30 attempts.
    """
    for number in range(ATTEMPTS):
        if number > 1:
            time.sleep(random.uniform(0, min(0.002 * number, MAX_WAIT)))
        try:
            return write()
        except DocumentChanged:
            continue
    raise WriteConflict(
        f"Too many other requests are writing {subject} at the same time. Send the request again."
    )
