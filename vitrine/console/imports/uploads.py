"""Files that pages have sent: each import has a folder of its own, which goes with the console."""

import errno
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from shared.http.errors import BadRequest, Conflict, ContentTooLarge

MAX_FILES = 20  # of one import
MAX_FILE_BYTES = 64_000_000
# Of all imports that the console keeps. Containers have a temporary folder of 256 MB, which also
# gets the copies of files that are unpacked or in another encoding.
MAX_BYTES = 128_000_000
MAX_NAME = 200  # bytes


class Uploads:
    """The folders of all imports, and the bytes in them."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._bytes: dict[Path, int] = {}
        self._lock = threading.Lock()

    def new_folder(self) -> Path:
        """Return a new folder for the files of one import."""
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.mkdtemp(prefix="vitrine-imports-")
                # At the latest when the console ends.
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            return Path(tempfile.mkdtemp(dir=self._folder))

    def receive(self, folder: Path, name: str, parts: Iterable[bytes]) -> int:
        """Write a file into the folder of an import; return its size.

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
            self._remove(path)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise ContentTooLarge(
                    "The temporary folder of the console is full. Remove an import first, or run "
                    "`vitrine import shop` on the file."
                ) from error
            raise
        return size

    def remove(self, folder: Path) -> None:
        """Remove the folder of an import."""
        for path in list(self._bytes):
            if path.parent == folder:
                self._remove(path)
        shutil.rmtree(folder, ignore_errors=True)

    def _add(self, path: Path, count: int) -> None:
        with self._lock:
            if sum(self._bytes.values()) + count > MAX_BYTES:
                raise ContentTooLarge(
                    f"The console keeps {MAX_BYTES / 1e6:.0f} MB of files, which is the limit. "
                    "Remove an import first."
                )
            self._bytes[path] = self._bytes.get(path, 0) + count

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        with self._lock:
            self._bytes.pop(path, None)


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
