"""The farm bench: Eliot's planner beside the ways in which others share work out, and beside the optimum.

On paper, with the seeds' cards and with random farms; the first figure also for real, on demo nodes.
"""

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path
from statistics import fmean
from typing import Final

from eliot.bench.figures import Figures, overran, quantile
from eliot.bench.paper.rounds import (
    DRAFT,
    FUNNEL,
    SEED,
    SHARP,
    WAYS,
    Round,
    cold_round,
    death_round,
    drawn_random_round,
    drawn_seeds_round,
    flapping_round,
    seeds_cards,
    stage_round,
    warm_round,
)
from eliot.bench.process import DRAFTS, Running, running, wait_until
from eliot.bench.reading import count_jobs, group_s, read_farm_round
from farm_app.planner import Batch, Needs, Speeds, plan

DRAWS: Final = 4000
CHUNK: Final = 20
REAL_ROUNDS: Final = 3
ROUND_S: Final = 60
PLANS: Final = 200
QUEUED: Final = 2000
PLANNED_NODES: Final = 20

# What Eliot promises for each figure; see docs/performance.md.
TARGETS: Final[Mapping[str, float]] = {
    "drafts_s": 4.8,
    "drafts_real_s": 4.8,
    "funnel_s": 62.0,
    "funnel_real_s": 62.0,
    "seeds_mean": 1.03,
    "seeds_p95": 1.10,
    "random_mean": 1.03,
    "random_p95": 1.15,
    "death_s": 6.8,
    "warm_65_s": 42.0,
    "plan_ms_p95": 5.0,
}
_DRAWN: Final[Mapping[str, Callable[[random.Random], Round]]] = {
    "seeds": drawn_seeds_round,
    "random": drawn_random_round,
}
_STAGES: Final = dict(zip(("drafts_s", "refined_s", "polished_s", "final_s"), FUNNEL, strict=True))
_KNOWN: Final[Mapping[str, Callable[[], Round]]] = {
    **{name: partial(stage_round, stage) for name, stage in _STAGES.items()},
    "death_s": death_round,
    "flapping_s": flapping_round,
    "cold_4_s": partial(cold_round, 4.0),
    "cold_65_s": partial(cold_round, 65.0),
    "warm_65_s": partial(warm_round, 65.0),
}


@dataclass
class Table:
    """The figures of each way, by its name; what never ends is infinite."""

    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    real: Figures = field(default_factory=Figures)

    def missed(self) -> list[str]:
        """Return, in sentences, why the run is invalid and which targets were missed."""
        mine = self.rows["eliot"]
        late = {name: mine[name] for name in TARGETS if mine.get(name, 0.0) > TARGETS[name]}
        over = [f"{name}: {value} is over {TARGETS[name]:g}" for name, value in late.items()]
        return [*overran(self.real.summary()), *over]

    def lines(self) -> Iterator[str]:
        """Return the table as Markdown, a figure a line and a column for each way."""
        yield _line("figure", self.rows, "target")
        yield _line("-" * _NAME, ["-" * _CELL for _ in self.rows], "-" * _TARGET)
        for name in self.rows["eliot"]:
            cells = [_shown(row.get(name)) for row in self.rows.values()]
            yield _line(f"`{name}`", cells, f"{TARGETS[name]:g}" if name in TARGETS else "")

    def as_json(self) -> str:
        """Return one line of JSON: the figures of each way; what never ends is null."""
        rows = {way: {name: _finite(row[name]) for name in row} for way, row in self.rows.items()}
        return json.dumps(rows)


_NAME, _CELL, _TARGET = 17, 14, 6


def _line(name: str, cells: Iterable[str], target: str) -> str:
    row = [f"{name:<{_NAME}}", *(f"{cell:>{_CELL}}" for cell in cells), f"{target:>{_TARGET}}"]
    return f"| {' | '.join(row)} |"


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return "never" if value == inf else f"{value:g}"


def _finite(value: float) -> float | None:
    return None if value == inf else value


def measure(
    say: Callable[[str], None], *, draws: int = DRAWS, real_rounds: int = REAL_ROUNDS
) -> Table:
    """Run the whole bench; takes some minutes.

    Args:
        say: Is told how it gets on.
        draws: Rounds to draw of each kind.
        real_rounds: Rounds of drafts to run on demo nodes before a funnel; with none, both figures are left out.

    Raises:
        BenchFailed: Nothing can be measured here.
    """
    table = Table({way: _known(way) for way in WAYS})
    for kind in _DRAWN:
        say(f"{draws} rounds on {kind} farms, each in {len(WAYS)} ways")
        for way, ratios in _ratios(kind, draws).items():
            table.rows[way][f"{kind}_mean"] = round(fmean(ratios), 4)
            table.rows[way][f"{kind}_p95"] = _quantile(ratios, 0.95, 4)
    table.rows["eliot"]["plan_ms_p95"] = _quantile([*_plan_ms()], 0.95)
    if real_rounds:
        say(f"{real_rounds} rounds of drafts and one funnel on demo nodes")
        table.rows["eliot"] |= _real(real_rounds, table.real)
    return table


def _known(way: str) -> dict[str, float]:
    run = WAYS[way]
    found = {name: run(make()) for name, make in _KNOWN.items()}
    found["funnel_s"] = sum(found[name] for name in _STAGES)
    found["funnel_pixels_s"] = sum(run(stage_round(stage, pixels=True)) for stage in FUNNEL)
    return {name: round(seconds, 3) for name, seconds in found.items()}


def _quantile(values: list[float], share: float, digits: int = 2) -> float:
    found = quantile(values, share, digits)
    return inf if found is None else found


def _ratios(kind: str, draws: int) -> dict[str, list[float]]:
    """Return each way's seconds over the clairvoyant's, draw by draw."""
    ratios = partial(_ratios_of_draw, kind)
    if draws <= CHUNK:
        rows = [ratios(number) for number in range(draws)]
    else:
        with ProcessPoolExecutor() as pool:
            rows = list(pool.map(ratios, range(draws), chunksize=CHUNK))
    return {way: [row[way] for row in rows] for way in WAYS}


def _ratios_of_draw(kind: str, number: int) -> dict[str, float]:
    dice = random.Random(f"{SEED} {kind} {number}")  # noqa: S311 - the same each time, and no secret
    asked = _DRAWN[kind](dice)
    best_s = WAYS["clairvoyant"](asked)
    return {way: run(asked) / best_s for way, run in WAYS.items()}


def _plan_ms() -> Iterator[float]:
    """Time plans for a long queue on a large farm: of one batch, and of twenty of all kinds."""
    cards = seeds_cards(None)
    nodes = [
        replace(cards[number % len(cards)], id=number, name=f"gpu-{number}")
        for number in range(1, PLANNED_NODES + 1)
    ]
    for queue in ([_queued(0, QUEUED)], [_queued(place, QUEUED // 20) for place in range(20)]):
        speeds = Speeds()
        for _ in range(PLANS):
            started = time.perf_counter()
            plan(queue, nodes, speeds, 0.0)
            yield (time.perf_counter() - started) * 1000


def _queued(place: int, jobs: int) -> Batch:
    cost = (DRAFT, SHARP)[place % 2]
    ids = range(place * jobs, place * jobs + min(jobs, 200))
    needs = Needs(cost.family, template=cost.template)
    share = f"session {place % 5}"
    return Batch(
        str(place), tuple(ids), needs, cost, priority=place % 3, share_key=share, count=jobs
    )


def _real(rounds: int, figures: Figures) -> dict[str, float]:
    """Run what the first figures are of on demo nodes at true speed."""
    with (
        tempfile.TemporaryDirectory(prefix="eliot-bench-") as folder,
        running(Path(folder)) as eliot,
    ):
        for _ in range(rounds):
            _, session = eliot.begin()
            eliot.ask(session, DRAFTS)
            made = partial(_are_made, eliot, session)
            wait_until(made, ROUND_S, "The drafts were not made", every_s=0.25)
            read_farm_round(eliot, session, figures)
        drafts_s = _quantile(figures.makespan_s, 0.5)
        return {"drafts_real_s": drafts_s, "funnel_real_s": _real_funnel_s(eliot)}


def _real_funnel_s(eliot: Running) -> float:
    """Ask for one stage after the other at full steps; return their seconds together."""
    taken_s = []
    for stage in FUNNEL:
        side = round((stage.cost.megapixels * 1_000_000) ** 0.5)
        facts = {"steps": stage.cost.steps, "width": side, "height": side}
        group = eliot.ask_as_program(stage.cost.family or "", stage.jobs, facts)
        is_made = partial(group_s, eliot, group)
        wait_until(lambda: is_made() is not None, ROUND_S, "A stage was not made", every_s=0.25)  # noqa: B023
        taken_s.append(is_made() or 0.0)
    return round(sum(taken_s), 3)


def _are_made(eliot: Running, session: str) -> bool:
    return count_jobs(eliot, session, "done") >= DRAFTS
