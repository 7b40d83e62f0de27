"""Telling nodes to drop what nobody wants any more: cancelled jobs, and copies of what came from elsewhere."""

import logging
from contextlib import suppress
from typing import Final
from uuid import UUID

from farm_app.comfy.client import ComfyClient, Queue
from farm_app.comfy.errors import ComfyError
from farm_app.models import Attempt
from farm_app.models.states import COMING_HOME, HOLDING, AttemptState, JobState
from farm_app.timers import LOOK_S

logger = logging.getLogger(__name__)

# These are not on a node, or their node is through with them.
_NOT_THERE: Final = (AttemptState.RESERVED, *COMING_HOME, AttemptState.COMMITTED)
_GIVEN_UP: Final = (
    AttemptState.FAILED,
    AttemptState.LOST,
    AttemptState.SUPERSEDED,
    AttemptState.CANCELLED,
)


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
            client.cancel(attempt.prompt_id)
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
    there = {found: found for found in (*queue.running, *queue.pending)} | dict(queue.markers)
    ids = {found: there[str(found)] for one in there if (found := _uuid(one))}
    rows = Attempt.objects.filter(pk__in=ids).values_list("pk", "state", "node__slug")
    for pk, state, slug in rows:
        if state in _GIVEN_UP:
            logger.info("attempt %s is still on node %s: told to stop", pk, slug)
            with suppress(ComfyError):  # the next look tries again
                client.cancel(ids[pk])
    return {ids[pk] for pk, _, _ in rows}


def _uuid(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
