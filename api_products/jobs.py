"""What is done later, by ``shared.workers.worker``: the jobs, and how each is queued."""

import contextlib
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any

import urllib3
from flask import current_app
from rq import get_current_job
from rq.timeouts import JobTimeoutException

from api_products import notifications
from api_products.categories import moves
from api_products.images import gallery, model, thumbnails
from api_products.resource import products
from shared.config.parsers import MOST_URLS
from shared.config.settings import Settings
from shared.http.errors import NotFound, ServiceUnavailable
from shared.storage import documents
from shared.storage.connections import connections
from shared.workers import queue

log = logging.getLogger(__name__)

MAX_TRIES = 3
GAVE_UP = "The program that makes the thumbnails ended each time it tried."
STUCK_SECONDS = 15
FOLLOW_SECONDS = 10.0
DAY_SECONDS = 86_400
NOTIFY_SECONDS = 5.0
NOTIFY_RETRY_SECONDS = (1, 10, 60, 300, 1800)


class NotDelivered(Exception):
    """Somebody could not be told."""


def queue_thumbnails(product: str, image: int) -> None:
    """Have the thumbnails of an image made; the product is named as in its path."""
    queue.enqueue(_job_id(product, image), f"{__name__}.make_thumbnails", product, image)


def make_thumbnails(ref: str, number: int) -> None:
    """Bring an image from queued to ready, or to failed with the reason; again is no harm."""
    with contextlib.suppress(NotFound):  # It was deleted meanwhile.
        image = model.find(model.of(products.repository.get(ref)), number)
        if not image or image.get("state") not in model.WAITING:
            return
        if model.tries(image) >= MAX_TRIES:
            gallery.change(ref, number, state="failed", reason=GAVE_UP)
            return
        gallery.change(ref, number, **model.begun(image, documents.now()))
        try:
            outcome = _outcome(model.digest(image))
        except ServiceUnavailable as error:
            if model.tries(image) + 1 < MAX_TRIES:
                raise
            outcome = {"state": "failed", "reason": str(error)}
        gallery.change(ref, number, **outcome)


def _outcome(digest: str) -> dict[str, Any]:
    """Make and store the thumbnails of an uploaded file; return what becomes of the image."""
    files = gallery.files()
    try:
        facts, made = thumbnails.render(files.get(model.original(digest)))
    except (thumbnails.PictureError, FileNotFoundError, MemoryError) as error:
        return {"state": "failed", "reason": _reason(error)}
    shown: dict[str, dict[str, Any]] = {}
    for each in made:
        name = f"{digest}/{each.size}.{each.kind}"
        files.put(name, each.data)
        size = shown.setdefault(each.size, {"width": each.width, "height": each.height})
        size[each.kind] = f"/media/{name}"
    return {"state": "ready", "reason": None, "color": facts.color, "thumbnails": shown}


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "The uploaded file is gone; upload it again."
    if isinstance(error.__cause__, JobTimeoutException):
        return "It takes too long to decode."
    return "It takes too much memory to decode." if isinstance(error, MemoryError) else str(error)


def _job_id(product: str, image: int) -> str:
    return f"image-{product}-{image}"


def sweep() -> None:
    """Queue again what waits without a job: Redis was emptied, or a worker died.

    Once a day the files of products that left the trash by age are removed.
    """
    follow_categories()
    for product, image in stuck():
        queue_thumbnails(product, image)
    if connections().queue.set("products:files-swept", 1, nx=True, ex=DAY_SECONDS):
        queue.enqueue("remove-orphans", "api_products.checks.remove_orphans")


def queue_following() -> None:
    """Have products follow the categories that moved."""
    queue.enqueue("follow-categories", f"{__name__}.follow_categories", retry_seconds=())


def follow_categories() -> None:
    """Bring products in line with categories that moved; the next job or sweep goes on."""
    try:
        if moves.follow(FOLLOW_SECONDS):
            queue_following()
    except ServiceUnavailable as error:
        log.info("Products follow their categories later: %s", error)


def stuck() -> list[tuple[str, int]]:
    """Return the ids of products and images that wait, though no job is about to change that."""
    moment = documents.now() - timedelta(seconds=STUCK_SECONDS)
    alive = queue.alive()
    return [
        (product, image["id"])
        for product, image in gallery.every({"$in": model.WAITING})
        if model.waits_since(image, moment) and _job_id(product, image["id"]) not in alive
    ]


def queue_removal(digests: Iterable[str]) -> None:
    """Have files removed, a minute later, that no product names now and then."""
    for digest in digests:
        if digest and not gallery.is_named(digest):
            function = f"{gallery.__name__}.remove_unnamed"
            delay = gallery.UNNAMED_SECONDS + 1
            queue.enqueue(f"remove-{digest}", function, digest, delay_seconds=delay)


def queue_notification(event: str, body: bytes) -> bool:
    """Have a message sent to everybody in NOTIFY_URLS; return False when Redis is down."""
    function, args = f"{__name__}.notify", (event, body.decode())
    return queue.enqueue(event, function, *args, retry_seconds=NOTIFY_RETRY_SECONDS)


def notify(event: str, body: str) -> None:
    """Tell everybody in NOTIFY_URLS who has not got the message; ``/jobs/<event>`` says who has.

    Raise ``NotDelivered`` when somebody has not, so that it is tried again.
    """
    settings: Settings = current_app.extensions["settings"]
    job = get_current_job()
    assert job
    urls = [url for url in settings.notify_urls.split(",") if url]
    unsent = [{"url": notifications.shown(url), "attempts": 0, "delivered": False} for url in urls]
    deliveries = job.meta.setdefault("deliveries", unsent)
    data = body.encode()
    headers = {
        "Content-Type": "application/json",
        notifications.EVENT: event,
        notifications.SIGNATURE: notifications.signature(data, settings.notify_secret),
    }
    missing = [pair for pair in zip(urls, deliveries, strict=False) if not pair[1]["delivered"]]
    # All at once, so that one who takes his time keeps nobody waiting.
    threads = ThreadPoolExecutor(MOST_URLS)
    sent = [(each, threads.submit(_send, url, data, headers)) for url, each in missing]
    wait([future for _, future in sent], NOTIFY_SECONDS)
    for delivery, future in sent:
        delivery["attempts"] += 1
        delivery |= future.result() if future.done() else {"error": "Timeout"}
    threads.shutdown(wait=False)
    job.save_meta()  # type: ignore[no-untyped-call]
    if left := [each["url"] for each in deliveries if not each["delivered"]]:
        raise NotDelivered(f"{event} could not be delivered to {', '.join(left)}")


def _send(url: str, data: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    try:
        answer = urllib3.request(
            "POST",
            url,
            body=data,
            headers=headers,
            timeout=NOTIFY_SECONDS,
            retries=False,
            redirect=False,
            preload_content=False,  # What is answered is of no interest, and may be endless.
        )
    except urllib3.exceptions.HTTPError as error:
        return {"delivered": False, "error": type(error).__name__}
    answer.close()
    return {"delivered": 200 <= answer.status < 300, "status": answer.status, "error": None}
