"""Trace of one request by its id: logs, notes, history, ledger and jobs on one time line."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from shared.http.errors import ApiError
from vitrine.console.reasons import Memory
from vitrine.console.services import Services
from vitrine.local.processes import rotated

MAX_LINES = 1000  # log lines of a request that are shown
MAX_ITEMS = 50  # items whose history is searched
MAX_JOBS = 50  # jobs that are asked for
PAGE = 100  # entries of a history that are searched
SEARCHED = "searched"

Event = dict[str, Any]


class Trace:
    """Finds what a stack knows of a request.

    Args:
        services: The services.
        memory: The notes that the console has seen.
        folder: The folder of the logs of this machine.
    """

    def __init__(self, services: Services, memory: Memory, folder: Path):
        self._services = services
        self._memory = memory
        self._folder = folder

    def find(self, id: str, authorization: str) -> dict[str, Any]:
        """Return all events of a request in the order of time.

        Args:
            id: The id of the request; its characters were checked.
            authorization: The Authorization header of the caller.
        """
        logs = list(self._log_events(id))
        notes = [_note_event(note) for note in self._memory.notes_of(id)]
        history, history_state = self._history(id, self._items(logs, notes), authorization)
        jobs, jobs_state = self._jobs(id, logs, authorization)
        events = [*logs, *notes, *history, *jobs]
        return {
            "id": id,
            "events": sorted(events, key=lambda event: str(event["at"])),
            "sources": {
                "logs": SEARCHED if self._folder.is_dir() else "This machine has no logs.",
                "stream": SEARCHED,
                "history": history_state,
                "jobs": jobs_state,
            },
        }

    def _log_events(self, id: str) -> Iterator[Event]:
        paths = sorted(self._folder.glob("*.log")) if self._folder.is_dir() else []
        found = 0
        for path in (each for log in paths for each in (rotated(log), log)):
            for line in lines_with(path, id):
                found += 1
                if found > MAX_LINES:
                    return
                yield _log_event(line, path.name.partition(".")[0])

    def _items(self, logs: list[Event], notes: list[Event]) -> dict[tuple[str, str], bool]:
        """Return the service and the id, or slug, of each item that the request has changed.

        The value is True for an id, and False for a part of a path, which may be either.
        """
        items: dict[tuple[str, str], bool] = {}
        for event in notes:
            if event["data"].get("kind") == "change":
                items[event["service"], str(event["data"]["item"])] = True
        for event in logs:
            data = event["data"]
            parts = str(data.get("path", "")).strip("/").split("/")
            is_write = data.get("method") not in (None, "GET", "HEAD", "OPTIONS")
            if is_write and len(parts) > 1 and parts[0] == data.get("service"):
                items.setdefault((parts[0], parts[1]), False)
        known = [item for item in items.items() if item[0][0] in self._services]
        return dict(known[:MAX_ITEMS])

    def _history(
        self, id: str, items: dict[tuple[str, str], bool], authorization: str
    ) -> tuple[list[Event], str]:
        """Return the entries of the request in the histories and ledgers of items."""
        found: list[Event] = []
        seen: set[tuple[str, ...]] = set()
        for (service, ref), is_id in items.items():
            path = f"/{service}/{quote(ref, safe='')}"
            for part, to_event in (("history", _history_event), ("stock", _ledger_event)):
                answer, problem = self._ask(service, f"{path}/{part}?per={PAGE}", authorization)
                if problem:
                    return found, problem
                for entry in answer.get("items", ()):
                    # An item may be named twice, by its id and by its slug.
                    key = service, part, entry["at"], repr(entry["revision"])
                    if entry.get("request_id") == id and (is_id or key not in seen):
                        seen.add(key)
                        found.append(to_event(service, ref, entry))
        return found, SEARCHED

    def _jobs(self, id: str, logs: list[Event], authorization: str) -> tuple[list[Event], str]:
        """Return the jobs that work for the request: those of its log lines, and those listed."""
        named = {
            (e["data"].get("service", ""), e["data"]["job"]) for e in logs if "job" in e["data"]
        }
        found: dict[tuple[str, str], Event] = {}
        for service in self._services:
            answer, problem = self._ask(service, f"/jobs?per={PAGE}", authorization)
            if problem:
                return list(found.values()), problem
            for job in answer.get("items", ()):
                if job["request_id"] == id:
                    found[service, job["id"]] = _job_event(service, job)
            wanted = [job for name, job in named if name == service]
            for job_id in wanted[:MAX_JOBS]:
                path = f"/jobs/{quote(str(job_id), safe='')}"
                job, problem = self._ask(service, path, authorization)
                if problem:
                    return list(found.values()), problem
                if job:
                    found.setdefault((service, job_id), _job_event(service, job))
        return list(found.values()), SEARCHED

    def _ask(self, service: str, path: str, authorization: str) -> tuple[dict[str, Any], str]:
        """Return the answer of a service, empty if there is none, and why it was not searched."""
        headers = {"Authorization": authorization} if authorization else {}
        try:
            status, answer = self._services.ask(service, "GET", path, headers)
        except ApiError as error:
            return {}, str(error)
        found = answer if isinstance(answer, dict) else {}
        if status in (200, 404):
            return found if status == 200 else {}, ""
        return {}, str(found.get("detail") or f"{service} answered {status}.")


def lines_with(path: Path, id: str) -> Iterator[dict[str, Any]]:
    """Yield the log lines of a request in a file; most lines are never parsed.

    The file is read as a whole: a file that is mapped into memory must not become shorter, and logs
    are emptied when they have grown too large.
    """
    wanted = re.compile(rb'"request_id": ?"%b"' % re.escape(id.encode()))
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return
    end = 0
    while found := wanted.search(text, end):
        start, end = text.rfind(b"\n", 0, found.start()) + 1, text.find(b"\n", found.end())
        end = len(text) if end < 0 else end
        try:
            line = orjson.loads(text[start:end])
        except orjson.JSONDecodeError:
            continue
        if isinstance(line, dict) and line.get("request_id") == id:
            yield line


def _log_event(line: dict[str, Any], process: str) -> Event:
    if "path" in line:
        text = f"{line.get('method', '')} {line['path']} {line.get('status', '')}"
    elif "outcome" in line:
        text = f"{line.get('name', 'job')}: {line['outcome']}"
    else:
        text = str(line.get("message") or line.get("error") or "")
    return {
        "at": line.get("time", ""),
        "kind": "log",
        "service": str(line.get("service", "")),
        "process": process,
        "level": str(line.get("level", "info")),
        "text": text,
        "data": line,
    }


def _note_event(note: Any) -> Event:
    if note["kind"] == "request":
        verdict = f", {note['verdict']}" if note["verdict"] else ""
        kind, text = "request", f"{note['method']} {note['path']} {note['status']}{verdict}"
    elif note["kind"] == "write":
        tags = "the whole service" if note["tags"] is None else ", ".join(note["tags"])
        kind, text = "note", f"invalidated {tags}"
    else:
        kind, text = "note", f"the follower has seen: {_change(note, note['item'])}"
    return {
        "at": _iso(note["at"]),
        "kind": kind,
        "service": note["service"],
        "process": "",
        "level": "info",
        "text": text,
        "data": note,
    }


def _history_event(service: str, ref: str, entry: dict[str, Any]) -> Event:
    return {
        "at": entry["at"],
        "kind": "history",
        "service": service,
        "process": "follower",
        "level": "info",
        "text": _change(entry, ref),
        "data": entry,
    }


def _change(entry: Any, ref: str) -> str:
    """Return a change in words; steps of a picture name no fields."""
    fields = ", ".join(entry["fields"])
    return f"{entry['type']} {ref}: {fields}" if fields else f"{entry['type']} {ref}"


def _ledger_event(service: str, ref: str, entry: dict[str, Any]) -> Event:
    change = f"{entry['change'] or 0:+} ({entry['reason']})"
    return {
        "at": entry["at"] or "",
        "kind": "ledger",
        "service": service,
        "process": "",
        "level": "info",
        "text": f"stock of {ref}: {change}, {entry['stock']} left",
        "data": entry,
    }


def _job_event(service: str, job: dict[str, Any]) -> Event:
    at = job.get("ended_at") or job.get("started_at") or job.get("created_at") or ""
    problem = job.get("problem")  # of the work of a job that is finished, such as a picture
    return {
        "at": at,
        "kind": "job",
        "service": service,
        "process": "",
        "level": "error" if job["state"] == "failed" or problem else "info",
        "text": f"{job['id']} failed: {problem}" if problem else f"{job['id']} {job['state']}",
        "data": job,
    }


def _iso(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
