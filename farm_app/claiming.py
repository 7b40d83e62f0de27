"""Claiming: a node takes the job that the plan gives it, or a copy of one that a silent node has.

Plan and claim go together under one lock per process; between processes the conditional claim decides. What ended
and what comes next are one commit, which also says that the next is being sent: no second one is waited for.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Exists, F
from django.utils import timezone

from eliot.failpoints import failpoint, failpoint_on_commit
from eliot.statements import Given, Question, insert
from eliot.writing import written
from farm_app import binding, nudges, planning, stopping
from farm_app.models import Attempt, GpuNode, Job, TemplateVersion
from farm_app.models.jobs import NodeMode
from farm_app.models.states import AttemptState, JobState
from farm_app.planner import Assignment, Estimate

logger = logging.getLogger(__name__)

_plan_lock: Final = threading.Lock()
MOST_LIVE: Final = 2
# What a plan gave to a node a moment ago still stands; the conditional claim decides whether the job does.
OFFER_S: Final = 0.5

_queued: Final[Question[Job]] = Question(
    lambda: Job.objects.queued().filter(pk=Given("pk", Job._meta.pk)).select_related("group")
)
# A plan is a moment old when its jobs are claimed: what was paused or drained since then stays where it is, and a node
# that has died since gets nothing.
_wanted: Final[Question[int]] = Question(
    lambda: (
        Job.objects.queued()
        .not_paused()
        .filter(Exists(GpuNode.objects.ready().filter(pk=Given("node", GpuNode._meta.pk))))
        .filter(pk=Given("job", Job._meta.pk))
        .values_list("pk", flat=True)
    )
)


@dataclass(frozen=True)
class _Offer:
    """What a plan starts on a node: an attempt that is not saved yet, to be claimed within a moment.

    Its fence is the job's next one, so it is void as soon as anybody claims the job.
    """

    attempt: Attempt
    made: float = field(default_factory=time.monotonic)

    @property
    def stands(self) -> bool:
        """Whether it was made a moment ago."""
        return time.monotonic() - self.made < OFFER_S


_offers: dict[int, _Offer] = {}


def wake_idle() -> None:
    """Nudge the idle nodes that the plan of this moment starts something on."""
    with _plan_lock:
        plan = planning.draw_plan()
    _wake(plan, plan.now)


def claim(node: GpuNode, *, client_id: str = "") -> Attempt | None:
    """Reserve the job that the plan starts on this node now, or return None.

    With the client id of an open socket it comes ready to be sent, unless something must be uploaded first.
    """
    offer = _taken_offer(node)
    attempt = _accept(offer, client_id) if offer else None
    if attempt is not None:
        return attempt
    with _plan_lock:
        plan = planning.draw_plan()
        attempt = _claim_from(plan, node, client_id)
    _wake_others(plan, node)
    return attempt


def look_ahead(node: GpuNode, *, client_id: str) -> None:
    """Work out what this node starts when what it renders now is done, which is about to be.

    So its pause does not hold a plan and the binding of a graph, only the claim.
    """
    with _plan_lock:
        # Of several nodes that are about to end, each is promised another job.
        promised = [offer.attempt.job_id for offer in list(_offers.values()) if offer.stands]
        plan = planning.draw_plan(freeing=node, without=promised)
        _make_offers(plan, [node.pk], client_id)
    _wake_others(plan, node)


def claim_after(node: GpuNode, book: Callable[[], None], *, client_id: str = "") -> Attempt | None:
    """Claim in one commit with ``book``, which frees this node's slot."""
    offer = _taken_offer(node)
    if offer is not None:
        with written():
            book()
            attempt = _accept(offer, client_id)
        return attempt or claim(node, client_id=client_id)
    with _plan_lock:
        plan = planning.draw_plan(freeing=node)
        with written():
            book()
            attempt = _claim_from(plan, node, client_id)
    _wake_others(plan, node)
    return attempt


def _taken_offer(node: GpuNode) -> _Offer | None:
    offer = _offers.pop(node.pk, None)
    return offer if offer and offer.stands and not stopping.is_stopping() else None


def _accept(offer: _Offer, client_id: str) -> Attempt | None:
    """Claim what was offered, if nobody else has; twenty idle nodes that one plan woke draw no other."""
    attempt = offer.attempt
    if attempt.client_id != client_id:
        _make_ready(attempt, client_id)
    return _reserved(attempt)


def _claim_from(plan: planning.Drawn, node: GpuNode, client_id: str) -> Attempt | None:
    turn = plan.now.get(node.pk)
    if turn is None or stopping.is_stopping():
        return None
    return reserve(turn, plan.rows[node.pk], client_id=client_id)


def _wake_others(plan: planning.Drawn, node: GpuNode) -> None:
    """Nudge the other idle nodes that this plan starts something on."""
    _wake(plan, [other for other in plan.now if other != node.pk])


def _wake(plan: planning.Drawn, node_ids: Collection[int]) -> None:
    # Who will be at it longest goes first: the others can make up for a late start.
    longest_first = sorted(
        (one for one in node_ids if one in plan.now), key=lambda one: -plan.now[one].end_s
    )
    _make_offers(plan, longest_first)
    nudges.feed(longest_first)


def _make_offers(plan: planning.Drawn, node_ids: Collection[int], client_id: str = "") -> None:
    for turn in [plan.now[one] for one in node_ids if one in plan.now]:
        job = _queued.first(pk=turn.job_id)
        if job is not None:
            attempt = _ready_attempt(job, plan.rows[turn.node_id], turn, client_id)
            _offers[turn.node_id] = _Offer(attempt)


def reserve(turn: Assignment, node: GpuNode, *, client_id: str = "") -> Attempt | None:
    """Take the job and the node's slot in one transaction; None when either was taken meanwhile."""
    job = _queued.first(pk=turn.job_id)
    return _reserved(_ready_attempt(job, node, turn, client_id)) if job is not None else None


def _reserved(attempt: Attempt) -> Attempt | None:
    try:
        with written():
            if not _taken(attempt):
                transaction.set_rollback(True)
                return None
    except IntegrityError:
        return None
    note_warm(attempt)
    return attempt


def _ready_attempt(job: Job, node: GpuNode, turn: Assignment, client_id: str) -> Attempt:
    """Return an attempt that is not saved yet, bound if that is possible at once."""
    attempt = _attempt(job, node)
    attempt.expected_s = turn.run_s + turn.load_s
    attempt.was_cold = turn.load_s > 0
    if job.group.node_mode == NodeMode.PREFER and job.group.node_id != node.pk:
        attempt.reason = turn.reason
    _make_ready(attempt, client_id)
    return attempt


def _attempt(job: Job, node: GpuNode) -> Attempt:
    job.group.version = TemplateVersion.known(job.group.version_id)
    attempt = Attempt(job=job, node=node, origin=node.origin, fence=job.fence + 1)
    attempt.claimed_here = True
    return attempt


def _make_ready(attempt: Attempt, client_id: str) -> None:
    """Bind it now if that needs nothing from the node; then there is no commit between this one and the POST."""
    graph = binding.bind_at_once(attempt) if client_id else None
    attempt.state = AttemptState.RESERVED if graph is None else AttemptState.SUBMITTING
    attempt.sent, attempt.client_id = graph, client_id if graph else ""


def note_warm(attempt: Attempt) -> None:
    """Write down which model the node loads for it: from then on that one is warm."""
    warm = binding.model_of(attempt)
    if warm and warm != attempt.node.warm_model:
        GpuNode.objects.filter(pk=attempt.node_id).update(warm_model=warm)
        attempt.node.warm_model = warm


def _taken(attempt: Attempt) -> bool:
    job = attempt.job
    if not _wanted(job=job.pk, node=attempt.node_id):
        return False
    now = timezone.now()
    facts: dict[str, Any] = {"fence": attempt.fence, "not_before": None, "reason": "", "advice": ""}
    if not job.started:
        facts["started"] = now
    attempt.reserved = now
    attempt.submitted = now if attempt.state == AttemptState.SUBMITTING else None
    failpoint(f"attempt new>{attempt.state} before")
    insert(attempt)
    failpoint_on_commit(f"attempt new>{attempt.state} after")
    said = f"{attempt.node.slug} takes it. {attempt.reason}".strip()
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
            _reserve_copy(attempt, *found.idle, why="does not answer")
    return found.is_possible


def copy_of_slow(attempt: Attempt, left_s: float) -> bool:
    """Let an idle node render a copy of what a slow one will need so much longer for; say whether one does.

    The first picture that is home and whole wins, and the other node is told to stop.
    """
    with _plan_lock:
        found = planning.look_for_faster(attempt, left_s)
        if found is None or stopping.is_stopping():
            return False
        return _reserve_copy(attempt, *found, why="is slower than expected")


def _reserve_copy(attempt: Attempt, node: GpuNode, estimate: Estimate, *, why: str) -> bool:
    try:
        with written():
            job = Job.objects.get(pk=attempt.job_id)
            copy = _attempt(job, node)
            copy.is_backup, copy.expected_s = True, estimate.run_s + estimate.load_s
            copy.was_cold = estimate.load_s > 0
            if job.attempts.live().count() >= MOST_LIVE or not _fenced(job):
                return False
            failpoint("attempt new>copy before")
            copy.save(force_insert=True)
            failpoint_on_commit("attempt new>copy after")
            said = f"{attempt.node.slug} {why}; {node.slug} renders a copy."
            job.say(said, attempt=copy)
            transaction.on_commit(lambda: nudges.feed([node.pk]))
    except IntegrityError:
        logger.info("node %s was taken before it could render a copy", node.slug)
        return False
    return True


def _fenced(job: Job) -> bool:
    row = Job.objects.filter(pk=job.pk, fence=job.fence, state=JobState.RUNNING)
    return bool(row.update(fence=F("fence") + 1))
