"""Routes of imports: the files, the plan, the dry run, the import, and its undo."""

from typing import Any

from flask import Flask, Response, request

from shared.http.errors import BadRequest, Forbidden
from vitrine.console.access import Access, Session
from vitrine.console.forwarding import body_parts
from vitrine.console.imports.parts import SCOPES, Options
from vitrine.console.imports.tasks import Import, Imports
from vitrine.console.messages import json_response, read_body
from vitrine.transfer.identity import MAX_SOURCE
from vitrine.transfer.shops.format_files import formats_to_read

WEIGHT_UNITS = ("", "g", "kg", "lb", "oz")
DECIMALS = ("", ".", ",")
_OPTIONS = {**dict.fromkeys(Options.__dataclass_fields__, str), "photos": bool}


class ImportViews:
    """The views of imports.

    Args:
        access: Who may send what, and with which token.
        imports: The imports.
    """

    def __init__(self, access: Access, imports: Imports):
        self._access = access
        self._imports = imports

    def list_imports(self) -> Response:
        """Return the imports of the caller, and the kinds of files that are known."""
        by = self._caller()
        formats = [{"name": each.name, "title": each.title} for each in formats_to_read()]
        items = [one.show_short() for one in self._imports.of(by)]
        return json_response({"items": items, "formats": formats})

    def create_import(self) -> Response:
        """Begin an import with a file, which is the body."""
        one = self._imports.create(self._writer())
        try:
            self._receive(one)
        except Exception:
            self._imports.remove(one)
            raise
        return json_response(one.show(), 201)

    def add_import_file(self, id: str) -> Response:
        """Add a file, which is the body."""
        one = self._imports.get(id, self._writer())
        self._receive(one)
        return json_response(one.show(), 201)

    def show_import(self, id: str) -> Response:
        """Return an import."""
        return json_response(self._imports.get(id, self._caller()).show())

    def read_import(self, id: str) -> Response:
        """Read the files with some options."""
        one = self._imports.get(id, self._writer())
        options = Options(**read_body(_OPTIONS))
        names = ("", *(each.name for each in formats_to_read()))
        for name, known in (
            ("format", names),
            ("weight_unit", WEIGHT_UNITS),
            ("decimal", DECIMALS),
        ):
            if getattr(options, name) not in known:
                raise BadRequest(f"{name}: Is not one of {', '.join(filter(None, known))}.")
        if len(options.source) > MAX_SOURCE:
            raise BadRequest(f"source: Write at most {MAX_SOURCE} characters.")
        self._imports.read(one, options, self._header())
        return json_response(one.show(), 202)

    def check_import(self, id: str) -> Response:
        """Have the services validate all rows."""
        one = self._imports.get(id, self._writer())
        self._imports.run(one, self._header(), dry_run=True)
        return json_response(one.show(), 202)

    def run_import(self, id: str) -> Response:
        """Import the files."""
        one = self._imports.get(id, self._writer())
        self._imports.run(one, self._header(), dry_run=False)
        return json_response(one.show(), 202)

    def stop_import(self, id: str) -> Response:
        """Stop a dry run or an import; with the scope ``admin`` also that of another caller."""
        one = self._imports.stop(id, self._writer(), self._session().is_admin)
        return json_response(one.show(), 202)

    def undo_import(self, id: str) -> Response:
        """Take an import back, also one of the command line."""
        one = self._imports.undo(id, self._writer(), self._header())
        return json_response(one.show(), 202)

    def delete_import(self, id: str) -> Response:
        """Forget an import, and delete its files; what it has written stays."""
        self._imports.remove(self._imports.get(id, self._writer()))
        return Response(status=204)

    def _receive(self, one: Import) -> None:
        self._imports.add_file(one, request.args.get("name", ""), body_parts(request.stream))

    def _header(self) -> str:
        return self._access.authorization(request.environ)

    def _session(self) -> Session:
        return self._access.require(request.environ)

    def _caller(self) -> str:
        return self._session().subject or ""

    def _writer(self) -> str:
        """Return the caller, who may write something that an import writes.

        Raises:
            Forbidden: The caller may not; the services check each write again.
        """
        session = self._session()
        needed = {scope for scopes in SCOPES.values() for scope in scopes if "write" in scope}
        if not session.is_admin and not needed & set(session.scopes):
            raise Forbidden(
                f"An import needs a token with some of the scopes {', '.join(sorted(needed))}."
            )
        return session.subject or ""


def add_routes(app: Flask, views: ImportViews) -> None:
    """Add the routes to the console."""
    one = "/imports/<id>"
    rules: tuple[tuple[str, Any, str], ...] = (
        ("/imports", views.list_imports, "GET"),
        ("/imports", views.create_import, "POST"),
        (one, views.show_import, "GET"),
        (one, views.delete_import, "DELETE"),
        (f"{one}/files", views.add_import_file, "POST"),
        (f"{one}/plan", views.read_import, "POST"),
        (f"{one}/dry-run", views.check_import, "POST"),
        (f"{one}/run", views.run_import, "POST"),
        (f"{one}/stop", views.stop_import, "POST"),
        (f"{one}/undo", views.undo_import, "POST"),
    )
    for rule, view, method in rules:
        app.add_url_rule(rule, view.__name__, view, methods=[method])
