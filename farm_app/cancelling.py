"""Second thoughts: cancelling jobs and asking for them again, and telling nodes to drop what nobody wants any more."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

from django.utils import timezone

from eliot.failpoints import failpoint
from farm_app import nudges
from farm_app.comfy.client import ComfyClient, Queue
from farm_app.comfy.errors import ComfyError
from farm_app.models import Attempt, Job
from farm_app.models.states import COMING_HOME, GIVEN_UP, HOLDING, AttemptState, JobState
from farm_app.portions import in_portions
from farm_app.timers import LOOK_S

logger = logging.getLogger(__name__)

# These are not on a node, or their node is through with them.
_NOT_THERE: Final = (AttemptState.RESERVED, *COMING_HOME, AttemptState.COMMITTED)
_ENDED: Final = (*GIVEN_UP, AttemptState.FAILED)
WAITING_AT_ONCE: Final = 500


def cancel(jobs: Iterable[int], *, actor: str = "") -> int:
    """Cancel those of these jobs, by id, that have not ended; return how many.

    No result of them counts from here on. What waits ends at once; what renders is told to stop, and holds its node
    until it has.
    """
    ids = list(jobs)
    waited = _cancel_waiting(ids, actor)
    return len(waited) + in_portions(
        [pk for pk in ids if pk not in waited], lambda job: _cancel(job, actor)
    )


def _cancel_waiting(ids: Sequence[int], actor: str) -> set[int]:
    """Cancel those that no node has: ten thousand one by one would take half a minute."""
    won: set[int] = set()
    for place in range(0, len(ids), WAITING_AT_ONCE):
        portion = Job.objects.filter(pk__in=ids[place : place + WAITING_AT_ONCE])
        waiting = (JobState.QUEUED, JobState.WAITING)
        facts = {"finished": timezone.now(), "reason": ""}
        won |= set(
            portion.move_all(
                JobState.CANCELLED, "Cancelled.", only_from=waiting, actor=actor, **facts
            )
        )
    return won


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
    now = timezone.now()
    return job.move(JobState.CANCELLED, "Cancelled.", actor=actor, finished=now, reason="")


def ask_again(jobs: Iterable[int], *, actor: str = "") -> int:
    """Queue those of these jobs, by id, that may be asked for again; return how many.

    What of them is still on a node, since its cancel was not confirmed yet, is stopped there and counts no more.
    """
    count = in_portions(jobs, lambda job: _ask_again(job, actor))
    nudges.idle_nodes_on_commit()
    return count


def _ask_again(job: Job, actor: str) -> bool:
    held = list(job.attempts.holding())
    if not job.ask_again(actor=actor):
        return False
    for attempt in held:
        nudges.cancel_on_commit(attempt)
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
            client.cancel(attempt.prompt_id)
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
    rows = Attempt.objects.filter(pk__in=ids).values_list("pk", "state", "node__slug")
    for pk, state, slug in rows:
        if state in _ENDED:
            logger.info("attempt %s is still on node %s: told to stop", pk, slug)
            with suppress(ComfyError):  # the next look tries again
                client.cancel(ids[pk])
    return {ids[pk] for pk, _, _ in rows}


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
