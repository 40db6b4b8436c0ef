"""Routes that the categories service calls: product counts, misfits, and moved categories."""

from flask import Blueprint, Response
from marshmallow import fields

from api_products import jobs
from api_products.categories import attribute_fit, moves
from api_products.categories.schemas import MisfitsRequestSchema, PendingMovesSchema
from api_products.resource import products
from shared.http import accepts, auth, read_parameters, respond, returns
from shared.resource import resumes
from shared.schema import Flag, Names
from shared.schema.attribute_rules import FitSchema

blueprint = Blueprint("categories", __name__)


@blueprint.get("/products:category-counts")
@accepts(slugs=Names(metadata={"blank": True, "example": "kitchen,tea"}), unlisted=Flag())
@returns(fields.Dict(fields.String(), fields.Integer()))
def count_by_category() -> Response:
    """Count the active products in each category of ``?slugs=a,b`` and its descendants.

    With ``unlisted=true`` drafts and archived products are counted, too; that needs the scope
    ``products:read``.
    """
    parameters = read_parameters()
    slugs = parameters.get("slugs", ())
    count_each = products.count_each_listed
    if parameters.get("unlisted"):
        auth.require(auth.READ)
        count_each = products.repository.count_each
    counts = count_each([{"category_path": slug} for slug in slugs])
    return respond(dict(zip(slugs, counts, strict=True)))


@blueprint.post("/products:misfits")
@auth.requires(auth.ADMIN)
@resumes
@accepts(MisfitsRequestSchema)
@returns(FitSchema)
def count_misfits() -> Response:
    """Count the products that would not fit other attribute schemas; nothing is written.

    The body is ``{"category": "computers", "changes": [{"categories": ["memory"], "before":
    {...}, "after": {...}}]}``.  Each product in the category and its descendants is checked against
    the schema of its own category, before and after the change.
    """
    products.reject_unknown_parameters()
    body = MisfitsRequestSchema().load(products.body())
    return respond(attribute_fit.count_misfits(body["category"], body["changes"]))


@blueprint.post("/products:category-moves")
@auth.requires(auth.ADMIN)
@resumes
@returns(PendingMovesSchema)
@returns(PendingMovesSchema, 202)
def follow_categories() -> Response:
    """Move products after the categories that moved; 202 when a job does the rest."""
    products.reject_unknown_parameters()
    left = moves.follow(moves.REQUEST_SECONDS)
    if left:
        jobs.queue_following()
    return respond({"left": left}, 202 if left else 200)
