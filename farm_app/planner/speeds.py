"""How long a job takes on a node: a first guess from its tier, then what the node has shown.

Seconds = load if cold + fixed + rate x steps x megapixels x denoise. A single freak run hardly moves
a figure; a lasting change replaces it within about four runs.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Final

from farm_app.planner.inputs import Cost, NodeView, tier_rank

# An error beyond this factor is a surprise: it counts as this much, and lowers the trust.
SURPRISE: Final = 1.5
# How much of an error is corrected once a figure is trusted, and the trust at which it is.
STEADY_GAIN: Final = 0.3
FULL_TRUST: Final = 8
LOAD_GAIN: Final = 0.6
LEAST_S: Final = 1e-6
MOST_S: Final = 86_400.0
# A first guess may be off by half, a figure that many runs agree on by a tenth.
MOST_DOUBT: Final = 0.5
LEAST_DOUBT: Final = 0.1


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds for one job on one node.

    Attributes:
        run_s: With the model in memory.
        load_s: What comes on top if it is not.
        known: Whether this node has run this template with this model before.
        doubt: Share of itself by which the run may well be off; see `doubt_of`.
    """

    run_s: float
    load_s: float
    known: bool
    doubt: float = MOST_DOUBT


@dataclass(frozen=True, slots=True)
class Learned:
    """What one node has shown for one template with one model; "" is no family, no model.

    Attributes:
        tier: The node's tier, so that its speed can be compared with what the tier promises.
        load_s: Seconds to load the model; None as long as nobody saw it load.
        count: Runs seen.
        trust: How many runs the figures are worth; falls when a run surprises. None: as `count`.
    """

    node_id: int
    tier: str
    template: str
    family: str = ""
    model: str = ""
    fixed_s: float = 0.0
    rate_s: float = 0.0
    load_s: float | None = None
    count: int = 0
    trust: int | None = None

    def run_s(self, work: float) -> float:
        """Return the seconds for so much steps x megapixels x denoise."""
        return self.fixed_s + self.rate_s * work

    @property
    def worth(self) -> int:
        """The trust, never unset."""
        return min(self.count, FULL_TRUST) if self.trust is None else self.trust


@dataclass(frozen=True, slots=True)
class Observation:
    """One finished run.

    Attributes:
        run_s: From the start of execution to its success, without loading if that is known.
        load_s: Seconds that the model took to load, if it was cold and they were seen.
        loaded_within: The model was cold, and its loading is somewhere inside `run_s`.
    """

    node_id: int
    tier: str
    cost: Cost
    run_s: float
    load_s: float | None = None
    loaded_within: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """Seconds of a family's usual job on a premium card, and how much slower the other tiers are."""

    premium_s: float
    work: float
    load_s: float
    slower: tuple[float, float, float, float] = (1.0, 1.3, 1.7, 3.0)
    is_flat: bool = False


_SDXL: Final = Reference(7.5, 25 * 1.048576, 4.0, (1.0, 8 / 7, 4 / 3, 3.0))
REFERENCES: Final[Mapping[str, Reference]] = {
    "sd15": Reference(0.5, 10 * 0.262144, 2.0, (1.0, 1.6, 2.0, 3.0)),
    "sdxl": _SDXL,
    "pony": _SDXL,
    "illustrious": _SDXL,
    "flux": Reference(8.0, 20 * 1.048576, 8.0),
    "upscale": Reference(2.0, 1.0, 1.0, (1.0, 1.6, 2.0, 3.0), is_flat=True),
}


def first_guess(tier: str, cost: Cost) -> tuple[float, float, float]:
    """Return fixed_s, rate_s and load_s for a node of which only the tier is known."""
    reference = REFERENCES.get(cost.family or "", _SDXL)
    seconds = reference.premium_s * reference.slower[tier_rank(tier)]
    load_s = reference.load_s if cost.model else 0.0
    if reference.is_flat:
        return seconds, 0.0, load_s
    return 0.0, seconds / reference.work, load_s


def doubt_of(worth: int) -> float:
    """Return by which share of itself a figure that is worth so many runs may well be off."""
    return LEAST_DOUBT + (MOST_DOUBT - LEAST_DOUBT) / (1 + worth)


class Speeds:
    """All that has been learned. Keep one and pass it on: estimates are remembered inside."""

    def __init__(self, rows: Iterable[Learned] = ()) -> None:
        """Take the rows; of two for the same node, template and model the later counts."""
        self._rows = {(row.node_id, row.template, row.model): row for row in rows}
        self._estimates: dict[tuple[int, str, Cost], Estimate] = {}

    def with_row(self, row: Learned) -> "Speeds":
        """Return speeds that hold this row in place of the one it follows."""
        after = Speeds([*self._rows.values(), row])
        # What another node has shown itself does not depend on this row; guesses about it may.
        for key, estimate in self._estimates.items():
            if estimate.known and key[0] != row.node_id:
                after._estimates[key] = estimate
        return after

    def estimate(self, node: NodeView, cost: Cost) -> Estimate:
        """Return the expected seconds, from the nearest thing this node or its like has run."""
        key = (node.id, node.tier, cost)
        found = self._estimates.get(key)
        if found is None:
            row = self._row(node.id, node.tier, cost)
            load_s = min(self._load_s(row, cost), MOST_S) if cost.model else 0.0
            run_s = min(max(row.run_s(cost.work), LEAST_S), MOST_S)
            doubt = doubt_of(row.worth)
            found = self._estimates[key] = Estimate(run_s, load_s, row.count > 0, doubt)
        return found

    def has_shown(self, node: NodeView, cost: Cost) -> bool:
        """Say whether the node has run the family before, with whichever model."""
        return (cost.family or "") in self._paces.get(node.id, {})

    def learn(self, seen: Observation) -> Learned:
        """Return the row as it should be after this run; nothing here changes."""
        row = self._row(seen.node_id, seen.tier, seen.cost)
        if not (math.isfinite(seen.run_s) and seen.run_s > 0):
            return row
        run_s, load_s = self._split(seen, row)
        if run_s is not None:
            row = _corrected(row, seen.cost, run_s)
        if load_s is not None and seen.cost.model:
            row = replace(row, load_s=_mixed_load(row.load_s, load_s))
        return row

    def _row(self, node_id: int, tier: str, cost: Cost) -> Learned:
        known = self._rows.get((node_id, cost.template, cost.model or ""))
        if known is not None and known.count > 0:
            return known
        fixed_s, rate_s, _ = first_guess(tier, cost)
        factor = math.exp(self._log_factor(node_id, cost.family or ""))
        return Learned(
            node_id,
            tier,
            cost.template,
            cost.family or "",
            cost.model or "",
            fixed_s * factor,
            rate_s * factor,
            known.load_s if known else None,
        )

    def _split(self, seen: Observation, row: Learned) -> tuple[float | None, float | None]:
        """Part a cold run, timed as one, into run and load: what is known better stays."""
        if not seen.loaded_within or not seen.cost.model:
            return seen.run_s, seen.load_s
        expected_s = row.run_s(seen.cost.work)
        if row.count > 0:
            return None, max(seen.run_s - expected_s, 0.0)
        load_s = _share_of_load(seen.run_s, expected_s, self._load_s(row, seen.cost))
        return seen.run_s - load_s, load_s

    def _load_s(self, row: Learned, cost: Cost) -> float:
        if row.load_s is not None:
            return row.load_s
        here = [one for one in self._by_node.get(row.node_id, ()) if one.load_s is not None]
        same = [one.load_s for one in here if one.model == cost.model and one.load_s is not None]
        if same:
            return fmean(same)
        return first_guess(row.tier, cost)[2] * _load_factor(here)

    def _log_factor(self, node_id: int, family: str) -> float:
        """Say how this node does on the family against its tier's guess, as a logarithm.

        Its own runs of the family decide; without any, what other nodes make of the family and
        how this node does beside them on what it has run.
        """
        own = self._paces.get(node_id, {})
        if family in own:
            return own[family]
        beside = [own[one] - self._pace_elsewhere(one, node_id) for one in sorted(own)]
        return self._pace_elsewhere(family, node_id) + (fmean(beside) if beside else 0.0)

    def _pace_elsewhere(self, family: str, node_id: int) -> float:
        paces = self._paces.items()
        found = [own[family] for other, own in paces if other != node_id and family in own]
        return fmean(found) if found else 0.0

    @cached_property
    def _by_node(self) -> dict[int, list[Learned]]:
        found: dict[int, list[Learned]] = {}
        for row in self._rows.values():
            found.setdefault(row.node_id, []).append(row)
        return found

    @cached_property
    def _paces(self) -> dict[int, dict[str, float]]:
        """Log of measured over guessed seconds, by node and family."""
        return {node_id: _family_paces(rows) for node_id, rows in self._by_node.items()}


def _share_of_load(seen_s: float, run_s: float, load_s: float) -> float:
    """Return how much of a first, cold run was loading, given what either part was expected to take.

    What is over the expected run is loading, up to what loading was expected to take; a run that took even longer
    than both is shared out in their proportion.
    """
    if seen_s <= run_s + load_s:
        return max(seen_s - run_s, 0.0)
    return seen_s * load_s / max(run_s + load_s, LEAST_S)


def _family_paces(rows: Iterable[Learned]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in rows:
        if row.count > 0:
            found.setdefault(row.family, []).append(_pace(row))
    return {family: fmean(paces) for family, paces in found.items()}


def _pace(row: Learned) -> float:
    reference = REFERENCES.get(row.family, _SDXL)
    guess_s = reference.premium_s * reference.slower[tier_rank(row.tier)]
    return math.log(max(row.run_s(reference.work), LEAST_S) / guess_s)


def _load_factor(rows: Iterable[Learned]) -> float:
    logs = [
        math.log(max(row.load_s, LEAST_S) / REFERENCES.get(row.family, _SDXL).load_s)
        for row in rows
        if row.load_s is not None
    ]
    return math.exp(fmean(logs)) if logs else 1.0


def _corrected(row: Learned, cost: Cost, run_s: float) -> Learned:
    """Move a row towards a run: at once if it is the first, else by part, and freaks by little."""
    expected_s = max(row.run_s(cost.work), LEAST_S)
    error = math.log(run_s / expected_s)
    is_surprise = abs(error) > math.log(SURPRISE)
    if is_surprise and row.worth > 0:
        error = math.copysign(math.log(SURPRISE), error)
    gain = max(1 / (row.worth + 1), STEADY_GAIN)
    target_s = expected_s * math.exp(gain * error)
    trust = _trust_after(row.worth, is_surprise)
    row = _hitting(row, cost, target_s, expected_s)
    return replace(row, count=row.count + 1, trust=trust)


def _trust_after(worth: int, is_surprise: bool) -> int:
    """After one surprise a figure is on probation; after a second in a row the next run decides."""
    if not is_surprise:
        return min(worth + 1, FULL_TRUST)
    return 0 if worth == 1 else 1


def _hitting(row: Learned, cost: Cost, target_s: float, expected_s: float) -> Learned:
    """Change fixed and rate as little as possible so that they give the target for this work.

    The first run scales both; later ones share the error by how much each part has in it, so runs
    of different size settle what is fixed and what grows.
    """
    if row.count == 0:
        scale = target_s / expected_s
        return replace(row, fixed_s=row.fixed_s * scale, rate_s=row.rate_s * scale)
    unit = REFERENCES.get(row.family, _SDXL).work
    size = cost.work / unit
    step_s = (target_s - expected_s) / (1 + size * size)
    fixed_s = min(max(row.fixed_s + step_s, 0.0), target_s)
    rate_s = (target_s - fixed_s) / cost.work
    if rate_s < 0 or cost.work <= 0:
        return replace(row, fixed_s=target_s, rate_s=0.0)
    return replace(row, fixed_s=fixed_s, rate_s=rate_s)


def _mixed_load(known_s: float | None, seen_s: float) -> float:
    seen_s = max(seen_s, LEAST_S)
    if known_s is None:
        return seen_s
    return math.exp(
        (1 - LOAD_GAIN) * math.log(max(known_s, LEAST_S)) + LOAD_GAIN * math.log(seen_s)
    )
