"""Files that pages have sent: each import has a folder of its own, which goes with the console.

The folders are in one temporary folder, with a file that is locked while the console lives.  After
a ``kill -9`` the next console finds it unlocked, and removes the folder.
"""

import errno
import fcntl
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath

from shared.http.errors import BadRequest, Conflict, ContentTooLarge

MAX_FILES = 20  # of one import
MAX_FILE_BYTES = 64_000_000
# Of all imports that the console keeps. Containers have a temporary folder of 256 MB, which also
# gets the copies of files that are unpacked or in another encoding.
MAX_BYTES = 128_000_000
MAX_NAME = 200  # bytes
_PREFIX = "vitrine-imports-"
_LOCK = "lock"


class Uploads:
    """The folders of all imports, and the bytes in them."""

    def __init__(self) -> None:
        _remove_leftovers()
        self._folder: str | None = None
        self._bytes: dict[Path, int] = {}
        self._lock = threading.Lock()

    def new_folder(self) -> Path:
        """Return a new folder for the files of one import."""
        with self._lock:
            if self._folder is None:
                self._folder, lock = _locked_folder()
                # At the latest when the console ends.
                weakref.finalize(self, _remove_locked, self._folder, lock)
            return Path(tempfile.mkdtemp(dir=self._folder))

    def receive(self, folder: Path, name: str, parts: Iterable[bytes]) -> Path:
        """Write a file into the folder of an import; return its path.

        Args:
            folder: The folder.
            name: The name of the file.
            parts: The bytes of the file, part by part.

        Raises:
            BadRequest: The name is not that of a file, or the file is empty.
            Conflict: The import has a file of this name, or as many as it may have.
            ContentTooLarge: The file is too large, or the console keeps too much already.
        """
        path = folder / _checked(name)
        if len(list(folder.iterdir())) >= MAX_FILES:
            raise Conflict(f"{MAX_FILES} files are the most of one import. Send the others later.")
        try:
            file = path.open("xb")
        except FileExistsError:
            raise Conflict(f"Two files have the name {path.name}. Rename one of them.") from None
        size = 0
        try:
            with file:
                for part in parts:
                    size += len(part)
                    self._add(path, len(part))
                    file.write(part)
                    if size > MAX_FILE_BYTES:
                        raise ContentTooLarge(
                            f"{path.name} is larger than {MAX_FILE_BYTES / 1e6:.0f} MB. Compress "
                            "it (.gz, .xz), or run `vitrine import shop` on it."
                        )
            if not size:
                raise BadRequest(f"{path.name} is empty. Choose a file with rows.")
        except BaseException as error:
            self.discard(path)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise ContentTooLarge(
                    "The temporary folder of the console is full. Remove an import first, or run "
                    "`vitrine import shop` on the file."
                ) from error
            raise
        return path

    def remove(self, folder: Path) -> None:
        """Remove the folder of an import."""
        for path in list(self._bytes):
            if path.parent == folder:
                self.discard(path)
        shutil.rmtree(folder, ignore_errors=True)

    def _add(self, path: Path, count: int) -> None:
        with self._lock:
            if sum(self._bytes.values()) + count > MAX_BYTES:
                raise ContentTooLarge(
                    f"The console keeps {MAX_BYTES / 1e6:.0f} MB of files, which is the limit. "
                    "Remove an import first."
                )
            self._bytes[path] = self._bytes.get(path, 0) + count

    def discard(self, path: Path) -> None:
        """Remove a file."""
        path.unlink(missing_ok=True)
        with self._lock:
            self._bytes.pop(path, None)


def _locked_folder() -> tuple[str, int]:
    """Return a new temporary folder, and the descriptor of the file in it that is locked."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    new = folder / "new"
    lock = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    new.rename(folder / _LOCK)  # Only now, so that no console ever finds it unlocked.
    return str(folder), lock


def _remove_locked(folder: str, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _remove_leftovers() -> None:
    """Remove the folders of consoles of this user that were killed; others hold their lock."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError):
            if path.parent.lstat().st_uid != os.getuid():
                continue
            lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent, ignore_errors=True)
            finally:
                os.close(lock)


def _checked(name: str) -> str:
    """Return the name of a file without folders.

    Raises:
        BadRequest: Nothing is left of it, or it is too long.
    """
    last = PurePosixPath(PureWindowsPath(name).name).name
    if not last or last in (".", "..") or not last.isprintable():
        raise BadRequest.parameter("name", "Is not the name of a file. Send one such as shop.csv.")
    if len(last.encode(errors="replace")) > MAX_NAME:
        raise BadRequest.parameter("name", f"Is longer than {MAX_NAME} bytes. Rename the file.")
    return last
