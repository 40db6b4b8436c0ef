"""Time until an edit in MongoDB shows: of a cached item and of a cached list, at a running stack.

    .venv/bin/python bench/parts/visibility.py

Edits a product of its own a number of times, one edit after the other, and reads it over HTTP until
it shows the edit.  Prints the median, the 99th percentile and the longest time in milliseconds.
The promise is one second.
"""

import statistics
import sys
import time
from collections.abc import Callable

from pymongo import MongoClient

from shared.config.settings import Settings
from vitrine import stack as stacks
from vitrine.client import Client

EDITS = 300
PROMISE_SECONDS = 1.0
LONGEST_SECONDS = 30.0  # then the edit is taken for lost


def seconds_until(shows: Callable[[], bool]) -> float:
    """Return the seconds until ``shows()`` is true."""
    began = time.perf_counter()
    while not shows():
        if time.perf_counter() - began > LONGEST_SECONDS:
            sys.exit(f"The edit does not show after {LONGEST_SECONDS:.0f} s.")
    return time.perf_counter() - began


def main() -> None:
    """Measure an item, then a list."""
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    settings = Settings.from_env()
    running = stacks.read(stacks.data_folder(settings))
    if running is None:
        sys.exit("No stack runs here; start it with `vitrine up`.")
    client = Client.find("products", settings)
    product = client.post("/products", {"name": "Visibility bench", "sku": "VISIBILITY"})
    item = f"/products/{product['id']}"
    reads = {
        "item": lambda: client.get(item)["price"],
        "list": lambda: client.get("/products", sku="VISIBILITY")["items"][0]["price"],
    }
    print("         median ms  p99 ms  longest ms  within a second")
    with MongoClient(running.mongo_uri) as mongo:
        collection = mongo.get_default_database("vitrine").products
        for name, price in reads.items():
            took = []
            for number in range(1, EDITS + 1):
                price()  # is cached from here on
                edit = {"$set": {"price": number}}
                collection.update_one({"_id": product["id"]}, edit)
                took.append(seconds_until(lambda price=price, number=number: price() == number))
            took.sort()
            print(
                f"{name:8} {statistics.median(took) * 1000:9.1f} "
                f"{took[int(len(took) * 0.99)] * 1000:7.1f} {took[-1] * 1000:11.1f}  "
                f"{'yes' if took[-1] < PROMISE_SECONDS else 'NO'}"
            )
        collection.delete_one({"_id": product["id"]})


if __name__ == "__main__":
    main()
