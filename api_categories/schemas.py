"""Schemas of the category routes other than categories: the tree, moves and the tree check."""

from marshmallow import Schema, fields

from shared.endpoints.document_checks import KindSchema
from shared.schema import Id


class FoundCategorySchema(Schema):
    """A category that a text names, with its path and the attribute rules of its products."""

    id = Id()
    slug = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    path = fields.List(fields.String())
    all_attributes = fields.Dict(fields.String(), fields.Dict())


class SimilarCategorySchema(Schema):
    """A category with a similar name."""

    slug = fields.String(allow_none=True)
    name = fields.String(allow_none=True)


class MatchesSchema(Schema):
    """The categories that a text names; if there are none, those with a similar name."""

    items = fields.List(fields.Nested(FoundCategorySchema))
    similar = fields.List(fields.Nested(SimilarCategorySchema))


class TreeItemSchema(Schema):
    """A category of a tree, with its depth below the first one."""

    id = Id()
    slug = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    parent = fields.String(allow_none=True)
    position = fields.Integer(allow_none=True)
    path = fields.List(fields.String())
    depth = fields.Integer(metadata={"example": 0})


class TreeSchema(Schema):
    """A category and all its descendants."""

    items = fields.List(fields.Nested(TreeItemSchema))
    total = fields.Integer()


class MoveSchema(Schema):
    """A slug whose products move, and the path they move to; without a category it is empty."""

    id = fields.String()
    slug = fields.String()
    path = fields.List(fields.String())
    deleted = fields.Boolean()


class MovesSchema(Schema):
    """The moves that products have not followed yet."""

    moves = fields.List(fields.Nested(MoveSchema))


class TreeCheckSchema(Schema):
    """The faults found in the tree."""

    parentless = fields.Nested(KindSchema)
    circular = fields.Nested(KindSchema)
    unsettled = fields.Nested(KindSchema)
