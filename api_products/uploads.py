"""What ``multipart/form-data`` brings: pictures, each checked, and fields of a product."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from flask import current_app, request
from marshmallow import fields

from api_products import gallery, images, jobs, thumbnails
from api_products.resource import products
from shared import documents
from shared.documents import Document
from shared.errors import ApiError, BadRequest, TooLarge, Unprocessable, Unsupported
from shared.settings import Settings

MULTIPART = "multipart/form-data"
MAX_UPLOADS = 10  # pictures of one request

_REFUSALS: dict[type[thumbnails.PictureError], type[ApiError]] = {
    thumbnails.UnknownFormat: Unsupported,
    thumbnails.TooLarge: TooLarge,
    thumbnails.Broken: Unprocessable,
}
_TEXTS = {
    each
    for name, field in products.schema.fields.items()
    if isinstance(field, fields.String)
    for each in (name, *field.metadata.get("aliases", ()))
}

Upload = tuple[bytes, images.Image]


def pictures(least: int = 1) -> list[Upload]:
    """Return the pictures in the body, each as bytes and as the image it is to become.

    Raise ``TooLarge`` for too many bytes or pixels, ``Unsupported`` for what is no picture,
    ``Unprocessable`` for one that cannot be decoded, ``BadRequest`` for too few or too many.
    """
    settings: Settings = current_app.extensions["settings"]
    limit = settings.max_upload_mb * 1_000_000
    request.max_content_length = MAX_UPLOADS * limit + 1_000_000
    given = [each for several in request.files.listvalues() for each in several if each]
    if not least <= len(given) <= MAX_UPLOADS:
        raise BadRequest(
            f"Send {least} to {MAX_UPLOADS} pictures as {MULTIPART}, such as curl -F "
            "image=@photo.jpg does."
        )
    found = []
    for index, each in enumerate(given):
        try:
            data = each.stream.read(limit + 1)
            if len(data) > limit:
                raise thumbnails.TooLarge(f"Is larger than {settings.max_upload_mb} MB.")
            facts = thumbnails.inspect(data, settings.max_image_pixels)
        except thumbnails.PictureError as error:
            kind = _REFUSALS[type(error)]
            where = {"pointer": f"/files/{index}", "message": str(error)}
            raise kind(str(error), [where]) from error
        digest = hashlib.sha256(data).hexdigest()
        image = images.queued(
            documents.now(), digest, facts.format, facts.width, facts.height, facts.color
        )
        found.append((data, image))
    return found


@contextmanager
def kept(uploads: Sequence[Upload]) -> Iterator[list[images.Image]]:
    """Store the files of uploads and yield the images to be; if these come to nothing, so do they.

    Raise ``Unavailable`` when the files cannot be stored.
    """
    try:
        for data, image in uploads:
            gallery.files().put(images.original(image["sha256"]), data)
        yield [image for _, image in uploads]
    except Exception:
        jobs.queue_removal({image["sha256"] for _, image in uploads})
        raise


def values() -> Document:
    """Return the fields of a form as JSON would have them: ``price=12.5`` is a number.

    What is left empty is not there.
    """
    given = {name: text for name, text in request.form.items() if text}
    return {name: text if name in _TEXTS else _value(text) for name, text in given.items()}


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return text
