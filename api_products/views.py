"""``/products``: the standard methods, the images, and what the categories service asks."""

import hashlib
from typing import Any

from flask import Response, current_app, request
from marshmallow import Schema, fields, validate

from api_products import images, jobs, thumbnails
from api_products.resource import products
from shared import documents, queue
from shared.attempts import attempts
from shared.documents import Document
from shared.errors import (
    ApiError,
    BadRequest,
    Conflict,
    NotFound,
    Stale,
    TooLarge,
    Unprocessable,
    Unsupported,
)
from shared.fields import Slug, Text, Whole
from shared.files import Files
from shared.responses import respond
from shared.settings import Settings

MAX_UPLOADS = 10  # pictures of one request
REFUSALS: dict[type[thumbnails.PictureError], type[ApiError]] = {
    thumbnails.UnknownFormat: Unsupported,
    thumbnails.TooLarge: TooLarge,
    thumbnails.Broken: Unprocessable,
}

blueprint = products.blueprint("list", "get", "create", "update", "delete", "batch")


@blueprint.post("/products/<ref>/restore")
def restore(ref: str) -> Response:
    """Bring a product back from the trash, if its category still exists or another is given."""
    return products.restore(ref, "category")


@blueprint.get("/products:category-counts")
def count_by_category() -> Response:
    """Answer how many products each of ``?slugs=a,b`` has, in it or below it."""
    slugs = [slug for slug in request.args.get("slugs", "").split(",") if slug]
    count = products.repository.count
    return respond({slug: count({"category_path": slug}) for slug in slugs[:100]})


@blueprint.put("/products:category-path/<slug>")
def put_category_path(slug: str) -> Response:
    """Bring products in line with a category that moved, was renamed, or goes.

    The body is ``{"path": ["computers", "memory"]}``, the slugs from the root to where the
    category is now, or an empty path to leave its products without a category.
    """
    path = _Path().load(products.body())["path"]
    stale: dict[str, Any] = {"category_path": slug}
    if not path:
        gone: dict[str, Any] = {"$unset": ["category", "category_path"]}
        return respond({"updated": products.repository.rewrite(stale, [gone])})
    new: dict[str, Any] = {"$literal": path}
    # A hand edit may have left one slug where a list of them belongs.
    known = {"$cond": [{"$isArray": "$category_path"}, "$category_path", ["$category_path"]]}
    stale["$expr"] = {"$ne": [{"$slice": [known, len(path)]}, new]}
    below, length = {"$add": [{"$indexOfArray": [known, slug]}, 1]}, {"$size": known}
    tail = {"$cond": [{"$lt": [below, length]}, {"$slice": [known, below, length]}, []]}
    own = {"$cond": [{"$eq": ["$category", slug]}, {"$literal": path[-1]}, "$category"]}
    changes = {"$set": {"category": own, "category_path": {"$concatArrays": [new, tail]}}}
    return respond({"updated": products.repository.rewrite(stale, [changes])})


@blueprint.get("/products/<ref>/images")
def list_images(ref: str) -> Response:
    """Answer all images of a product, whatever their state, the main one first."""
    products.check_parameters()
    return _gallery(products.repository.get(ref))


@blueprint.put("/products/<ref>/images")
def order_images(ref: str) -> Response:
    """Bring the images into the order of ``{"order": [3, 1, 2]}``; the first is the main one."""
    products.check_parameters()
    order = _Order().load(products.body())["order"]
    return _gallery(jobs.rewrite(ref, order[0], first=order))


@blueprint.post("/products/<ref>/images")
def upload_images(ref: str) -> Response:
    """Take one picture or several, and answer 202 with where each becomes an image.

    Nothing is taken when one of them is refused: 413 for too many bytes or pixels, 415 for what
    is no picture, 422 for one that cannot be decoded.
    """
    products.check_parameters()
    products.repository.get(ref)
    uploads = _uploads()
    files: Files = current_app.extensions["files"]
    for data, image in uploads:
        files.put(images.original(image["hash"]), data)
    product, added = _add(ref, [image for _, image in uploads])
    for each in added:
        job = jobs.job_id(product["_id"], each["id"])
        queue.enqueue(job, jobs.MAKE_THUMBNAILS, product["_id"], each["id"])
    response = respond({"items": [images.shown(each) for each in added]}, 202)
    response.location = f"/products/{product['_id']}/images/{added[0]['id']}"
    return response


@blueprint.get("/products/<ref>/images/<int:number>")
def get_image(ref: str, number: int) -> Response:
    """Answer one image."""
    products.check_parameters()
    return _image(products.repository.get(ref), number)


@blueprint.patch("/products/<ref>/images/<int:number>")
def update_image(ref: str, number: int) -> Response:
    """Change an image's ``alt`` text, or make it the main one by ``"main": true``."""
    products.check_parameters()
    values = _ImageChange().load(products.body())
    first = [number] if values.pop("main", False) else []
    return _image(jobs.rewrite(ref, number, first=first, **values), number)


@blueprint.delete("/products/<ref>/images/<int:number>")
def delete_image(ref: str, number: int) -> Response:
    """Take an image away."""
    products.check_parameters()
    jobs.rewrite(ref, number, gone=True)
    return Response(status=204)


def _gallery(product: Document) -> Response:
    return respond({"items": [images.shown(each) for each in images.of(product)]})


def _image(product: Document, number: int) -> Response:
    image = images.find(images.of(product), number)
    if image is None:
        raise NotFound(f"This product has no image {number}.")
    return respond(images.shown(image))


def _uploads() -> list[tuple[bytes, images.Image]]:
    """Return the pictures in the body, each checked, as bytes and as the image to be."""
    settings: Settings = current_app.extensions["settings"]
    limit = settings.max_upload_mb * 1_000_000
    request.max_content_length = MAX_UPLOADS * limit + 1_000_000
    given = [each for several in request.files.listvalues() for each in several]
    if not 1 <= len(given) <= MAX_UPLOADS:
        raise BadRequest(
            f"Send 1 to {MAX_UPLOADS} pictures as multipart/form-data, such as curl -F "
            "image=@photo.jpg does."
        )
    uploads = []
    for index, each in enumerate(given):
        data = each.stream.read(limit + 1)
        where = f"/files/{index}"
        if len(data) > limit:
            text = f"Is larger than {settings.max_upload_mb} MB."
            raise TooLarge(text, [{"pointer": where, "message": text}])
        try:
            facts = thumbnails.inspect(data, settings.max_image_pixels)
        except thumbnails.PictureError as error:
            kind = REFUSALS[type(error)]
            raise kind(str(error), [{"pointer": where, "message": str(error)}]) from error
        digest = hashlib.sha256(data).hexdigest()
        image = images.queued(
            documents.now(), digest, facts.format, facts.width, facts.height, facts.color
        )
        uploads.append((data, image))
    return uploads


def _add(ref: str, new: list[images.Image]) -> tuple[Document, list[images.Image]]:
    """Add images to a product under numbers that were never given; return both as they are now."""
    for _ in attempts():
        product = products.repository.get(ref)
        known = images.of(product)
        last = max([images.made(product), *(each["id"] for each in known)])
        added = [{"id": last + count, **each} for count, each in enumerate(new, 1)]
        values = {"images": [*known, *added], "images_made": last + len(new)}
        try:
            return products.repository.update(product, values), added
        except Stale:
            continue
    raise Conflict("Too many others are writing this product at once; try again.")


class _Order(Schema):
    order = fields.List(Whole(1), required=True, validate=validate.Length(1, 1000))


class _ImageChange(Schema):
    alt = Text(500, allow_none=True)
    main = fields.Boolean()


class _Path(Schema):
    path = fields.List(Slug(), required=True)
