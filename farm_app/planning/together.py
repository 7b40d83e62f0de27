"""Many groups with few jobs each, as scripts make them, planned as few: equal ones that follow each other are one batch.

Nothing but its key and its age tells apart two batches that ask for the same of the same nodes, for the same share in
the same class. What the plan says of them together is told of each again, so nobody but the planner knows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from farm_app.planner import Batch, Plan

FEW: Final = 300
"""So many batches are planned one by one."""
HEAD: Final = 300
"""So many jobs of a batch are named."""


@dataclass(frozen=True)
class Together:
    """Batches that are planned as one.

    Attributes:
        whole: What the planner sees; its key is that of the first.
        parts: The batches, in queue order.
    """

    whole: Batch
    parts: Sequence[Batch]


def put_together(batches: Sequence[Batch]) -> list[Together]:
    """Make one of equal batches that follow each other in their share; a few are left as they are."""
    if len(batches) <= FEW:
        return [Together(batch, (batch,)) for batch in batches]
    last: dict[tuple[Any, ...], list[Batch]] = {}
    runs: list[list[Batch]] = []
    for batch in batches:
        turn = batch.owner, batch.share_key, batch.priority, batch.rank
        run = last.get(turn)
        if run is None or not _are_equal(run[0], batch):
            run = last[turn] = []
            runs.append(run)
        run.append(batch)
    return [Together(_whole(run), run) for run in runs]


def _are_equal(one: Batch, other: Batch) -> bool:
    """Whether nothing but age tells them apart; one with a job that failed somewhere stands for itself."""
    return (
        not one.excluded
        and not other.excluded
        and one.needs is other.needs
        and one.cost is other.cost
        and (one.work, one.node_mode, one.node_id, one.paused)
        == (other.work, other.node_mode, other.node_id, other.paused)
    )


def _whole(run: Sequence[Batch]) -> Batch:
    if len(run) == 1:
        return run[0]
    starts = [batch.last_start_s for batch in run if batch.last_start_s is not None]
    return replace(
        run[0],
        job_ids=tuple(_first_jobs(run)),
        count=sum(batch.size for batch in run),
        placed_at_s=min(batch.placed_at_s for batch in run),
        last_start_s=max(starts, default=None),
    )


def _first_jobs(run: Sequence[Batch]) -> Iterator[int]:
    """Yield the named jobs, as long as all jobs before them are named too."""
    named = 0
    for batch in run:
        yield from batch.job_ids
        named += len(batch.job_ids)
        if named >= HEAD or len(batch.job_ids) < batch.size:
            return


def tell_apart(plan: Plan, found: Sequence[Together]) -> Plan:
    """Say of each batch what the plan says of the one that it was a part of."""
    many = {one.whole.key: one for one in found if len(one.parts) > 1}
    if not many:
        return plan
    return replace(
        plan,
        batch_done_s=_each_end(plan, many),
        impossible=_each(plan.impossible, many),
        offers=_each(plan.offers, many),
        order=tuple(_each(dict.fromkeys(plan.order), many)),
    )


def _each(told: Mapping[str, Any], many: Mapping[str, Together]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in told.items():
        if key in many:
            found.update(dict.fromkeys((part.key for part in many[key].parts), value))
        else:
            found[key] = value
    return found


def _each_end(plan: Plan, many: Mapping[str, Together]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, done_s in plan.batch_done_s.items():
        if key in many:
            found.update(_ends(plan, many[key], done_s))
        else:
            found[key] = done_s
    return found


def _ends(plan: Plan, one: Together, done_s: float) -> Iterator[tuple[str, float]]:
    """Yield when each part ends: as its jobs are planned, or at an even pace from the last planned one to the end."""
    place, known, known_s = 0, 0, None
    for part in one.parts:
        place += part.size
        ends = [plan.expected[job].end_s for job in part.job_ids if job in plan.expected]
        if len(ends) == part.size:
            known, known_s = place, max(ends[-1], known_s or ends[-1])
            yield part.key, max(ends)
        elif known_s is None:
            yield part.key, done_s
        else:
            share = (place - known) / (one.whole.size - known)
            yield part.key, known_s + share * (done_s - known_s)
