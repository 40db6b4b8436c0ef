"""Tells Sentry what went wrong unexpectedly, where ``SENTRY_DSN`` says who is to be told.

Only whoever catches the unexpected reports it: the app of a request, the worker of a job, the
follower.  None of Sentry's integrations is used.  They would report the same twice, and patch what
every cached answer passes through, which makes one call to Redis cost 100 µs more.  Without a DSN
nothing is imported.
"""

import re
from collections.abc import Mapping
from importlib.metadata import version
from types import ModuleType
from typing import Any

from shared.config.settings import Settings
from shared.observability import log_format

FLUSH_SECONDS = 2.0

# What is told of an event; whatever else there may be one day is left out.
_TOLD = {"event_id", "timestamp", "platform", "level", "release", "environment", "sdk"}
_TOLD |= {"transaction", "tags", "exception", "request"}
# E-mail addresses, what is before the host of a URL, and tokens (JWT).
_PRIVATE = re.compile(r"[^\s\"'<>@]+@[^\s\"'<>]+|eyJ[\w.-]+|(?i:bearer)\s+\S+")

_sdk: ModuleType | None = None


def start(settings: Settings, service: str, release: str) -> None:
    """Have this process tell Sentry, if there is one; ``release`` is a digest of its code."""
    global _sdk
    if not settings.sentry_dsn:
        return
    import sentry_sdk  # It takes a fifth of a second, which nobody waits for without a DSN.

    sentry_sdk.init(
        settings.sentry_dsn,
        release=f"vitrine@{version('vitrine')}+{release}",
        before_send=_scrubbed,  # type: ignore[arg-type]
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        include_local_variables=False,
        send_client_reports=False,
        max_breadcrumbs=0,
    )
    sentry_sdk.get_global_scope().set_tag("service", service)
    _sdk = sentry_sdk


def report(error: BaseException, what: str, request: Mapping[str, str] | None = None) -> None:
    """Tell Sentry of an error in ``what``, with the ids of the request and job it concerns."""
    if _sdk is None:
        return
    with _sdk.isolation_scope() as scope:
        scope.set_transaction_name(what)
        scope.set_tags(dict(log_format.ABOUT.get()))
        event, hint = _sdk.utils.event_from_exception(error, _sdk.get_client().options)
        scope.capture_event(event | ({"request": dict(request)} if request else {}), hint)


def flush() -> None:
    """Wait until all is told, in a process that is about to end."""
    if _sdk is not None:
        _sdk.flush(FLUSH_SECONDS)


def _scrubbed(event: dict[str, Any], hint: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event without what is personal or secret: no bodies, queries, headers, values."""
    kept = {name: value for name, value in event.items() if name in _TOLD}
    for each in kept.get("exception", {}).get("values", []):
        each["value"] = _PRIVATE.sub("[removed]", str(each.get("value") or ""))
        for frame in (each.get("stacktrace") or {}).get("frames", []):
            frame.pop("vars", None)
    return kept
