"""Claiming: a node takes the job that the plan gives it, or a copy of one that a silent node has.

Plan and claim go together under one lock per process; between processes the conditional claim decides. What ended
and what comes next are one commit, which also says that the next is being sent: no second one is waited for.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from eliot.writing import written
from farm_app import binding, nudges, planning, stopping
from farm_app.models import Attempt, GpuNode, Job, TemplateVersion
from farm_app.models.states import AttemptState, JobState
from farm_app.planner import Assignment, Estimate

logger = logging.getLogger(__name__)

_plan_lock: Final = threading.Lock()
MOST_LIVE: Final = 2
# How long what a plan gave to an idle node stands for that node: it has just been nudged to come for it.
OFFER_S: Final = 0.2

_offers: dict[int, tuple[float, Assignment, GpuNode]] = {}


def wake_idle() -> None:
    """Nudge the idle nodes that the plan of this moment starts something on."""
    with _plan_lock:
        plan = planning.draw_plan()
    _wake(plan, plan.now)


def claim(node: GpuNode, *, client_id: str = "") -> Attempt | None:
    """Reserve the job that the plan starts on this node now, or return None.

    With the client id of an open socket it comes ready to be sent, unless something must be uploaded first.
    """
    attempt = _claim_offered(node, client_id)
    if attempt is not None:
        return attempt
    with _plan_lock:
        plan = planning.draw_plan()
        attempt = _claim_from(plan, node, client_id)
    _wake_others(plan, node)
    return attempt


def _claim_offered(node: GpuNode, client_id: str) -> Attempt | None:
    """Take what the plan that woke this node gave it, if nobody else has: twenty idle nodes share one plan."""
    offered_at, turn, row = _offers.pop(node.pk, (0.0, None, None))
    if turn is None or row is None or stopping.is_stopping():
        return None
    is_fresh = time.monotonic() - offered_at < OFFER_S
    return reserve(turn, row, client_id=client_id) if is_fresh else None


def claim_after(node: GpuNode, book: Callable[[], None], *, client_id: str = "") -> Attempt | None:
    """Do so in one commit with ``book``, which frees this node's slot."""
    with _plan_lock:
        plan = planning.draw_plan(freeing=node)
        with written():
            book()
            attempt = _claim_from(plan, node, client_id)
    _wake_others(plan, node)
    return attempt


def _claim_from(plan: planning.Drawn, node: GpuNode, client_id: str) -> Attempt | None:
    turn = plan.now.get(node.pk)
    if turn is None or stopping.is_stopping():
        return None
    return reserve(turn, plan.rows[node.pk], client_id=client_id)


def _wake_others(plan: planning.Drawn, node: GpuNode) -> None:
    """Nudge the other idle nodes that this plan starts something on."""
    _wake(plan, [other for other in plan.now if other != node.pk])


def _wake(plan: planning.Drawn, node_ids: Collection[int]) -> None:
    offered_at = time.monotonic()
    _offers.update({one: (offered_at, plan.now[one], plan.rows[one]) for one in node_ids})
    nudges.feed(node_ids)


def reserve(turn: Assignment, node: GpuNode, *, client_id: str = "") -> Attempt | None:
    """Take the job and the node's slot in one transaction; None when either was taken meanwhile."""
    try:
        with written():
            attempt = _attempt(Job.objects.select_related("group").get(pk=turn.job_id), node)
            attempt.expected_s = turn.run_s + turn.load_s
            attempt.was_cold = turn.load_s > 0
            _make_ready(attempt, client_id)
            if not _taken(attempt):
                transaction.set_rollback(True)
                return None
    except (IntegrityError, Job.DoesNotExist):
        return None
    return attempt


def _attempt(job: Job, node: GpuNode) -> Attempt:
    job.group.version = TemplateVersion.known(job.group.version_id)
    attempt = Attempt(
        job=job, node=node, origin=node.origin, node_epoch=node.epoch, fence=job.fence + 1
    )
    attempt.claimed_here = True
    return attempt


def _make_ready(attempt: Attempt, client_id: str) -> None:
    """Bind it now if that needs nothing from the node; then there is no commit between this one and the POST."""
    graph = binding.bind_at_once(attempt) if client_id else None
    if graph is None:
        return
    attempt.state = AttemptState.SUBMITTING
    attempt.sent, attempt.client_id, attempt.submitted = graph, client_id, timezone.now()
    note_warm(attempt)


def note_warm(attempt: Attempt) -> None:
    """Write down which model the node loads for it: from then on that one is warm."""
    warm = binding.model_of(attempt)
    if warm and warm != attempt.node.warm_model:
        GpuNode.objects.filter(pk=attempt.node_id).update(warm_model=warm)
        attempt.node.warm_model = warm


def _taken(attempt: Attempt) -> bool:
    job = attempt.job
    facts: dict[str, Any] = {"fence": attempt.fence, "not_before": None, "reason": "", "advice": ""}
    if not job.started:
        facts["started"] = timezone.now()
    attempt.save(force_insert=True)
    said = f"{attempt.node.slug} takes it."
    only_from = (JobState.QUEUED,)
    return job.move(JobState.RUNNING, said, attempt=attempt, only_from=only_from, **facts)


def copy_elsewhere(attempt: Attempt) -> bool:
    """Let an idle node render a copy of what a silent node has; whoever is first wins.

    Returns:
        Whether some other node could take the job, now or later.
    """
    with _plan_lock:
        found = planning.look_elsewhere(attempt)
        if found.idle is not None and not stopping.is_stopping():
            _reserve_copy(attempt, *found.idle)
    return found.is_possible


def _reserve_copy(attempt: Attempt, node: GpuNode, estimate: Estimate) -> None:
    try:
        with written():
            job = Job.objects.get(pk=attempt.job_id)
            copy = _attempt(job, node)
            copy.is_backup, copy.expected_s = True, estimate.run_s + estimate.load_s
            copy.was_cold = estimate.load_s > 0
            if job.attempts.live().count() >= MOST_LIVE or not _fenced(job):
                return
            copy.save(force_insert=True)
            said = f"{attempt.node.slug} does not answer; {node.slug} renders a copy."
            job.say(said, attempt=copy)
            transaction.on_commit(lambda: nudges.feed([node.pk]))
    except IntegrityError:
        logger.info("node %s was taken before it could render a copy", node.slug)


def _fenced(job: Job) -> bool:
    row = Job.objects.filter(pk=job.pk, fence=job.fence, state=JobState.RUNNING)
    return bool(row.update(fence=F("fence") + 1))
