"""Holding work back and letting it go on: the whole queue, a batch or a job. What renders goes on to its end."""

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from eliot import live
from eliot.statements import insert
from eliot.writing import written
from farm_app import nudges
from farm_app.models import Job, JobEvent, JobGroup, QueueState
from farm_app.models.jobs import FARM_GROUP
from farm_app.models.states import JobState
from farm_app.portions import change_alike

PAUSED: Final = "Paused."
RESUMED: Final = "Resumed."
# What needs somebody first stays back, too, when that is settled.
_HELD_BACK: Final = (JobState.QUEUED, JobState.WAITING, JobState.ATTENTION)


def pause_all(*, actor: str = "") -> bool:
    """Start nothing more, whoever asks for it, until `resume_all`; False if that is so already."""
    return _set_whole(True, actor)


def resume_all(*, actor: str = "") -> bool:
    """Let the queue go on; what was paused apart from it stays so. False if it was not paused."""
    return _set_whole(False, actor)


def _set_whole(is_paused: bool, actor: str) -> bool:
    facts = _facts(is_paused, actor)
    with written():
        QueueState.objects.get_or_create(pk=1)
        if not QueueState.objects.filter(pk=1, is_paused=not is_paused).update(**facts):
            return False
        said = "The queue was paused." if is_paused else "The queue goes on."
        insert(JobEvent(sentence=said, actor=actor))
        transaction.on_commit(partial(live.publish, FARM_GROUP, "page.around"))
        nudges.idle_nodes_on_commit()
    return True


def pause(jobs: Iterable[int], *, actor: str = "") -> int:
    """Hold back those of these jobs, by id, that no node has; return how many."""
    waiting = Job.objects.filter(pk__in=list(jobs), state__in=_HELD_BACK, is_paused=False)
    ids = waiting.values_list("pk", flat=True)
    return len(change_alike(ids, PAUSED, actor=actor, **_facts(True, actor)))


def resume(jobs: Iterable[int], *, actor: str = "") -> int:
    """Let these jobs, by id, go on; return how many.

    Where the batch that they were asked for in is paused, all of it goes on, for a batch is paused and resumed as one.
    """
    ids = list(jobs)
    with written():
        groups = JobGroup.objects.filter(is_paused=True, jobs__in=ids)
        of_groups = Job.objects.filter(group__in=groups, state=JobState.QUEUED)
        ids += of_groups.exclude(pk__in=ids).values_list("pk", flat=True)
        JobGroup.objects.filter(pk__in=list(groups.values_list("pk", flat=True))).update(
            **_facts(False, "")
        )
        moved = change_alike(ids, RESUMED, actor=actor, **_facts(False, ""))
        nudges.idle_nodes_on_commit()
    return len(moved)


def _facts(is_paused: bool, actor: str) -> dict[str, Any]:
    return {
        "is_paused": is_paused,
        "paused_at": timezone.now() if is_paused else None,
        "paused_by": actor if is_paused else "",
    }
