"""Checks of all services, as ``vitrine doctor`` makes them, as JSON."""

from typing import Any

from shared.http.errors import ApiError, NotFound
from vitrine.console.services import Services
from vitrine.findings import KINDS, case_line

MAX_CASES = 5  # cases of one kind
CHECK_SECONDS = 120.0  # A check reads a whole collection.

Finding = dict[str, Any]


def check_all(services: Services, authorization: str) -> dict[str, Any]:
    """Return the findings of the checks of all services, with the rights of a caller."""
    shown = [_check_service(services, name, authorization) for name in services]
    found = [finding for service in shown for finding in service["findings"]]
    return {
        "services": shown,
        "total": sum(finding["total"] for finding in found),
        "mends": sum(finding["mends"] for finding in found),
    }


def fix(services: Services, service: str, check: str, authorization: str) -> dict[str, Any]:
    """Have a service repair the findings of one of its checks, and return what it has found.

    Raises:
        NotFound: No service or no check has this name.
        ApiError: The service refuses it, or does not answer.
    """
    if service not in services:
        raise NotFound(f"There is no service {service[:100]}.")
    known = _checks(services, service)
    if check not in known:
        raise NotFound(f"{service} has no check {check[:100]}. It has {', '.join(known)}.")
    findings = _run(services, service, "POST", check, authorization)
    return {"findings": findings, "mended": sum(finding["mends"] for finding in findings)}


def _check_service(services: Services, name: str, authorization: str) -> dict[str, Any]:
    findings: list[Finding] = []
    problems = []
    try:
        for check in _checks(services, name):
            try:
                findings += _run(services, name, "GET", check, authorization)
            except ApiError as error:
                problems.append(f"{check}: {error}")
    except ApiError as error:
        problems.append(str(error))
    return {
        "name": name,
        "url": services.urls[name],
        "problems": problems,
        "findings": findings,
    }


def _checks(services: Services, name: str) -> list[str]:
    """Return the paths of the checks of a service.

    Raises:
        ApiError: The service does not name them.
    """
    status, answer = services.ask(name, "GET", "/", {})
    checks = answer.get("checks") if isinstance(answer, dict) else None
    if status != 200 or not isinstance(checks, list):
        raise _refusal(name, "/", status, answer)
    return [str(check) for check in checks]


def _refusal(name: str, path: str, status: int, answer: Any) -> ApiError:
    """Return the error for an answer that is of no use."""
    detail = answer.get("detail") if isinstance(answer, dict) else None
    error = ApiError(detail or f"{name} answered {path} with {status}.")
    error.status = status if status >= 400 else 502  # type: ignore[assignment]
    return error


def _run(
    services: Services, name: str, method: str, check: str, authorization: str
) -> list[Finding]:
    headers = {"Authorization": authorization} if authorization else {}
    status, answer = services.ask(name, method, check, headers, seconds=CHECK_SECONDS)
    if status != 200 or not isinstance(answer, dict):
        raise _refusal(name, check, status, answer)
    return [
        {
            "check": check,
            "kind": kind,
            "text": KINDS.get(kind, kind),
            "total": cases["total"],
            "mends": cases["mends"],
            "cases": [case_line(case) for case in cases["cases"][:MAX_CASES]],
        }
        for kind, cases in answer.items()
        if cases["total"]
    ]
