"""How fast orders are placed, end to end over both services, with the stock conserved.

    .venv/bin/python bench/parts/orders.py

Runs against the stack that `vitrine up` has started and leaves thousands of orders behind, so use
one with a DATA_DIR that may go.  Each round says how many orders a second were placed, how long one
took, and that what was sold and what is left is what there was.
"""

import http.client
import json
import random
import sys
import threading
import time
from urllib.parse import urlsplit

from shared.config.settings import Settings
from vitrine.client import Client, authorization

SECONDS = 8
PRODUCTS = 500
STOCK = 1_000_000
ROUNDS = [(1, 1), (8, 1), (32, 1), (8, 5), (8, 20)]  # clients at once, lines of an order


class Round:
    """Some clients that place orders of some lines for some seconds."""

    def __init__(self, url: str, ids: list[int], clients: int, lines: int):
        self._url = urlsplit(url)
        self._ids = ids
        self._lines = lines
        self.seconds: list[float] = []
        self.failed: list[bytes] = []
        self._end = time.monotonic() + SECONDS
        self._threads = [threading.Thread(target=self._place) for _ in range(clients)]

    def run(self) -> None:
        """Run to the end."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()

    def _place(self) -> None:
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port or 80)
        headers = {"Content-Type": "application/json", "Authorization": authorization()}
        while time.monotonic() < self._end:
            chosen = random.sample(self._ids, self._lines)
            body = json.dumps({"items": [{"product_id": id, "quantity": 1} for id in chosen]})
            started = time.perf_counter()
            connection.request("POST", "/orders", body, headers)
            answer = connection.getresponse()
            said = answer.read()
            self.seconds.append(time.perf_counter() - started)
            if answer.status != 201:
                self.failed.append(said)


def main() -> None:
    """Place orders, one round after the other, and print what each did."""
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    settings = Settings.from_env()
    products, orders = Client.find("products", settings), Client.find("orders", settings)
    items = [{"name": f"Bench {n}", "price": 9.99, "stock": STOCK} for n in range(PRODUCTS)]
    ids = [each["id"] for each in products.post("/products:batch", items)["results"]]
    sold = 0
    print(" clients  lines  orders/s  p50 ms  p99 ms  failed  conserved")
    for clients, lines in ROUNDS:
        round = Round(orders.url, ids, clients, lines)
        round.run()
        took = sorted(round.seconds)
        sold += (len(took) - len(round.failed)) * lines
        left = sum(products.get(f"/products/{id}", fields="stock")["stock"] for id in ids)
        print(
            f"{clients:8} {lines:6} {len(took) / SECONDS:9.1f} {took[len(took) // 2] * 1000:7.1f} "
            f"{took[int(len(took) * 0.99)] * 1000:7.1f} {len(round.failed):7}  "
            f"{left + sold == PRODUCTS * STOCK}"
        )


if __name__ == "__main__":
    main()
