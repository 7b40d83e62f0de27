"""The figures of the live bench, what is promised for them, and the verdict."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

# What the page promises; see docs/performance.md.
TARGETS: Final[Mapping[str, float]] = {
    "makespan_s": 4.8,
    "idle_gap_ms": 50.0,
    "done_to_page_ms": 150.0,
    "page_1000_ms": 200.0,
    "rss_mb": 250.0,
    "script_kb": 60.0,
    "first_paint_ms": 1000.0,
}
# These are promised for the usual case, the others for nearly every one.
_BY_MEDIAN: Final = frozenset({"makespan_s", "page_1000_ms", "first_paint_ms"})


@dataclass
class Figures:
    """What was measured, each in the unit of its name.

    Attributes:
        overruns: Pictures for which the demo node itself needed longer than it should.
        spoiling_overruns: Those of them that lasted too long to say anything about Eliot.
    """

    makespan_s: list[float] = field(default_factory=list)
    idle_gap_ms: list[float] = field(default_factory=list)
    first_event_ms: list[float] = field(default_factory=list)
    done_to_page_ms: list[float] = field(default_factory=list)
    done_to_socket_ms: list[float] = field(default_factory=list)
    page_1000_ms: list[float] = field(default_factory=list)
    first_paint_ms: list[float] = field(default_factory=list)
    rss_mb: float = 0.0
    script_kb: float = 0.0
    load: float = 0.0
    overruns: int = 0
    spoiling_overruns: int = 0
    worst_overrun_ms: float = 0.0

    def summary(self) -> dict[str, Any]:
        """Return p50 and p95 of what was measured often, and the rest as it is."""
        return {
            name: _spread(value) if isinstance(value, list) else round(value, 2)
            for name, value in vars(self).items()
        }

    def missed(self) -> list[str]:
        """Return, in sentences, why the run is invalid and which targets were missed."""
        return missed(self.summary())

    def lines(self) -> Iterator[str]:
        """Return the figures for people, one a line, beside what is promised."""
        for name, value in self.summary().items():
            target = TARGETS.get(name)
            said = f"target {target:g}" if target else ""
            shown = value
            if isinstance(value, dict):
                shown = f"p50 {value['p50']}  p95 {value['p95']}  n {value['n']}"
            yield f"{name:<18} {shown}  {said}"

    def as_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps({**self.summary(), "targets": dict(TARGETS), "missed": self.missed()})


def _spread(values: list[float]) -> dict[str, float | int | None]:
    return {"p50": quantile(values, 0.5), "p95": quantile(values, 0.95), "n": len(values)}


def quantile(values: list[float], share: float, digits: int = 2) -> float | None:
    """Return the value below which so large a share lies; None of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    if share == 0.5:
        return round(median(ranked), digits)
    return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))], digits)


def overran(summary: Mapping[str, Any]) -> list[str]:
    """Return, in a sentence, whether the demo nodes were too late for the run to say anything about Eliot."""
    if not summary["spoiling_overruns"]:
        return []
    return [
        f"the demo overran {summary['spoiling_overruns']} times, "
        f"at most {summary['worst_overrun_ms']:g} ms: the run is invalid"
    ]


def missed(summary: Mapping[str, Any]) -> list[str]:
    """Return, in sentences, why the run is invalid and which targets were missed."""
    said = overran(summary)
    for name, target in TARGETS.items():
        value = summary[name]
        if isinstance(value, dict):
            value = value["p50" if name in _BY_MEDIAN else "p95"]
        if value is None or value > target:
            said.append(f"{name}: {value} is over {target:g}")
    return said
