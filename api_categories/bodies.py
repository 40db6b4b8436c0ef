"""What the routes of the tree give, besides categories."""

from marshmallow import Schema, fields

from shared.endpoints.document_checks import KindSchema
from shared.schema.fields import Id


class BranchSchema(Schema):
    """A category in a tree, so deep below the first one."""

    id = Id()
    slug = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    parent = fields.String(allow_none=True)
    position = fields.Integer(allow_none=True)
    path = fields.List(fields.String())
    depth = fields.Integer(metadata={"example": 0})


class TreeSchema(Schema):
    """A category and all below it."""

    items = fields.List(fields.Nested(BranchSchema))
    total = fields.Integer()


class MoveSchema(Schema):
    """What was in a slug, and where that is now: nowhere when the path is empty."""

    id = fields.String()
    slug = fields.String()
    path = fields.List(fields.String())
    deleted = fields.Boolean()


class MovesSchema(Schema):
    """What products have to follow."""

    moves = fields.List(fields.Nested(MoveSchema))


class FaultsSchema(Schema):
    """What is not as it should be in the tree."""

    parentless = fields.Nested(KindSchema)
    circular = fields.Nested(KindSchema)
    unsettled = fields.Nested(KindSchema)
