"""The answers of the stub about orders and clients: names of every script, and long ones."""

from tests.browser.stub.moments import iso

LONG = "Kettle of a very long name, with a handle of oak and a lid that whistles in D major"
CLIENTS = [
    {"id": 1, "external_ref": None, "name": "Ada Lovelace", "birthday": "10/12/1815",
     "email": "ada@example.org", "phone": "02 562 35 84", "city": "London", "genre": None,
     "addresses": [{"kind": "billing", "name": "Ada Lovelace", "street": "St James's Square 12",
                    "postal_code": "SW1Y", "city": "London", "country": "GB"}],
     "created_at": iso(90_000), "updated_at": iso(90_000), "revision": 1},
    {"id": 2, "external_ref": "C-2", "name": "مريم", "birthday": None, "genre": None,
     "email": "a-very-long-name-of-a-mailbox-that-does-not-fit@example.org", "phone": None,
     "city": None, "addresses": None, "created_at": iso(50), "updated_at": iso(50), "revision": 1},
]  # fmt: skip
LINES = [
    {"product_id": 32, "quantity": 2, "name": "Teapot", "sku": "T-12", "unit_price": 12.5,
     "total": 25},
    {"product_id": 33, "quantity": 1, "name": LONG, "sku": "K-13", "unit_price": 39.9,
     "total": 39.9},
]  # fmt: skip
OTHER_LINES = [
    {"kind": "shipping", "quantity": 1, "name": "Parcel", "unit_price": 4.9, "total": 4.9},
    {"kind": "discount", "quantity": 1, "name": "WELCOME", "unit_price": -1, "total": -1},
]
UUID = "d9a4dedd-04f7-4e16-8f7b-53d8bf05a203"


def order(id, status, **more):
    steps = [{"status": "pending", "at": iso(300)}, {"status": status, "at": iso(200)}]
    return {
        "id": id, "external_ref": None, "client_id": 1 + id % 2, "note": None, "items": LINES,
        "status": status, "reason": None, "currency": "EUR", "total": 64.9, "included_tax": None,
        "units": 3, "placed_at": iso(300 + id), "uuid": UUID, "history": steps,
        "created_at": iso(300), "updated_at": iso(200), "revision": 2,
    } | more  # fmt: skip


ORDERS = [
    order(21, "placed", note="Leave it at the door"),
    order(20, "placed", items=LINES[1:], total=1_234_567.5),
    order(19, "paid", items=LINES + OTHER_LINES, total=68.8),
    order(18, "shipped"),
    order(17, "delivered", currency="JPY", total=6490),
    order(16, "rejected", total=None, currency=None, units=None,
          reason="/items/0: Teapot: 9 wanted, 2 left."),
    order(15, "returned", external_ref="R-15", total=-12.5, units=-1,
          items=[{"quantity": -1, "name": "Teapot", "sku": "T-12", "unit_price": 12.5,
                  "total": -12.5}]),
]  # fmt: skip


def page(items):
    links = {"self": "/"}
    known = {"page": 1, "per": 20, "total": len(items), "total_is": "exact", "links": links}
    return known | {"items": items, "next_cursor": None}


def list_orders(query):
    """Return the orders of a state, as the service does."""
    state = query.get("status", [""])[0]
    return page([each for each in ORDERS if state in ("", each["status"])])


def list_clients(query):
    return page([] if "deleted" in query else CLIENTS)


def history(fields):
    entry = {
        "at": iso(100), "type": "updated", "by": "maria", "request_id": "77ab19c04d2e4f55",
        "import_id": None, "revision": {"from": 1, "to": 2}, "fields": [*fields],
        "changes": {name: {"from": old, "to": new} for name, (old, new) in fields.items()},
    }  # fmt: skip
    return page([entry])


def ledger(stock):
    entry = {
        "change": -2, "stock": stock, "reason": "ordered", "order": UUID, "revision": 3,
        "request_id": "77ab19c04d2e4f55", "at": iso(300),
    }  # fmt: skip
    return {"stock": stock, "items": [entry], "page": 1, "per": 100, "total": 1}


def sums(query):
    by = query.get("by", ["day"])[0]
    keys = {"day": [iso(86_400)[:10], iso(0)[:10]], "client": [1, 2], "product": [32, 33]}[by]
    items = [
        {by: key, "currency": "EUR", "orders": 3, "lines": 4, "units": 7, "total": 120.5,
         "name": "Teapot", "sku": "T-12"}
        for key in keys
    ]  # fmt: skip
    whole = {"currency": "EUR", "orders": 6, "lines": 8, "units": 14, "total": 241}
    return {"items": items, "page": 1, "per": 100, "total": len(items), "sums": [whole]}


def settings(service):
    def setting(name, value, default, text):
        return {"name": name, "value": value, "default": default, "text": text}

    return {
        "service": service,
        "version": "1.0.0",
        "settings": [
            setting("MONGO_URI", "mongodb://127.0.0.1:27017/vitrine",
                    "mongodb://localhost:27017/vitrine", "The MongoDB replica set."),
            setting("REDIS_URL", "redis://127.0.0.1:6379/0", "redis://localhost:6379/0",
                    "The Redis of the cache."),
            setting("RATE_LIMIT_ANONYMOUS", "100/minute", "100/minute",
                    "Requests of one address without a token; off for no limit."),
            setting("WORKERS", 4 if service == "products" else 2, 2, "Processes of each service."),
            setting("DATA_DIR", "/srv/vitrine/data", "data",
                    "The folder in which `vitrine up` stores its data."),
        ],
    }  # fmt: skip


SHOP = {
    ("GET", "/api/orders/orders"): list_orders,
    ("GET", "/api/orders/orders/stats"): sums,
    ("GET", "/api/orders/orders/19"): ORDERS[2],
    ("GET", "/api/orders/orders/19/history"): history({"status": ("placed", "paid")}),
    ("GET", "/api/clients/clients"): list_clients,
    ("GET", "/api/clients/clients/1/history"): history({"city": ("Paris", "London")}),
    ("GET", "/api/products/products/32/stock"): ledger(5),
    ("GET", "/api/products/products/33/stock"): ledger(40),
    **{("GET", f"/api/clients/clients/{each['id']}"): each for each in CLIENTS},
    **{
        ("GET", f"/api/products/products/{line['product_id']}"): {
            "id": line["product_id"],
            "name": line["name"],
        }
        for line in LINES
    },
    **{
        ("GET", f"/api/{name}/__settings"): settings(name)
        for name in ("products", "clients", "categories", "orders")
    },
}
