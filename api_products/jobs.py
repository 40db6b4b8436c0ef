"""Jobs of products, done by ``shared.workers.worker``, and the functions that queue them."""

import contextlib
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from typing import Any

import urllib3
from flask import current_app
from rq import get_current_job
from rq.timeouts import JobTimeoutException

from api_products import notifications
from api_products.categories import moves
from api_products.images import gallery, thumbnails
from api_products.images.model import (
    WAITING_STATES,
    Image,
    digest_of,
    find_image,
    images_of,
    is_waiting_since,
    original_file,
    processing_values,
    tries_of,
)
from api_products.resource import products
from shared.config.parsers import MAX_URLS
from shared.config.settings import Settings
from shared.http import NotFound, ServiceUnavailable
from shared.schema import Document
from shared.storage import documents
from shared.storage.connections import connections
from shared.storage.transactions import on_commit
from shared.workers import queue

log = logging.getLogger(__name__)

MAX_TRIES = 3  # attempts to make the thumbnails of an image
GAVE_UP = f"The worker stopped during each of {MAX_TRIES} attempts. Upload a smaller picture."
STUCK_SECONDS = 15  # seconds before an image that waits without a job is queued again
FOLLOW_SECONDS = 10.0  # seconds that one job moves products
DAY_SECONDS = 86_400
NOTIFY_SECONDS = 5.0  # seconds to deliver a notification
NOTIFY_RETRY_SECONDS = (1, 10, 60, 300, 1800)  # seconds before each further attempt


class NotDelivered(Exception):
    """A notification did not reach all of its URLs."""


def queue_thumbnails(ref: str, number: int) -> None:
    """Queue a job that makes the thumbnails of an image of the product ``ref``."""
    queue.enqueue(_job_id(ref, number), f"{__name__}.make_thumbnails", ref, number)


def queue_thumbnails_on_commit(product: Document, images: Iterable[Image]) -> None:
    """Queue a thumbnail job for each image, once the running transaction has committed."""
    ref = gallery.ref_of(product)
    for image in images:
        on_commit(partial(queue_thumbnails, ref, image["id"]))


def make_thumbnails(ref: str, number: int) -> None:
    """Make the thumbnails of an image, which becomes ready, or failed with a reason.

    An image that is not waiting is left as it is, so the job may run twice.
    """
    with contextlib.suppress(NotFound):  # The product or the image was deleted meanwhile.
        image = find_image(images_of(products.repository.get(ref)), number)
        if not image or image.get("state") not in WAITING_STATES:
            return
        if tries_of(image) >= MAX_TRIES:
            gallery.change_image(ref, number, state="failed", reason=GAVE_UP)
            return
        gallery.change_image(ref, number, **processing_values(image, documents.now()))
        try:
            result = _render(digest_of(image))
        except ServiceUnavailable as error:
            if tries_of(image) + 1 < MAX_TRIES:
                raise
            result = {"state": "failed", "reason": str(error)}
        gallery.change_image(ref, number, **result)


def _render(digest: str) -> dict[str, Any]:
    """Make and store the thumbnails of an uploaded file; return the image's new values."""
    files = gallery.files()
    try:
        info, rendered = thumbnails.render(files.get(original_file(digest)))
    except (thumbnails.PictureError, FileNotFoundError, MemoryError) as error:
        return {"state": "failed", "reason": _reason(error)}
    sizes: dict[str, dict[str, Any]] = {}
    for thumbnail in rendered:
        name = f"{digest}/{thumbnail.size}.{thumbnail.format}"
        files.put(name, thumbnail.data)
        size = sizes.setdefault(
            thumbnail.size, {"width": thumbnail.width, "height": thumbnail.height}
        )
        size[thumbnail.format] = f"/media/{name}"
    return {
        "state": "ready",
        "reason": None,
        "width": info.width,
        "height": info.height,
        "color": info.color,
        "thumbnails": sizes,
    }


def _reason(error: Exception) -> str:
    """Return the text that tells clients why the thumbnails could not be made."""
    if isinstance(error, FileNotFoundError):
        return "The uploaded file is gone. Upload it again."
    if isinstance(error.__cause__, JobTimeoutException):
        return "The picture takes too long to decode. Upload a smaller one."
    if isinstance(error, MemoryError):
        return "The picture takes too much memory to decode. Upload a smaller one."
    return str(error)


def _job_id(ref: str, number: int) -> str:
    return f"image-{ref}-{number}"


def sweep() -> None:
    """Queue the work that lost its job, because Redis was emptied or a worker died.

    Once a day, also queue the removal of files whose products have left the trash by age.
    """
    follow_categories()
    for ref, number in stuck_images():
        queue_thumbnails(ref, number)
    if connections().queue.set("products:files-swept", 1, nx=True, ex=DAY_SECONDS):
        queue.enqueue("remove-orphans", "api_products.checks.remove_orphans")


def queue_following() -> None:
    """Queue a job that moves products after the categories that moved."""
    queue.enqueue("follow-categories", f"{__name__}.follow_categories", retry_seconds=())


def follow_categories() -> None:
    """Move products after the categories that moved; the next job or sweep does the rest."""
    try:
        if moves.follow(FOLLOW_SECONDS):
            queue_following()
    except ServiceUnavailable as error:
        log.info("Products follow their categories later: %s", error)


def stuck_images() -> list[tuple[str, int]]:
    """Return the product's ref and the number of each image that waits without a live job."""
    moment = documents.now() - timedelta(seconds=STUCK_SECONDS)
    alive = queue.live_job_ids()
    return [
        (ref, image["id"])
        for ref, image in gallery.every_image({"$in": WAITING_STATES})
        if is_waiting_since(image, moment) and _job_id(ref, image["id"]) not in alive
    ]


def queue_removal(digests: Iterable[str]) -> None:
    """Queue the removal of files that no product refers to, checked again when the job runs."""
    for digest in digests:
        if digest and not gallery.is_referenced(digest):
            delay = gallery.GRACE_SECONDS + 1
            function = f"{__name__}.remove_files"
            queue.enqueue(f"remove-{digest}", function, digest, delay_seconds=delay)


def remove_files(digest: str) -> None:
    """Remove the files of a digest, unless a product refers to them by now."""
    gallery.remove_unreferenced(digest)


def queue_notification(event: str, body: bytes) -> bool:
    """Queue a message to all URLs of NOTIFY_URLS; return False when Redis is down."""
    function, args = f"{__name__}.notify", (event, body.decode())
    return queue.enqueue(event, function, *args, retry_seconds=NOTIFY_RETRY_SECONDS)


def notify(event: str, body: str) -> None:
    """Send a message to the URLs of NOTIFY_URLS that have not received it yet.

    ``/jobs/<event>`` shows the delivery to each URL.  Raise ``NotDelivered`` when one failed, so
    that the job is tried again.
    """
    settings: Settings = current_app.extensions["settings"]
    job = get_current_job()
    assert job
    urls = [url for url in settings.notify_urls.split(",") if url]
    deliveries = job.meta.setdefault(
        "deliveries",
        [
            {"url": notifications.without_secrets(url), "attempts": 0, "delivered": False}
            for url in urls
        ],
    )
    data = body.encode()
    headers = {
        "Content-Type": "application/json",
        notifications.EVENT: event,
        notifications.SIGNATURE: notifications.signature(data, settings.notify_secret),
    }
    pending = [
        (url, delivery)
        for url, delivery in zip(urls, deliveries, strict=False)
        if not delivery["delivered"]
    ]
    # In parallel, so that a slow receiver does not delay the others.
    threads = ThreadPoolExecutor(MAX_URLS)
    futures = [(delivery, threads.submit(_send, url, data, headers)) for url, delivery in pending]
    wait([future for _, future in futures], NOTIFY_SECONDS)
    for delivery, future in futures:
        delivery["attempts"] += 1
        delivery |= future.result() if future.done() else {"error": "Timeout"}
    threads.shutdown(wait=False)
    job.save_meta()  # type: ignore[no-untyped-call]
    if failed := [delivery["url"] for delivery in deliveries if not delivery["delivered"]]:
        raise NotDelivered(f"{event} could not be delivered to {', '.join(failed)}")


def _send(url: str, data: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Post a message; return the values that change in its delivery."""
    try:
        response = urllib3.request(
            "POST",
            url,
            body=data,
            headers=headers,
            timeout=NOTIFY_SECONDS,
            retries=False,
            redirect=False,
            preload_content=False,  # The body is ignored, and could be endless.
        )
    except urllib3.exceptions.HTTPError as error:
        return {"delivered": False, "error": type(error).__name__}
    response.close()
    return {"delivered": 200 <= response.status < 300, "status": response.status, "error": None}
