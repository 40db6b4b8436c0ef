"""Imports by their ids, and the threads that read files, import them, and undo an import.

An import goes on when its page is closed.  The console forgets it when it is started again; what
it has written stays, and is undone by its id.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shared.http.errors import ApiError, BadRequest, Conflict, NotFound, ServiceUnavailable
from shared.http.import_id import UNDO, is_valid
from vitrine.client import Client
from vitrine.commands.undo import UndoReport, new_id, undo
from vitrine.console.imports import shown
from vitrine.console.imports.parts import SCOPES, ClientOf, Options, Part, parts_of
from vitrine.console.imports.uploads import Uploads
from vitrine.errors import StackError
from vitrine.transfer.importer import ImportReport

MAX_IMPORTS = 20  # that are kept
KEPT_SECONDS = 24 * 3600  # that an import is kept
MAX_REASONS = 100  # different errors that are kept
MAX_ROWS = 20  # rows that are named of one reason
MAX_LINES = 200  # of what an undo has left as it is
BUSY = ("reading", "checking", "running", "undoing")
RETRY_SECONDS = 5
# Services from which an import is taken back, in this order.
UNDONE = ("orders", "products", "clients", "categories")

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
        checked: The reports of the last dry run.
        done: The reports of the import.
        undone: What the undo has done, and what it has left.
        changes: The number of items that it has created or changed, in all of its runs.
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
    checked: dict[str, Any] | None = None
    done: dict[str, Any] | None = None
    undone: dict[str, Any] | None = None
    changes: int = 0
    progress: dict[str, Any] | None = None
    parts: list[Part] = field(default_factory=list)
    opened: ExitStack = field(default_factory=ExitStack)
    is_stopping: bool = False

    @property
    def may_have_changed(self) -> bool:
        """False for an import that was run here alone, and has changed nothing."""
        return self.done is None or self.changes > 0

    @property
    def is_busy(self) -> bool:
        """True while a thread works on it."""
        return self.state in BUSY

    def show(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "id": self.id,
            "created_at": round(self.created_at, 2),
            "files": [{"name": name, "bytes": size} for name, size in self.files.items()],
            "state": self.state,
            "error": self.error,
            "progress": self.progress,
            "options": asdict(self.options),
            "plan": self.plan,
            "scopes": list(self.scopes),
            "checked": self.checked,
            "done": self.done,
            "changes": self.changes,
            "undone": self.undone,
        }

    def sentence(self, error: Exception) -> str:
        """Return the text of an error, in which files have their names without folders."""
        return str(error).replace(f"{self.folder}/", "") if self.folder else str(error)


class Imports:
    """All imports that the console knows.

    Args:
        urls: The addresses of the services.
    """

    def __init__(self, urls: Mapping[str, str]):
        self._urls = urls
        self._uploads = Uploads()
        self._known: dict[str, Import] = {}
        self._lock = threading.Lock()

    def of(self, by: str) -> list[Import]:
        """Return the imports of a caller, the latest first."""
        return [one for one in reversed(list(self._known.values())) if one.by == by]

    def get(self, id: str, by: str) -> Import:
        """Return an import of a caller.

        Raises:
            NotFound: The console does not have it, or it is that of another caller.
        """
        one = self._known.get(id)
        if one is None or one.by != by:
            raise NotFound(
                "The console does not have this import: it was removed, or the console was started "
                "again. Choose the files again; what was imported stays."
            )
        return one

    def create(self, by: str) -> Import:
        """Return a new import.

        Raises:
            ServiceUnavailable: As many are at work as may be kept.
        """
        one = Import(new_id(), by, self._uploads.new_folder())
        with self._lock:
            self._make_room()
            self._known[one.id] = one
        return one

    def add_file(self, one: Import, name: str, parts: Iterator[bytes]) -> None:
        """Add a file to an import that is not at work."""
        if one.is_busy or one.folder is None:
            raise Conflict("Files can be added until the import begins. Begin another one.")
        before = set(one.folder.iterdir())
        size = self._uploads.receive(one.folder, name, parts)
        (path,) = set(one.folder.iterdir()) - before
        one.files[path.name] = size
        one.state, one.plan, one.checked = "new", None, None

    def remove(self, one: Import) -> None:
        """Forget an import, and delete its files.

        Raises:
            Conflict: It is at work.
        """
        with self._lock:
            if one.is_busy:
                raise Conflict(f"The import is {one.state}. Stop it, or wait for its end.")
            self._forget(one)

    def stop(self, one: Import) -> None:
        """Stop the work after the present batch."""
        one.is_stopping = one.is_busy

    def read(self, one: Import, options: Options, header: str) -> None:
        """Read the files and find out what becomes of them."""

        def work(one: Import) -> str:
            one.opened.close()
            one.plan, one.checked, one.parts = None, None, []
            assert one.folder
            files = [str(one.folder / name) for name in one.files]
            one.parts = parts_of(one.opened, files, options, self._clients("", header))
            one.plan = [each for part in one.parts for each in shown.plan(part)]
            one.scopes = tuple(
                dict.fromkeys(s for part in one.parts for s in SCOPES[part.resource])
            )
            return "read"

        if not one.files:
            raise BadRequest("The import has no file. Send one first.")
        one.options = options
        self._start(one, "reading", work)

    def run(self, one: Import, header: str, dry_run: bool) -> None:
        """Import the files, or have the services validate all rows only."""
        if one.plan is None:
            raise Conflict("The files were not read. Read them first.")

        def work(one: Import) -> str:
            result: dict[str, Any] = {"reports": [], "seconds": 0.0}
            if dry_run:
                one.checked = result
            else:
                one.done, one.undone = result, None
            client = self._clients("" if dry_run else one.id, header)
            for step in _steps(one, client, dry_run, result):
                one.progress = step
                if one.is_stopping:
                    raise Stopped
            return "checked" if dry_run else "done"

        self._start(one, "checking" if dry_run else "running", work)

    def undo(self, id: str, by: str, header: str) -> Import:
        """Take an import back, also one that the console does not know.

        Raises:
            BadRequest: The id cannot be one of an import.
        """
        if not is_valid(id):
            raise BadRequest("This is not the id of an import. `vitrine imports` lists them.")
        one = self._known.get(id)
        if one and one.by != by:
            raise Conflict("Another caller has begun this import here, and can undo it.")
        if one is None:
            one = Import(id, by, None)
            with self._lock:
                self._make_room()
                self._known[id] = one

        def work(one: Import) -> str:
            client = self._clients(f"{UNDO}{id}", header)
            services = [client(name) for name in UNDONE if name in self._urls]
            report = undo(services, id, dry_run=False) if one.may_have_changed else UndoReport()
            one.undone = {
                "done": dict(report.done),
                "kept": report.kept[:MAX_LINES],
                "refused": report.refused[:MAX_LINES],
                "left": len(report.kept) + len(report.refused),
            }
            return "undone"

        self._start(one, "undoing", work)
        return one

    def _clients(self, import_id: str, header: str) -> ClientOf:
        """Return what makes clients with the token of the caller."""

        def client(service: str) -> Client:
            if service not in self._urls:
                raise StackError(f"The console knows no service {service}.")
            return Client(service, self._urls[service], import_id, header)

        return client

    def _start(self, one: Import, state: str, work: Work) -> None:
        """Begin work on an import in a thread.

        Raises:
            Conflict: It, or another import, is at work.
        """
        with self._lock:
            busy = next((each for each in self._known.values() if each.is_busy), None)
            if busy:
                name = "The import" if busy is one else "Another import"
                raise Conflict(f"{name} is {busy.state} now. Wait for its end, or stop it.")
            one.state, one.error, one.is_stopping, one.progress = state, "", False, None
        thread = threading.Thread(target=_work, args=(one, work), name=f"import {one.id}")
        thread.daemon = True
        thread.start()

    def _make_room(self) -> None:
        """Forget what is old, and the oldest of too many; the lock is held."""
        limit = time.time() - KEPT_SECONDS
        idle = [one for one in self._known.values() if not one.is_busy]
        many = len(self._known) - MAX_IMPORTS + 1
        for number, one in enumerate(idle):
            if number < many or one.created_at < limit:
                self._forget(one)
        if len(self._known) >= MAX_IMPORTS:
            error = ServiceUnavailable(f"Too many imports are at work. Retry in {RETRY_SECONDS} s.")
            error.headers["Retry-After"] = str(RETRY_SECONDS)
            raise error

    def _forget(self, one: Import) -> None:
        one.opened.close()
        self._known.pop(one.id, None)
        if one.folder:
            self._uploads.remove(one.folder)


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
    one: Import, client: ClientOf, dry_run: bool, result: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Import all parts; keep the results so far, and yield the progress after each batch."""
    started = time.monotonic()
    finished: list[dict[str, Any]] = []
    rows = 0
    for number, part in enumerate(one.parts):
        report = ImportReport(max_kept=MAX_REASONS, max_rows=MAX_ROWS)
        try:
            for share in part.run(client, dry_run, report):
                result["reports"] = [*finished, shown.report(part, report, dry_run)]
                result["seconds"] = round(time.monotonic() - started, 2)
                yield {
                    "share": round((number + share) / len(one.parts), 4),
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
