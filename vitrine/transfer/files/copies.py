"""Copies of files that can be read again: unpacked if they are compressed, within a limit.

A copy is in memory; a large one is a temporary file.
"""

import gzip
import io
import lzma
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

from vitrine.errors import StackError
from vitrine.transfer.files.encodings import CHUNK_BYTES

MEMORY_BYTES = 8_000_000  # of a copy in memory
MAX_BYTES = 1_000_000_000  # of an unpacked file; a larger one may have this ratio at most:
MAX_RATIO = 1_000  # unpacked to packed
DECOMPRESSORS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}


def new_copy() -> BinaryIO:
    """Return an empty file, to be closed at the end."""
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(MEMORY_BYTES))


def copied(file: BinaryIO) -> BinaryIO:
    """Return a copy of the rest of a file."""
    with ExitStack() as on_error:
        copy = on_error.enter_context(new_copy())
        shutil.copyfileobj(file, copy, CHUNK_BYTES)
        copy.seek(0)
        on_error.pop_all()
        return copy


def check_size(copy: BinaryIO, path: str, max_bytes: int | None, form: str) -> None:
    """Raise ``StackError`` if the copy of a file has become larger than a limit.

    Args:
        copy: The copy, at its end.
        path: The name of the file.
        max_bytes: The limit; None for none.
        form: What the copy is, such as ``in UTF-8``.
    """
    if max_bytes and copy.tell() > max_bytes:
        raise StackError(
            f"{path} is larger than {max_bytes / 1e6:,.0f} MB {form}. Split it, or save it as CSV "
            "in UTF-8."
        )


def unpacked(file: BinaryIO, ending: str, path: str, max_bytes: int | None = None) -> BinaryIO:
    """Return a copy of the content of a compressed file.

    Args:
        file: The compressed file.
        ending: The ending of the names of such files, one of ``DECOMPRESSORS``.
        path: Its name, for errors.
        max_bytes: The limit; by default ``MAX_BYTES``, and more for a file that is large packed.

    Raises:
        StackError: The content is larger.
    """
    packed_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    limit = max_bytes or max(MAX_BYTES, MAX_RATIO * packed_bytes)
    with ExitStack() as on_error, DECOMPRESSORS[ending](file) as content:
        copy = on_error.enter_context(new_copy())
        while chunk := content.read(CHUNK_BYTES):
            if copy.tell() + len(chunk) > limit:
                raise StackError(
                    f"{path} is larger than {limit / 1e6:,.0f} MB when it is unpacked. Unpack it, "
                    "and import the file in it."
                )
            copy.write(chunk)
        copy.seek(0)
        on_error.pop_all()
        return copy
