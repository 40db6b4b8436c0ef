"""Schemas of the routes that the categories service calls."""

from marshmallow import Schema, fields


class AttributeSchemaChangeSchema(Schema):
    """The attribute schema of some categories, before and after a change."""

    categories = fields.List(fields.String(), required=True)
    before = fields.Dict(required=True)
    after = fields.Dict(required=True)


class MisfitsRequestSchema(Schema):
    """Changes of attribute schemas in a category and its descendants."""

    category = fields.String(required=True, metadata={"example": "kitchen"})
    changes = fields.List(
        fields.Nested(AttributeSchemaChangeSchema),
        required=True,
        metadata={
            "example": [
                {"categories": ["tea"], "before": {}, "after": {"color": {"required": True}}}
            ]
        },
    )


class PendingMovesSchema(Schema):
    """How many moved categories have products that do not follow yet."""

    left = fields.Integer(metadata={"example": 0})
