"""Routes of ``/products``: the standard methods, notifications and checks.

The other routes are in ``images.views``, ``stock.views`` and ``categories.views``.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from api_products import checks, jobs, notifications
from api_products.categories import moves
from api_products.categories import views as category_views
from api_products.images import gallery, uploads
from api_products.images import views as image_views
from api_products.images.model import images_of
from api_products.images.sources import is_uploaded
from api_products.resource import CATEGORIES_READ, GROUPS, PHOTOS_CHANGED, products
from api_products.schemas import CategoryCheckSchema, FileCheckSchema, QueuedNotificationSchema
from api_products.stock import views as stock_views
from shared.endpoints import document_checks, searching
from shared.http import (
    FORM,
    ITEM,
    JSON,
    NEW,
    ServiceUnavailable,
    accepts,
    auth,
    encode,
    like,
    respond,
    returns,
    state,
)
from shared.resource import idempotency, purges, resumes
from shared.schema.slugs import SLUG
from shared.storage import documents
from shared.storage.connections import settings
from shared.storage.transactions import on_commit

log = logging.getLogger(__name__)

MAX_REMOVED = 100  # pictures of images removed by one request whose files are removed soon

blueprint = products.blueprint("list", "get", "update", "batch")
blueprint.before_request(uploads.raise_size_limit)
for nested in (stock_views, image_views, category_views):
    blueprint.register_blueprint(nested.blueprint)
blueprint.register_blueprint(searching.blueprint(products))


@blueprint.after_app_request  # The undo of an import writes products, too.
def correct_category_paths(response: Response) -> Response:
    """Correct products that this request wrote with the path of a category that moved meanwhile."""
    if categories := state().notes.get(CATEGORIES_READ):
        try:
            moves.check_again(categories.values())
        except ServiceUnavailable as error:
            log.warning("Category paths are not checked again: %s", error)
    return response


@blueprint.after_app_request
def fetch_photos(response: Response) -> Response:
    """Queue the fetching of the photos that this request has added, and the removal of others."""
    removed = state().notes.get(PHOTOS_CHANGED)
    if removed is not None and response.status_code < 400:
        on_commit(jobs.queue_photos)
        # A job that runs once a day removes the rest.
        on_commit(partial(jobs.queue_removal, sorted(removed)[:MAX_REMOVED]))
    return response


@blueprint.post("/products")
@accepts(NEW, media=(JSON, FORM))
@returns(ITEM, 201, headers=("Location", "Link"))
def create() -> Response:
    """Create a product from JSON, or from a form that may also have pictures.

    The product shows an image once its thumbnails are made; until then ``Link`` has the address of
    each image, with its state.
    """
    if request.mimetype != uploads.MULTIPART:
        return products.create()
    products.reject_unknown_parameters()
    pictures = uploads.read_pictures(at_least=0)
    values = products.load(uploads.form_values())
    with uploads.stored_files(pictures) as images:
        product = gallery.create_product(values, images)
    jobs.queue_thumbnails_on_commit(product, filter(is_uploaded, images_of(product)))
    response = products.created_response(product)
    paths = (gallery.path_of(product, image) for image in images_of(product))
    if links := ", ".join(f'<{path}>; rel="monitor"' for path in paths):
        response.headers["Link"] = links  # The relation is that of RFC 5989.
    return response


@blueprint.delete("/products/<ref>")
@like(products.delete)
def delete(ref: str) -> Response:
    """Move a product to the trash, or purge it.

    A minute after a purge, its pictures are removed if no other product has them.
    """
    digests = gallery.digests_of(ref) if purges() else ()
    response = products.delete(ref)
    jobs.queue_removal(digests)
    return response


@blueprint.post("/products/<ref>/restore")
@like(products.restore)
def restore(ref: str) -> Response:
    """Restore a product from the trash; its category, or the one in the body, must exist."""
    return products.restore(ref)


@blueprint.get("/products/<ref>/variants")
@like(products.list)
def list_variants(ref: str) -> Response:
    """Answer the products of the same group as a product, itself among them, as a list does.

    The parameters are those of lists.  A product without a group is alone.
    """
    product = products.get_visible(ref)
    group = GROUPS.of(product)
    if group is None or not SLUG.fullmatch(group):  # A hand edit may have left another text.
        return products.answer_alone(product)
    # The same response, and the same entry in the cache, as that of the list of the group.
    parameters = (request.query_string, urlencode({GROUPS.field: group}).encode())
    return products.answer_list(b"&".join(filter(None, parameters)))


@blueprint.post("/products/<ref>/notify_update")
@resumes
@returns(QueuedNotificationSchema, 202, headers=("Location",))
def notify_update(ref: str) -> Response:
    """Queue a notification about a product to the URLs of NOTIFY_URLS; answer 202 with the job."""
    products.reject_unknown_parameters()
    (product,) = products.dump([products.repository.get(ref)], products.names)
    event = idempotency.token()
    body = notifications.message(event, encode(product), documents.now().isoformat())
    if not jobs.queue_notification(event, body):
        raise ServiceUnavailable("The job queue cannot be reached. Try again shortly.")
    urls = [notifications.without_secrets(url) for url in settings().notify_urls.split(",") if url]
    response = respond({"job": event, "state": "queued", "to": urls}, 202)
    response.location = f"/jobs/{event}"
    return response


@blueprint.get("/products:files")
@auth.requires(auth.ADMIN)
@returns(FileCheckSchema)
def check_files() -> Response:
    """List the faults among files and images: orphans, missing, lost, stuck."""
    products.reject_unknown_parameters()
    return _file_response(checks.find_file_faults())


@blueprint.post("/products:files")
@auth.requires(auth.ADMIN)
@resumes
@returns(FileCheckSchema)
def repair_files() -> Response:
    """Repair the faults that ``GET`` lists, all except the lost images, and list them."""
    products.reject_unknown_parameters()
    faults = checks.find_file_faults()
    checks.repair_files(faults)
    return _file_response(faults)


@blueprint.get("/products:categories")
@auth.requires(auth.ADMIN)
@returns(CategoryCheckSchema)
def check_categories() -> Response:
    """List the products whose category does not exist, or whose category path is wrong."""
    products.reject_unknown_parameters()
    return document_checks.respond_kinds(checks.check_categories(repair=False))


@blueprint.post("/products:categories")
@auth.requires(auth.ADMIN)
@resumes
@returns(CategoryCheckSchema)
def repair_categories() -> Response:
    """Give products the category path that the categories service reports; list the faults."""
    products.reject_unknown_parameters()
    return document_checks.respond_kinds(checks.check_categories(repair=True))


def _file_response(faults: Mapping[str, Sequence[Any]]) -> Response:
    return document_checks.respond_kinds(
        {kind: document_checks.kind_of(cases, kind != "lost") for kind, cases in faults.items()}
    )
