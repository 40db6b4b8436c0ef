"""``/products``: the standard methods, the images, and what the categories service asks."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from flask import Response, current_app, g, request
from marshmallow import fields

from api_products import checks, jobs, notifications
from api_products.categories import attribute_fit, moves
from api_products.images import gallery, model, uploads
from api_products.resource import products
from api_products.schemas import (
    FilesSchema,
    ImageChangeSchema,
    ImageSchema,
    ImagesSchema,
    LeftSchema,
    OrderSchema,
    PlacesSchema,
    QueuedSchema,
    SchemaChangesSchema,
)
from api_products.stock import views
from shared.config.settings import Settings
from shared.endpoints import document_checks
from shared.http import auth
from shared.http.contract import FILES, FORM, ITEM, JSON, NEW, accepts, like, returns
from shared.http.errors import BadRequest, NotFound, ServiceUnavailable
from shared.http.json import encode
from shared.http.parameters import read_parameters
from shared.http.responses import conditional, empty, respond
from shared.resource import idempotency, purges, resumes
from shared.schema.attribute_rules import FitSchema
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.connections import connections

log = logging.getLogger(__name__)

blueprint = products.blueprint("list", "get", "update", "batch")
blueprint.before_request(uploads.allow)
blueprint.register_blueprint(views.blueprint)


@blueprint.after_request
def settle(response: Response) -> Response:
    """See that nothing was put where a category was before, while that category moved."""
    if shelves := g.get("shelves"):
        try:
            moves.look_again(shelves.values())
        except ServiceUnavailable as error:
            log.warning("Not looked at again: %s", error)
    return response


@blueprint.post("/products")
@accepts(NEW, media=(JSON, FORM))
@returns(ITEM, 201, headers=("Location",))
def create() -> Response:
    """Store the product in the body, be it JSON or a form that brings pictures along."""
    if request.mimetype != uploads.MULTIPART:
        return products.create()
    products.reject_unknown_parameters()
    pictures = uploads.pictures(least=0)
    values = products.load(uploads.values())
    with uploads.kept(pictures) as new:
        product = gallery.create(values, new)
    _make_thumbnails(product, model.of(product))
    return products.created_response(product)


@blueprint.delete("/products/<ref>")
@like(products.delete)
def delete(ref: str) -> Response:
    """Move a product to the trash or purge it; pictures that no product names go a minute later."""
    hashes = gallery.hashes(ref) if purges() else ()
    response = products.delete(ref)
    jobs.queue_removal(hashes)
    return response


@blueprint.post("/products/<ref>/restore")
@like(products.restore)
def restore(ref: str) -> Response:
    """Bring a product back from the trash, if its category still exists or another is given."""
    return products.restore(ref, "category")


@blueprint.post("/products/<ref>/notify_update")
@resumes
@returns(QueuedSchema, 202, headers=("Location",))
def notify_update(ref: str) -> Response:
    """Tell everybody in NOTIFY_URLS of a product, later; answer 202 with the job that does."""
    products.reject_unknown_parameters()
    (product,) = products.dump([products.repository.get(ref)], products.names)
    event = idempotency.token()
    body = notifications.message(event, encode(product), documents.now().isoformat())
    if not jobs.queue_notification(event, body):
        raise ServiceUnavailable("The queue cannot be reached; try again shortly.")
    settings: Settings = current_app.extensions["settings"]
    urls = [notifications.shown(url) for url in settings.notify_urls.split(",") if url]
    response = respond({"job": event, "state": "queued", "to": urls}, 202)
    response.location = f"/jobs/{event}"
    return response


@blueprint.get("/products:category-counts")
@accepts(slugs=fields.String(metadata={"blank": True, "example": "kitchen,tea"}))
@returns(fields.Dict(fields.String(), fields.Integer()))
def count_by_category() -> Response:
    """Answer how many products each of ``?slugs=a,b`` has, in it or below it."""
    slugs = [slug for slug in read_parameters().get("slugs", "").split(",") if slug]
    count = products.repository.count
    return respond({slug: count({"category_path": slug}) for slug in slugs[:100]})


@blueprint.post("/products:misfits")
@auth.requires(auth.ADMIN)
@resumes
@accepts(SchemaChangesSchema)
@returns(FitSchema)
def count_misfits() -> Response:
    """Answer how many products would not fit other attribute schemas; nothing is written.

    The body is ``{"category": "computers", "changes": [{"categories": ["memory"], "before":
    {...}, "after": {...}}]}``: the products in a category and below it are held against the
    schemas that their own categories have now, and are to have.
    """
    products.reject_unknown_parameters()
    asked = SchemaChangesSchema().load(products.body())
    return respond(attribute_fit.report(asked["category"], asked["changes"]))


@blueprint.post("/products:category-moves")
@auth.requires(auth.ADMIN)
@resumes
@returns(LeftSchema)
@returns(LeftSchema, 202)
def follow_categories() -> Response:
    """Bring products in line with categories that moved, or have a job do what takes long."""
    products.reject_unknown_parameters()
    left = moves.follow(moves.SECONDS)
    if left:
        jobs.queue_following()
    return respond({"left": left}, 202 if left else 200)


@blueprint.get("/products/<ref>/images")
@returns(ImagesSchema, conditional=True)
def list_images(ref: str) -> Response:
    """Answer all images of a product, whatever their state, the main one first."""
    products.reject_unknown_parameters()
    return _gallery(products.repository.get(ref))


@blueprint.put("/products/<ref>/images")
@accepts(OrderSchema, headers=("If-Match",))
@returns(ImagesSchema)
def order_images(ref: str) -> Response:
    """Bring the images into the order of ``{"order": [3, 1, 2]}``; the first is the main one.

    Those that are not named come behind, as they were.
    """
    products.reject_unknown_parameters()
    order = OrderSchema().load(products.body())["order"]
    return _gallery(gallery.order(ref, order))


@blueprint.post("/products/<ref>/images")
@accepts(FILES, media=(FORM,), headers=("If-Match",))
@returns(ImagesSchema, 202, headers=("Location",))
def upload_images(ref: str) -> Response:
    """Take one picture or several, and answer 202 with where each becomes an image.

    Nothing is taken when one of them is refused: 413 for too many bytes or pixels, 415 for what
    is no picture, 422 for one that cannot be decoded.
    """
    products.reject_unknown_parameters()
    products.get_for_update(ref)
    pictures = uploads.pictures()
    if request.form:
        name = next(iter(request.form))
        raise BadRequest(f"Only pictures go with an upload; send {name} by PATCH afterwards.")
    with uploads.kept(pictures) as new:
        product = gallery.add(ref, new)
    added = model.of(product)[-len(new) :]
    _make_thumbnails(product, added)
    response = respond({"items": [model.shown(each) for each in added]}, 202)
    response.location = f"/products/{gallery.ref_of(product)}/images/{added[0]['id']}"
    return response


@blueprint.get("/products/<ref>/images/<int:number>")
@returns(ImageSchema, conditional=True)
def get_image(ref: str, number: int) -> Response:
    """Answer one image."""
    products.reject_unknown_parameters()
    return _image(products.repository.get(ref), number)


@blueprint.patch("/products/<ref>/images/<int:number>")
@accepts(ImageChangeSchema, headers=("If-Match",))
@returns(ImageSchema)
def update_image(ref: str, number: int) -> Response:
    """Change an image's ``alt`` text, or make it the main one by ``"main": true``."""
    products.reject_unknown_parameters()
    values = ImageChangeSchema().load(products.body())
    return _image(gallery.change(ref, number, **values), number)


@blueprint.delete("/products/<ref>/images/<int:number>")
@accepts(headers=("If-Match",))
@returns(None, 204)
def delete_image(ref: str, number: int) -> Response:
    """Take an image away."""
    products.reject_unknown_parameters()
    jobs.queue_removal([gallery.remove(ref, number)])
    return empty()


@blueprint.get("/products:files")
@auth.requires(auth.ADMIN)
@returns(FilesSchema)
def check_files() -> Response:
    """Answer which files and images are not as they should be: orphans, missing, lost, stuck."""
    products.reject_unknown_parameters()
    return _files(checks.check())


@blueprint.post("/products:files")
@auth.requires(auth.ADMIN)
@resumes
@returns(FilesSchema)
def repair_files() -> Response:
    """Mend what ``GET`` shows, all but the lost, and answer it."""
    products.reject_unknown_parameters()
    found = checks.check()
    checks.repair(found)
    return _files(found)


@blueprint.get("/products:categories")
@auth.requires(auth.ADMIN)
@returns(PlacesSchema)
def check_categories() -> Response:
    """Answer the products whose category does not exist, or is at another place than they say."""
    products.reject_unknown_parameters()
    return document_checks.answer(checks.shelve(mend=False))


@blueprint.post("/products:categories")
@auth.requires(auth.ADMIN)
@resumes
@returns(PlacesSchema)
def repair_categories() -> Response:
    """Put products where the categories service says that their categories are."""
    products.reject_unknown_parameters()
    return document_checks.answer(checks.shelve(mend=True))


def _files(found: Mapping[str, Sequence[Any]]) -> Response:
    return document_checks.answer(
        {what: document_checks.of(found[what], what != "lost") for what in found}
    )


def _make_thumbnails(product: Document, new: Iterable[model.Image]) -> None:
    ref = gallery.ref_of(product)
    for number in [image["id"] for image in new]:
        connections().on_commit(partial(jobs.queue_thumbnails, ref, number))


def _gallery(product: Document) -> Response:
    return conditional(respond({"items": [model.shown(each) for each in model.of(product)]}))


def _image(product: Document, number: int) -> Response:
    image = model.find(model.of(product), number)
    if image is None:
        raise NotFound(f"This product has no image {number}.")
    return conditional(respond(model.shown(image)))
