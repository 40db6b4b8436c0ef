"""``Idempotency-Key`` (IETF draft): a POST that is sent again gets its first response again.

A record of each key is kept in MongoDB for a day, with the response and a fingerprint of the
request: a key cannot be used for another request.  The writes of a request and the record of its
response are one transaction, so a process that is killed has stored both or neither.  A view with
effects outside of MongoDB is marked with ``resumes``: it runs outside of a transaction, and a
second run with the same ``token`` has to find the effects of the first one.

(draft-ietf-httpapi-idempotency-key-header)
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from itertools import chain
from typing import Any, TypeVar, cast
from uuid import uuid4

from flask import Flask, Response, current_app, request
from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from shared.http import auth
from shared.http.errors import BadRequest, Unprocessable, WriteConflict
from shared.http.request_state import state
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.transactions import current_session, transaction

RETENTION = timedelta(hours=24)  # for which a record is kept
# Time after which another request may take over the record: the process was probably killed.
LEASE = timedelta(seconds=10)
CHUNK = 1 << 16  # bytes of a file that are read at once

# With quotes it is a string of RFC 8941, as in the draft.
_KEY = re.compile(r'"?([!#-~]{1,255})"?', re.ASCII)
_HEADERS = ("Content-Type", "ETag", "Link", "Location", "Vary")

View = TypeVar("View", bound=Callable[..., Response])


def init_app(app: Flask) -> None:
    """Make each POST of an app honour the header; call it after all routes are registered."""
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            view = cast(Callable[..., Response], app.view_functions[rule.endpoint])
            app.view_functions[rule.endpoint] = idempotent(view)


def resumes(view: View) -> View:
    """Mark a view that may run again with the same ``token`` and does nothing twice."""
    view.resumes = True  # type: ignore[attr-defined]
    return view


def token() -> str:
    """Return a random name for this request; it is the same when the key is sent again."""
    return state().idempotency_token or str(uuid4())


def is_repeated() -> bool:
    """Return True if this request was started before, and not finished."""
    return state().is_repeated


def forget() -> None:
    """Make a failed request start from the beginning when it is sent again: it left no effects."""
    state().is_forgotten = True


def idempotent(view: Callable[..., Response]) -> Callable[..., Response]:
    """Make a view honour the header; ``init_app`` does it for the routes that are there then."""

    @wraps(view)
    def run_once(**values: Any) -> Response:
        header = request.headers.get("Idempotency-Key")
        if header is None or request.method != "POST":
            return view(**values)
        match = _KEY.fullmatch(header)
        if not match:
            raise BadRequest(
                "Idempotency-Key is not valid. Send 1 to 255 visible ASCII characters, without "
                "blanks and quotes."
            )
        # Each caller has keys of its own, so a response never goes to another caller.
        record = _claim(f"{auth.caller()} {match[1]}", _fingerprint())
        if record["state"] == "done":
            return _replay(record)
        state().idempotency_token = record["token"]
        return _run(record, lambda: view(**values), hasattr(view, "resumes"))

    return run_once


def _claim(key: str, fingerprint: str) -> Document:
    """Return the record of a key: new, left by a killed process, or with its response.

    Args:
        key: The caller and the key.
        fingerprint: The digest of the request.

    Raises:
        WriteConflict: A request with this key is still running.
        Unprocessable: The key was used for another request.
    """
    moment = documents.now()
    new = {
        "_id": key,
        "fingerprint": fingerprint,
        "token": str(uuid4()),
        "state": "running",
        "until": moment + LEASE,
        "expires": moment + RETENTION,
    }
    try:
        _records().insert_one(new)
        return new
    except DuplicateKeyError:
        stored: Document = _records().find_one({"_id": key}) or {}
    if stored and not _is_valid(stored):
        _records().replace_one({"_id": key}, new)  # It was edited by hand.
        return new
    if stored and stored["fingerprint"] != fingerprint:
        raise Unprocessable("This Idempotency-Key was used for another request. Send a new key.")
    if stored.get("state") == "done":
        return stored
    if stored and stored["until"] <= moment:
        lease = {"until": moment + LEASE}
        if _records().update_one(_unchanged(stored), {"$set": lease}).matched_count:
            state().is_repeated = True
            return stored | lease
    raise WriteConflict(
        "The request with this Idempotency-Key is still running. Send it again in a second."
    )


def _is_valid(record: Document) -> bool:
    """Return True if a record has the fields and types that this module writes."""
    kinds: dict[str, type] = {"fingerprint": str, "token": str, "until": datetime}
    is_done = record.get("state") == "done"
    if is_done:
        kinds |= {"status": int, "headers": dict, "body": bytes}
    if not all(isinstance(record.get(name), kind) for name, kind in kinds.items()):
        return False
    return 200 <= record["status"] < 500 if is_done else record.get("state") == "running"


def _run(record: Document, work: Callable[[], Response], resumes: bool) -> Response:
    """Return ``work()`` and store it in the record, unless the response is temporary."""

    def run() -> Response:
        response = work()
        if not _is_temporary(response) and not _store(record, response):
            raise WriteConflict(
                "Another request with this Idempotency-Key has taken over. Send it again."
            )
        return response

    try:
        response = run() if resumes else transaction(run)
    except Exception as error:
        response = current_app.make_response(current_app.handle_user_exception(error))
        if not _is_temporary(response):
            _store(record, response)
    if _is_temporary(response):
        if resumes and not state().is_forgotten:
            # It may have left effects; the next run finds them by the token.
            _records().update_one(_unchanged(record), {"$set": {"until": documents.now()}})
        else:
            _records().delete_one(_unchanged(record))
    return response


def _is_temporary(response: Response) -> bool:
    """Return True if a response may be another one later, so that the request may run again."""
    return response.status_code >= 500 or "Retry-After" in response.headers


def _store(record: Document, response: Response) -> bool:
    fields = {
        "state": "done",
        "status": response.status_code,
        "headers": {name: response.headers[name] for name in _HEADERS if name in response.headers},
        "body": response.get_data(),
        "about": _items(response),
    }
    result = _records().update_one(_unchanged(record), {"$set": fields}, session=current_session())
    return result.matched_count == 1


def _items(response: Response) -> list[Any]:
    """Return the ids of the items in a response: when one is purged, so is the record."""
    value = response.get_json(silent=True)
    lists = [value.get(name) for name in ("results", "items")] if isinstance(value, dict) else []
    parts = [value, *chain.from_iterable(each for each in lists if isinstance(each, list))]
    results = [each for each in parts if isinstance(each, dict)]
    owners = [str(result.get("owner", "")).rpartition("/")[2] for result in results]
    return [
        *(result["id"] for result in results if result.get("id") is not None),
        *(int(id) if id.isdigit() else id for id in owners if id),
    ]


def _unchanged(record: Document) -> Document:
    """Return the filter that finds a record until another request takes it over."""
    return {"_id": record["_id"], "state": "running", "until": record["until"]}


def _replay(record: Document) -> Response:
    response = Response(record["body"], record["status"])
    for name in ("Content-Type", "Content-Length"):
        response.headers.pop(name, None)
    response.headers.update(record["headers"])
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _fingerprint() -> str:
    """Return a digest of the path, query and body of a request, without the boundary of a form."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{request.path}?{request.query_string.decode('latin-1')}\n".encode())
    digest.update(f"{request.mimetype}\n".encode())
    if request.mimetype != "multipart/form-data":
        digest.update(request.get_data())
        return digest.hexdigest()
    for name, text in request.form.items(multi=True):
        digest.update(f"{name}={len(text)}:{text}\n".encode())
    for name, file in request.files.items(multi=True):
        digest.update(f"{name}=".encode())
        while chunk := file.stream.read(CHUNK):
            digest.update(chunk)
        file.stream.seek(0)
    return digest.hexdigest()


def _records() -> Collection[Any]:
    """Return the collection of records, with the index by which MongoDB removes old ones."""
    records: Collection[Any] = current_app.extensions["resource"].repository.idempotency_keys
    indexed: set[str] = current_app.extensions.setdefault("indexed", set())
    if records.name not in indexed:
        expiry = IndexModel([("expires", 1)], expireAfterSeconds=0)
        records.create_indexes([expiry, IndexModel([("about", 1)], sparse=True)])
        indexed.add(records.name)
    return records
