"""Declaration of a collection that stays empty."""

from shared.resource import Resource
from shared.schema import DocumentSchema, Id, Query, Revision, Text, Timestamp


class FaultSchema(DocumentSchema):
    id = Id()
    name = Text(200)
    created_at = Timestamp()
    updated_at = Timestamp()
    revision = Revision()


faulty = Resource("faulty", "fault", FaultSchema(), Query(), public=True)
blueprint = faulty.blueprint("list", "get")
