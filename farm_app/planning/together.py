"""Many groups with few jobs each, as scripts make them, planned as few: equal ones that follow each other are one batch.

Nothing but its key and its age tells apart two batches that ask for the same of the same nodes, for the same share in
the same class. What the plan says of them together is told of each again, so nobody but the planner knows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

from farm_app.planner import Batch, NodeView, Plan, Speeds, plan

Value = TypeVar("Value")
Parts = Iterable[tuple[str, Value]]

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


def plan_together(
    batches: Sequence[Batch], nodes: Sequence[NodeView], speeds: Speeds, now: float, **rules: Any
) -> Plan:
    """Plan these batches, many alike as few; otherwise as the planner's `plan`."""
    found = put_together(batches)
    return tell_apart(plan([one.whole for one in found], nodes, speeds, now, **rules), found)


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


def tell_apart(whole: Plan, found: Sequence[Together]) -> Plan:
    """Say of each batch what the plan says of the one that it was a part of."""
    many = {one.whole.key: one for one in found if len(one.parts) > 1}
    if not many:
        return whole
    return replace(
        whole,
        batch_done_s=_each(whole.batch_done_s, many, partial(_ends, whole)),
        impossible=_each(whole.impossible, many, _alike),
        offers=_each(whole.offers, many, _alike),
        order=tuple(_each(dict.fromkeys(whole.order), many, _alike)),
    )


def _each(
    told: Mapping[str, Value],
    many: Mapping[str, Together],
    say: Callable[[Together, Value], Parts[Value]],
) -> dict[str, Value]:
    """Return what is told by key, of each part of what was put together as ``say`` has it."""
    found: dict[str, Value] = {}
    for key, value in told.items():
        found.update(say(many[key], value) if key in many else ((key, value),))
    return found


def _alike(one: Together, value: Value) -> Parts[Value]:
    return ((part.key, value) for part in one.parts)


def _ends(whole: Plan, one: Together, done_s: float) -> Iterator[tuple[str, float]]:
    """Yield when each part ends: as its jobs are planned, or at an even pace from the last planned one to the end."""
    place, known, known_s = 0, 0, None
    in_all, named = one.whole.size, len(one.whole.job_ids)
    for part in one.parts:
        size = part.size
        place += size
        ends = _planned_ends(whole, part) if place <= named else ()
        if len(ends) == size:
            known, known_s = place, max(ends[-1], known_s or ends[-1])
            yield part.key, max(ends)
        elif known_s is None:
            yield part.key, done_s
        else:
            share = (place - known) / (in_all - known)
            yield part.key, known_s + share * (done_s - known_s)


def _planned_ends(whole: Plan, part: Batch) -> Sequence[float]:
    return [whole.expected[job].end_s for job in part.job_ids if job in whole.expected]
