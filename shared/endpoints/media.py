"""``/media/<name>``: pictures, from the folder or by a redirect to the bucket."""

from pathlib import Path

from flask import Flask, Response, current_app, request
from werkzeug.http import parse_range_header

from shared.config.settings import Settings
from shared.http.auth import public
from shared.http.contract import accepts, returns
from shared.http.errors import NotFound
from shared.storage.file_store import IMMUTABLE, PUBLIC_NAME, FileStore, content_type


def init_app(app: Flask) -> None:
    """Open the file store of the settings and serve ``/media/<name>``."""
    settings: Settings = app.extensions["settings"]
    folder = Path(settings.data_dir, "media").absolute()
    app.extensions["files"] = FileStore(settings.media_url or folder.as_uri())
    app.add_url_rule("/media/<path:name>", "get_picture", show_file)


@public
@accepts(headers=("Range",))
@returns(
    None,
    media=("image/webp", "image/jpeg"),
    headers=("ETag",),
    conditional=True,
    errors=(404, 416, 503),
)
@returns(None, 206, media=("image/webp", "image/jpeg"), headers=("ETag",))
@returns(None, 302, headers=("Location",))
def show_file(name: str) -> Response:
    """Return a picture that clients may keep for ever (RFC 8246), or redirect to its address."""
    files: FileStore = current_app.extensions["files"]
    if not PUBLIC_NAME.fullmatch(name):
        raise NotFound(f"There is no file {name[:100]}.")
    if link := files.link(name):
        return Response(status=302, headers={"Location": link, "Cache-Control": "private"})
    try:
        data = files.get(name)
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {name[:100]}.") from error
    response = Response(data, content_type=content_type(name))
    response.headers["Cache-Control"] = IMMUTABLE
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.set_etag(name.replace("/", "-"))
    is_part = _asks_for_one_range(request.headers.get("Range", ""))
    response.make_conditional(request, accept_ranges=is_part, complete_length=len(data))
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _asks_for_one_range(header: str) -> bool:
    """Return True for one range of bytes; any other ``Range`` is ignored (RFC 9110, 14.2)."""
    wanted = parse_range_header(header)
    return wanted is not None and wanted.units == "bytes" and len(wanted.ranges) == 1
