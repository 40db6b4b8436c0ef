"""Routes of the console: its pages, the services behind ``/api/``, the stream, its own views."""

import math
import re
import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from secrets import token_hex

from flask import Flask, Response, g, request

from shared.config.settings import Settings
from shared.http.errors import ApiError, BadRequest
from shared.http.request_state import FAULT
from shared.http.responses import event_stream
from vitrine import stack
from vitrine.console import checks, forwarding, pages
from vitrine.console.access import Access, Callers, Session
from vitrine.console.feeds import Feeds
from vitrine.console.fuzzing import Fuzzing
from vitrine.console.hub import ALWAYS, TOPICS, Hub
from vitrine.console.imports.tasks import Imports
from vitrine.console.imports.views import ImportViews, add_routes
from vitrine.console.messages import json_response, problem, read_body
from vitrine.console.overview import Overview
from vitrine.console.reasons import Memory
from vitrine.console.sampler import Sampler
from vitrine.console.services import Services
from vitrine.console.trace import Trace

MIN_SECONDS, MAX_SECONDS = 5, 300  # of a freshness test
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)


class Console:
    """The views of the console.

    Args:
        settings: The settings.
        services: The services.
        folder: The folder of the pages.
    """

    def __init__(self, settings: Settings, services: Services, folder: Path = pages.STATIC):
        self.services = services
        self.access = Access(settings, services)
        self.pages = pages.Pages(folder)
        self.hub = Hub()
        self.callers = Callers(self.access)
        memory = Memory()
        self.feeds = Feeds(services, self.hub, memory, self.callers)
        self.sampler = Sampler(services, self.hub, self.callers)
        self._forwarding = forwarding.Forwarding(services)
        self._overview = Overview(services)
        self._trace = Trace(services, memory, stack.data_folder(settings) / "logs")
        self._fuzzing = Fuzzing(settings, services, self.hub)
        self.imports = ImportViews(self.access, Imports(services.urls))

    def show_page(self, path: str = "") -> Response:
        """Return the page."""
        return self.pages.page(request.path).answer()

    def show_file(self, address: str) -> Response:
        """Return a file of the pages."""
        return self.pages.file(address).answer()

    def forward(self, service: str, path: str = "") -> Response:
        """Pass a request on to a service."""
        raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or ""
        target = forwarding.target_of(raw, f"/api/{service}")
        return self._forwarding.forward(
            service,
            request.method,
            target,
            request.headers,
            self.access.authorization(request.environ),
            request.stream if forwarding.has_body(request.environ) else None,
        )

    def show_session(self) -> Response:
        """Return who the caller is, and what is possible here."""
        try:
            session = self.access.session(request.environ)
        except ApiError as error:
            session = Session(problem=str(error))
        reason = self._fuzzing.why_not()
        return json_response(
            {
                "mode": "open" if self.access.is_open else "token",
                "signed_in": session.signed_in,
                "subject": session.subject,
                "scopes": list(session.scopes),
                "expires": session.expires,
                "services": list(self.services),
                "version": _version(),
                "problem": session.problem,
                "fuzz": {"possible": not reason, "why_not": reason},
            }
        )

    def show_services(self) -> Response:
        """Return the services at a glance."""
        self.access.require(request.environ)
        return json_response({"services": self._overview.show()})

    def show_samples(self) -> Response:
        """Return the samples of the last fifteen minutes."""
        self.access.require_admin(request.environ)
        return json_response({"samples": self.sampler.samples()})

    def show_stream(self) -> Response:
        """Send the events of some topics until the client leaves."""
        session = self.access.require_admin(request.environ)
        header = self.access.authorization(request.environ)
        topics = _topics(request.args.get("topics", ""))
        since = request.headers.get("Last-Event-ID") or request.args.get("since", "")
        with ExitStack() as left:
            watcher, is_whole = left.enter_context(self.hub.watch(topics, since))
            expires = session.expires or math.inf
            left.enter_context(self.callers.watching(header, expires))
            self.feeds.follow()
            hello = {
                "at": round(time.time(), 2),
                "services": list(self.services),
                "id": self.hub.last_id,
            }
            events = self.hub.stream(watcher, is_whole, hello, self.feeds.states(), expires)
            response = event_stream(events)
            response.call_on_close(left.pop_all().close)
        return response

    def show_trace(self, id: str) -> Response:
        """Return all that is known of a request; a browser that opens the URL gets the page."""
        if _wants_page():
            return self.show_page()
        self.access.require_admin(request.environ)
        if not _REQUEST_ID.fullmatch(id):
            raise BadRequest(
                "A request id has letters, digits and ._:-, at most 128. Send the X-Request-ID of "
                "a response."
            )
        return json_response(self._trace.find(id, self.access.authorization(request.environ)))

    def show_checks(self) -> Response:
        """Return the findings of all checks; a browser that opens the URL gets the page."""
        if _wants_page():
            return self.show_page()
        self.access.require_admin(request.environ)
        return json_response(
            checks.check_all(self.services, self.access.authorization(request.environ))
        )

    def fix(self) -> Response:
        """Have a service repair the findings of a check."""
        self.access.require_admin(request.environ)
        body = read_body({"service": str, "check": str})
        header = self.access.authorization(request.environ)
        return json_response(checks.fix(self.services, body["service"], body["check"], header))

    def show_fuzz(self) -> Response:
        """Return the state of the freshness test."""
        self.access.require_admin(request.environ)
        return json_response(self._fuzzing.state())

    def start_fuzz(self) -> Response:
        """Start the freshness test."""
        session = self.access.require_admin(request.environ)
        seconds = read_body({"seconds": int})["seconds"]
        if not MIN_SECONDS <= seconds <= MAX_SECONDS:
            raise BadRequest(f"seconds: Is out of range; send {MIN_SECONDS} to {MAX_SECONDS}.")
        return json_response(self._fuzzing.start(seconds, session.subject or ""), 202)

    def stop_fuzz(self) -> Response:
        """Stop the freshness test."""
        self.access.require_admin(request.environ)
        return json_response(self._fuzzing.stop(), 202)

    # Of every request.

    def check(self) -> None:
        """Refuse a request that may not come in."""
        sent = request.headers.get("X-Request-ID", "")
        g.request_id = sent if _REQUEST_ID.fullmatch(sent) else token_hex(16)
        if fault := request.environ.get(FAULT):
            raise fault
        view = request.url_rule.endpoint if request.url_rule else ""
        is_page = view in ("show_page", "show_trace", "show_checks", "show_root")
        self.access.check(request.environ, is_page)

    def secure(self, response: Response) -> Response:
        """Add the headers that browsers honour."""
        for name, value in pages.HEADERS.items():
            response.headers[name] = value
        response.headers["Content-Security-Policy"] = self.pages.policy
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.add("Vary", "Accept")
        if "X-Request-ID" not in response.headers:
            response.headers["X-Request-ID"] = g.get("request_id", "")
        return response


def build_app(settings: Settings, urls: Mapping[str, str], folder: Path = pages.STATIC) -> Flask:
    """Return the console of some services.

    Args:
        settings: The settings.
        urls: The address of each service.
        folder: The folder of the pages.
    """
    app = Flask("console", static_folder=None)
    app.url_map.merge_slashes = False
    console = app.extensions["console"] = Console(settings, Services(urls), folder)
    app.before_request(console.check)
    app.after_request(console.secure)
    app.register_error_handler(Exception, problem)
    for rule, view, methods in (
        ("/static/<path:address>", console.show_file, ("GET",)),
        ("/session", console.show_session, ("GET",)),
        ("/services", console.show_services, ("GET",)),
        ("/samples", console.show_samples, ("GET",)),
        ("/stream", console.show_stream, ("GET",)),
        ("/trace/<id>", console.show_trace, ("GET",)),
        ("/doctor", console.show_checks, ("GET",)),
        ("/doctor/fix", console.fix, ("POST",)),
    ):
        app.add_url_rule(rule, view.__name__, view, methods=methods)
    app.add_url_rule("/fuzz", "show_fuzz", console.show_fuzz, methods=["GET"])
    app.add_url_rule("/fuzz", "start_fuzz", console.start_fuzz, methods=["POST"])
    app.add_url_rule("/fuzz", "stop_fuzz", console.stop_fuzz, methods=["DELETE"])
    add_routes(app, console.imports)
    for rule in ("/api/<service>/", "/api/<service>/<path:path>"):
        app.add_url_rule(
            rule, "forward", console.forward, methods=forwarding.METHODS, strict_slashes=False
        )
    app.add_url_rule("/", "show_root", console.show_page, methods=["GET"])
    for name in pages.PAGES:
        if name != "doctor":
            app.add_url_rule(f"/{name}", "show_page", console.show_page, methods=["GET"])
        app.add_url_rule(f"/{name}/<path:path>", "show_page", console.show_page, methods=["GET"])
    return app


def _wants_page() -> bool:
    """Return True if a browser opens the URL of a view that has a page of the same name."""
    kinds = ("application/json", "text/html")
    return request.accept_mimetypes.best_match(kinds) == "text/html"


def _topics(text: str) -> Collection[str]:
    """Return the topics that a client names, all without a name.

    Raises:
        BadRequest: No topic has this name.
    """
    named = {name for name in text.split(",") if name}
    if unknown := sorted(named - set(TOPICS)):
        raise BadRequest.parameter(
            "topics", f"{unknown[0][:50]} is unknown; send some of {', '.join(TOPICS)}."
        )
    return named | set(ALWAYS) if named else TOPICS


def _version() -> str:
    try:
        return version("vitrine")
    except PackageNotFoundError:
        return "unknown"
