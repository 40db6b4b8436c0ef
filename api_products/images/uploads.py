"""What ``multipart/form-data`` brings: pictures, each checked, and fields of a product."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import IO

from flask import Flask, current_app, request
from marshmallow import fields

from api_products import jobs
from api_products.images import gallery, model, thumbnails
from api_products.resource import products
from shared.config.settings import Settings
from shared.http import json_body
from shared.http.errors import (
    ApiError,
    BadRequest,
    ContentTooLarge,
    Unprocessable,
    UnsupportedMediaType,
)
from shared.schema.serialization import Document
from shared.storage import documents

MULTIPART = "multipart/form-data"
MAX_UPLOADS = 10  # pictures of one request

_REFUSALS: dict[type[thumbnails.PictureError], type[ApiError]] = {
    thumbnails.UnknownFormat: UnsupportedMediaType,
    thumbnails.ImageTooLarge: ContentTooLarge,
    thumbnails.Broken: Unprocessable,
}
_TEXTS = {
    each
    for name, field in products.schema.fields.items()
    if isinstance(field, fields.String)
    for each in (name, *field.metadata.get("aliases", ()))
}

# The stream of a picture, for ten of them would be much to hold in memory, and the image to be.
Upload = tuple[IO[bytes], model.Image]


def init_app(app: Flask) -> None:
    """Let forms be as large as so many pictures are."""
    settings: Settings = app.extensions["settings"]
    app.config["MAX_FORM_LENGTH"] = MAX_UPLOADS * settings.max_upload_mb * 1_000_000 + 1_000_000


def allow() -> None:
    """Let this request be as large as forms may be, before anything looks into it."""
    if request.mimetype == MULTIPART:
        request.max_content_length = current_app.config["MAX_FORM_LENGTH"]


def pictures(least: int = 1) -> list[Upload]:
    """Return the pictures in the body, each as a stream and as the image it is to become.

    Raise ``ContentTooLarge`` for too many bytes or pixels, ``UnsupportedMediaType`` for what is no
    picture, ``Unprocessable`` for one that cannot be decoded, ``BadRequest`` for too few or too
    many.
    """
    settings: Settings = current_app.extensions["settings"]
    limit = settings.max_upload_mb * 1_000_000
    given = [each for several in request.files.listvalues() for each in several if each]
    if not least <= len(given) <= MAX_UPLOADS:
        raise BadRequest(
            f"Send {least} to {MAX_UPLOADS} pictures as {MULTIPART}, such as curl -F "
            "image=@photo.jpg does."
        )
    found = []
    for index, each in enumerate(given):
        try:
            each.stream.seek(0)
            data = each.stream.read(limit + 1)
            if len(data) > limit:
                raise thumbnails.ImageTooLarge(f"Is larger than {settings.max_upload_mb} MB.")
            facts = thumbnails.inspect(data, settings.max_image_pixels)
        except thumbnails.PictureError as error:
            kind = _REFUSALS[type(error)]
            where = {"pointer": f"/files/{index}", "message": str(error)}
            raise kind(str(error), [where]) from error
        digest = hashlib.sha256(data).hexdigest()
        image = model.queued(documents.now(), digest, facts.width, facts.height, facts.color)
        found.append((each.stream, image))
    return found


@contextlib.contextmanager
def kept(uploads: Sequence[Upload]) -> Iterator[list[model.Image]]:
    """Store the files of uploads and yield the images to be; if these come to nothing, so do they.

    Raise ``ServiceUnavailable`` when the files cannot be stored.
    """
    try:
        for stream, image in uploads:
            stream.seek(0)
            gallery.files().put(model.original(image["sha256"]), stream.read())
        yield [image for _, image in uploads]
    except Exception:
        jobs.queue_removal({image["sha256"] for _, image in uploads})
        raise


def values() -> Document:
    """Return the fields of a form as JSON would have them: ``price=12.5`` is a number.

    What is left empty is not there.  Raise ``BadRequest`` for what JSON may not hold either.
    """
    given = [(name, text) for name, text in request.form.items(multi=True) if text]
    pairs = (f"{json.dumps(name)}:{_json(name, text)}" for name, text in given)
    found: Document = json_body.parse(f"{{{','.join(pairs)}}}".encode())
    return found


def _json(name: str, text: str) -> str:
    """Return a field as JSON: what is no text is that already, if it can be."""
    if name not in _TEXTS:
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(text)
            return text
    return json.dumps(text)
