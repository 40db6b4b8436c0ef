"""Sentry: reports unexpected errors to the project of ``SENTRY_DSN``.

The code that catches an unexpected error reports it: the app of a request, the worker of a job, the
follower.  Sentry's integrations are off.  They would report the same error twice, and patch code on
the way of every hit, which makes one call to Redis cost 100 µs more.  Without a DSN the SDK is not
imported.
"""

import re
from collections.abc import Mapping
from importlib.metadata import version
from types import ModuleType
from typing import Any

from shared.config.settings import Settings
from shared.observability import log_format

FLUSH_SECONDS = 2.0  # seconds to wait until all errors are sent

# The members of an event that are sent; the SDK may add others in later versions.
_SENT = {"event_id", "timestamp", "platform", "level", "release", "environment", "sdk"}
_SENT |= {"transaction", "tags", "exception", "request"}
# E-mail addresses, user and password in a URL, and tokens (JWT).
_PRIVATE = re.compile(r"[^\s\"'<>@]+@[^\s\"'<>]+|eyJ[\w.-]+|(?i:bearer)\s+\S+")

_sdk: ModuleType | None = None


def start(settings: Settings, service: str, release: str) -> None:
    """Have this process report to Sentry if there is a DSN.

    Args:
        settings: The settings with the DSN.
        service: The name of the service.
        release: The digest of its code.
    """
    global _sdk
    if not settings.sentry_dsn:
        return
    import sentry_sdk  # The import takes 0.2 s.

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
    """Report an error, with the ids of the current request and job.

    Args:
        error: The error.
        what: The transaction in which it happened, such as ``GET /products/<ref>``.
        request: The method and the path of the request, if there is one.
    """
    if _sdk is None:
        return
    with _sdk.isolation_scope() as scope:
        scope.set_transaction_name(what)
        scope.set_tags(dict(log_format.ABOUT.get()))
        event, hint = _sdk.utils.event_from_exception(error, _sdk.get_client().options)
        scope.capture_event(event | ({"request": dict(request)} if request else {}), hint)


def flush() -> None:
    """Wait until all errors are sent, before the process ends."""
    if _sdk is not None:
        _sdk.flush(FLUSH_SECONDS)


def _scrubbed(event: dict[str, Any], hint: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event without personal data and secrets: bodies, queries, headers, values."""
    kept = {name: value for name, value in event.items() if name in _SENT}
    for exception in kept.get("exception", {}).get("values", []):
        exception["value"] = _PRIVATE.sub("[removed]", str(exception.get("value") or ""))
        for frame in (exception.get("stacktrace") or {}).get("frames", []):
            frame.pop("vars", None)
    return kept
