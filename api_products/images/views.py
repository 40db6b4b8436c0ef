"""Image routes, below ``/products/<ref>/images``."""

from flask import Blueprint, Response, request

from api_products import jobs
from api_products.images import gallery, uploads
from api_products.images.model import image_to_json, images_of
from api_products.images.schemas import (
    GallerySchema,
    ImageChangeSchema,
    ImageOrderSchema,
    ImageSchema,
)
from api_products.resource import products
from shared.http import FILES, FORM, BadRequest, accepts, empty, respond, returns
from shared.schema import Document

blueprint = Blueprint("images", __name__)


@blueprint.get("/products/<ref>/images")
@returns(GallerySchema, conditional=True)
def list_images(ref: str) -> Response:
    """List all images of a product, in any state, the main one first."""
    products.reject_unknown_parameters()
    return _gallery_response(products.repository.get(ref))


@blueprint.put("/products/<ref>/images")
@accepts(ImageOrderSchema, headers=("If-Match",))
@returns(GallerySchema)
def order_images(ref: str) -> Response:
    """Order the images as in ``{"order": [3, 1, 2]}``; the first one becomes the main image.

    Images that are not named follow in the order they had.
    """
    products.reject_unknown_parameters()
    numbers = ImageOrderSchema().load(products.body())["order"]
    return _gallery_response(gallery.order_images(ref, numbers))


@blueprint.post("/products/<ref>/images")
@accepts(FILES, media=(FORM,), headers=("If-Match",))
@returns(GallerySchema, 202, headers=("Location",))
def upload_images(ref: str) -> Response:
    """Upload one picture or several; answer 202 with the image that each one becomes.

    If one picture is refused, none is stored: 413 for too many bytes or pixels, 415 for a file
    that is not a picture, 422 for a picture that cannot be decoded.
    """
    products.reject_unknown_parameters()
    products.get_for_update(ref)
    pictures = uploads.read_pictures()
    if request.form:
        name = next(iter(request.form))
        raise BadRequest(f"An upload has only pictures. Send {name} afterwards with PATCH.")
    with uploads.stored_files(pictures) as images:
        product = gallery.add_images(ref, images)
    added = images_of(product)[-len(images) :]
    jobs.queue_thumbnails_on_commit(product, added)
    response = respond({"items": [image_to_json(image) for image in added]}, 202)
    response.location = f"/products/{gallery.ref_of(product)}/images/{added[0]['id']}"
    return response


@blueprint.get("/products/<ref>/images/<int:number>")
@returns(ImageSchema, conditional=True)
def get_image(ref: str, number: int) -> Response:
    """Return one image."""
    products.reject_unknown_parameters()
    return _image_response(products.repository.get(ref), number)


@blueprint.patch("/products/<ref>/images/<int:number>")
@accepts(ImageChangeSchema, headers=("If-Match",))
@returns(ImageSchema)
def update_image(ref: str, number: int) -> Response:
    """Change an image's ``alt`` text, or make it the main image with ``"main": true``."""
    products.reject_unknown_parameters()
    values = ImageChangeSchema().load(products.body())
    return _image_response(gallery.change_image(ref, number, **values), number)


@blueprint.delete("/products/<ref>/images/<int:number>")
@accepts(headers=("If-Match",))
@returns(None, 204)
def delete_image(ref: str, number: int) -> Response:
    """Remove an image from its product."""
    products.reject_unknown_parameters()
    jobs.queue_removal([gallery.remove_image(ref, number)])
    return empty()


def _gallery_response(product: Document) -> Response:
    images = [image_to_json(image) for image in images_of(product)]
    return respond({"items": images})


def _image_response(product: Document, number: int) -> Response:
    return respond(image_to_json(gallery.get_image(product, number)))
