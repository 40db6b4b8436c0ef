"""The shop on Eve, by the settings that its documentation calls the fast ones.

Lists are not counted (OPTIMIZE_PAGINATION_FOR_SPEED).  Links (HATEOAS), ETags (IF_MATCH) and XML
are off.  Eve has no cache on the server.
"""

import os

from eve import Eve

PRODUCTS = {
    "item_url": "int",
    "schema": {
        "_id": {"type": "integer"},
        "slug": {"type": "string"},
        "sku": {"type": "string"},
        "name": {"type": "string", "required": True, "maxlength": 200},
        "description": {"type": "string"},
        "stock": {"type": "integer", "min": 0},
        "category": {"type": "string"},
        "brand": {"type": "string"},
        "status": {"type": "string"},
        "price": {"type": "float", "min": 0},
        "attributes": {"type": "dict", "allow_unknown": True},
    },
    "resource_methods": ["GET", "POST"],
    "item_methods": ["GET", "PATCH"],
}
app = Eve(
    settings={
        "MONGO_URI": os.environ["MONGO_URI"].replace("/?", f"/{os.environ['DATABASE']}?"),
        "DOMAIN": {"products": PRODUCTS},
        "RENDERERS": ["eve.render.JSONRenderer"],
        "HATEOAS": False,
        "IF_MATCH": False,
        "OPTIMIZE_PAGINATION_FOR_SPEED": True,
        "PAGINATION_DEFAULT": 20,
    }
)
