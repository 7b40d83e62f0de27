"""Late results: a picture that a node finished after nobody waited for it any more.

It stays on the node, and a row says where; for some days a person may still take it. No late result ever takes the
place of another picture by itself.
"""

import logging
from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from eliot.statements import insert
from eliot.writing import written
from farm_app import nudges
from farm_app.comfy.client import ComfyClient
from farm_app.comfy.errors import ComfyError
from farm_app.models import Attempt, GpuNode, Job
from farm_app.models.attempts import LATE_KEPT
from farm_app.models.states import GIVEN_UP, MAY_ADOPT, AttemptState, JobState
from farm_app.timers import LOOK_S
from farm_app.verdicts import Verdict, judge

logger = logging.getLogger(__name__)

# A node that comes back is asked about so many of the attempts that it was given up with.
MOST_ASKED: Final = 50
ASKED_ABOUT: Final = timedelta(days=1)


def note(attempt: Attempt, verdict: Verdict) -> None:
    """Write down that a node finished an attempt after all whose result no longer counts."""
    with written():
        given_up = Attempt.objects.filter(pk=attempt.pk, state__in=GIVEN_UP, produced__isnull=True)
        facts: dict[str, Any] = {
            "outputs": verdict.outputs,
            "node_seconds": verdict.seconds(attempt.longest_s),
        }
        if not given_up.update(produced=timezone.now(), **facts):
            return
        job = Job.objects.select_related("group").get(pk=attempt.job_id)
        kept = f"for {LATE_KEPT.days} days its picture can still be taken."
        job.say(f"{attempt.node.slug} finished it after all; {kept}", attempt=attempt)


def look_on_node(node_id: int) -> None:
    """Ask a node that is back what it finished of that which was given up meanwhile."""
    node = GpuNode.objects.without_lists().filter(pk=node_id).first()
    if node is None:
        return
    since = timezone.now() - ASKED_ABOUT
    unknown = Attempt.objects.filter(
        node=node,
        state__in=GIVEN_UP,
        submitted__isnull=False,
        produced__isnull=True,
        ended__gte=since,
    ).select_related("node", "job")
    try:
        for attempt in unknown.order_by("-ended")[:MOST_ASKED]:
            _look_up(attempt)
    except ComfyError as fault:
        logger.info("node %s does not say what it finished: %s", node.slug, fault)


def _look_up(attempt: Attempt) -> None:
    with ComfyClient(attempt.origin, read_timeout_s=LOOK_S) as client:
        entry = client.history(attempt.prompt_id)
    verdict = judge(entry, attempt.sent or {}) if entry is not None else None
    if verdict is not None and verdict.outcome == "success":
        note(attempt, verdict)


def adopt(late: Attempt, *, actor: str = "") -> bool:
    """Take a late picture: it is fetched from its node now, and the job has it as any other.

    Whatever else renders the job goes on until this picture is home.

    Returns:
        False if the job has a picture, or is getting one, or if the late one is no longer kept.
    """
    try:
        with written():
            return _adopted(late, actor)
    except IntegrityError:
        logger.info("attempt %s was adopted by somebody else at the same time", late.pk)
        return False


def _adopted(late: Attempt, actor: str) -> bool:
    found = (
        Attempt.objects.adoptable().filter(pk=late.pk).select_related("job__group", "node").first()
    )
    if found is None:
        return False
    job = found.job
    fence = job.fence + 1
    taken = Attempt(
        job=job,
        node=found.node,
        origin=found.origin,
        fence=fence,
        state=AttemptState.PRODUCED,
        is_adopted=True,
        node_prompt_id=found.prompt_id,
        sent=found.sent,
        outputs=found.outputs,
        node_seconds=found.node_seconds,
        submitted=found.submitted,
        started=found.started,
        produced=timezone.now(),
    )
    insert(taken)
    said = f"The late picture of {found.node.slug} is taken."
    facts = {"fence": fence, "finished": None, "reason": "", "advice": ""}
    if not job.move(
        JobState.STORING, said, attempt=taken, actor=actor, only_from=MAY_ADOPT, **facts
    ):
        transaction.set_rollback(True)
        return False
    transaction.on_commit(lambda: nudges.store(taken))
    return True
