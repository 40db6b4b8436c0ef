"""The answers of the stub about one product, with a long name, three pictures and a past."""

LONG = "Teapot of blue-and-white porcelain with a bamboo handle, إبريق الشاي, for six cups"
IDENTITY = {"id": 12, "slug": "teapot", "sku": "TP-100", "external_ref": None, "gtin": None}
PRODUCT = IDENTITY | {
    "name": LONG, "description": "Holds 1 l.\nDishwasher proof.", "price": 1234.5,
    "compare_at_price": 1300, "currency": "EUR", "tax_class": None, "stock": 3, "weight": 850,
    "category": "teapots", "category_path": ["kitchen", "teapots"], "brand": "Acme",
    "tags": ["gift", "tea"], "group": "teapot", "options": {"Colour": "blue"},
    "attributes": {"capacity": 1.2, "material": ["porcelain", "bamboo"], "dishwasher": True},
    "images": [], "image_urls": [], "status": "active", "revision": 7,
    "created_at": "2026-11-29T09:00:00.000Z", "updated_at": "2026-11-30T09:00:00.000Z",
}  # fmt: skip
RULES = {
    "capacity": {"type": "number", "min": 0.1, "max": 5, "unit": "l", "required": True},
    "material": {"choices": ["porcelain", "glass", "bamboo"]},
    "lid": {"type": "boolean"},
}


def image(number, state, **more):
    known = {"reason": None, "url": None, "sha256": "9f" * 32, "width": 1600, "height": 900}
    return known | {"id": number, "state": state, "color": "#0e7c86", "alt": None, **more}


def variant(number, colour, **more):
    known = {"name": "Teapot", "sku": f"TP-{number}", "price": 1234.5, "currency": "EUR"}
    return known | {"id": number, "options": {"Colour": colour}, "status": "active", **more}


IMAGES = [
    image(1, "ready", alt="A blue teapot"),
    image(3, "processing"),
    image(2, "failed", url="https://shop.example/photos/teapot-from-the-side.jpg",
          reason="The server of the photo answered 404."),
]  # fmt: skip
VARIANTS = [variant(12, "blue", stock=3), variant(13, "red, for a very long time", stock=0)]
LEDGER = [
    {"change": -1, "stock": 3, "reason": "ordered", "order": "8e03978e-40d5-4f0c", "revision": 6,
     "request_id": "77ab19c04d2e4f55", "at": "2026-11-30T09:00:00.000Z"},
    {"change": 4, "stock": 4, "reason": "created", "order": None, "revision": 1,
     "request_id": "5c1f0b7a9d3e4c21", "at": "2026-11-29T09:00:00.000Z"},
]  # fmt: skip
PATH = "/api/products/products/12"
ANSWERS = {
    ("GET", PATH): PRODUCT,
    ("GET", f"{PATH}/images"): {"items": IMAGES},
    ("GET", f"{PATH}/variants"): {"items": VARIANTS, "total": 2, "links": {}},
    ("GET", f"{PATH}/stock"): {"stock": 3, "items": LEDGER, "page": 1, "per": 8, "total": 2},
    ("GET", "/api/categories/categories"): {
        "items": [{"slug": "teapots", "name": "Teapots", "path": ["kitchen", "teapots"]}],
    },
    ("GET", "/api/categories/categories/teapots"): {
        "slug": "teapots", "name": "Teapots", "all_attributes": RULES,
    },
    ("POST", "/api/products/products:batch"): {
        "results": [{"index": 0, "status": 200, "result": "updated"}], "summary": {"updated": 1},
    },
}  # fmt: skip
