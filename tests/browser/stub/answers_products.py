"""The answers of the stub about products: a small list with every kind of row."""

LONG = "Extraordinarily long product name that nobody would write but a feed " * 3
NAMES = [
    "Teapot",
    "Crème brûlée torch",
    "إبريق الشاي الأزرق",
    "Чайник эмалированный",
    "<script>document.title = 'broken'</script>",
    LONG.strip()[:255],
    "DonaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftBecher",
]


def item(at, name, **more):
    return {
        "id": at + 1, "slug": f"item-{at + 1}", "sku": f"TP-{100 + at}", "name": name,
        "price": 12.5 + at * 100, "currency": "EUR", "stock": at, "brand": "Acme", "tags": ["gift"],
        "status": ("active", "draft", "archived")[at % 3], "category": "kitchen-accessories",
        "group": None, "options": {}, "images": [],
    } | more  # fmt: skip


VARIANTS = [
    item(20 + at, "Linen shirt", group="linen-shirt", options={"Size": size}, stock=None)
    for at, size in enumerate("SML")
]
SUMMARY = {
    "count": 3,
    "price": {"min": 2012.5, "max": 2212.5},
    "stock": None,
    "options": {"Size": ["S", "M", "L"]},
}
ITEMS = [item(at, name) for at, name in enumerate(NAMES)]
GROUP = VARIANTS[0] | {"variants": SUMMARY}
FACETS = {
    "brand": {"values": [{"value": f"Brand {at}", "count": 90 - at} for at in range(9)]},
    "category": {"values": [{"value": "kitchen-accessories", "count": 7}]},
    "tags": {"values": [{"value": "gift", "count": 7}]},
    "status": {"values": [{"value": "active", "count": 5}, {"value": "draft", "count": 2}]},
    "price": {"ranges": [{"from": 12.5, "to": 112.5, "count": 4}]},
    "stock": {"ranges": []},
}
LIST = {
    "items": [GROUP, *ITEMS],
    "page": 1,
    "per": 50,
    "total": 12_345,
    "total_is": "exact",
    "next_cursor": "c1",
    "links": {"self": "/products"},
    "facets": FACETS,
}
SUGGESTIONS = {
    "words": ["teapot", "teacup"],
    "products": [{"id": 1, "name": "Teapot", "slug": "teapot"}],
    "categories": [{"slug": "tea", "name": "Tea"}],
}
ANSWERS = {
    ("GET", "/api/products/products"): LIST,
    ("GET", "/api/products/products/suggest"): SUGGESTIONS,
    ("GET", "/api/products/products/1"): ITEMS[0],
    ("GET", "/api/categories/categories/kitchen-accessories"): {"all_attributes": {"color": {}}},
    ("GET", f"/api/products/products/{GROUP['id']}/variants"): LIST
    | {"items": VARIANTS, "next_cursor": None},
    ("POST", "/api/products/products:batch"): {
        "results": [{"index": 0, "status": 200, "result": "updated", "id": 1}],
        "summary": {"updated": 1},
    },
}
