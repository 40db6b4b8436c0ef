"""Image routes, below ``/products/<ref>/images``."""

from typing import Any

from flask import Blueprint, Response, request
from marshmallow import ValidationError, fields, validate

from api_products import jobs
from api_products.images import gallery, uploads
from api_products.images.model import image_to_json, images_of, last_number
from api_products.images.schemas import (
    STATES,
    GallerySchema,
    ImageChangeSchema,
    ImageOrderSchema,
    ImageSchema,
    ImagesOfProductsSchema,
)
from api_products.product_fields import PhotoUrls
from api_products.resource import products
from shared.http import (
    FILES,
    FORM,
    BadRequest,
    accepts,
    auth,
    empty,
    read_parameters,
    respond,
    returns,
)
from shared.schema import Document, Whole, cursor
from shared.storage.transactions import on_commit

MAX_PHOTOS = 20  # by URL, of one request
_PHOTOS = PhotoUrls(MAX_PHOTOS, required=True)

blueprint = Blueprint("images", __name__)


@blueprint.get("/products/<ref>/images")
@returns(GallerySchema, headers=("Vary",), conditional=True)
def list_images(ref: str) -> Response:
    """List all images of a product, in any state, the main one first."""
    products.reject_unknown_parameters()
    return _for_this_reader(_gallery_response(products.get_visible(ref)))


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
@returns(GallerySchema, 200, headers=("Location",))
def upload_images(ref: str) -> Response:
    """Upload pictures, or add photos by URL; answer 202 with the image that each one becomes.

    If one picture is refused, none is stored: 413 for too many bytes or pixels, 415 for a file
    that is not a picture, 422 for a picture that cannot be decoded.

    JSON adds photos by URL: ``{"url": "https://…", "alt": "…"}``, or an array of up to 20.
    A job fetches them; an image whose photo cannot be fetched becomes ``failed``.  If the product
    has all of these URLs, the response is 200.
    """
    products.reject_unknown_parameters()
    product = products.get_for_update(ref)
    if request.is_json:
        return _add_photos(ref, product)
    pictures = uploads.read_pictures()
    if request.form:
        name = next(iter(request.form))
        raise BadRequest(f"An upload has only pictures. Send {name} afterwards with PATCH.")
    with uploads.stored_files(pictures) as images:
        product = gallery.add_images(ref, images)
    added = images_of(product)[-len(images) :]
    jobs.queue_thumbnails_on_commit(product, added)
    response = respond({"items": [image_to_json(image) for image in added]}, 202)
    response.location = gallery.path_of(product, added[0])
    return response


def _add_photos(ref: str, before: Document) -> Response:
    """Add the photos in the body to a product, as far as it does not have them."""
    photos = _read_photos()
    if not photos:
        raise BadRequest(
            'The body has no photo. Send one such as {"url": "https://shop.example/1"}.'
        )
    product = gallery.add_photos(ref, photos)
    on_commit(jobs.queue_photos)
    urls = {photo["url"] for photo in photos}
    images = [image for image in images_of(product) if image.get("url") in urls]
    is_new = last_number(product) > last_number(before)
    shown = {"items": [image_to_json(image) for image in images]}
    response = respond(shown, 202 if is_new else 200)
    response.location = gallery.path_of(product, images[0])
    return response


def _read_photos() -> list[Document]:
    """Return the photos in the body, which is one of them or an array.

    Raises:
        ValidationError: A photo is not valid.
    """
    body = products.read_json()
    try:
        photos: list[Any] = _PHOTOS.deserialize([body] if isinstance(body, dict) else body) or []
    except ValidationError as error:
        # The place of a single photo has no index.
        messages: Any = error.messages
        raise ValidationError(messages[0] if isinstance(body, dict) else messages) from error
    return photos


@blueprint.post("/products/<ref>/images/<int:number>/fetch")
@accepts(headers=("If-Match",))
@returns(ImageSchema, 202)
def fetch_image(ref: str, number: int) -> Response:
    """Have the photo of an image fetched again from its URL, after a failure or a change there.

    A photo that has not changed stays.  The product shows the present one until a new one is there.
    """
    products.reject_unknown_parameters()
    product = gallery.fetch_again(ref, number)
    on_commit(jobs.queue_photos)
    response = _image_response(product, number)
    response.status_code = 202
    return response


@blueprint.get("/products:images")
@auth.requires(auth.READ)
@accepts(
    state=fields.String(validate=validate.OneOf(STATES), required=True),
    per=Whole(1, 100, strict=False, load_default=100),
    cursor=fields.String(),
)
@returns(ImagesOfProductsSchema)
def list_images_by_state() -> Response:
    """List the images of all products that are in a state, such as ``failed``."""
    parameters = read_parameters()
    wanted, per = parameters["state"], parameters["per"]
    bound = cursor.digest(f"images/{wanted}")
    sent = parameters.get("cursor")
    (after,) = cursor.decode(sent, bound, 1) if sent else (None,)
    found, last = gallery.images_in_state(wanted, after, per)
    items = [{"product": ref, **image_to_json(image)} for ref, image in found]
    more = None if last is None else cursor.encode(bound, [last])
    return respond({"items": items, "next_cursor": more})


@blueprint.get("/products/<ref>/images/<int:number>")
@returns(ImageSchema, headers=("Vary",), conditional=True)
def get_image(ref: str, number: int) -> Response:
    """Return one image."""
    products.reject_unknown_parameters()
    return _for_this_reader(_image_response(products.get_visible(ref), number))


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


def _for_this_reader(response: Response) -> Response:
    """Say that the response depends on the caller: other readers may not see the product."""
    response.headers["Vary"] = "Authorization"
    return response


def _gallery_response(product: Document) -> Response:
    images = [image_to_json(image) for image in images_of(product)]
    return respond({"items": images})


def _image_response(product: Document, number: int) -> Response:
    return respond(image_to_json(gallery.get_image(product, number)))
