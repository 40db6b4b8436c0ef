"""Imports by their ids, and the threads that read files, import them, and undo an import.

An import goes on when its page is closed.  The console forgets it when it is started again; what
it has written stays, and is undone by its id.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shared.http.errors import ApiError, BadRequest, Conflict, NotFound, ServiceUnavailable
from shared.http.import_id import UNDO, is_valid
from vitrine.client import Client
from vitrine.commands.undo import UndoReport, in_order, left_lines, new_id, undo
from vitrine.console.imports import shown
from vitrine.console.imports.parts import (
    SCOPES,
    ClientOf,
    Options,
    Part,
    parts_of,
    services_of,
)
from vitrine.console.imports.uploads import Uploads
from vitrine.errors import StackError, UnknownImport
from vitrine.transfer.importer import ImportReport

MAX_IMPORTS = 20  # of one caller that are kept
KEPT_SECONDS = 24 * 3600  # that an import is kept
MAX_REASONS = 100  # different errors that are kept
MAX_ROWS = 20  # rows that are named of one reason
MAX_LINES = 200  # of what an undo has left as it is
MAX_ERROR = 2000  # characters
BUSY = ("reading", "checking", "running", "undoing")
STOPPABLE = ("checking", "running")
RETRY_SECONDS = 5

log = logging.getLogger("vitrine.console")

Work = Callable[["Import"], str]


class Stopped(Exception):
    """The caller has stopped the import."""


@dataclass
class Import:
    """One import: its files, what was found out, and what was done.

    Attributes:
        id: Its id, which the history keeps with each change.
        by: The caller.
        folder: The folder of its files; None if there are none.
        files: The size of each file by its name.
        state: What is done now, or was done last.
        error: Why the last work has failed.
        options: The options of the last reading.
        plan: What was found out about each file.
        scopes: The scopes that the import needs.
        services: The services to which it may have written, in all of its runs.
        checked: The reports of the last dry run.
        done: The reports of the import.
        undone: What the undo has done, and what it has left.
        changes: The number of items that its reports call created or changed, in all of its runs.
            It may have written more: a category of a refused product, or what a lost answer was
            about.
        receiving: The number of files that are sent now.
        progress: How much is done, from 0 to 1, the number of rows and the seconds.
    """

    id: str
    by: str
    folder: Path | None
    files: dict[str, int] = field(default_factory=dict)
    created_at: float = field(default_factory=time.time)
    state: str = "new"
    error: str = ""
    options: Options = field(default_factory=Options)
    plan: list[dict[str, Any]] | None = None
    scopes: tuple[str, ...] = ()
    services: set[str] = field(default_factory=set)
    checked: dict[str, Any] | None = None
    done: dict[str, Any] | None = None
    undone: dict[str, Any] | None = None
    changes: int = 0
    progress: dict[str, Any] | None = None
    receiving: int = 0
    is_stopping: bool = False

    @property
    def is_busy(self) -> bool:
        """True while a thread works on it."""
        return self.state in BUSY

    @property
    def is_in_use(self) -> bool:
        """True while a thread works on it, or it gets a file."""
        return self.is_busy or self.receiving > 0

    def show(self) -> dict[str, Any]:
        """Return it as JSON."""
        return self.show_short() | {"plan": self.plan}

    def show_short(self) -> dict[str, Any]:
        """Return it as JSON without its plan, which may be large."""
        return {
            "id": self.id,
            "created_at": round(self.created_at, 2),
            "files": [{"name": name, "bytes": size} for name, size in self.files.items()],
            "state": self.state,
            "error": self.error,
            "progress": self.progress,
            "options": asdict(self.options),
            "scopes": list(self.scopes),
            "checked": self.checked,
            "done": self.done,
            "changes": self.changes,
            "undone": self.undone,
        }

    def sentence(self, error: Exception) -> str:
        """Return the text of an error, in which files have their names without folders."""
        text = str(error).replace(f"{self.folder}/", "") if self.folder else str(error)
        return text if len(text) <= MAX_ERROR else f"{text[:MAX_ERROR]}…"


class Imports:
    """All imports that the console knows.

    Args:
        urls: The addresses of the services.
    """

    def __init__(self, urls: Mapping[str, str]):
        self._urls = urls
        self._uploads = Uploads()
        self._known: dict[tuple[str, str], Import] = {}  # by caller and id
        self._lock = threading.Lock()

    def of(self, by: str) -> list[Import]:
        """Return the imports of a caller, the latest first."""
        with self._lock:
            self._forget_old()
            return [one for one in reversed(list(self._known.values())) if one.by == by]

    def get(self, id: str, by: str) -> Import:
        """Return an import of a caller.

        Raises:
            NotFound: The console does not have it, or it is that of another caller.
        """
        with self._lock:
            self._forget_old()
            one = self._known.get((by, id))
        if one is None:
            raise _not_found()
        return one

    def create(self, by: str) -> Import:
        """Return a new import.

        Raises:
            ServiceUnavailable: All imports that the caller may have are at work, or get a file.
        """
        with self._lock:
            self._make_room(by)
            one = Import(new_id(), by, self._uploads.new_folder())
            self._known[by, one.id] = one
        return one

    def add_file(self, one: Import, name: str, parts: Iterator[bytes]) -> None:
        """Add a file to an import that is not at work.

        Raises:
            Conflict: The import is at work, or has begun while the file was sent.
        """
        with self._lock:
            folder = self._open_folder(one)
            one.receiving += 1
        try:
            path = self._uploads.receive(folder, name, parts)
            with self._lock:
                try:
                    self._open_folder(one)
                except Conflict:
                    self._uploads.discard(path)
                    raise
                one.files[path.name] = path.stat().st_size
                one.state, one.error, one.plan, one.checked = "new", "", None, None
        finally:
            with self._lock:
                one.receiving -= 1

    def _open_folder(self, one: Import) -> Path:
        """Return the folder of an import that accepts files; the lock is held."""
        if one.is_busy or one.folder is None:
            raise Conflict("Files can be added until the import begins. Begin another one.")
        if self._known.get((one.by, one.id)) is not one:
            raise _not_found()
        return one.folder

    def remove(self, one: Import) -> None:
        """Forget an import, and delete its files.

        Raises:
            Conflict: It is at work, or gets a file.
        """
        with self._lock:
            if one.is_in_use:
                state = one.state if one.is_busy else "getting a file"
                raise Conflict(f"The import is {state}. Stop it, or wait for its end.")
            self._forget(one)

    def stop(self, id: str, by: str, is_admin: bool) -> Import:
        """Stop a dry run or an import after the present batch.

        Args:
            id: The import.
            by: The caller.
            is_admin: The caller may stop the import of another caller, too.

        Raises:
            NotFound: The console does not have it.
            Conflict: It does something else, or nothing.
        """
        with self._lock:
            others = (one for one in self._known.values() if one.id == id and one.is_busy)
            one = next(others, None) if is_admin else None
        one = one or self.get(id, by)
        with self._lock:
            if one.state not in STOPPABLE:
                raise Conflict(
                    f"Only a dry run and an import can be stopped, and this one is {one.state}."
                )
            one.is_stopping = True
        return one

    def read(self, one: Import, options: Options, header: str) -> None:
        """Read the files and find out what becomes of them."""

        def work(one: Import) -> str:
            one.plan, one.checked = None, None
            with self._opened(one, self._clients("", header)) as parts:
                one.plan = [each for part in parts for each in shown.plan(part)]
                scopes = (scope for part in parts for scope in SCOPES[part.resource])
                one.scopes = tuple(dict.fromkeys(scopes))
            return "read"

        if not one.files:
            raise BadRequest("The import has no file. Send one first.")
        self._start(one, "reading", work, options)

    def run(self, one: Import, header: str, dry_run: bool) -> None:
        """Import the files, or have the services validate all rows only.

        Raises:
            Conflict: The files were not read, so that the caller has not seen what becomes of them.
        """

        def work(one: Import) -> str:
            client = self._clients("" if dry_run else one.id, header)
            with self._opened(one, client) as parts:
                result: dict[str, Any] = {"reports": [], "seconds": 0.0}
                if dry_run:
                    one.checked = result
                else:
                    one.done, one.undone = result, None
                    one.services |= services_of(parts)
                _check_stop(one)
                # If it is stopped, the batches that were sent count before the files are closed.
                with closing(_steps(one, parts, client, dry_run, result)) as steps:
                    for step in steps:
                        one.progress = step
                        _check_stop(one)
            return "checked" if dry_run else "done"

        self._start(one, "checking" if dry_run else "running", work)

    def undo(self, id: str, by: str, header: str) -> Import:
        """Take an import back, also one that the console does not know.

        Raises:
            BadRequest: The id cannot be one of an import.
        """
        if not is_valid(id):
            raise BadRequest("This is not the id of an import. `vitrine imports` lists them.")
        with self._lock:
            self._forget_old()
            one = self._known.get((by, id)) or Import(id, by, None)

        def work(one: Import) -> str:
            client = self._clients(f"{UNDO}{id}", header)
            asked = [
                name for name in in_order(self._urls) if name in one.services or not one.services
            ]
            try:
                report, is_known = undo([client(name) for name in asked], id, dry_run=False), True
            except UnknownImport:
                report, is_known = UndoReport(), False
            one.undone = {
                "is_known": is_known,
                "done": dict(report.done),
                "kept": left_lines(report.kept)[:MAX_LINES],
                "left": len(report.kept),
                "refused": left_lines(report.refused)[:MAX_LINES],
                "refusals": len(report.refused),
                "hidden": report.hidden,
            }
            return "undone"

        self._start(one, "undoing", work)
        return one

    @contextmanager
    def _opened(self, one: Import, client: ClientOf) -> Iterator[list[Part]]:
        """Read the files of an import; at the end of the block they are closed.

        So at most one import at a time has copies of its files.
        """
        assert one.folder
        files = [str(one.folder / name) for name in one.files]
        with ExitStack() as opened:
            yield parts_of(opened, files, one.options, client)

    def _clients(self, import_id: str, header: str) -> ClientOf:
        """Return what makes clients with the token of the caller."""

        def client(service: str) -> Client:
            if service not in self._urls:
                raise StackError(f"The console knows no service {service}.")
            return Client(service, self._urls[service], import_id, header)

        return client

    def _start(self, one: Import, state: str, work: Work, options: Options | None = None) -> None:
        """Begin work on an import in a thread; an import of elsewhere is known from then on.

        Raises:
            Conflict: It, or another import, is at work; or its files were not read.
        """
        with self._lock:
            busy = next((each for each in self._known.values() if each.is_busy), None)
            if busy:
                name = "The import" if busy is one else f"Another import ({busy.id})"
                raise Conflict(f"{name} is {busy.state} now. Wait for its end, or stop it.")
            if state in STOPPABLE and one.plan is None:
                raise Conflict("The files were not read. Read them first.")
            if self._known.get((one.by, one.id)) is not one:
                if one.folder:
                    raise _not_found()
                self._make_room(one.by)
                self._known[one.by, one.id] = one
            one.state, one.error, one.is_stopping, one.progress = state, "", False, None
            one.options = options or one.options
        thread = threading.Thread(target=_work, args=(one, work), name=f"import {one.id}")
        thread.daemon = True
        thread.start()

    def _forget_old(self) -> None:
        """Forget the imports that were kept for long enough; the lock is held."""
        limit = time.time() - KEPT_SECONDS
        for one in list(self._known.values()):
            if one.created_at < limit and not one.is_in_use:
                self._forget(one)

    def _make_room(self, by: str) -> None:
        """Forget the oldest idle imports of a caller who has too many; the lock is held."""
        self._forget_old()
        own = [one for one in self._known.values() if one.by == by]
        many = len(own) - MAX_IMPORTS + 1
        if many <= 0:
            return
        idle = [one for one in own if not one.is_in_use]
        if len(idle) < many:
            error = ServiceUnavailable(
                f"You have {MAX_IMPORTS} imports at work or getting files, which is the limit. "
                f"Retry in {RETRY_SECONDS} s."
            )
            error.headers["Retry-After"] = str(RETRY_SECONDS)
            raise error
        idle.sort(key=lambda one: one.folder is not None)  # First those that have no files.
        for one in idle[:many]:
            self._forget(one)

    def _forget(self, one: Import) -> None:
        self._known.pop((one.by, one.id), None)
        if one.folder:
            self._uploads.remove(one.folder)


def _not_found() -> NotFound:
    return NotFound(
        "The console does not have this import: it was removed, or the console was started "
        "again. Choose the files again; what was imported stays."
    )


def _check_stop(one: Import) -> None:
    """Raise ``Stopped`` if the caller has asked for it."""
    if one.is_stopping:
        raise Stopped


def _work(one: Import, work: Work) -> None:
    """Do the work of a thread, whose errors become sentences."""
    try:
        state = work(one)
    except Stopped:
        state = "stopped"
    except (StackError, ApiError) as error:
        state, one.error = "failed", one.sentence(error)
    except Exception:
        log.exception("The import %s has failed", one.id)
        state, one.error = "failed", "The import has failed unexpectedly. The log has the details."
    one.state = state


def _steps(
    one: Import,
    parts: Sequence[Part],
    client: ClientOf,
    dry_run: bool,
    result: dict[str, Any],
) -> Generator[dict[str, Any], None, None]:
    """Import all parts; keep the results so far, and yield the progress after each batch."""
    started = time.monotonic()
    finished: list[dict[str, Any]] = []
    rows = 0
    for number, part in enumerate(parts):
        report = ImportReport(max_kept=MAX_REASONS, max_rows=MAX_ROWS)
        try:
            with closing(part.run(client, dry_run, report)) as shares:
                for share in shares:
                    result["reports"] = [*finished, shown.report(part, report, dry_run)]
                    result["seconds"] = round(time.monotonic() - started, 2)
                    yield {
                        "share": round((number + share) / len(parts), 4),
                        "rows": rows + report.counts.total(),
                        "seconds": result["seconds"],
                    }
        finally:
            last = shown.report(part, report, dry_run)
            result["reports"] = [*finished, last]
            result["seconds"] = round(time.monotonic() - started, 2)
            if not dry_run:
                one.changes += report.counts["created"] + report.counts["updated"]
        finished.append(last)
        rows += report.counts.total()
