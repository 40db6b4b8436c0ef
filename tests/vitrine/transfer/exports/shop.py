"""A made-up shop: a product, a group of variants, a draft and a product of the past."""

CATEGORIES = [
    {"slug": "kitchen", "name": "Kitchen", "path": ["kitchen"]},
    {"slug": "pots", "name": "Pots > Pans, Lids", "path": ["kitchen", "pots"]},
    {"slug": "clothes", "name": "Clothes", "path": ["clothes"]},
]

POT = {
    "id": 1,
    "slug": "red-pot",
    "sku": "007",
    "gtin": "4006381333931",
    "name": "=Red pot",
    "description": "<p>Holds 1 l.\nRed &amp; round</p>",
    "price": 12.5,
    "compare_at_price": 15,
    "currency": "EUR",
    "tax_class": "reduced",
    "stock": 0,
    "weight": 850,
    "category": "pots",
    "brand": "Acme",
    "tags": ["gift", "red, round"],
    "attributes": {"zip": "00123", "size": 7, "new": True, "colors": ["red", "5"], "note": "@x"},
    "image_urls": [{"url": "https://old.example/pot.jpg", "alt": None}],
    "images": [
        {"id": 1, "url": "https://old.example/pot.jpg", "thumbnails": {"large": {"jpeg": "/no"}}},
        {"id": 2, "thumbnails": {"large": {"jpeg": "/media/ab/large.jpeg"}}},
    ],
    "status": "active",
}
SHIRT = {
    "name": "Shirt",
    "description": "Cotton",
    "price": 20,
    "currency": "EUR",
    "category": "clothes",
    "group": "shirt",
    "weight": 145.5,
    "image_urls": [{"url": "https://old.example/1.jpg"}, {"url": "https://old.example/2.jpg"}],
}
DRAFT = SHIRT | {
    "id": 2,
    "slug": "shirt-s",
    "external_ref": "old/1",
    "options": {"Size": "S", "Fit": "Slim"},
    "status": "draft",
}
MEDIUM = SHIRT | {
    "id": 3,
    "slug": "shirt-m",
    "sku": "SH-M",
    "options": {"Size": "M", "Fit": "Slim"},
    "stock": 5,
    "status": "active",
}
LARGE = SHIRT | {
    "id": 5,
    "slug": "shirt-l",
    "sku": "SH-L",
    "description": "Cotton, large",
    "price": 22.1,
    "options": {"Size": "L", "Fit": "Wide"},
    "image_urls": [{"url": "https://old.example/large.jpg"}],
    "status": "active",
}
# Its slug is the name of a group.
CAP = {"id": 4, "slug": "shirt", "name": "Cap", "price": 5, "status": "archived"}
PRODUCTS = [POT, DRAFT, MEDIUM, CAP, LARGE]
