"""``vitrine doctor``: check every document and file of a running stack, and test its freshness."""

import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click
import orjson
import urllib3
from rich.console import Console

from shared.config.settings import Settings
from shared.http.clocks import clock_difference, clocks_differ
from vitrine import stack
from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.findings import KINDS, case_line
from vitrine.fuzz import faults
from vitrine.fuzz.fuzz import SERVICES, FuzzReport, FuzzRun
from vitrine.local.signals import Stopped, stop_on_signals

MAX_SHOWN = 5  # cases of one kind
MOMENT_SECONDS = 5.0
_DURATION = re.compile(r"(\d+)(s|m)?")
_MAX_SECONDS = 3600

console = Console(highlight=False, soft_wrap=True)


class Duration(click.ParamType[int]):
    """Seconds, written 30, 30s or 2m; at most an hour."""

    name = "duration"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the seconds, or fail with the allowed forms."""
        match = _DURATION.fullmatch(str(value))
        seconds = int(match[1]) * (60 if match[2] == "m" else 1) if match else 0
        if not 1 <= seconds <= _MAX_SECONDS:
            self.fail(f"{value!r} is not a time from 1s to 60m; write one such as 30s.", param, ctx)
        return seconds


@click.command("doctor")
@click.option(
    "--fuzz",
    type=Duration(),
    metavar="TIME",
    help="Write and read at random for this long, such as 30s or 2m.",
)
@click.option(
    "--at",
    "others",
    multiple=True,
    metavar="URL",
    help="Test a further instance of a service, which `vitrine up` does not know. May be repeated.",
)
@click.option(
    "--fault",
    "fault_names",
    multiple=True,
    type=click.Choice(list(faults.FAULTS)),
    help="With --fuzz: cause this fault for some seconds, on a stack that is yours alone. May be "
    "repeated; each needs 25 s of TIME.",
)
@click.option(
    "--reads",
    "reads_per_second",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="With --fuzz: read at most this often in a second; by default as often as possible.",
)
@click.option("--fix", is_flag=True, help="Repair the findings with one possible remedy.")
def doctor_command(
    fuzz: int | None,
    others: tuple[str, ...],
    fault_names: tuple[str, ...],
    reads_per_second: int | None,
    fix: bool,
) -> None:
    """Check every document and every file of a running stack.

    The command lists documents that were made or changed by hand and lack fields or do not fit the
    schema, categories without a parent, files that no document names, and images without files or
    without a job. The exit status is 1 if a finding is left.

    With --fuzz, it then writes documents of its own at random, through the API and straight into
    MongoDB, reads them at the same time, and reports every response that was stale. At the end it
    removes these documents.

    With --fault, Redis or MongoDB fails meanwhile, in turn: Redis accepts no writes
    (redis-readonly), has no memory (redis-oom) or does not answer writes (redis-pause-write), is
    killed or stopped, or MongoDB is, or its primary steps down. Only servers that `vitrine up` has
    started are harmed, and each fault is taken back, even after Ctrl-C. Writes and reads may be
    refused meanwhile. None may be stale or lost: then the exit status is 1.
    """
    settings = Settings.from_env()
    if reads_per_second and not fuzz:
        raise click.UsageError("--reads needs --fuzz TIME.")
    if fault_names:
        if not fuzz:
            raise click.UsageError("--fault needs --fuzz TIME.")
        faults.check(fault_names, stack.asked_for(settings), fuzz)
    urls = {name: [url] for name, url in stack.addresses(settings).items()}
    for other in others:
        url = other.rstrip("/")
        name = str(_get(f"{url}/")[0].get("service"))
        if name not in urls:
            raise StackError(f"{url} is not an instance of a running service: {', '.join(urls)}.")
        urls[name].append(url)
    is_healthy = _print_readiness(urls)
    checks = [_check(Client(name, instances[0]), fix) for name, instances in urls.items()]
    findings, repairable = (sum(column) for column in zip(*checks, strict=True))
    if not findings:
        console.print("Every document and every file is as it should be.")
    if repairable and not fix:
        which = "this" if repairable == findings else f"{repairable:,} of these {findings:,}"
        console.print(f"`vitrine doctor --fix` repairs {which}.")
    if fuzz and not is_healthy:
        raise StackError("--fuzz was not run, because not all instances are ready; see above.")
    if fuzz:
        fuzzed_urls = {name: urls[name] for name in SERVICES if name in urls}
        most_reads = reads_per_second or float("inf")
        report = _fuzz(fuzzed_urls, settings, fuzz, fault_names, most_reads)
        _print_fuzz_report(report, fuzz)
        is_healthy = not report.wrong
    is_clean = findings == repairable if fix else not findings
    sys.exit(0 if is_healthy and is_clean else 1)


def _print_readiness(urls: Mapping[str, list[str]]) -> bool:
    """Print the readiness of each instance; return True if all are ready.

    What ends within a few seconds, such as the delay of a follower, is not reported.
    """
    is_healthy = True
    deadline = time.monotonic() + MOMENT_SECONDS
    for name, instances in urls.items():
        for url in instances:
            while (problems := _unready_parts(name, url)) and time.monotonic() < deadline:
                time.sleep(0.2)
            console.print(f"{name} at {url}: {'; '.join(problems) or 'ok'}", markup=False)
            is_healthy = is_healthy and not problems
    return is_healthy


def _unready_parts(service: str, url: str) -> list[str]:
    """Return the parts of an instance that report a problem, with the problem."""
    try:
        ready, headers = _get(f"{url}/health/ready")
    except StackError as error:
        raise stack.does_not_answer(Settings.from_env(), service, url) from error
    problems = problem_texts(ready)
    if difference := clock_difference(headers):
        problems.append(clocks_differ(difference))
    return problems


def problem_texts(ready: Mapping[str, object]) -> list[str]:
    """Return the parts of an answer of ``/health/ready`` that are not well, with the reason.

    A follower is left out whose state nothing can say, because MongoDB or Redis is down.
    """
    errors = {part: value for part, value in ready.items() if isinstance(value, dict)}
    texts = {part: value for part, value in ready.items() if isinstance(value, str)}
    return [
        *(
            text if part == "status" else f"{part}: {text}"
            for part, text in texts.items()
            if text != "ok" and (part, text) != ("follower", "unknown")
        ),
        *(f"{part}: {value['error']}" for part, value in errors.items() if "error" in value),
    ]


def _check(client: Client, fix: bool) -> tuple[int, int]:
    """Print the findings of a service's checks; return how many there are, and are repairable."""
    total = repairable = 0
    for path in client.get("/")["checks"]:
        try:
            findings: dict[str, Any] = client.post(path, None) if fix else client.get(path)
        except StackError as error:
            console.print(f"{path}: {error}", markup=False)
            total += 1
            continue
        for kind, cases in findings.items():
            if cases["total"]:
                _print_cases(client.service, kind, cases, fix)
            total += cases["total"]
            repairable += cases["mends"]
    return total, repairable


def _print_cases(service: str, kind: str, cases: Mapping[str, Any], fix: bool) -> None:
    """Print the number of findings of one kind and the first of them."""
    total, mends = cases["total"], cases["mends"]
    repaired = ""
    if fix and mends:
        repaired = ", repaired" if mends == total else f", {mends:,} repaired"
    console.print(f"{service}: {total:,} {KINDS[kind]}{repaired}")
    for case in cases["cases"][:MAX_SHOWN]:
        console.print(f"  {case_line(case)}", markup=False)
    if total > MAX_SHOWN:
        console.print(f"  and {total - MAX_SHOWN:,} more")


def _get(url: str) -> tuple[dict[str, object], Mapping[str, str]]:
    """Return the JSON object at a URL and its headers, or raise ``StackError``."""
    try:
        response = urllib3.request("GET", url, timeout=5.0, retries=False)
        value = orjson.loads(response.data)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise StackError(f"No service answers at {url}.") from error
    if not isinstance(value, dict):
        raise StackError(f"No service answers at {url}.")
    return value, response.headers


def _fuzz(
    urls: Mapping[str, list[str]],
    settings: Settings,
    seconds: int,
    fault_names: Sequence[str],
    reads_per_second: float,
) -> FuzzReport:
    """Run the freshness test; exit with 1 if it is stopped."""
    stop_on_signals()
    try:
        running = stack.asked_for(settings)
        mongo_uri = running.mongo_uri if running else settings.mongo_uri
        return FuzzRun(
            urls,
            mongo_uri,
            seconds,
            fault_names=fault_names,
            running=running,
            reads_per_second=reads_per_second,
        ).run()
    except Stopped:
        console.print("Stopped; its documents are removed.")
        sys.exit(1)


def _print_fuzz_report(report: FuzzReport, seconds: int) -> None:
    api_writes = report.writes - report.hand_writes
    console.print(
        f"{seconds} s: {api_writes:,} writes through the API, {report.hand_writes:,} straight in "
        f"MongoDB; {report.reads:,} reads, {report.hit_ratio:.0%} hits, "
        f"p50 {report.milliseconds(50):.1f} ms, p99 {report.milliseconds(99):.1f} ms"
    )
    for fault in report.faults:
        healed = "not healed" if fault.healed is None else f"healed after {fault.healed:.1f} s"
        console.print(
            f"{fault.name}: {fault.acknowledged:,} writes acknowledged, {fault.refused:,} refused; "
            f"{fault.reads:,} reads, {fault.refused_reads:,} refused, {fault.stale:,} stale; "
            f"{healed}"
        )
    for noun, texts in (
        ("violations", report.problems),
        ("failed reads", report.read_results.failed),
        ("failed writes", report.failed_writes),
    ):
        console.print(f"{len(texts):,} {noun}")
        for text in texts[:MAX_SHOWN]:
            console.print(f"  {text}", markup=False)
