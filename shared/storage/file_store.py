"""Files that are named by their content and never change, in a folder or in S3."""

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
LINK_SECONDS = 3600
S3_TIMEOUT = timedelta(seconds=5)

# The names of files that are served; the uploaded original of each picture is not.
PUBLIC_NAME = re.compile(r"[0-9a-f]{64}/[a-z]+\.(webp|jpeg)")
_OURS = re.compile(rf"[0-9a-f]{{64}}/original|{PUBLIC_NAME.pattern}")


class Files:
    """Files by name, such as ``<sha256>/small.webp``; each appears whole or not at all.

    Every method raises ``ServiceUnavailable`` when the folder or the bucket does not do its work.
    """

    def __init__(self, url: str):
        self._store = _open(url)

    def put(self, name: str, data: bytes) -> None:
        """Store a file; one of that name, which has the same content, is replaced."""
        with _naming_what_is_down():
            obstore.put(self._store, name, data, attributes=self._attributes(name))

    def _attributes(self, name: str) -> "Attributes | None":
        """Return the headers a bucket is to answer with; a folder keeps none."""
        if not isinstance(self._store, S3Store) or not PUBLIC_NAME.fullmatch(name):
            return None
        return {"Content-Type": content_type(name), "Cache-Control": IMMUTABLE}

    def get(self, name: str) -> bytes:
        """Return a file or raise ``FileNotFoundError``."""
        if not _OURS.fullmatch(name):
            raise FileNotFoundError(name)
        with _naming_what_is_down():
            return bytes(obstore.get(self._store, name).bytes())

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        if not _OURS.fullmatch(name):
            return False
        try:
            with _naming_what_is_down():
                obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def delete(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there are gone already."""
        for name in names:
            with contextlib.suppress(FileNotFoundError), _naming_what_is_down():
                obstore.delete(self._store, name)

    def entries(self, prefix: str = "") -> Iterator[tuple[str, datetime]]:
        """Yield the name of each file, or of each in one folder, and when it was last written.

        What others keep in the same place is none of ours.
        """
        with _naming_what_is_down():
            for found in obstore.list(self._store, prefix or None):
                for each in found:
                    if _OURS.fullmatch(each["path"]):
                        yield each["path"], each["last_modified"]

    def link(self, name: str) -> str:
        """Return where a browser may fetch a file for an hour, or nothing where we serve it."""
        if isinstance(self._store, S3Store):
            return obstore.sign(self._store, "GET", name, timedelta(seconds=LINK_SECONDS))
        return ""


@contextlib.contextmanager
def _naming_what_is_down() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        log.error("Files cannot be reached: %s", error)
        raise ServiceUnavailable(
            "Pictures cannot be reached: a full disk, or a folder or bucket that does not answer."
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
