"""The page of the console, its files, and the policy that browsers keep to.

All URLs of pages answer the same document; its script shows the page of the URL.  A script may run
only if it is a file of the console, or the import map, whose hash is in the policy.
"""

import base64
import hashlib
import mimetypes
import re
from pathlib import Path

from flask import Response, request

from shared.http.errors import NotFound

STATIC = Path(__file__).parent / "static"
PAGES = (
    "cache",
    "categories",
    "changes",
    "clients",
    "doctor",
    "import",
    "jobs",
    "orders",
    "products",
    "settings",
    "trace",
)
_IMPORT_MAP = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
# For every response; the policy of the page is added to those that have none.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Pages:
    """The page and its files.

    Args:
        folder: The folder of the files; ``index.html`` is the page.
    """

    def __init__(self, folder: Path = STATIC):
        self._folder = folder.resolve()
        index = self._folder / "index.html"
        self._page = index.read_bytes() if index.exists() else b""
        hashes = "".join(
            f" 'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"
            for text in _IMPORT_MAP.findall(self._page)
        )
        self.policy = (
            f"default-src 'none'; script-src 'self'{hashes}; style-src 'self'; "
            "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        )

    def show(self) -> Response:
        """Return the page."""
        if not self._page:
            raise NotFound("This installation lacks the pages of the console; install it again.")
        return self._answer(self._page, "text/html")

    def file(self, name: str) -> Response:
        """Return a file below the folder.

        Raises:
            NotFound: No file has this name.
        """
        unknown = NotFound(f"There is no file {name[:100]}.")
        try:
            path = (self._folder / name).resolve()
            if not (path.is_relative_to(self._folder) and path.is_file()):
                raise unknown
        except (OSError, ValueError) as error:  # No file can have this name.
            raise unknown from error
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0]
        return self._answer(path.read_bytes(), kind or "application/octet-stream")

    def _answer(self, body: bytes, kind: str) -> Response:
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        response = Response(body, content_type=f"{kind}{charset}")
        response.headers["Cache-Control"] = "no-cache"
        response.set_etag(hashlib.blake2b(body, digest_size=16).hexdigest())
        response.make_conditional(request)
        return response
