"""Why a job is not running yet, for people."""

from dataclasses import dataclass

from django.utils import timezone

from farm_app import planner
from farm_app.models import Job
from farm_app.models.jobs import NodeMode
from farm_app.models.states import JobState
from farm_app.planner import Batch
from farm_app.planning.drawing import Drawn, draw_plan
from farm_app.planning.queue import batch_of


@dataclass(frozen=True)
class Waiting:
    """Why a job waits: in one sentence, its place in the queue, and node by node."""

    sentence: str
    position: int
    nodes: tuple[tuple[str, str], ...]


def explain(job: Job) -> Waiting:
    """Say why a job is not running yet."""
    drawn = draw_plan()
    batch = next((one for one in drawn.batches if job.pk in one.job_ids), None) or batch_of(job)
    said = planner.explain(batch, drawn.nodes, drawn.plan, drawn.at, job.pk)
    ahead = Job.objects.queued().filter(pk__lt=job.pk).count()
    nodes = tuple((view.name, sentence) for view, sentence in said)
    sentence = f"{_why_in_short(job, drawn, ahead)} {_why_elsewhere(job, batch, drawn)}".strip()
    return Waiting(sentence, ahead + 1, nodes)


def _why_in_short(job: Job, drawn: Drawn, ahead: int) -> str:
    if job.state == JobState.WAITING:
        return job.reason
    if job.is_paused or job.group.is_paused:
        return "It is paused."
    if job.not_before and job.not_before > timezone.now():
        return f"{job.reason} It is tried again in a moment.".strip()
    expected = drawn.plan.expected.get(job.pk)
    if expected is None:
        return _why_unplanned(job, drawn)
    name = next(view.name for view in drawn.nodes if view.id == expected.node_id)
    before = f" after {ahead} that came first" if ahead else ""
    return f"It starts on {name} in about {planner.spell_s(max(expected.start_s - drawn.at, 0))}{before}."


def _why_elsewhere(job: Job, batch: Batch, drawn: Drawn) -> str:
    """Say why it is not expected on the node that somebody prefers."""
    expected = drawn.plan.expected.get(job.pk)
    if batch.node_mode != NodeMode.PREFER or expected is None or expected.node_id == batch.node_id:
        return ""
    return planner.why_not_preferred(batch, job.pk, drawn.nodes)


def _why_unplanned(job: Job, drawn: Drawn) -> str:
    refusal = drawn.plan.impossible.get(f"{job.group_id}:{job.shape}")
    refusal = refusal or drawn.plan.stranded.get(job.pk)
    return (
        refusal.sentence if refusal is not None else "It starts when the jobs before it are done."
    )
