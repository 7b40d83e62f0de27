"""Second thoughts: cancelling jobs and asking for them again, and telling nodes to drop what nobody wants any more."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from uuid import UUID

from django.utils import timezone

from eliot.failpoints import failpoint
from farm_app import nudges
from farm_app.comfy.client import ComfyClient, Queue
from farm_app.comfy.errors import ComfyError
from farm_app.models import Attempt, Job, JobGroup
from farm_app.models.jobs import AS_NEW, ASKED_AGAIN, MAY_BE_ASKED_AGAIN, NodeMode
from farm_app.models.states import (
    COMING_HOME,
    GIVEN_UP,
    HOLDING,
    NEEDS_YOU,
    AttemptState,
    JobState,
)
from farm_app.portions import in_portions, move_alike
from farm_app.timers import LOOK_S

logger = logging.getLogger(__name__)

# Nothing of these is on a node or on its way home.
_IDLE: Final = (JobState.QUEUED, JobState.WAITING, JobState.ATTENTION)
# These are not on a node, or their node is through with them.
_NOT_THERE: Final = (AttemptState.RESERVED, *COMING_HOME, AttemptState.COMMITTED)
_ENDED: Final = (*GIVEN_UP, AttemptState.FAILED)


def cancel(jobs: Iterable[int], *, actor: str = "") -> int:
    """Cancel those of these jobs, by id, that have not ended; return how many.

    No result of them counts from here on. What waits ends at once; what renders is told to stop, and holds its node
    until it has.
    """
    asked, said = list(jobs), "Cancelled."
    facts = {"finished": timezone.now(), "reason": "", "advice": ""}
    ended = move_alike(asked, JobState.CANCELLED, said, only_from=_IDLE, actor=actor, **facts)
    return len(ended) + in_portions(_without(asked, ended), lambda job: _cancel(job, actor))


def _without(asked: Iterable[int], done: Iterable[int]) -> list[int]:
    settled = set(done)
    return [pk for pk in asked if pk not in settled]


def _cancel(job: Job, actor: str) -> bool:
    if job.state == JobState.CANCELLING:
        return False  # its node was told already
    held = list(job.attempts.holding())
    for attempt in held:
        nudges.cancel_on_commit(attempt)
    if job.state == JobState.RUNNING and held:
        return job.move(JobState.CANCELLING, "Cancel asked.", attempt=held[0], actor=actor)
    for live in job.attempts.live():
        live.move(AttemptState.SUPERSEDED, reason="Cancelled.")
    now, said = timezone.now(), "Cancelled."
    return job.move(JobState.CANCELLED, said, actor=actor, finished=now, reason="", advice="")


def ask_again(jobs: Iterable[int], *, actor: str = "", in_place: bool = False) -> int:
    """Queue those of these jobs, by id, that may be asked for again; return how many.

    With ``in_place`` a place and a time-out that somebody had given them count again. What of them is still on a node, since its cancel was not confirmed yet, is stopped there and counts no more.
    """
    asked, facts = list(jobs), dict(AS_NEW)
    if in_place:
        del facts["rank"], facts["deadline"]
    may_be = MAY_BE_ASKED_AGAIN
    queued = move_alike(asked, JobState.QUEUED, ASKED_AGAIN, only_from=may_be, actor=actor, **facts)
    count = in_portions(_without(asked, queued), lambda job: _ask_again(job, actor))
    nudges.idle_nodes_on_commit()
    return len(queued) + count


def _ask_again(job: Job, actor: str) -> bool:
    held = list(job.attempts.holding())
    if not job.ask_again(actor=actor):
        return False
    for attempt in held:
        nudges.cancel_on_commit(attempt)
    return True


def use_any_node(group: JobGroup, *, actor: str = "") -> bool:
    """Let any node render what was asked for together and for one chosen node only; False if it was not."""
    pinned = JobGroup.objects.filter(pk=group.pk, node_mode=NodeMode.ONLY)
    if not pinned.update(node_mode=NodeMode.ANY, node=None):
        return False
    open_jobs = Job.objects.filter(group=group)
    waiting = open_jobs.queued().values_list("pk", flat=True)
    in_portions(waiting, lambda job: job.say("Any node may take it.", actor=actor))
    stuck = open_jobs.filter(state__in=NEEDS_YOU).values_list("pk", flat=True)
    ask_again(stuck, actor=actor)
    return True


def stop_on_node(attempt_id: str) -> None:
    """Tell the node to stop an attempt whose job is being cancelled, or that another one has replaced.

    Whoever follows the attempt sees the interruption and confirms it. A node that does not answer is asked again:
    by the sweep for a cancel, when it is back for the rest.
    """
    attempt = Attempt.objects.select_related("job", "node").filter(pk=attempt_id).first()
    if attempt is None or attempt.state in _NOT_THERE or attempt.submitted is None:
        return  # a feeder looks before it sends
    if attempt.state in HOLDING and attempt.job.state != JobState.CANCELLING:
        return
    try:
        with ComfyClient(attempt.origin, read_timeout_s=LOOK_S) as client:
            failpoint("stop before")
            client.cancel(attempt.prompt_id, version=attempt.node.version)
            failpoint("stop after")
    except ComfyError as fault:
        logger.info(
            "node %s did not take the cancel of job %s: %s",
            attempt.node.slug,
            attempt.job_id,
            fault,
        )


def drop_leftovers(client: ComfyClient, queue: Queue) -> set[str]:
    """Cancel the prompts in a node's queue that are attempts of ours which ended; return the ids of all of ours.

    A node that was given up and comes back goes on with what it had. Other people's prompts are left alone.
    """
    ids = attempts_in(queue)
    rows = Attempt.objects.filter(pk__in=ids).values_list(
        "pk", "state", "node__slug", "node__version"
    )
    for pk, state, slug, version in rows:
        if state in _ENDED:
            logger.info("attempt %s is still on node %s: told to stop", pk, slug)
            with suppress(ComfyError):  # the next look tries again
                client.cancel(ids[pk], version=version)
    return {ids[pk] for pk, *_ in rows}


def attempts_in(queue: Queue) -> dict[UUID, str]:
    """Return what may be attempts of ours in a node's queue, with the ids by which the node knows them."""
    there = {found: found for found in (*queue.running, *queue.pending)} | dict(queue.markers)
    return {found: there[str(found)] for one in there if (found := _uuid(one))}


def _uuid(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
