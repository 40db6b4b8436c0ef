"""Processing of one image: fetches its photo if it comes from a URL, and makes the thumbnails."""

import contextlib
import hashlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from rq.timeouts import JobTimeoutException

from api_products.images import gallery, thumbnails
from api_products.images.download import SECONDS, Bounds, PhotoRefused, PhotoUnavailable, download
from api_products.images.model import digest_of, original_file, required_files
from api_products.images.sources import split_url
from shared.storage.connections import connections, settings

MAX_FAILURES = 5  # downloads from one host that fail in a row, until it is not asked for a while
PAUSE_SECONDS = 60  # seconds from the last of these failures to the next download
# seconds that a photo, once fetched, is known to the other images with its URL of the same import
KNOWN_SECONDS = 600
_POLL_SECONDS = 0.1  # seconds between two looks whether another job has fetched a photo
# The values of an image that its picture decides.
_RENDERED = ("state", "reason", "width", "height", "color", "thumbnails")


def process(image: Mapping[str, Any]) -> dict[str, Any]:
    """Make and store the thumbnails of an image; return its new values.

    The image becomes ready, or failed with a reason.  One that fails to be fetched again keeps its
    thumbnails.

    Raises:
        PhotoUnavailable: The server of its photo does not answer now.
        ServiceUnavailable: The file store fails.
    """
    try:
        return _fetched(image) if image.get("is_due") else _rendered(digest_of(image))
    except PhotoRefused as error:
        reason = str(error)
    except (thumbnails.PictureError, FileNotFoundError, MemoryError) as error:
        reason = _reason(error)
    return {"state": "failed", "reason": reason, "is_due": False}


def _fetched(image: Mapping[str, Any]) -> dict[str, Any]:
    """Fetch the photo of an image, unless it is as before, and return the image's new values.

    The variants of a product often have the same photo: it is fetched once in an import.
    """
    key = _key_in_import(image)
    with _no_other_job(key):
        photo = _known_photo(key) or _downloaded(image)
        done = {"state": "ready", "reason": None, "is_due": False}
        if photo is None:
            return done
        if key:
            connections().queue.set(key, orjson.dumps(photo), ex=KNOWN_SECONDS)
    if photo["sha256"] == digest_of(image) and image.get("thumbnails"):
        return done | photo
    values = _rendered_before(photo["sha256"]) or _rendered(photo["sha256"])
    return values | photo | {"is_due": False}


def _downloaded(image: Mapping[str, Any]) -> dict[str, Any] | None:
    """Fetch and store the photo of an image; return what names it, None if it is unchanged."""
    max_bytes = settings().max_upload_mb * 1_000_000
    hosts = frozenset(filter(None, settings().photo_hosts.split(",")))
    with _count_failures(host_of(image)):
        photo = download(str(image.get("url")), Bounds(max_bytes, hosts), *_validators(image))
    if photo is None:
        return None
    digest = hashlib.sha256(photo.data).hexdigest()
    if digest != digest_of(image) or not image.get("thumbnails"):
        thumbnails.inspect(photo.data, settings().max_image_pixels)
        gallery.files().put(original_file(digest), photo.data)
    return {"sha256": digest, "etag": photo.etag, "modified": photo.modified}


def _key_in_import(image: Mapping[str, Any]) -> str:
    """Return the key in Redis of the URL of an image in its import; empty without an import."""
    if not image.get("import"):
        return ""
    digest = hashlib.sha256(str(image.get("url")).encode()).hexdigest()
    return f"products:photo:{image['import']}:{digest}"


def _known_photo(key: str) -> dict[str, Any] | None:
    """Return the photo that another image of the import has, if its file is still there."""
    stored = connections().queue.get(key) if key else None
    photo: dict[str, Any] | None = orjson.loads(stored) if stored else None
    return photo if photo and gallery.files().has(original_file(photo["sha256"])) else None


@contextlib.contextmanager
def _no_other_job(key: str) -> Iterator[None]:
    """Wait while another job fetches the photo of a key, at most as long as a download may take."""
    redis, name = connections().queue, f"{key}:fetched-now"
    deadline = time.monotonic() + SECONDS
    is_own = False
    while key and not is_own and time.monotonic() < deadline:
        is_own = bool(redis.set(name, 1, nx=True, px=int(SECONDS * 1000)))
        if not is_own:
            time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        if is_own:  # Else another job is still fetching.
            redis.delete(name)


def _rendered_before(digest: str) -> dict[str, Any]:
    """Return the values of another image of the same picture, nothing if its files are not there.

    The variants of a product often have the same photo.
    """
    same = gallery.find_ready_image(digest)
    if same is None or not all(map(gallery.files().has, required_files(same))):
        return {}
    return {name: same.get(name) for name in _RENDERED}


def host_of(image: Mapping[str, Any]) -> str:
    """Return the host of an image's photo, or an empty text if a hand edit has broken the URL."""
    try:
        return str(split_url(str(image.get("url"))).host)
    except ValueError:
        return ""


def is_paused(host: str) -> bool:
    """Return True if a host is not asked for a while, because it has failed several times in a row.

    Else all workers would wait for a host that does not answer, if an import names it often.
    """
    return int(connections().queue.get(_failures_key(host)) or 0) >= MAX_FAILURES


@contextlib.contextmanager
def _count_failures(host: str) -> Iterator[None]:
    """Count the downloads from a host that fail in a row."""
    redis, key = connections().queue, _failures_key(host)
    try:
        yield
    except PhotoUnavailable:
        with redis.pipeline() as commands:
            commands.incr(key)
            commands.expire(key, PAUSE_SECONDS)
            commands.execute()
        raise
    redis.delete(key)


def _failures_key(host: str) -> str:
    return f"products:photos-failed:{host}"


def _validators(image: Mapping[str, Any]) -> tuple[str, str]:
    """Return the ETag and the last change of the photo that an image has; empty if it has none."""
    if not image.get("thumbnails"):
        return "", ""
    return image.get("etag") or "", image.get("modified") or ""


def _rendered(digest: str) -> dict[str, Any]:
    """Make and store the thumbnails of a stored file; return the image's new values."""
    files = gallery.files()
    info, rendered = thumbnails.render(files.get(original_file(digest)))
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
