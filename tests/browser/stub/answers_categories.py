"""The answers of the stub about categories: a small tree, one category with rules, and a move."""


def category(id, name, *above, count=0, **more):
    slug = name.lower().split()[0]
    return {
        "id": id,
        "slug": slug,
        "name": name,
        "parent": above[-1] if above else None,
        "position": None,
        "path": [*above, slug],
        "product_count": count,
    } | more


TOP = [
    category(1, "Sport", count=1204),
    category(2, "Shoes for every season of the year and for any weather", count=412),
    category(3, "ملابس وأحذية", count=87, slug="arabic", path=["arabic"]),
    category(4, "Empty", count=0),
]
RULES = {
    "size": {"type": "integer", "min": 15, "max": 60, "unit": "EU", "required": True},
    "color": {"choices": ["red", "green", "blue"]},
}
BELOW = [
    category(5, "Boots", "sport", count=210),
    category(6, "Balls <script>alert(1)</script>", "sport", count=994),
]
BOOTS = BELOW[0] | {
    "external_ref": None,
    "description": None,
    "attributes": RULES,
    "all_attributes": RULES | {"brand": {"type": "string"}},
    "revision": 3,
}


def page(items):
    return {"items": items, "total": len(items), "total_is": "exact", "next_cursor": None}


PATH = "/api/categories/categories"
ANSWERS = {
    ("GET", f"{PATH}?root"): page(TOP),
    ("GET", f"{PATH}?parent"): page(BELOW),
    ("GET", PATH): page(BELOW)
    | {"facets": {"parent": {"values": [{"value": "sport", "count": 2}], "more": False}}},
    ("GET", f"{PATH}/boots"): BOOTS,
    ("GET", f"{PATH}/5/tree"): page([BELOW[0]]),
    ("GET", f"{PATH}:moves"): {
        "moves": [{"id": "1", "slug": "balls", "path": ["sport", "balls"], "deleted": False}]
    },
    ("PATCH", f"{PATH}/5"): {
        "products": 1204,
        "misfits": 4,
        "new_misfits": 3,
        "attributes": {
            "size": {
                "misfits": 4,
                "new_misfits": 3,
                "message": "Must be at most 42 EU.",
                "example": "/products/12",
            }
        },
    },
}
