"""Routes that the categories service calls: product counts, misfits, and moved categories."""

import pymongo
from flask import Blueprint, Response
from marshmallow import fields

from api_products import jobs
from api_products.categories import attribute_fit, moves
from api_products.categories.schemas import MisfitsRequestSchema, PendingMovesSchema
from api_products.resource import products
from shared.http import accepts, auth, read_parameters, respond, returns
from shared.resource import resumes
from shared.schema import Names
from shared.schema.attribute_rules import FitSchema
from shared.storage.repository import QUERY_TIMEOUT_SECONDS

blueprint = Blueprint("categories", __name__)


@blueprint.get("/products:category-counts")
@accepts(slugs=Names(metadata={"blank": True, "example": "kitchen,tea"}))
@returns(fields.Dict(fields.String(), fields.Integer()))
def count_by_category() -> Response:
    """Count the products in each category of ``?slugs=a,b`` and its descendants."""
    slugs = read_parameters().get("slugs", ())
    with pymongo.timeout(QUERY_TIMEOUT_SECONDS):
        return respond({slug: products.repository.count({"category_path": slug}) for slug in slugs})


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
