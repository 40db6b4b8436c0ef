"""Uploads: reads and checks a ``multipart/form-data`` body of pictures and product fields."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import IO

from flask import Flask, current_app, request
from marshmallow import fields

from api_products import jobs
from api_products.images import gallery, thumbnails
from api_products.images.model import Image, new_image, original_file
from api_products.resource import products
from shared.config.settings import Settings
from shared.http import (
    ApiError,
    BadRequest,
    ContentTooLarge,
    Unprocessable,
    UnsupportedMediaType,
    json_body,
)
from shared.schema import Document
from shared.storage import documents
from shared.storage.connections import settings

MULTIPART = "multipart/form-data"
MAX_UPLOADS = 10  # pictures of one request
_UNREADABLE = "\ufffd"  # what werkzeug reads for bytes that are not UTF-8

_HTTP_ERRORS: dict[type[thumbnails.PictureError], type[ApiError]] = {
    thumbnails.UnknownFormat: UnsupportedMediaType,
    thumbnails.PictureTooLarge: ContentTooLarge,
    thumbnails.BrokenPicture: Unprocessable,
}
# Names of the fields whose values are texts, so that a form field ``sku=007`` stays a text.
_TEXT_FIELDS = {
    spelling
    for name, field in products.schema.fields.items()
    if isinstance(field, fields.String)
    for spelling in (name, *field.metadata.get("aliases", ()))
}

# A stream, because ten pictures would fill the memory, and the image that is made of it.
Upload = tuple[IO[bytes], Image]


def init_app(app: Flask) -> None:
    """Set the largest size of a form: as much as ``MAX_UPLOADS`` pictures need."""
    settings: Settings = app.extensions["settings"]
    app.config["MAX_FORM_LENGTH"] = MAX_UPLOADS * settings.max_upload_mb * 1_000_000 + 1_000_000


def raise_size_limit() -> None:
    """Let the body of this request be as large as a form may be; call it before reading it."""
    if request.mimetype == MULTIPART:
        request.max_content_length = current_app.config["MAX_FORM_LENGTH"]


def read_pictures(at_least: int = 1) -> list[Upload]:
    """Check the pictures in the body; return each as a stream with its new image.

    Raises:
        BadRequest: There are too few or too many pictures.
        ContentTooLarge: One has too many bytes or pixels.
        UnsupportedMediaType: One is not a picture.
        Unprocessable: One cannot be decoded.
    """
    max_bytes = settings().max_upload_mb * 1_000_000
    files = [file for several in request.files.listvalues() for file in several if file]
    if not at_least <= len(files) <= MAX_UPLOADS:
        raise BadRequest(
            f"The body has {len(files)} pictures. Send {at_least} to {MAX_UPLOADS} as {MULTIPART}, "
            "for example with curl -F image=@photo.jpg."
        )
    uploads = []
    for index, file in enumerate(files):
        try:
            file.stream.seek(0)
            data = file.stream.read(max_bytes + 1)
            if len(data) > max_bytes:
                raise thumbnails.PictureTooLarge(
                    f"The file is too large. Send at most {settings().max_upload_mb} MB."
                )
            info = thumbnails.inspect(data, settings().max_image_pixels)
        except thumbnails.PictureError as error:
            http_error = _HTTP_ERRORS[type(error)]
            pointer = {"pointer": f"/files/{index}", "message": str(error)}
            raise http_error(str(error), [pointer]) from error
        digest = hashlib.sha256(data).hexdigest()
        image = new_image(documents.now(), digest, info.width, info.height, info.color)
        uploads.append((file.stream, image))
    return uploads


@contextlib.contextmanager
def stored_files(uploads: Sequence[Upload]) -> Iterator[list[Image]]:
    """Store the files of uploads and yield their images; after an error remove the files again.

    Raise ``ServiceUnavailable`` when the files cannot be stored.
    """
    try:
        for stream, image in uploads:
            stream.seek(0)
            gallery.files().put(original_file(image["sha256"]), stream.read())
        yield [image for _, image in uploads]
    except Exception:
        jobs.queue_removal({image["sha256"] for _, image in uploads})
        raise


def form_values() -> Document:
    """Return the fields of a form as JSON values: ``price=12.5`` is a number.

    An empty field is left out.  Raise ``BadRequest`` for values that JSON does not allow either,
    and for bytes that are not UTF-8.
    """
    filled = [(name, text) for name, text in request.form.items(multi=True) if text]
    for name, text in filled:
        if _UNREADABLE in name + text:
            raise BadRequest(f"The field {name[:100]!r} is not UTF-8. Send the form as UTF-8.")
    members = (f"{json.dumps(name)}:{_as_json(name, text)}" for name, text in filled)
    values: Document = json_body.parse(f"{{{','.join(members)}}}".encode())
    return values


def _as_json(name: str, text: str) -> str:
    """Return the value of a field as JSON: of a text field as a string, else as it is if valid."""
    if name not in _TEXT_FIELDS:
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(text)
            return text
    return json.dumps(text)
