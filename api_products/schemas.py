"""Schemas of the product routes other than products: notifications and checks."""

from marshmallow import Schema, fields

from shared.endpoints.document_checks import KindSchema


class QueuedNotificationSchema(Schema):
    """A queued notification, and the URLs that will receive it."""

    job = fields.String()
    state = fields.String(metadata={"example": "queued"})
    to = fields.List(fields.String())


class FileCheckSchema(Schema):
    """The faults found among files and images."""

    orphans = fields.Nested(KindSchema)
    missing = fields.Nested(KindSchema)
    lost = fields.Nested(KindSchema)
    stuck = fields.Nested(KindSchema)


class CategoryCheckSchema(Schema):
    """The faults found among the categories of products."""

    astray = fields.Nested(KindSchema)
    misplaced = fields.Nested(KindSchema)
