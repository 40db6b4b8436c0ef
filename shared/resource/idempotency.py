"""``Idempotency-Key`` on every POST: sent again, a request is answered again, not done again.

A record of each key is in MongoDB for a day, with a fingerprint of the request, so that the same
key cannot mean another one.  What a request writes and the record that it is done are one
transaction, so a process killed at any point has done both or neither.  A view that has effects
outside of MongoDB says that it ``resumes``: it runs outside of a transaction, and a second run with
the same ``token`` must find what the first one did.

(draft-ietf-httpapi-idempotency-key-header.)
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import uuid4

from flask import Flask, Response, current_app, g, request
from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from shared.http import auth
from shared.http.errors import BadRequest, Unprocessable, WriteConflict
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.transactions import current_session, transaction

KEPT = timedelta(hours=24)
# Who has not answered for so long was killed, or loses the right to say that it is done.
LEASE = timedelta(seconds=10)
CHUNK = 1 << 16

# With quotes it is a string of RFC 8941, as the draft has it.
_KEY = re.compile(r'"?([!#-~]{1,255})"?', re.ASCII)
_HEADERS = ("Content-Type", "ETag", "Link", "Location", "Vary")

View = TypeVar("View", bound=Callable[..., Response])


def init_app(app: Flask) -> None:
    """Have every POST of an app heed the header; call it when all routes are there."""
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            view = cast(Callable[..., Response], app.view_functions[rule.endpoint])
            app.view_functions[rule.endpoint] = _once(view)


def resumes(view: View) -> View:
    """Mark a view that may be run again with the same ``token`` and then does no harm."""
    view.resumes = True  # type: ignore[attr-defined]
    return view


def token() -> str:
    """Return a name for what this request makes: the same when it is sent again with its key."""
    return str(g.get("idempotency_token") or uuid4())


def is_again() -> bool:
    """Whether this request was begun before, and not finished."""
    return bool(g.get("idempotency_again"))


def forget() -> None:
    """Have a request that fails begin anew when it is sent again, for nothing is left of it."""
    g.idempotency_forgotten = True


def _once(view: Callable[..., Response]) -> Callable[..., Response]:
    @wraps(view)
    def answer(**values: Any) -> Response:
        given = request.headers.get("Idempotency-Key")
        if given is None or request.method != "POST":
            return view(**values)
        found = _KEY.fullmatch(given)
        if not found:
            raise BadRequest(
                "Idempotency-Key has 1 to 255 visible ASCII characters, no blanks or quotes."
            )
        # The key of one caller is another one's of the same name: nobody is answered for others.
        record = _claim(f"{auth.caller()} {found[1]}", _fingerprint())
        if record["state"] == "done":
            return _replayed(record)
        g.idempotency_token = record["token"]
        return _finished(record, lambda: view(**values), hasattr(view, "resumes"))

    return answer


def _claim(key: str, fingerprint: str) -> Document:
    """Return the record of a key: a new one, one left by who was killed, or one that is done.

    Raise ``WriteConflict`` while somebody else works on it, ``Unprocessable`` for another request.
    """
    moment = documents.now()
    new = {
        "_id": key,
        "fingerprint": fingerprint,
        "token": str(uuid4()),
        "state": "running",
        "until": moment + LEASE,
        "expires": moment + KEPT,
    }
    try:
        _records().insert_one(new)
        return new
    except DuplicateKeyError:
        known: Document = _records().find_one({"_id": key}) or {}
    if known and not _is_sound(known):
        _records().replace_one({"_id": key}, new)  # It was edited by hand.
        return new
    if known and known["fingerprint"] != fingerprint:
        raise Unprocessable("This Idempotency-Key was used for another request; take a new one.")
    if known.get("state") == "done":
        return known
    if known and known["until"] <= moment:
        mine = {"until": moment + LEASE}
        if _records().update_one(_mine(known), {"$set": mine}).matched_count:
            g.idempotency_again = True
            return known | mine
    raise WriteConflict(
        "The request with this Idempotency-Key is still running; ask again shortly."
    )


def _is_sound(record: Document) -> bool:
    """Whether a record is as it was written."""
    kinds: dict[str, type] = {"fingerprint": str, "token": str, "until": datetime}
    is_done = record.get("state") == "done"
    if is_done:
        kinds |= {"status": int, "headers": dict, "body": bytes}
    if not all(isinstance(record.get(name), kind) for name, kind in kinds.items()):
        return False
    return 200 <= record["status"] < 500 if is_done else record.get("state") == "running"


def _finished(record: Document, work: Callable[[], Response], resumes: bool) -> Response:
    """Do the work and keep its answer, but for one that says the fault was ours."""

    def done() -> Response:
        response = work()
        if not _is_passing(response) and not _keep(record, response):
            raise WriteConflict(
                "Another request with this Idempotency-Key has taken over; ask again."
            )
        return response

    try:
        response = done() if resumes else transaction(done)
    except Exception as error:
        response = current_app.make_response(current_app.handle_user_exception(error))
        if not _is_passing(response):
            _keep(record, response)
    if _is_passing(response):
        if resumes and not g.get("idempotency_forgotten"):
            # Something may be left of it, which is found by the token when it is sent again.
            _records().update_one(_mine(record), {"$set": {"until": documents.now()}})
        else:
            _records().delete_one(_mine(record))
    return response


def _is_passing(response: Response) -> bool:
    """Whether an answer is of this moment only, so that the request may be sent again."""
    return response.status_code >= 500 or "Retry-After" in response.headers


def _keep(record: Document, response: Response) -> bool:
    kept = {
        "state": "done",
        "status": response.status_code,
        "headers": {name: response.headers[name] for name in _HEADERS if name in response.headers},
        "body": response.get_data(),
        "about": _items(response),
    }
    result = _records().update_one(_mine(record), {"$set": kept}, session=current_session())
    return result.matched_count == 1


def _items(response: Response) -> list[Any]:
    """Return the ids of the items that an answer tells of: with them it is purged."""
    value = response.get_json(silent=True)
    told = value.get("results", [value]) if isinstance(value, dict) else []
    owners = [str(each.get("owner", "")).rpartition("/")[2] for each in told]
    return [
        *(each["id"] for each in told if each.get("id") is not None),
        *(int(id) if id.isdigit() else id for id in owners if id),
    ]


def _mine(record: Document) -> Document:
    """Return the filter that finds a record as long as nobody has taken it over."""
    return {"_id": record["_id"], "state": "running", "until": record["until"]}


def _replayed(record: Document) -> Response:
    response = Response(record["body"], record["status"])
    for name in ("Content-Type", "Content-Length"):
        response.headers.pop(name, None)
    response.headers.update(record["headers"])
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _fingerprint() -> str:
    """Return a digest of what a request asks for; a form's boundary is not of it."""
    found = hashlib.blake2b(digest_size=16)
    found.update(f"{request.path}?{request.query_string.decode('latin-1')}\n".encode())
    found.update(f"{request.mimetype}\n".encode())
    if request.mimetype != "multipart/form-data":
        found.update(request.get_data())
        return found.hexdigest()
    for name, text in request.form.items(multi=True):
        found.update(f"{name}={len(text)}:{text}\n".encode())
    for name, file in request.files.items(multi=True):
        found.update(f"{name}=".encode())
        while chunk := file.stream.read(CHUNK):
            found.update(chunk)
        file.stream.seek(0)
    return found.hexdigest()


def _records() -> Collection[Any]:
    """Return the collection of records, with the index that ends them."""
    records: Collection[Any] = current_app.extensions["resource"].repository.idempotency_keys
    indexed: set[str] = current_app.extensions.setdefault("indexed", set())
    if records.name not in indexed:
        expiry = IndexModel([("expires", 1)], expireAfterSeconds=0)
        records.create_indexes([expiry, IndexModel([("about", 1)], sparse=True)])
        indexed.add(records.name)
    return records
