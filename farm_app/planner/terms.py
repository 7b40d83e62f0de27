"""On which terms each ready node would run a lot's jobs: seconds, model load, preference, tiers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from farm_app.planner.eligibility import why_unfit
from farm_app.planner.inputs import Batch, Cost, Needs, NodeView, tier_rank
from farm_app.planner.speeds import Estimate, Speeds

# Another node than the preferred one is taken if the wait for the picture is this much shorter.
PREFER_RATIO: Final = 3.0
HIGH_TIER_WORK: Final = frozenset({"quality", "upscale"})


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """One entry per ready node, in the farm's order; a node that may not run it has step inf.

    Attributes:
        able: Places of the nodes that may run it.
        step: Seconds from the start of a job to that of the next: run and late answers.
        load: Seconds on top when another model is in memory.
        bias: What the seconds from now to the end are multiplied by in comparing nodes; None if
            all count alike.
        pools: For the tiered policy, the able nodes by tier, first choice first.
    """

    model: str | None
    able: tuple[int, ...]
    step: list[float]
    load: list[float]
    estimates: dict[int, Estimate]
    bias: list[float] | None = None
    pools: tuple[tuple[int, ...], ...] = ()


class TermsBook:
    """Terms worked out once for all batches that are alike."""

    def __init__(self, nodes: Sequence[NodeView], speeds: Speeds, *, tiered: bool) -> None:
        """Take the ready nodes in the farm's order."""
        self._nodes = nodes
        self._speeds = speeds
        self._tiered = tiered
        self._fit: dict[Needs, tuple[int, ...]] = {}
        self._terms: dict[tuple[object, ...], Terms] = {}

    def look_up(self, batch: Batch, excluded: frozenset[int]) -> Terms:
        """Return the terms for those jobs of the batch that must not go to the excluded nodes."""
        pools_by = batch.work in HIGH_TIER_WORK if self._tiered else None
        choice = batch.node_id if batch.node_mode != "any" else None
        key = (batch.needs, batch.cost, batch.node_mode, choice, pools_by, excluded)
        found = self._terms.get(key)
        if found is None:
            found = self._terms[key] = self._work_out(batch, excluded)
        return found

    def _work_out(self, batch: Batch, excluded: frozenset[int]) -> Terms:
        able = tuple(i for i in self._fitting(batch.needs) if self._may(batch, excluded, i))
        terms = self._price(batch.cost, able)
        if batch.node_mode == "prefer":
            return replace(terms, bias=self._bias(batch.node_id))
        if self._tiered:
            return replace(terms, pools=self._pools(able, batch.work in HIGH_TIER_WORK))
        return terms

    def _fitting(self, needs: Needs) -> tuple[int, ...]:
        found = self._fit.get(needs)
        if found is None:
            fits = (i for i, node in enumerate(self._nodes) if why_unfit(needs, node) is None)
            found = self._fit[needs] = tuple(fits)
        return found

    def _may(self, batch: Batch, excluded: frozenset[int], place: int) -> bool:
        node_id = self._nodes[place].id
        chosen = batch.node_mode != "only" or batch.node_id == node_id
        return chosen and node_id not in excluded

    def _price(self, cost: Cost, able: tuple[int, ...]) -> Terms:
        step, load = [inf] * len(self._nodes), [0.0] * len(self._nodes)
        estimates = {i: self._speeds.estimate(self._nodes[i], cost) for i in able}
        for i, estimate in estimates.items():
            step[i] = estimate.run_s + self._nodes[i].delay_s
            load[i] = estimate.load_s
        return Terms(cost.model, able, step, load, estimates)

    def _bias(self, preferred: int | None) -> list[float]:
        return [1.0 if node.id == preferred else PREFER_RATIO for node in self._nodes]

    def _pools(self, able: tuple[int, ...], high_first: bool) -> tuple[tuple[int, ...], ...]:
        by_tier: dict[int, list[int]] = {}
        for i in able:
            by_tier.setdefault(tier_rank(self._nodes[i].tier), []).append(i)
        return tuple(tuple(by_tier[rank]) for rank in sorted(by_tier, reverse=not high_first))
