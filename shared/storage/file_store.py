"""File store in a folder or in S3: files that are named by their content and never change."""

import contextlib
import logging
import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store, from_url

from shared.http.errors import ServiceUnavailable

if TYPE_CHECKING:
    from obstore import Attributes

log = logging.getLogger(__name__)

IMMUTABLE = "public, max-age=31536000, immutable"
LINK_SECONDS = 3600  # that a link to a file in S3 is valid
S3_TIMEOUT = timedelta(seconds=5)

# The names of files that are served; the uploaded original of each picture is not.
PUBLIC_NAME = re.compile(r"[0-9a-f]{64}/[a-z]+\.(webp|jpeg)")
_STORED_NAME = re.compile(rf"[0-9a-f]{{64}}/original|{PUBLIC_NAME.pattern}")


class FileStore:
    """Files by name, such as ``<sha256>/small.webp``; a file is stored as a whole or not at all.

    Each method raises ``ServiceUnavailable`` if the folder or the bucket fails.

    Args:
        url: ``file://`` for a folder, ``s3://`` for a bucket.
    """

    def __init__(self, url: str):
        self._store = _open(url)

    def put(self, name: str, data: bytes) -> None:
        """Store a file; a file of the same name, which has the same content, is replaced."""
        with _reporting_failures():
            obstore.put(self._store, name, data, attributes=self._attributes(name))

    def _attributes(self, name: str) -> "Attributes | None":
        """Return the headers that a bucket serves a public file with; a folder stores none."""
        if not isinstance(self._store, S3Store) or not PUBLIC_NAME.fullmatch(name):
            return None
        return {"Content-Type": content_type(name), "Cache-Control": IMMUTABLE}

    def get(self, name: str) -> bytes:
        """Return a file or raise ``FileNotFoundError``."""
        if not _STORED_NAME.fullmatch(name):
            raise FileNotFoundError(name)
        with _reporting_failures():
            return bytes(obstore.get(self._store, name).bytes())

    def has(self, name: str) -> bool:
        """Return True if there is a file of this name."""
        if not _STORED_NAME.fullmatch(name):
            return False
        try:
            with _reporting_failures():
                obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def delete(self, names: Iterable[str]) -> None:
        """Remove files; names without a file are skipped."""
        for name in names:
            with contextlib.suppress(FileNotFoundError), _reporting_failures():
                obstore.delete(self._store, name)

    def entries(self, prefix: str = "") -> Iterator[tuple[str, datetime]]:
        """Yield the name and the last write of each file, or of each file in one folder.

        Other files in the same place, with names of another form, are left out.
        """
        with _reporting_failures():
            for batch in obstore.list(self._store, prefix or None):
                for file in batch:
                    if _STORED_NAME.fullmatch(file["path"]):
                        yield file["path"], file["last_modified"]

    def link(self, name: str) -> str:
        """Return a URL in S3 where a browser may fetch a file for an hour; empty for a folder."""
        if isinstance(self._store, S3Store):
            return obstore.sign(self._store, "GET", name, timedelta(seconds=LINK_SECONDS))
        return ""


@contextlib.contextmanager
def _reporting_failures() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        log.error("The file store failed: %s", error)
        raise ServiceUnavailable(
            "The file store of the pictures failed: the disk is full, or the folder or bucket does "
            "not answer. Try again later."
        ) from error


def _open(url: str) -> LocalStore | S3Store:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalStore(Path(unquote(parts.path)), mkdir=True, automatic_cleanup=True)
    is_plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    store = from_url(
        url,
        client_options={
            "timeout": S3_TIMEOUT,
            "connect_timeout": S3_TIMEOUT,
            "allow_http": is_plain,
        },
        retry_config={"max_retries": 2, "retry_timeout": S3_TIMEOUT},
    )
    assert isinstance(store, S3Store)
    return store


def content_type(name: str) -> str:
    """Return the media type of a public file."""
    return f"image/{name.rpartition('.')[2]}"
