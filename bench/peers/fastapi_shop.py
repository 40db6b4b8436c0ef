"""The shop on FastAPI with the asynchronous clients of MongoDB and Redis.

``KEPT=bytes`` has a hit sent as it lies in Redis, ``KEPT=dict`` made from it again by FastAPI.
A write removes the product; lists last a minute.
"""

import os
from typing import Annotated, Any

import orjson
from fastapi import Body, FastAPI, HTTPException, Request, Response
from pymongo import AsyncMongoClient, ReturnDocument
from redis.asyncio import Redis

TTL_SECONDS = 60
PER = 20
AS_BYTES = os.environ["KEPT"] == "bytes"

app = FastAPI()
client = AsyncMongoClient[dict[str, Any]](os.environ["MONGO_URI"])
products = client[os.environ["DATABASE"]].products
cache = Redis.from_url(os.environ["REDIS_URL"])


def sent(body: bytes) -> Any:
    """Return what a view returns for a body."""
    return Response(body, media_type="application/json") if AS_BYTES else orjson.loads(body)


@app.get("/products/{id}")
async def item(id: int) -> Any:
    """Return a product."""
    key = f"product:{id}"
    if (body := await cache.get(key)) is None:
        product = await products.find_one({"_id": id})
        if product is None:
            raise HTTPException(404)
        body = orjson.dumps(product)
        await cache.set(key, body, ex=TTL_SECONDS)
    return sent(body)


@app.get("/products")
async def listing(
    request: Request, category: str = "", price__gte: float = 0, q: str = "", ordering: str = ""
) -> Any:
    """Return 20 products of a query, and how many there are."""
    key = f"products:{request.url.query}"
    if (body := await cache.get(key)) is None:
        filter: dict[str, Any] = {"category": category} if category else {}
        if price__gte:
            filter["price"] = {"$gte": price__gte}
        if q:
            filter["$text"] = {"$search": " ".join(f'"{word}"' for word in q.split())}
        found = products.find(filter).limit(PER)
        if ordering:
            found = found.sort(ordering.removeprefix("-"), -1 if ordering[0] == "-" else 1)
        items, total = await found.to_list(), await products.count_documents(filter)
        body = orjson.dumps({"items": items, "total": total})
        await cache.set(key, body, ex=TTL_SECONDS)
    return sent(body)


@app.post("/products", status_code=201)
async def create(product: Annotated[dict[str, Any], Body()]) -> Any:
    """Store a product."""
    if not product.get("name") or product.get("price", 0) < 0:
        raise HTTPException(400)
    await products.insert_one(product)
    return product


@app.patch("/products/{id}")
async def change(id: int, price: Annotated[float, Body(embed=True)]) -> Any:
    """Change a product's price."""
    update, after = {"$set": {"price": price}}, ReturnDocument.AFTER
    product = await products.find_one_and_update({"_id": id}, update, return_document=after)
    await cache.delete(f"product:{id}")
    return sent(orjson.dumps(product))
