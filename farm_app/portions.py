"""Changing many jobs: some in one transaction, after which each page is told once."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from django.db import transaction

from eliot.failpoints import failpoint, failpoint_on_commit
from eliot.writing import written
from farm_app.models import Job, JobEvent
from farm_app.models.jobs import tell_pages, told_once
from farm_app.models.states import JOB_MOVES, LIVE, JobState, level_of, may_become

# One by one a thousand jobs take seconds, all at once they hold up everybody.
AT_ONCE: Final = 50
# By one statement for all, ten times as many take no longer.
ALIKE_AT_ONCE: Final = 500


def in_portions(ids: Iterable[int], move: Callable[[Job], object]) -> int:
    """Move each of these jobs, read anew in the transaction that moves it; return how many moves won."""
    won = 0
    for portion in _parted(list(ids), AT_ONCE):
        with told_once(), written():
            jobs = Job.objects.filter(pk__in=portion).select_related("group")
            won += sum(bool(move(job)) for job in jobs)
    return won


def move_alike(
    ids: Iterable[int],
    to: JobState,
    sentence: str,
    *,
    only_from: Collection[str],
    actor: str = "",
    **facts: Any,
) -> list[int]:
    """Move jobs of which nobody works on any attempt, with one statement for many; return those that moved.

    It is `Job.move` in the plural: the same table of moves, and an event for each in the same transaction.
    """
    allowed = [state for state in may_become(JOB_MOVES, to) if state in only_from]
    moved: list[int] = []
    for portion in _parted(list(ids), ALIKE_AT_ONCE):
        with told_once(), written():
            found = _held(portion).filter(state__in=allowed).exclude(attempts__state__in=LIVE)
            failpoint(f"jobs>{to} before")
            moved += _changed(found, sentence, actor, state=to, **facts)
            failpoint_on_commit(f"jobs>{to} after")
    return moved


def change_alike(ids: Iterable[int], sentence: str, *, actor: str = "", **facts: Any) -> list[int]:
    """Change what is said of jobs that stay in their state, in one transaction with an event for each.

    Returns:
        Those that are there.
    """
    changed: list[int] = []
    with told_once(), written():
        for portion in _parted(list(ids), ALIKE_AT_ONCE):
            changed += _changed(_held(portion), sentence, actor, **facts)
    return changed


def _parted(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    yield from (ids[first : first + size] for first in range(0, len(ids), size))


def _held(portion: Sequence[int]) -> Any:
    """Hold these rows until the transaction ends; SQLite lets nobody else write meanwhile anyway."""
    return Job.objects.select_for_update(of=("self",)).filter(pk__in=portion).order_by("pk")


def _changed(found: Any, sentence: str, actor: str, **facts: Any) -> list[int]:
    rows = list(found.values_list("pk", "state", "group__share_key"))
    ids = [pk for pk, _, _ in rows]
    Job.objects.filter(pk__in=ids).update(**facts)
    JobEvent.objects.bulk_create(
        JobEvent(
            job_id=pk,
            before=before,
            after=facts.get("state", before),
            level=level_of(before, facts.get("state", before), on_node=False),
            sentence=sentence,
            actor=actor,
        )
        for pk, before, _ in rows
    )
    for share_key in {key for _, _, key in rows}:
        transaction.on_commit(partial(tell_pages, share_key, "page.changed"))
    return ids
