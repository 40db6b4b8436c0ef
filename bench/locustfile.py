"""Shoppers for locust, who read hot products and lists, and now and then change a price.

    pip install locust
    locust -f bench/locustfile.py --host http://127.0.0.1:5000

Add ``--headless --users 5 --run-time 10s`` for no more than that.  Each user keeps a connection and
waits for nothing.  They ask for the products 1 to 900 of a catalog: import one before, such as
``vitrine import products``.  TOKEN is a bearer token for the writes where ``AUTH_MODE=token``.
Limits count these requests as any others: start the stack with RATE_LIMIT_ANONYMOUS=off and
RATE_LIMIT_WRITES=off.
"""

import os
import random

from locust import FastHttpUser, constant, task

HOT = 900
CATEGORIES = ("cpu", "memory", "keyboard", "monitor", "mouse")
TOKEN = os.environ.get("TOKEN", "")
WRITER = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}


class Shopper(FastHttpUser):
    """One of many at once: 95 reads to 5 writes."""

    wait_time = constant(0)

    @task(86)
    def item(self) -> None:
        """Look at a product."""
        self.client.get(f"/products/{random.randint(1, HOT)}", name="/products/<id>")

    @task(9)
    def listing(self) -> None:
        """Look at a category, dearer than something."""
        query = {"category": random.choice(CATEGORIES), "price__gte": random.randint(1, 20)}
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        self.client.get(f"/products?{asked}&ordering=price&per=20", name="/products?…")

    @task(5)
    def change(self) -> None:
        """Change a price."""
        path, body = f"/products/{random.randint(1, HOT)}", {"price": random.randint(1, 900)}
        self.client.patch(path, json=body, headers=WRITER, name="PATCH /products/<id>")
