"""Jobs of products, done by ``shared.workers.worker``, and the functions that queue them."""

import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from functools import cache, partial
from itertools import islice
from typing import Any

import urllib3
from rq import get_current_job

from api_products import notifications
from api_products.categories import moves
from api_products.images import gallery, processing
from api_products.images.download import PhotoUnavailable
from api_products.images.model import (
    DUE,
    WAITING_STATES,
    Image,
    digest_of,
    find_image,
    images_of,
    is_waiting_since,
    processing_values,
    tries_of,
)
from api_products.resource import products
from shared.config.parsers import MAX_URLS
from shared.http import NotFound, ServiceUnavailable, import_id
from shared.schema import Document
from shared.storage import documents
from shared.storage.connections import connections, settings
from shared.storage.documents import STEP
from shared.storage.transactions import on_commit
from shared.workers import queue

log = logging.getLogger(__name__)

# The functions that workers call; jobs of all other functions are refused.
JOBS = (
    "api_products.jobs.sweep",
    "api_products.jobs.make_thumbnails",
    "api_products.jobs.queue_due_photos",
    "api_products.jobs.follow_categories",
    "api_products.jobs.remove_files",
    "api_products.jobs.notify",
    "api_products.checks.remove_orphans",
    # Old paths, of jobs that the version before has queued.
    "api_products.audit.remove_orphans",
    "api_products.gallery.remove_unnamed",
)
MAX_TRIES = 3  # attempts to make the thumbnails of an image
GAVE_UP = f"The worker stopped during each of {MAX_TRIES} attempts. Upload a smaller picture."
QUEUED_PHOTOS = 40  # images with photos to fetch that have a job at the same time
# seconds from each failure to the next attempt to fetch a photo, so that none fails in an outage of
# two minutes
PHOTO_RETRY_SECONDS = (10, 120)
STUCK_SECONDS = 15  # seconds before an image that waits without a job is queued again
FOLLOW_SECONDS = 10.0  # seconds that one job moves products
DAY_SECONDS = 86_400
NOTIFY_SECONDS = 5.0  # seconds to deliver a notification
NOTIFY_RETRY_SECONDS = (1, 10, 60, 300, 1800)  # seconds before each further attempt


class NotDelivered(queue.RemoteUnavailable):
    """A notification did not reach all of its URLs."""


def queue_thumbnails(
    ref: str, number: int, retry_seconds: Sequence[int] = queue.RETRY_SECONDS
) -> None:
    """Queue a job that makes the thumbnails of an image of the product ``ref``.

    ``retry_seconds`` are the seconds from each failure to the next attempt.
    """
    function = f"{__name__}.make_thumbnails"
    queue.enqueue(_job_id(ref, number), function, ref, number, retry_seconds=retry_seconds)


def queue_thumbnails_on_commit(product: Document, images: Iterable[Image]) -> None:
    """Queue a thumbnail job for each image, once the running transaction has committed."""
    ref = gallery.ref_of(product)
    for image in images:
        on_commit(partial(queue_thumbnails, ref, image["id"]))


def make_thumbnails(ref: str, number: int) -> None:
    """Make the thumbnails of an image, which becomes ready, or failed with a reason.

    The photo of a URL is fetched before.  An image that is not waiting is left as it is, so the job
    may run twice.
    """
    with contextlib.suppress(NotFound):  # The product or the image was deleted meanwhile.
        image = find_image(images_of(products.repository.get(ref)), number)
        if not image or image.get("state") not in (DUE, *WAITING_STATES):
            return
        with import_id.part_of(image.get("import") or ""):
            _process(ref, image)
        if image.get("is_due"):
            _queue_more_photos()


def _process(ref: str, image: Image) -> None:
    """Process an image, and store its new values.

    An attempt counts before it begins, because the worker may be killed in it.  So an image whose
    host is paused begins none: it waits until the host is asked again.
    """
    tries = tries_of(image)
    if tries >= MAX_TRIES:
        gallery.advance_image(ref, image, state="failed", reason=GAVE_UP, is_due=False)
        _report(GAVE_UP)
        return
    if image.get("is_due") and processing.is_paused(processing.host_of(image)):
        if image["state"] != DUE:
            gallery.advance_image(ref, image, kind=STEP, state=DUE, since=documents.now())
        return
    begun = processing_values(image, documents.now())
    if not gallery.advance_image(ref, image, kind=STEP, **begun):
        return
    try:
        values = processing.process(image)
    except (ServiceUnavailable, PhotoUnavailable) as error:
        if tries + 1 < MAX_TRIES:
            raise
        values = {"state": "failed", "reason": str(error), "is_due": False}
    is_stored = gallery.advance_image(ref, image | begun, **values)
    if values["state"] == "failed":
        _report(values["reason"])
    if (digest := values.get("sha256", digest_of(image))) != digest_of(image):
        queue_removal([digest_of(image) if is_stored else digest])


def _report(problem: str) -> None:
    """Show in ``/jobs/<id>`` why an image failed: its job is finished nevertheless."""
    if job := get_current_job():
        job.meta["problem"] = problem
        job.save_meta()  # type: ignore[no-untyped-call]


def queue_photos() -> None:
    """Queue a job that queues the images whose photos are to be fetched, unless it waits already.

    Call it after the images are committed.
    """
    id = "queue-photos"
    if not queue.is_waiting(id):
        queue.enqueue(id, f"{__name__}.queue_due_photos", retry_seconds=())


def queue_due_photos() -> None:
    """Queue the jobs of some images whose photos are to be fetched; those of the rest follow.

    An import may name more photos than the queue should hold, and other jobs would wait.  Those of
    a host that is paused are left out, so that they do not keep the others waiting.
    """
    alive, is_paused = queue.live_job_ids(), cache(processing.is_paused)
    due = (
        (ref, image)
        for ref, image in gallery.every_image(DUE)
        if image.get("state") == DUE and not is_paused(processing.host_of(image))
    )
    for ref, image in islice(due, QUEUED_PHOTOS):
        if _job_id(ref, image["id"]) not in alive:
            queue_image(ref, image)


def queue_image(ref: str, image: Image) -> None:
    """Queue the job of an image; one that fetches a photo has the attempts that are left."""
    if image.get("is_due"):
        queue_thumbnails(ref, image["id"], PHOTO_RETRY_SECONDS[tries_of(image) :])
    else:
        queue_thumbnails(ref, image["id"])


def _queue_more_photos() -> None:
    """Queue further photos before the queue is empty."""
    if queue.waiting() < QUEUED_PHOTOS // 4 and any(gallery.every_image(DUE)):
        queue_photos()


def _job_id(ref: str, number: int) -> str:
    return f"image-{ref}-{number}"


def sweep() -> None:
    """Queue the work that lost its job, because Redis was emptied or a worker died.

    Once a day, also queue the removal of files whose products have left the trash by age.
    """
    follow_categories()
    queue_stuck_images()
    queue_due_photos()
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


def queue_stuck_images() -> None:
    """Queue a job for each image that waits without one."""
    for ref, image in stuck_images():
        queue_image(ref, image)


def stuck_images() -> list[tuple[str, Image]]:
    """Return the images that wait without a live job, each with the ref of its product."""
    moment = documents.now() - timedelta(seconds=STUCK_SECONDS)
    alive = queue.live_job_ids()
    return [
        (ref, image)
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
    job = get_current_job()
    assert job
    urls = [url for url in settings().notify_urls.split(",") if url]
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
        notifications.SIGNATURE: notifications.signature(data, settings().notify_secret),
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
