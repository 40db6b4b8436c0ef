"""The shop as many a tutorial writes it: Flask, pymongo, and Redis around both.

An answer is kept as JSON for a minute.  A write removes the product, and every list by SCAN.
"""

import json
import os
from typing import Any

from flask import Flask, Response, abort, jsonify, request
from pymongo import MongoClient, ReturnDocument
from redis import Redis

TTL_SECONDS = 60
PER = 20

app = Flask(__name__)
products = MongoClient[dict[str, Any]](os.environ["MONGO_URI"])[os.environ["DATABASE"]].products
cache = Redis.from_url(os.environ["REDIS_URL"])


@app.get("/products/<int:id>")
def item(id: int) -> Response:
    """Return a product."""
    key = f"product:{id}"
    if cached := cache.get(key):
        return jsonify(json.loads(cached))
    product = products.find_one({"_id": id})
    if product is None:
        abort(404)
    cache.set(key, json.dumps(product), ex=TTL_SECONDS)
    return jsonify(product)


@app.get("/products")
def listing() -> Response:
    """Return 20 products of a query, and how many there are."""
    key = f"products:{request.query_string.decode()}"
    if cached := cache.get(key):
        return jsonify(json.loads(cached))
    filter: dict[str, Any] = {}
    if category := request.args.get("category"):
        filter["category"] = category
    if least := request.args.get("price__gte"):
        filter["price"] = {"$gte": float(least)}
    if words := request.args.get("q"):
        filter["$text"] = {"$search": " ".join(f'"{word}"' for word in words.split())}
    found = products.find(filter).limit(PER)
    if order := request.args.get("ordering"):
        found = found.sort(order.removeprefix("-"), -1 if order.startswith("-") else 1)
    answer = {"items": list(found), "total": products.count_documents(filter)}
    cache.set(key, json.dumps(answer), ex=TTL_SECONDS)
    return jsonify(answer)


@app.post("/products")
def create() -> tuple[Response, int]:
    """Store a product."""
    product = request.get_json()
    if not product.get("name") or product.get("price", 0) < 0:
        abort(400)
    products.insert_one(product)
    if lists := list(cache.scan_iter("products:*")):
        cache.delete(*lists)
    return jsonify(product), 201


@app.patch("/products/<int:id>")
def change(id: int) -> Response:
    """Change fields of a product."""
    change = {"$set": request.get_json()}
    after = ReturnDocument.AFTER
    product = products.find_one_and_update({"_id": id}, change, return_document=after)
    if product is None:
        abort(404)
    cache.delete(f"product:{id}", *cache.scan_iter("products:*"))
    return jsonify(product)
