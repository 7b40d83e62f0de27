"""Changing the queue's order: to the front, up and down, before another, and into another class.

A place by hand is a number on the jobs: within its class the lowest goes first, and before all that have none. What
renders is left alone.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from django.db.models import Min
from django.db.models.functions import Coalesce

from eliot.writing import written
from farm_app import nudges
from farm_app.models import Job, Priority
from farm_app.models.jobs import HELD, JobQuerySet
from farm_app.portions import change_alike
from farm_app.queue.entries import Entry

TO_FRONT: Final = "Moved to the front of the queue."
MOVED: Final = "Moved by hand to another place in the queue."


def to_front(jobs: Iterable[int], *, actor: str = "") -> int:
    """Let these jobs, by id, start next; return how many there are.

    In the class of those that are first now, if that is better than their own: nobody who waits goes before them.
    """
    asked = set(jobs)
    with written():
        classes = Coalesce("priority", "group__priority")
        others = _waiting().order_by().values_list("pk", classes)
        best = min((rank for pk, rank in others if pk not in asked), default=None)
        first = (Job.objects.open().aggregate(rank=Min("rank"))["rank"] or 0) - 1
        rows = Job.objects.filter(pk__in=asked).values_list("pk", classes)
        lower = [pk for pk, rank in rows if best is not None and rank > best]
        as_good = asked - set(lower)
        moved = change_alike(lower, TO_FRONT, actor=actor, rank=first, priority=best)
        moved += change_alike(as_good, TO_FRONT, actor=actor, rank=first)
        nudges.idle_nodes_on_commit()
    return len(moved)


def _waiting() -> JobQuerySet:
    """Return what has a turn now, or has when a queue that is paused goes on."""
    return Job.objects.queued().rested().exclude(HELD)


def place(entry: Entry, before: Entry | None, turns: Sequence[Entry], *, actor: str = "") -> int:
    """Put an entry right before another one, or after all; return how many jobs it has.

    What stands before it in its class keeps its place too, whoever's turn would have come. It takes another class
    only where its new neighbours leave it no other.

    Args:
        turns: What waits its turn, in order.
    """
    others = [one for one in turns if one.key != entry.key]
    at = next((n for n, one in enumerate(others) if before and one.key == before.key), len(others))
    above, below = others[:at], others[at:]
    rank_of_class = _class_between(entry, above, below)
    first = [one for one in above if one.priority == rank_of_class]
    later = [one.rank for one in below if one.priority == rank_of_class and one.rank is not None]
    start = min(later, default=0) - len(first) - 1
    with written():
        for number, one in enumerate(first):
            one.jobs().update(rank=start + number)
        facts: dict[str, int | None] = {"rank": start + len(first)}
        if rank_of_class != entry.priority:
            facts["priority"] = rank_of_class
        ids = entry.jobs().values_list("pk", flat=True)
        moved = change_alike(ids, MOVED, actor=actor, **facts)
        nudges.idle_nodes_on_commit()
    return len(moved)


def _class_between(entry: Entry, above: Sequence[Entry], below: Sequence[Entry]) -> int:
    best = above[-1].priority if above else min(Priority.values)
    worst = below[0].priority if below else max(Priority.values)
    return min(max(entry.priority, best), worst)


def step(
    entry: Entry,
    turns: Sequence[Entry],
    by: int,
    *,
    within: Entry | None = None,
    actor: str = "",
) -> int:
    """Move an entry one up (-1) or one down (1); return how many jobs moved, 0 at the end.

    Args:
        within: The batch that the entry is one job of: it moves out of that, before or behind the others.
    """
    row = within or entry
    at = next((n for n, one in enumerate(turns) if one.key == row.key), None)
    if at is None:
        return 0
    after = at + (by > 0) + (0 if _leaves(entry, within, by) else by)
    if not 0 <= after <= len(turns):
        return 0
    before = turns[after] if after < len(turns) else None
    return place(entry, before, turns, actor=actor)


def _leaves(entry: Entry, within: Entry | None, by: int) -> bool:
    """Say whether others of its batch are in its way, so that passing them is a step of its own."""
    if within is None:
        return False
    offset = entry.place - within.place
    return offset > 0 if by < 0 else offset < within.count - 1


def set_priority(jobs: Iterable[int], priority: Priority, *, actor: str = "") -> int:
    """Put these jobs, by id, into a class, where they wait their turn; return how many there are."""
    said = f"Priority set to {priority.label.lower()}."
    with written():
        moved = change_alike(jobs, said, actor=actor, priority=priority, rank=None)
        nudges.idle_nodes_on_commit()
    return len(moved)
