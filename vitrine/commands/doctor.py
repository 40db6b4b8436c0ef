"""``vitrine doctor``: is the running stack as it should be?"""

import re
import sys
from collections.abc import Mapping
from typing import Any

import click
import orjson
import urllib3
from rich.console import Console

from shared.config.settings import Settings
from vitrine import stack
from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.fuzz.fuzz import SERVICES, FuzzReport, FuzzRun
from vitrine.local.signals import Stopped, stop_on_signals

MOST_SHOWN = 5
_DURATION = re.compile(r"(\d+)(s|m)?")

console = Console(highlight=False, soft_wrap=True)


class Duration(click.ParamType[int]):
    """Seconds, written 30, 30s or 2m; an hour at the most."""

    name = "duration"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the seconds, or fail with what is allowed."""
        found = _DURATION.fullmatch(str(value))
        seconds = int(found[1]) * (60 if found[2] == "m" else 1) if found else 0
        if not 1 <= seconds <= 3600:
            self.fail(f"{value!r} is no time from 1s to 60m, such as 30s.", param, ctx)
        return seconds


@click.command("doctor")
@click.option("--fuzz", type=Duration(), metavar="30s", help="Write and read for this long.")
@click.option("--at", "others", multiple=True, metavar="URL", help="Use this instance, too.")
@click.option("--fix", is_flag=True, help="Mend what can be mended for sure.")
def doctor_command(fuzz: int | None, others: tuple[str, ...], fix: bool) -> None:
    """Say whether the running stack is as it should be.

    Every document is looked at, and every file: those made or changed by hand that lack something
    or do not fit, categories that hang on nothing, files that no document names, images that lack
    files or wait for nothing.  --fix mends what can be mended for sure, and lists the rest.

    With --fuzz, write documents of our own at random, through the API and straight into MongoDB,
    read them all the while, and report every answer that was older than it may be.
    """
    settings = Settings.from_env()
    urls = {name: [url] for name, url in stack.addresses(settings).items()}
    for url in others:
        url = url.rstrip("/")
        name = str(_ask(f"{url}/").get("service"))
        if name not in urls:
            raise StackError(f"{url} is no instance of {', '.join(urls)}.")
        urls[name].append(url)
    healthy = _is_healthy(urls)
    checked = [_checked(Client(name, places[0]), fix) for name, places in urls.items()]
    found, mends = (sum(column) for column in zip(*checked, strict=True))
    if mends and not fix:
        which = "this" if mends == found else f"{mends:,} of these {found:,}"
        console.print(f"`vitrine doctor --fix` mends {which}.")
    if fuzz and healthy:
        places = {name: urls[name] for name in SERVICES if name in urls}
        stop_on_signals()
        try:
            running = stack.read(stack.data_folder(settings))
            uri = running.mongo_uri if running else settings.mongo_uri
            report = FuzzRun(places, uri, fuzz).run()
        except Stopped:
            console.print("Stopped; nothing is left of it.")
            sys.exit(1)
        _show(report, fuzz)
        healthy = not report.wrong
    sys.exit(0 if healthy and (found == mends if fix else not found) else 1)


def _is_healthy(urls: Mapping[str, list[str]]) -> bool:
    """Print what each instance says of itself; return whether all is well."""
    healthy = True
    for name, places in urls.items():
        for url in places:
            ready = _ask(f"{url}/health/ready")
            wrong = [f"{part}: {state}" for part, state in _wrong(ready)]
            console.print(f"{name} at {url}: {'; '.join(wrong) or 'ok'}", markup=False)
            healthy = healthy and not wrong
    return healthy


def _checked(client: Client, fix: bool) -> tuple[int, int]:
    """Print what the checks of a service find; return how much, and how much of it --fix mends."""
    total = mends = 0
    for path in client.get("/")["checks"]:
        try:
            found: dict[str, Any] = client.post(path, None) if fix else client.get(path)
        except StackError as error:
            console.print(f"{path}: {error}", markup=False)
            total += 1
            continue
        for what, kind in found.items():
            if kind["total"]:
                _list(client.service, what, kind, fix)
            total += kind["total"]
            mends += kind["mends"]
    return total, mends


def _list(service: str, what: str, kind: Mapping[str, Any], fix: bool) -> None:
    total, mends = kind["total"], kind["mends"]
    mended = "" if not (fix and mends) else ", mended" if mends == total else f", {mends:,} mended"
    console.print(f"{service}: {total:,} {_WORDS[what]}{mended}")
    for case in kind["cases"][:MOST_SHOWN]:
        console.print(f"  {_said(case)}", markup=False)
    if total > MOST_SHOWN:
        console.print(f"  and {total - MOST_SHOWN:,} more")


_WORDS = {
    "lacking": "documents without all that a write gives them",
    "broken": "documents that do not fit the schema",
    "unreachable": "documents whose id no URL can name",
    "twice": "documents that are in the trash as well",
    "astray": "categories of products that do not exist",
    "misplaced": "categories of products that are elsewhere",
    "parentless": "categories whose parent does not exist",
    "circular": "categories that are below themselves",
    "unsettled": "categories that are not where their parent is",
    "orphans": "files that nothing names",
    "missing": "images that lack some files",
    "lost": "images whose picture is gone: upload it again, unless only MEDIA_URL is wrong",
    "stuck": "images that wait for nothing",
}


def _said(case: object) -> str:
    if isinstance(case, dict) and "why" in case:
        return f"{case['path'] or repr(case['id'])}: {case['why']}"
    if isinstance(case, dict):
        return ", ".join(f"{name} {value}" for name, value in case.items())
    return str(case)


def _wrong(ready: Mapping[str, object]) -> list[tuple[str, object]]:
    """Return the parts of a readiness that are not as they should be."""
    return [
        (part, state)
        for part, state in ready.items()
        if (isinstance(state, str) and state != "ok")
        or (isinstance(state, dict) and "error" in state)
    ]


def _ask(url: str) -> dict[str, object]:
    try:
        answer = urllib3.request("GET", url, timeout=5.0, retries=False)
        value = orjson.loads(answer.data)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise StackError(f"No service answers at {url}.") from error
    if not isinstance(value, dict):
        raise StackError(f"No service answers at {url}.")
    return value


def _show(report: FuzzReport, seconds: int) -> None:
    by_api = report.writes - report.hand_writes
    console.print(
        f"{seconds} s: {by_api:,} writes through the API, {report.hand_writes:,} straight in "
        f"MongoDB; {report.reads:,} reads, {report.hit_ratio:.0%} hits, "
        f"p50 {report.milliseconds(50):.1f} ms, p99 {report.milliseconds(99):.1f} ms"
    )
    for what, texts in (
        ("violations", report.problems),
        ("failed reads", report.read_results.failed),
        ("failed writes", report.failed_writes),
    ):
        console.print(f"{len(texts):,} {what}")
        for text in texts[:MOST_SHOWN]:
            console.print(f"  {text}", markup=False)
