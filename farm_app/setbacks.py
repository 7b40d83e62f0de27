"""What becomes of a job when an attempt did not bring a picture: who tries next, or why nobody does.

Faults of nodes and networks never use up the retry budget; faults of the job itself do, and a job that keeps
killing nodes is put aside for a person. While a copy of it is on another node, the job just goes on there.
"""

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone

from eliot.statements import Given, Question
from eliot.writing import written
from farm_app import nudges, planning, progress, rests
from farm_app.models import Attempt, Job, NodeBlock
from farm_app.models.states import HOLDING, SPENDING, AttemptState, FailureClass, JobState, Level
from farm_app.sizes import advise_smaller
from farm_app.timers import BACKOFF_FIRST_S, BACKOFF_LAST_S

logger = logging.getLogger(__name__)

BUDGET: Final = 3
MOST_DEATHS: Final = 3
DEADLY_NODES: Final = 2
BLOCK_AFTER: Final = 3
MOST_STUMBLES: Final = 5
STUMBLED: Final = "internal error"
INTERRUPTED: Final = "interrupted"

_rivals: Final[Question[Attempt]] = Question(
    lambda: (
        Attempt.objects.live()
        .filter(job=Given("job", Attempt._meta.get_field("job")))
        .exclude(pk=Given("pk", Attempt._meta.pk))
    )
)


def fail(
    attempt: Attempt, failure: FailureClass, reason: str, *, evidence: str = "", advice: str = ""
) -> None:
    """End an attempt as failed and decide what its job does next, in one transaction."""

    def what_next(job: Job) -> None:
        if failure in SPENDING:
            _count(job, failures=F("failures") + 1)
        if failure == FailureClass.EXECUTION:
            _count_against_node(attempt, reason)
        _after_failure(job, attempt, failure, reason, advice)

    facts = {"failure": failure, "reason": reason, "evidence": evidence}
    _end(attempt, AttemptState.FAILED, facts, what_next)


def run_out(attempt: Attempt, reason: str, *, evidence: str = "") -> None:
    """End an attempt for which the node's memory did not do.

    The first time on a node its memory has been freed, and the job may go there once more; that costs no budget.
    After that only as large a card or a larger one is tried.
    """

    def what_next(job: Job) -> None:
        if runs_out_first(attempt):
            said = f"{attempt.node.slug}: {reason} Its memory is freed; it may be tried there once more."
            if not _goes_on_elsewhere(job, attempt, f"{attempt.node.slug}: {reason}"):
                job.move(JobState.QUEUED, said, attempt=attempt, reason=reason[:500])
            return
        _count(job, failures=F("failures") + 1)
        _after_failure(job, attempt, FailureClass.RESOURCE, reason, advise_smaller(job))

    facts = {"failure": FailureClass.RESOURCE, "reason": reason, "evidence": evidence}
    _end(attempt, AttemptState.FAILED, facts, what_next)


def runs_out_first(attempt: Attempt) -> bool:
    """Say whether the memory of this node did for the job until now."""
    before = _recent(attempt.job).filter(node=attempt.node_id, failure=FailureClass.RESOURCE)
    return not before.exclude(pk=attempt.pk).exists()


def lose(attempt: Attempt, reason: str, *, died: bool = False, evidence: str = "") -> None:
    """End an attempt that the node forgot or took to its grave; its job goes elsewhere, budget untouched."""

    def what_next(job: Job) -> None:
        if died:
            _count(job, deaths=F("deaths") + 1)
        if died and _is_poison(job):
            said = "It seems to crash nodes: it was running each time one died."
            _put_aside(job, attempt, said, advice="Ask again after changing it.")
        elif _goes_on_elsewhere(job, attempt, reason):
            return
        elif attempt.is_adopted:
            _not_taken(job, attempt, reason)
        else:
            _requeue(job, attempt, reason, f"{reason} It goes back to the queue.")

    facts = {"failure": FailureClass.INFRASTRUCTURE, "reason": reason, "evidence": evidence}
    _end(attempt, AttemptState.LOST, facts, what_next)


def leave_to_a_person(attempt: Attempt, reason: str, *, evidence: str) -> None:
    """End an attempt that somebody keeps stopping; no budget is used, and nobody but the asker knows what is meant."""

    def what_next(job: Job) -> None:
        if not _goes_on_elsewhere(job, attempt, reason):
            _put_aside(job, attempt, reason, advice="Ask again, or cancel it.")

    facts = {"failure": FailureClass.INFRASTRUCTURE, "reason": reason, "evidence": evidence}
    _end(attempt, AttemptState.LOST, facts, what_next)


def was_interrupted(job: Job) -> bool:
    """Say whether somebody stopped it on a node before, since it was last asked for."""
    return _recent(job).filter(evidence=INTERRUPTED).exists()


def supersede(attempt: Attempt, reason: str) -> None:
    """Give an attempt's place to another node; whatever it still brings no longer counts."""

    def what_next(job: Job) -> None:
        if not _goes_on_elsewhere(job, attempt, reason):
            _requeue(job, attempt, reason, reason)

    facts = {"failure": FailureClass.INFRASTRUCTURE, "reason": reason}
    _end(attempt, AttemptState.SUPERSEDED, facts, what_next)


def give_back(attempt: Attempt, *, actor: str) -> bool:
    """Put a job back into the queue because a person wants its node to stop; nothing counts against either.

    Returns:
        False if the attempt had ended by itself.
    """
    slug = attempt.node.slug
    reason = f"Stopped on {slug} by hand."

    def what_next(job: Job) -> None:
        if not _goes_on_elsewhere(job, attempt, reason):
            said = f"{reason} It goes back to the queue."
            job.move(JobState.QUEUED, said, attempt=attempt, actor=actor, reason="", advice="")

    facts = {"failure": FailureClass.CANCELLED, "reason": reason}
    with written():
        ended = _end(attempt, AttemptState.SUPERSEDED, facts, what_next)
        if ended:
            nudges.cancel_on_commit(attempt)
    return ended


def stumble(attempt: Attempt) -> None:
    """End an attempt over which Eliot's own code fell; after some of these a person must look."""
    reason = "Eliot stumbled over it; the log says more."

    def what_next(job: Job) -> None:
        if _recent(job).filter(evidence=STUMBLED).count() >= MOST_STUMBLES:
            said = f"Eliot stumbled over it {MOST_STUMBLES} times."
            _put_aside(job, attempt, said, advice="The log says more. Ask again to try it anew.")
        elif not _goes_on_elsewhere(job, attempt, reason):
            _requeue(job, attempt, reason, f"{reason} It is tried again.")

    facts = {"failure": FailureClass.INFRASTRUCTURE, "reason": reason, "evidence": STUMBLED}
    _end(attempt, AttemptState.LOST, facts, what_next)


def confirm_cancel(attempt: Attempt, sentence: str) -> None:
    """End an attempt and its job as cancelled."""
    with written():
        attempt.move(AttemptState.CANCELLED, failure=FailureClass.CANCELLED, reason=sentence)
        attempt.job.refresh_from_db()
        _cancelled(attempt.job, attempt, sentence)
        nudges.idle_nodes_on_commit()
    progress.forget(attempt.job_id)


def end_rivals(attempt: Attempt, reason: str) -> None:
    """Supersede the other attempts of its job, and have their nodes told; inside the caller's transaction."""
    for rival in _rivals(job=attempt.job_id, pk=attempt.pk):
        if rival.move(AttemptState.SUPERSEDED, reason=reason):
            nudges.cancel_on_commit(rival)


def _end(
    attempt: Attempt,
    to: AttemptState,
    facts: dict[str, Any],
    what_next: Callable[[Job], None],
) -> bool:
    """Move the attempt and then its job, in one transaction; False, and nothing happens, if it had ended already."""
    facts["reason"] = facts["reason"][:500]
    if "evidence" in facts:
        facts["evidence"] = facts["evidence"][:400]
    with written():
        if not attempt.move(to, **facts):
            return False
        job = attempt.job
        job.refresh_from_db()
        if job.state == JobState.CANCELLING:
            _cancelled(job, attempt, "Cancelled; it had not finished.")
        else:
            what_next(job)
        nudges.idle_nodes_on_commit()
    progress.forget(attempt.job_id)
    return True


def _cancelled(job: Job, attempt: Attempt, sentence: str) -> None:
    won = job.move(
        JobState.CANCELLED,
        sentence,
        attempt=attempt,
        only_from=(JobState.CANCELLING,),
        finished=timezone.now(),
        reason=sentence,
    )
    if won:
        end_rivals(attempt, "Cancelled.")


def _count(job: Job, **counters: Combinable) -> None:
    Job.objects.filter(pk=job.pk).update(**counters)
    job.refresh_from_db(fields=[*counters])


def _goes_on_elsewhere(job: Job, attempt: Attempt, reason: str) -> bool:
    """Say so if a copy of it is on another node; then the job does not move."""
    copy = job.attempts.live().exclude(pk=attempt.pk).select_related("node").first()
    if copy is None:
        return False
    said = f"{reason} {copy.node.slug} goes on with it."
    is_rendered = copy.state in HOLDING and job.state == JobState.STORING
    if not is_rendered or not job.move(
        JobState.RUNNING, said, attempt=attempt, only_from=(JobState.STORING,)
    ):
        job.say(said, attempt=attempt)
    return True


def _after_failure(
    job: Job, attempt: Attempt, failure: FailureClass, reason: str, advice: str
) -> None:
    if _goes_on_elsewhere(job, attempt, f"{attempt.node.slug}: {reason}"):
        return
    if attempt.is_adopted:
        _not_taken(job, attempt, reason)
    elif failure == FailureClass.GRAPH:
        _give_up(job, attempt, reason, advice)
    elif failure in SPENDING and job.failures >= BUDGET:
        tried = ", ".join(sorted({one.node.slug for one in job.attempts.select_related("node")}))
        _give_up(job, attempt, f"{reason} Tried on {tried}.", advice)
    else:
        said = f"{attempt.node.slug}: {reason} It is not tried there again."
        job.move(JobState.QUEUED, said, attempt=attempt, reason=reason[:500], advice=advice)


def _give_up(job: Job, attempt: Attempt, reason: str, advice: str) -> None:
    job.move(
        JobState.FAILED,
        reason,
        attempt=attempt,
        reason=reason[:500],
        advice=advice,
        finished=timezone.now(),
    )


def _put_aside(job: Job, attempt: Attempt, said: str, *, advice: str) -> None:
    end_rivals(attempt, said)
    job.move(JobState.ATTENTION, said, attempt=attempt, reason=said, advice=advice)


def _not_taken(job: Job, attempt: Attempt, reason: str) -> None:
    """A late picture was asked for and nothing else: only a person may have it rendered anew."""
    _put_aside(job, attempt, reason[:500], advice="Ask again to render it anew.")


def _requeue(job: Job, attempt: Attempt, reason: str, said: str) -> None:
    job.move(
        JobState.QUEUED,
        said,
        attempt=attempt,
        reason=reason[:500],
        advice="",
        not_before=_after_pause(job),
    )


def _count_against_node(attempt: Attempt, reason: str) -> None:
    """Block a template on a node after three failures in a row, until somebody lifts it or one succeeds."""
    template = attempt.job.group.version.template.slug
    block, _ = NodeBlock.objects.get_or_create(node=attempt.node, template=template)
    NodeBlock.objects.filter(pk=block.pk).update(failures=F("failures") + 1, reason=reason[:300])
    block.refresh_from_db()
    if block.failures >= BLOCK_AFTER and not block.is_active:
        NodeBlock.objects.filter(pk=block.pk).update(is_active=True)
        said = f"{attempt.node.slug} takes no more {template} after {block.failures} failures."
        attempt.node.events.create(sentence=said, level=Level.WARN)
        transaction.on_commit(planning.forget_stock)
        logger.warning(
            "node %s takes no more %s after %s failures",
            attempt.node.slug,
            template,
            block.failures,
        )


def _recent(job: Job) -> QuerySet[Attempt]:
    """Return the attempts since somebody last asked for it."""
    return job.attempts.filter(fence__gt=job.forgiven)


def _is_poison(job: Job) -> bool:
    deadly = _recent(job).filter(
        state=AttemptState.LOST, started__isnull=False, failure=FailureClass.INFRASTRUCTURE
    )
    nodes = set(deadly.values_list("node", flat=True))
    if job.deaths >= DEADLY_NODES and len(nodes) >= DEADLY_NODES:
        return True
    # A node that dies over every job says nothing about this one, for some time.
    most = 2 * MOST_DEATHS if any(rests.is_to_blame(one, job.pk) for one in nodes) else MOST_DEATHS
    return job.deaths >= most


def _after_pause(job: Job) -> datetime | None:
    """Return when it may start again: at once the first time, then later and later with some jitter."""
    losses = _recent(job).filter(failure=FailureClass.INFRASTRUCTURE).count()
    if losses <= 1:
        return None
    longer = 2 ** min(losses - 2, 10)
    pause_s = min(BACKOFF_LAST_S, BACKOFF_FIRST_S * longer) * random.uniform(0.8, 1.2)  # noqa: S311
    return timezone.now() + timedelta(seconds=pause_s)
