"""Obstacles that no running job will remove: jobs wait for a person, say why, and go on when the cause is gone."""

import time
from collections.abc import Iterable, Iterator, Mapping

from django.utils import timezone

from farm_app.models import Job
from farm_app.models.states import JobState
from farm_app.planner import Batch, Plan, Refusal
from farm_app.planning.drawing import Drawn
from farm_app.planning.queue import read_waiting
from farm_app.planning.together import plan_together
from farm_app.portions import in_portions
from farm_app.speeds import known_speeds


def sort_out_obstacles(drawn: Drawn) -> None:
    """Let jobs wait that no node could ever take, with the nearest fix, and go on when one could.

    A job that failed wherever it could run is failed for good: it says where and why.
    """
    stopped = dict(_refused(drawn.batches, drawn.plan))
    in_portions(stopped, lambda job: _stop_at(job, stopped[job.pk]))
    waiting = read_waiting().batches
    if not waiting:
        return
    again = plan_together(waiting, drawn.nodes, known_speeds(), time.time())
    refused = dict(_refused(waiting, again))
    possible = [pk for batch in waiting for pk in batch.job_ids if pk not in refused]
    in_portions(possible, _go_on)
    in_portions(_with_other_words(refused), lambda job: _reword(job, refused[job.pk]))


def _refused(batches: Iterable[Batch], plan: Plan) -> Iterator[tuple[int, Refusal]]:
    for batch in batches:
        refusal = plan.impossible.get(batch.key)
        if refusal is not None and refusal.lasting:
            yield from ((pk, refusal) for pk in batch.job_ids)
    yield from ((pk, one) for pk, one in plan.stranded.items() if one.lasting)


def _with_other_words(refused: Mapping[int, Refusal]) -> list[int]:
    """Return the jobs that wait for something else now than they say."""
    rows = Job.objects.filter(state=JobState.WAITING).values_list("pk", "reason")
    return [pk for pk, said in rows if pk in refused and refused[pk].sentence[:500] != said]


def _reword(job: Job, refusal: Refusal) -> None:
    facts = {"reason": refusal.sentence[:500], "advice": refusal.fix[:300]}
    if Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(**facts):
        job.say(refusal.sentence)


def _go_on(job: Job) -> None:
    only_from = (JobState.WAITING,)
    said = "A node can take it now."
    job.move(JobState.QUEUED, said, only_from=only_from, reason="", advice="")


def _stop_at(job: Job, refusal: Refusal) -> None:
    if job.failures:
        reason = f"{job.reason or refusal.sentence} {_tried(job)}".strip()[:500]
        job.move(
            JobState.FAILED,
            reason,
            reason=reason,
            advice=job.advice or refusal.fix[:300],
            finished=timezone.now(),
        )
        return
    job.move(
        JobState.WAITING, refusal.sentence, reason=refusal.sentence[:500], advice=refusal.fix[:300]
    )


def _tried(job: Job) -> str:
    names = sorted({attempt.node.slug for attempt in job.attempts.select_related("node")})
    return f"Tried on {', '.join(names)}." if names else ""
