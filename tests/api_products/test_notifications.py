"""Notifications about products: messages, signatures and deliveries."""

import hashlib
import hmac
import json
from dataclasses import replace
from threading import Event

import pytest
from rq import Queue, SimpleWorker

from api_products import jobs, notifications

SECRET = "a secret"


def test_a_signature_equals_the_one_that_receivers_compute():
    expected = hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest()
    assert notifications.signature(b"{}", SECRET) == f"sha256={expected}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:secret@there/in?token=1#x", "http://there/in"),
        ("https://there:8443/", "https://there:8443/"),
    ],
)
def test_a_url_is_shown_without_secrets(url, shown):
    assert notifications.without_secrets(url) == shown


@pytest.fixture
def sent(monkeypatch):
    """Record posted messages; ``sent.statuses`` are the statuses to answer with, by URL."""

    class Sent(list):
        statuses = {}

    messages = Sent()

    def post(method, url, body, headers, **_):
        messages.append((url, body, headers))
        status = messages.statuses[url].pop(0) if messages.statuses.get(url) else 200
        return type("Answer", (), {"status": status, "close": lambda answer: None})()

    monkeypatch.setattr(jobs.urllib3, "request", post)
    return messages


@pytest.fixture
def notify(products, settings, redis):
    """Return a function that queues a notification about a product to two URLs."""
    changed = replace(settings, notify_urls="http://a/x,http://b/y", notify_secret=SECRET)
    products.application.extensions["settings"] = changed
    products.post("/products", json={"name": "Teapot", "price": 12.5})
    return lambda: products.post("/products/1/notify_update")


@pytest.fixture
def work(products):
    def run():
        redis = products.application.extensions["connections"].queue
        with products.application.app_context():
            worker = SimpleWorker([Queue("products", connection=redis)], connection=redis)
            worker.work(burst=True, logging_level="ERROR")

    return run


def test_every_url_receives_one_signed_message(products, notify, work, sent):
    answer = notify()
    assert answer.status_code == 202
    event = answer.get_json()["job"]
    work()
    assert [url for url, _, _ in sent] == ["http://a/x", "http://b/y"]
    _, body, headers = sent[0]
    assert headers[notifications.SIGNATURE] == notifications.signature(body, SECRET)
    assert headers[notifications.EVENT] == json.loads(body)["event"] == event
    assert json.loads(body)["product"]["price"] == 12.5
    job = products.get(answer.location).get_json()
    assert job["state"] == "finished"
    assert job["deliveries"][1] == {
        "url": "http://b/y",
        "attempts": 1,
        "delivered": True,
        "status": 200,
        "error": None,
    }


def test_only_failed_urls_are_tried_again(products, notify, work, sent, monkeypatch):
    monkeypatch.setattr(jobs, "NOTIFY_RETRY_SECONDS", (0, 0))
    sent.statuses["http://b/y"] = [500]
    answer = notify()
    work()
    assert [url for url, _, _ in sent] == ["http://a/x", "http://b/y", "http://b/y"]
    assert sent[1] == sent[2]
    job = products.get(answer.location).get_json()
    assert job["state"] == "finished"
    assert [each["attempts"] for each in job["deliveries"]] == [1, 2]


def test_a_url_that_always_fails_is_given_up(products, notify, work, sent, monkeypatch):
    monkeypatch.setattr(jobs, "NOTIFY_RETRY_SECONDS", (0,))
    sent.statuses["http://a/x"] = [404, 302]
    answer = notify()
    work()
    job = products.get(answer.location).get_json()
    assert job["state"] == "failed"
    assert job["deliveries"][0]["status"] == 302
    assert job["deliveries"][1]["delivered"]


def test_a_slow_receiver_does_not_delay_the_others(products, notify, work, sent, monkeypatch):
    monkeypatch.setattr(jobs, "NOTIFY_RETRY_SECONDS", ())
    monkeypatch.setattr(jobs, "NOTIFY_SECONDS", 0.2)
    ended = Event()
    post = jobs.urllib3.request

    def drip(method, url, **options):
        if url == "http://a/x":
            ended.wait(10)
        return post(method, url, **options)

    monkeypatch.setattr(jobs.urllib3, "request", drip)
    answer = notify()
    work()
    ended.set()
    slow, quick = products.get(answer.location).get_json()["deliveries"]
    assert (slow["delivered"], slow["error"]) == (False, "Timeout")
    assert quick["delivered"]


@pytest.mark.parametrize("id", ["..", "*", "%0a", "%ff", "a%00b", "a ", "x" * 500])
def test_an_invalid_job_id_is_not_found(products, id):
    assert products.get(f"/jobs/{id}").status_code == 404


def test_no_notification_without_a_product_or_urls(products, settings, sent, work):
    assert products.post("/products/9/notify_update").status_code == 404
    assert products.get("/jobs/x").status_code == 404
    products.post("/products", json={"name": "Teapot"})
    answer = products.post("/products/1/notify_update")
    work()
    assert products.get(answer.location).get_json()["deliveries"] == []
    assert sent == []
