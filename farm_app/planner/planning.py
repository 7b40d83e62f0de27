"""From queued batches, nodes, speeds and the time to a plan: who starts what now, and what follows.

The forecast runs the whole queue down; an idle node starts a job now only if the forecast starts
one there now. So no node idles that could end a job sooner than the others, and a slow node leaves
a job to the rest of the farm if that ends it sooner.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from farm_app.planner.eligibility import Refusal, refuse, refuse_job, why_not
from farm_app.planner.forecast import Farm, end_of_run, forecast, free_from
from farm_app.planner.inputs import Batch, NodeView, tier_rank
from farm_app.planner.speeds import Speeds
from farm_app.planner.terms import TermsBook
from farm_app.planner.turns import Lot, Slot, Tallies, Tally, climbed
from farm_app.planner.wording import spell_s

POLICIES: Final = ("fastest", "tiered")
# Tiered: a tier takes its kind of work until each of its nodes has that many, running one included.
OVERFLOW_JOBS: Final = 4
LOOK_SOONEST_S: Final = 0.25
LOOK_LATEST_S: Final = 30.0
NOTHING_SERVED: Final[Mapping[str, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Assignment:
    """A job to start now.

    Attributes:
        start_s: Now, or later by the foreign work in the node's own queue.
        end_s: When its end should be known here: start + load + run + late answer.
        load_s: 0 if the model is in memory.
        reason: Why this node, in one sentence.
    """

    job_id: int
    node_id: int
    start_s: float
    end_s: float
    run_s: float
    load_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """Where and when a queued job should run."""

    node_id: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now and what to tell people.

    Attributes:
        now: Jobs to start now, at most one per node, by node id.
        expected: By job, for the first few hundred in order; later ones have only their batch's
            `batch_done_s`.
        look_again_s: For each idle node without a job: when to plan again should no event come.
        done_s: When the last queued or running job should end; None if there is none.
        batch_done_s: When the last job of each batch that is planned should end.
        impossible: Batches that no node takes, by key; see `Refusal.lasting`.
        stranded: Single jobs, that failed everywhere, of batches that can still run others, by id.
        offers: By batch key and node id: when its first job would end there if it were next.
        order: The batches that are planned, by key, as their turns begin.
    """

    now: Mapping[int, Assignment] = field(default_factory=dict)
    expected: Mapping[int, Expectation] = field(default_factory=dict)
    look_again_s: Mapping[int, float] = field(default_factory=dict)
    done_s: float | None = None
    batch_done_s: Mapping[str, float] = field(default_factory=dict)
    impossible: Mapping[str, Refusal] = field(default_factory=dict)
    stranded: Mapping[int, Refusal] = field(default_factory=dict)
    offers: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    order: tuple[str, ...] = ()


def plan(
    batches: Sequence[Batch],
    nodes: Sequence[NodeView],
    speeds: Speeds,
    now: float,
    *,
    policy: str = "fastest",
    overflow: int = OVERFLOW_JOBS,
    served: Mapping[str, float] = NOTHING_SERVED,
    served_people: Mapping[str, float] = NOTHING_SERVED,
) -> Plan:
    """Return who starts what now, and the forecast for everything queued.

    Args:
        batches: In queue order, which decides among the batches of one share and class.
        nodes: All of them, whatever their state; their order does not matter.
        speeds: What is known; first guesses fill the gaps.
        now: The time, on the clock of the batches and nodes.
        policy: fastest or tiered.
        overflow: For the tiered policy, see OVERFLOW_JOBS.
        served: Node-seconds that each share has had lately, say in ten minutes, what runs included.
        served_people: Likewise, that each owner has had.

    Raises:
        ValueError: For an unknown policy or a threshold below one.
    """
    if policy not in POLICIES or overflow < 1:
        message = f"policy {policy!r} with overflow {overflow}: give {POLICIES} and 1 or more"
        raise ValueError(message)
    ready = sorted((node for node in nodes if node.state == "ready"), key=_slow_first)
    farm = Farm(ready, now, overflow)
    book = TermsBook(ready, speeds, tiered=policy == "tiered")
    sorting = _Sorting(book, now)
    for place, batch in enumerate(batches):
        sorting.add(batch, place)
    offers = _offers(farm, sorting.lots)
    order = forecast(farm, sorting.lots, Tallies(Tally(served_people), Tally(served)))
    return _written_down(sorting, nodes, farm, offers, order)


def _slow_first(node: NodeView) -> tuple[int, int]:
    """Order nodes so that of two that end a job together the slower one takes it, and starts."""
    return -tier_rank(node.tier), node.id


class _Sorting:
    """Batches on their way to lots: parted by class and by nodes excluded, or set aside."""

    def __init__(self, book: TermsBook, now: float) -> None:
        self.lots: list[tuple[int, Lot]] = []
        self.nowhere: list[Batch] = []
        self.nowhere_jobs: list[tuple[Batch, int]] = []
        self._book = book
        self._now = now

    def add(self, batch: Batch, place: int) -> None:
        if batch.paused or not batch.size:
            return
        able: list[Lot] = []
        stuck: list[int] = []
        for excluded, ids, count in _alike(batch):
            terms = self._book.look_up(batch, excluded)
            if terms.able:
                able.append(Lot(batch, terms, ids, count, (True, place), batch.rank))
            else:
                stuck.extend(ids)
        if able:
            self.nowhere_jobs.extend((batch, job_id) for job_id in stuck)
            self._classify(able, batch)
        else:
            self.nowhere.append(batch)

    def _classify(self, lots: Sequence[Lot], batch: Batch) -> None:
        """File the lots under their class; only the first job of a batch climbs by waiting."""
        risen = climbed(batch, self._now)
        if risen < batch.priority:
            first, *rest = _parted(lots[0])
            self.lots.append((risen, first))
            lots = [*rest, *lots[1:]]
        self.lots.extend((batch.priority, lot) for lot in lots)


def _alike(batch: Batch) -> Iterator[tuple[frozenset[int], Sequence[int], int]]:
    """Yield the nodes excluded, the jobs they are excluded for and their count; retries first."""
    if not batch.excluded:
        yield frozenset(), batch.job_ids, batch.size
        return
    found: dict[frozenset[int], list[int]] = {}
    for job_id in batch.job_ids:
        found.setdefault(batch.excluded.get(job_id, frozenset()), []).append(job_id)
    plain = found.pop(frozenset(), [])
    yield from ((excluded, ids, len(ids)) for excluded, ids in found.items())
    unnamed = batch.size - len(batch.job_ids)
    if plain or unnamed:
        yield frozenset(), plain, len(plain) + unnamed


def _parted(lot: Lot) -> Iterator[Lot]:
    yield Lot(lot.batch, lot.terms, lot.job_ids[:1], 1, (False, lot.order[1]))
    if lot.left > 1:
        yield Lot(lot.batch, lot.terms, lot.job_ids[1:], lot.left - 1, lot.order, lot.rank)


def _offers(farm: Farm, lots: Iterable[tuple[int, Lot]]) -> dict[str, Mapping[int, float]]:
    by_terms: dict[object, Mapping[int, float]] = {}
    found: dict[str, Mapping[int, float]] = {}
    for _, lot in lots:
        if lot.terms not in by_terms:
            ends = farm.ends(lot.terms)
            by_terms[lot.terms] = {farm.nodes[i].id: ends[i] for i in lot.terms.able}
        found[lot.batch.key] = by_terms[lot.terms]  # jobs without exclusions come last
    return found


def _written_down(
    sorting: _Sorting,
    nodes: Sequence[NodeView],
    farm: Farm,
    offers: Mapping[str, Mapping[int, float]],
    order: Iterable[Lot],
) -> Plan:
    lots = [lot for _, lot in sorting.lots]
    expected: dict[int, Expectation] = {}
    now: dict[int, Assignment] = {}
    for lot, job_id, slot in _slots_by_start(lots):
        node = farm.nodes[slot.node]
        expected[job_id] = Expectation(node.id, slot.start_s, slot.end_s)
        if node.busy_until_s is None and slot.start_s == free_from(node, farm.now):
            now[node.id] = _assignment(lot, job_id, slot, node, nodes)
    batch_done_s: dict[str, float] = {}
    for lot in lots:
        batch_done_s[lot.batch.key] = max(batch_done_s.get(lot.batch.key, lot.done_s), lot.done_s)
    running = [end_of_run(node, farm.now) for node in nodes if node.busy_until_s is not None]
    return Plan(
        now=now,
        expected=expected,
        look_again_s=_look_again(farm, now),
        done_s=max([*running, *batch_done_s.values()], default=None),
        batch_done_s=batch_done_s,
        impossible={batch.key: refuse(batch, nodes) for batch in sorting.nowhere},
        stranded={job: refuse_job(batch, nodes, job) for batch, job in sorting.nowhere_jobs},
        offers=offers,
        order=tuple(dict.fromkeys(lot.batch.key for lot in order)),
    )


def _slots_by_start(lots: Iterable[Lot]) -> Iterator[tuple[Lot, int, Slot]]:
    """Give each lot's slots to its jobs in their order: equal jobs start in queue order."""
    for lot in lots:
        lot.slots.sort(key=lambda slot: (slot.start_s, slot.end_s, slot.node))
        for job_id, slot in zip(lot.job_ids, lot.slots, strict=False):
            yield lot, job_id, slot


def _assignment(
    lot: Lot, job_id: int, slot: Slot, node: NodeView, nodes: Sequence[NodeView]
) -> Assignment:
    return Assignment(
        job_id=job_id,
        node_id=node.id,
        start_s=slot.start_s,
        end_s=slot.end_s,
        run_s=lot.terms.estimates[slot.node].run_s,
        load_s=slot.load_s,
        reason=_why_here(lot, job_id, slot, node, nodes),
    )


def _why_here(lot: Lot, job_id: int, slot: Slot, node: NodeView, nodes: Sequence[NodeView]) -> str:
    batch, takes = lot.batch, f"in {spell_s(slot.end_s - slot.start_s)}"
    if slot.load_s:
        takes += f", {spell_s(slot.load_s)} of it to load the model"
    if lot.terms.pools:
        return f"{node.name} is next in line for {batch.work} work and should end it {takes}."
    if batch.node_mode == "any":
        return f"{node.name} should end it soonest, {takes}."
    if batch.node_id == node.id:
        return f"{node.name} was chosen for it and should end it {takes}."
    return f"{why_not_preferred(batch, job_id, nodes)} {node.name} ends it {takes}."


def why_not_preferred(batch: Batch, job_id: int, nodes: Sequence[NodeView]) -> str:
    """Say why a job with a preferred node goes to another one."""
    preferred = next((one for one in nodes if one.id == batch.node_id), None)
    if preferred is None:
        return "The preferred node no longer exists."
    reason = why_not(batch, preferred, job_id)
    if reason is not None:
        return f"Not on the preferred node: {reason.sentence}"
    return f"The preferred {preferred.name} would end it far later."


def _look_again(farm: Farm, now: Mapping[int, Assignment]) -> dict[int, float]:
    """Say when the idle nodes should look again: when the next busy one is expected to be free."""
    starting = [given.end_s for given in now.values()]
    running = [free_from(one, farm.now) for one in farm.nodes if one.busy_until_s is not None]
    next_end_s = min([*starting, *running], default=farm.now + LOOK_LATEST_S)
    soonest_s, latest_s = farm.now + LOOK_SOONEST_S, farm.now + LOOK_LATEST_S
    look_s = min(max(next_end_s, soonest_s), latest_s)
    idle = (node.id for node in farm.nodes if node.busy_until_s is None)
    return {node_id: look_s for node_id in idle if node_id not in now}
