"""The page of the console, its files, and the policy that browsers keep to.

All URLs of pages answer the same document, whose script shows the page of the URL.  It names the
modules of that page, so that a browser asks for all of them at once, instead of finding each one in
the one before.  A script may run only if it is a file of the console, or the import map, whose hash
is in the policy.

The files are read when the console starts.  Their addresses have a version, the hash of all of
them, as in ``/static/5f3c9a0b1d2e4f67/js/main.js``.  So browsers keep each file for good, and no
page has modules of two versions.
"""

import base64
import hashlib
import json
import mimetypes
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flask import Response, request

from shared.http.compression import MAX_HEADER, MIN_BYTES, choose, compress
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
FOR_GOOD = "public, max-age=31536000, immutable"  # Cache-Control of a file of this version
REVALIDATED = "no-cache"
_IMPORT_MAP = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)
_IMPORT = re.compile(r'^import [^"]*"([^"]+)";', re.MULTILINE)
# The parts of a page: all items, or one of them.
_PART = re.compile(r'^const load(All|One) = \(\) => import\("([^"]+)"\)', re.MULTILINE)
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


class File:
    """A file as browsers get it.

    Args:
        body: Its bytes.
        type: The media type.
        cache: The value of Cache-Control.
    """

    def __init__(self, body: bytes, type: str, cache: str = REVALIDATED):
        self.body = body
        self.type = f"{type}; charset=utf-8" if type.startswith("text/") else type
        self.cache = cache
        self._etag = hashlib.blake2b(body, digest_size=16).hexdigest()
        self._codings = {"": body}  # each is made once

    def coded(self, accept: str) -> tuple[bytes, str]:
        """Return the bytes for an Accept-Encoding, and their coding: zstd, gzip or none."""
        coding = choose(accept[:MAX_HEADER]) if len(self.body) >= MIN_BYTES else ""
        if coding not in self._codings:
            self._codings[coding] = compress(self.body, coding)
        return self._codings[coding], coding

    def answer(self) -> Response:
        """Return the response to the current request."""
        body, coding = self.coded(request.headers.get("Accept-Encoding", ""))
        response = Response(body, content_type=self.type)
        response.headers["Cache-Control"] = self.cache
        response.headers["Vary"] = "Accept-Encoding"
        if coding:
            response.headers["Content-Encoding"] = coding
        response.set_etag(f"{self._etag}-{coding}" if coding else self._etag)
        response.make_conditional(request)
        return response


class Pages:
    """The page and its files.

    Args:
        folder: The folder of the files; ``index.html`` is the page.
    """

    def __init__(self, folder: Path = STATIC):
        bodies = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        version = hashlib.blake2b(digest_size=8)
        for name, body in bodies.items():
            version.update(f"{name} {len(body)}\n".encode() + body)
        self._base = f"/static/{version.hexdigest()}/"
        self._page = bodies.pop("index.html", b"").replace(b'"/static/', f'"{self._base}'.encode())
        self._pages: dict[tuple[str, bool], File] = {}  # by name, and for one item or all
        self._files = {name: File(body, _type(name), FOR_GOOD) for name, body in bodies.items()}
        maps = _IMPORT_MAP.findall(self._page)
        self._names = {
            name: url.removeprefix(self._base)
            for text in maps
            for name, url in json.loads(text)["imports"].items()
        }
        hashes = "".join(
            f" 'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in maps
        )
        self.policy = (
            f"default-src 'none'; script-src 'self'{hashes}; style-src 'self'; "
            "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        )

    def page(self, path: str) -> File:
        """Return the page at the path of a URL, with links to the modules that it needs.

        Raises:
            NotFound: The installation has no pages.
        """
        if not self._page:
            raise NotFound("This installation lacks the pages of the console; install it again.")
        name, _, item = path.strip("/").partition("/")
        key = name or "overview", bool(item)
        if key not in self._pages:
            links = "".join(
                f'<link rel="modulepreload" href="{self._base}{module}" fetchpriority="low">\n'
                for module in self._modules(*key)
            )
            body = self._page.replace(b"</head>", f"{links}</head>".encode())
            self._pages[key] = File(body, "text/html")
        return self._pages[key]

    def file(self, address: str) -> File:
        """Return a file by its address below ``/static/``, with the version.

        Raises:
            NotFound: No file of this version has this name.
        """
        name = f"/static/{address}".removeprefix(self._base)
        if name not in self._files:
            raise NotFound(f"There is no file {address[:100]}.")
        return self._files[name]

    def _modules(self, name: str, is_item: bool) -> list[str]:
        """Return the modules that a page needs before it is shown."""
        page = f"js/pages/{name}.js"
        part = "One" if is_item else "All"
        parts = [url for which, url in self._found(page, _PART) if which == part]
        found: dict[str, None] = {}
        waiting = ["js/requests/first.js", "js/main.js", page, *self._paths(page, parts)]
        while waiting:
            module = waiting.pop(0)
            if module in self._files and module not in found:
                found[module] = None
                waiting += self._paths(module, self._found(module, _IMPORT))
        return list(found)

    def _found(self, module: str, pattern: re.Pattern[str]) -> list[Any]:
        """Return what a pattern finds in a module."""
        file = self._files.get(module)
        return pattern.findall(file.body.decode()) if file else []

    def _paths(self, module: str, names: Iterable[str]) -> Iterator[str]:
        """Yield the paths of the modules that a module imports by these names."""
        for name in names:
            path = posixpath.normpath(f"{posixpath.dirname(module)}/{name}")
            yield self._names.get(name, path)


def _type(name: str) -> str:
    known = _TYPES.get(posixpath.splitext(name)[1]) or mimetypes.guess_type(name)[0]
    return known or "application/octet-stream"
