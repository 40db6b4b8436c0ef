"""Tells what was measured: medians and spreads, ratios of one run, and what was promised."""

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench import targets, works
from bench.measure import Result
from bench.targets import Target
from bench.works import Work

COLD_START = "cold start"


@dataclass(frozen=True, slots=True)
class Results:
    """All results of a run, and the targets that it measured."""

    results: Sequence[Result]
    targets: Sequence[Target] = targets.ALL

    def of(self, target: Target, work: Work, workers: int = 1) -> list[Result]:
        """Return what a target did of a work, round by round."""
        asked = target.name, work.name, workers
        return [each for each in self.results if (each.target, each.work, each.workers) == asked]

    def middle(self, name: str, target: Target, work: Work, workers: int = 1) -> float | None:
        """Return the median of one figure, None where nothing was measured."""
        found = [getattr(each, name) for each in self.of(target, work, workers)]
        return median(found) if found else None

    def ratio(
        self, name: str, one: tuple[Target, Work], other: tuple[Target, Work]
    ) -> float | None:
        """Return the median of what one is to the other in the same round."""
        pairs = zip(self.of(*one), self.of(*other), strict=False)
        found = [getattr(a, name) / getattr(b, name) for a, b in pairs if getattr(b, name)]
        return median(found) if found else None


@dataclass(frozen=True, slots=True)
class Promise:
    """One figure that was promised: how to work it out, and what it has to be."""

    said: str
    figure: Callable[[Results], float | None]
    is_met: Callable[[float, float], bool]
    bound: float


def _times(
    one: Target, work: Work, other: Target, least: float, other_work: Work | None = None
) -> Promise:
    name = "" if other_work is None else f" ({other_work.name})"
    return Promise(
        f"{one.name}, {work.name}: at least {least:g} times {other.name}{name}",
        lambda all: all.ratio("rate", (one, work), (other, other_work or work)),
        operator.ge,
        least,
    )


def _tail(target: Target) -> Promise:
    def figure(all: Results) -> float | None:
        return all.middle("p99", target, works.ITEM_HIT) and median(
            each.p99 / each.p50 for each in all.of(target, works.ITEM_HIT)
        )

    return Promise(f"{target.name}, item hit: p99 under 3 times p50", figure, operator.lt, 3)


GRANIAN, GUNICORN = targets.VITRINE_GRANIAN, targets.VITRINE_GUNICORN
PROMISES = (
    _times(GRANIAN, works.ITEM_HIT, targets.FLASK_GUNICORN, 3),
    _times(GRANIAN, works.ITEM_HIT, targets.FASTAPI_BYTES, 2.5),
    _times(GRANIAN, works.ITEM_HIT, targets.DRF, 8),
    _times(GRANIAN, works.ITEM_HIT, targets.EVE, 12),
    _times(GRANIAN, works.ITEM_HIT, targets.NAIVE, 5),
    Promise(
        "Vitrine on granian, item hit: at most 70/160 of the CPU of bare Flask on gunicorn",
        lambda all: all.ratio(
            "cpu", (GRANIAN, works.ITEM_HIT), (targets.FLASK_GUNICORN, works.ITEM_HIT)
        ),
        operator.le,
        70 / 160,
    ),
    _times(GUNICORN, works.ITEM_HIT, targets.FLASK_GUNICORN, 0.95),
    _times(GUNICORN, works.ITEM_HIT, targets.FASTAPI_DICT, 1),
    _times(GUNICORN, works.ITEM_HIT, targets.NAIVE, 1),
    _times(GUNICORN, works.ITEM_HIT, targets.DRF, 1),
    _times(GUNICORN, works.ITEM_HIT, targets.EVE, 1),
    *(_times(each, works.LIST_HIT, each, 0.9, works.ITEM_HIT) for each in (GUNICORN, GRANIAN)),
    *(_times(each, works.NOT_MODIFIED, each, 1, works.ITEM_HIT) for each in (GUNICORN, GRANIAN)),
    *(_tail(each) for each in (GUNICORN, GRANIAN)),
    _times(GUNICORN, works.ITEM_MISS, targets.EVE, 1.3),
    _times(GUNICORN, works.ITEM_MISS, targets.DRF, 2),
    _times(GUNICORN, works.LIST_MISS, targets.EVE, 2),
    _times(GUNICORN, works.LIST_MISS, targets.DRF, 3),
    _times(GUNICORN, works.UNCOUNTED, targets.EVE, 2, works.LIST_MISS),
    _times(GUNICORN, works.WRITE, targets.EVE, 1.5),
    _times(GUNICORN, works.WRITE, targets.DRF, 1.5),
    _times(GUNICORN, works.CREATE, targets.EVE, 1.5),
    _times(GUNICORN, works.CREATE, targets.DRF, 1.5),
)


def ratios(results: Results) -> list[list[str]]:
    """Return the table of ratios: what each is to Vitrine on gunicorn, in requests a second."""
    rows = [["one worker", *(work.name for work in works.ALL)]]
    for target in results.targets:
        found = [results.ratio("rate", (target, w), (GUNICORN, w)) for w in works.ALL]
        if any(found):
            rows.append([target.name, *("–" if each is None else f"{each:.2f}" for each in found)])
    return rows


def versus(results: Results, revision: str, figure: str = "rate") -> list[list[str]]:
    """Return the ratio of one figure now to the figure at an earlier revision, for each work."""
    rows = [[f"{figure}, now / {revision}", *(work.name for work in works.ALL)]]
    by_name = {target.name: target for target in results.targets}
    for target in targets.VITRINE_NOW:
        if earlier := by_name.get(f"{target.name}, {revision}"):
            ratios = [results.ratio(figure, (target, w), (earlier, w)) for w in works.ALL]
            rows.append([target.name, *("–" if each is None else f"{each:.2f}" for each in ratios)])
    return rows


def rates(results: Results) -> list[list[str]]:
    """Return the table of requests a second, and how far the rounds lie apart at most."""
    rows = [["", *(work.name for work in works.ALL), "spread"]]
    for target in results.targets:
        found = [results.middle("rate", target, work) for work in works.ALL]
        if any(found):
            spread = f"{max(_spread(results.of(target, work)) for work in works.ALL):.0%}"
            told = ("–" if each is None else f"{each:,.0f}" for each in found)
            rows.append([target.name, *told, spread])
    return rows


def _spread(found: Sequence[Result]) -> float:
    """Return how far rounds lie apart, as a part of their median."""
    rates = [each.rate for each in found]
    return (max(rates) - min(rates)) / median(rates) if rates else 0


def promises(results: Results) -> list[list[str]]:
    """Return what was aimed at and what was measured."""
    rows = [["aim", "measured", "met"]]
    for promise in PROMISES:
        if (figure := promise.figure(results)) is not None:
            met = "yes" if promise.is_met(figure, promise.bound) else "no"
            rows.append([promise.said, f"{figure:.2f}", met])
    return rows


def details(results: Results, work: Work, workers: int) -> list[list[str]]:
    """Return all figures of one work."""
    rows = [["", "req/s", "spread", "CPU µs", "p50 ms", "p99 ms", "MiB", "core busy"]]
    for target in results.targets:
        if not (found := results.of(target, work, workers)):
            continue
        rate, spread = median(each.rate for each in found), _spread(found)
        middle = [
            median(getattr(each, name) for each in found)
            for name in ("cpu", "p50", "p99", "memory", "busy")
        ]
        cpu, p50, p99, memory, busy = middle
        figures = [f"{rate:,.0f}", f"{spread:.0%}", f"{cpu:.0f}", f"{p50:.2f}"]
        rows.append([target.name, *figures, f"{p99:.2f}", f"{memory:.0f}", f"{busy:.0%}"])
    return rows


def cold_starts(results: Results) -> list[list[str]]:
    """Return how long each takes from its start to its first answer."""
    rows = [["", "seconds", "fastest", "slowest"]]
    for target in results.targets:
        starts = [each.start for each in results.of(target, works.ITEM_HIT)]
        if starts:
            rows.append([target.name, *(f"{f(starts):.2f}" for f in (median, min, max))])
    return rows


def shown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a page."""
    head, *rest = rows
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rest))


def picture(results: Results, chosen: Iterable[Work]) -> str:
    """Return bar charts of works as an SVG: requests a second at one worker."""
    parts, y = [], 10
    for work in chosen:
        rates = [(results.middle("rate", each, work) or 0, each) for each in results.targets]
        known = sorted((pair for pair in rates if pair[0]), key=lambda pair: -pair[0])
        parts.append(f'<text x="10" y="{y + 14}" class="head">{work.title}, requests/s</text>')
        y += 26
        for rate, target in known:
            width = max(1, round(400 * rate / known[0][0]))
            color = "#0b6e4f" if target.is_vitrine else "#a8b2bd"
            parts += [
                f'<text x="200" y="{y + 13}" text-anchor="end">{target.name}</text>',
                f'<rect x="208" y="{y + 1}" width="{width}" height="16" fill="{color}"/>',
                f'<text x="{214 + width}" y="{y + 13}">{rate:,.0f}</text>',
            ]
            y += 21
        y += 16
    style = "text{font:12px sans-serif;fill:#222}.head{font-weight:bold}"
    size = f'width="680" height="{y}" viewBox="0 0 680 {y}"'
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{style}</style>{ground}'
    return "\n".join((head, *parts, "</svg>")) + "\n"
