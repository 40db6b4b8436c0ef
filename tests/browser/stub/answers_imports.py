"""The answers of the stub about imports: a file of Shopify after a dry run with refused rows."""

ID = "20261130-140000-abcd"


def column(name, kind, becomes="", why="", filled=22, *examples):
    return {
        "column": name,
        "kind": kind,
        "becomes": becomes,
        "why": why,
        "filled": filled,
        "examples": [*examples, "", ""],
    }


FIRST = {"name": "Linen shirt", "price": "39.00", "currency": "EUR", "stock": 4, "sku": "LS-S",
         "options": {"Size": "S"}, "category": "Apparel > Shirts", "photos": 2}  # fmt: skip
FILE = {
    "file": "products_export.csv",
    "resource": "products",
    "kind": "Shopify",
    "why": "it has Handle, Title, Variant Price, Option1 Name",
    "label": "UTF-8, separated by commas",
    "known": 17,
    "total": 18,
    "columns": [
        column("Title", "field", "name", "", 22, "Linen shirt", "حقيبة من القماش", "<script>"),
        column("Body (HTML)", "field", "description", "as HTML", 20, "Light and soft. " * 6),
        column("Handle", "other", "tells which rows are one product", "", 22, "linen-shirt"),
        column("Material", "attribute", "material", "", 12, "linen", "cotton"),
        column("Cost per item", "left out", "", "private: costs, suppliers and the like stay out"),
        column("Type", "empty", "", "no row has a value", 0),
    ],
    "first": [FIRST, FIRST | {"name": "حقيبة من القماش", "price": "19.00", "photos": 0}],
    "counts": {"products": 20, "variants": 22, "photos": 20},
    "notes": ["amounts have a decimal comma"],
}
REPORT = {
    "resource": "products",
    "counts": {"created": 19, "updated": 0, "unchanged": 0, "failed": 3},
    "errors": [
        {"file": "", "column": "Variant Price", "reason": "Must be at least 0.", "rows": [4, 7],
         "count": 2},
        {"file": "", "column": "", "reason": "Row 9 has the key of row 3.", "rows": [9],
         "count": 1},
    ],
    "others": 0,
    "notes": ["Photos: 20; workers fetch the new ones"],
}  # fmt: skip
IMPORT = {
    "id": ID,
    "created_at": 1_796_021_234.1,
    "files": [{"name": "products_export.csv", "bytes": 7480}],
    "state": "checked",
    "error": "",
    "progress": {"share": 1.0, "rows": 22, "seconds": 0.4},
    "options": {"format": "", "currency": "", "weight_unit": "", "decimal": "", "encoding": "",
                "separator": "", "sheet": "", "source": "",
                "photos": True},
    "plan": [FILE],
    "scopes": ["products:write", "categories:write"],
    "checked": {"reports": [REPORT], "seconds": 0.41},
    "done": None,
    "changes": 0,
    "undone": None,
}  # fmt: skip
KNOWN = {
    "items": [
        {"id": ID, "started_at": "2026-11-30T14:00:00.000Z", "by": "maria",
         "changes": {"created": 22}},
    ],
    "next_cursor": None,
}  # fmt: skip
ANSWERS = {
    ("GET", "/imports"): {
        "items": [IMPORT],
        "formats": [{"name": "shopify", "title": "Shopify"}, {"name": "odoo", "title": "Odoo"}],
    },
    ("GET", f"/imports/{ID}"): IMPORT,
    ("POST", f"/imports/{ID}/run"): IMPORT | {"state": "running"},
    **{
        ("GET", f"/api/{name}/{name}:imports"): KNOWN
        for name in ("products", "categories", "clients", "orders")
    },
}
