"""Why a job is not running yet, for people."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from django.utils import timezone

from farm_app import planner
from farm_app.models import Job, QueueState
from farm_app.models.jobs import NodeMode, Pausable
from farm_app.models.states import JobState
from farm_app.planner import Batch, Reason
from farm_app.planning.drawing import Drawn, draw_plan
from farm_app.planning.queue import batch_of

SOON_S: Final = 0.5


@dataclass(frozen=True)
class Waiting:
    """Why a job waits: in one sentence, its place in the queue, and node by node."""

    sentence: str
    position: int
    nodes: tuple[tuple[str, str], ...]
    refusals: Mapping[str, Reason]
    """Why those of them that do not take it now do not, by name."""


def explain(job: Job) -> Waiting:
    """Say why a job is not running yet."""
    drawn = draw_plan()
    batch = next((one for one in drawn.batches if job.pk in one.job_ids), None) or batch_of(job)
    if who_paused(job) is not None:
        batch = replace(
            batch, paused=True
        )  # no node is about to take it, whatever the plan says of others
    said = planner.explain(batch, drawn.nodes, drawn.plan, drawn.at, job.pk)
    ahead = _ahead(job, batch, drawn)
    nodes = tuple((view.name, sentence) for view, sentence in said)
    in_short = _why_in_short(job, batch, drawn, ahead)
    sentence = f"{in_short} {_why_elsewhere(job, batch, drawn)}".strip()
    found = ((view.name, planner.why_not(batch, view, job.pk)) for view, _ in said)
    refusals = {name: reason for name, reason in found if reason is not None}
    return Waiting(sentence, ahead + 1, nodes, refusals)


def _ahead(job: Job, batch: Batch, drawn: Drawn) -> int:
    """Return how many jobs have their turn before it; of what is held back, those that were asked for before."""
    if batch.key not in drawn.plan.order:
        return Job.objects.queued().filter(pk__lt=job.pk).count()
    sizes = {one.key: one.size for one in drawn.batches if not one.paused}
    before = drawn.plan.order[: drawn.plan.order.index(batch.key)]
    own = Job.objects.due().filter(pk__lt=job.pk, group=job.group_id, shape=job.shape)
    alike = own.filter(rank=job.rank, priority=job.priority)
    return sum(sizes.get(key, 0) for key in before) + alike.count()


def is_queue_paused() -> bool:
    """Say whether somebody holds the whole queue back."""
    return QueueState.now().is_paused


def who_paused(job: Job) -> Pausable | None:
    """Return what is paused, if that is why the job does not start: the queue, its group, or the job alone."""
    held = (QueueState.now(), job.group, job)
    return next((one for one in held if one.is_paused), None)


def spell_pause(held: Pausable) -> str:
    """Say by whom it is paused, and since when, as far as that is known."""
    what = "The queue is paused" if isinstance(held, QueueState) else "Paused"
    by = f" by {held.paused_by}" if held.paused_by else ""
    at = f" at {timezone.localtime(held.paused_at):%H:%M}" if held.paused_at else ""
    return f"{what}{by}{at}."


def _why_in_short(job: Job, batch: Batch, drawn: Drawn, ahead: int) -> str:
    if job.state == JobState.WAITING:
        return job.reason
    held = who_paused(job)
    if held is not None:
        return spell_pause(held)
    if job.not_before and job.not_before > timezone.now():
        return f"{job.reason} It is tried again in a moment.".strip()
    expected = drawn.plan.expected.get(job.pk)
    if expected is None:
        return _why_unplanned(job, batch, drawn)
    name = next(view.name for view in drawn.nodes if view.id == expected.node_id)
    before = f" after {ahead} that came first" if ahead else ""
    if expected.start_s - drawn.at < SOON_S:
        return f"It starts on {name} now."
    return f"It starts on {name} in about {planner.spell_s(max(expected.start_s - drawn.at, 0))}{before}."


def _why_elsewhere(job: Job, batch: Batch, drawn: Drawn) -> str:
    """Say why it is not expected on the node that somebody prefers."""
    expected = drawn.plan.expected.get(job.pk)
    if batch.node_mode != NodeMode.PREFER or expected is None or expected.node_id == batch.node_id:
        return ""
    return planner.why_not_preferred(batch, job.pk, drawn.nodes)


def _why_unplanned(job: Job, batch: Batch, drawn: Drawn) -> str:
    refusal = drawn.plan.impossible.get(batch.key)
    refusal = refusal or drawn.plan.stranded.get(job.pk)
    return (
        refusal.sentence if refusal is not None else "It starts when the jobs before it are done."
    )
