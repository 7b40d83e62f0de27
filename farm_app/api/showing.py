"""From rows to what programs get, in a fixed number of queries for a page of jobs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, F, Max, Prefetch, Q, QuerySet

from farm_app import planning
from farm_app.api.schemas import (
    AffinitySaid,
    AttemptSaid,
    Counts,
    EventSaid,
    GroupInFull,
    GroupSaid,
    JobInFull,
    JobSaid,
    NodeReason,
    OutputSaid,
    ParameterSaid,
    ProgressSaid,
    TemplateSaid,
    WaitingSaid,
)
from farm_app.models import Attempt, Job, JobEvent, JobGroup, JobOutput, JobRequest, Priority
from farm_app.models import WorkflowTemplate as Template
from farm_app.models.jobs import NodeMode
from farm_app.models.requests import Kind
from farm_app.models.states import ENDED_JOBS, LIVE, JobState
from farm_app.progress import Glimpse, glimpses

MOST_EVENTS: Final = 500


def with_all(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Fetch along what a job's answer tells of."""
    outputs = JobOutput.objects.select_related("media_file__facts")
    live = Attempt.objects.filter(state__in=LIVE).select_related("node").order_by("-fence")
    return jobs.select_related(
        "group__version__template", "group__node", "group__request", "winner__node"
    ).prefetch_related(
        Prefetch("outputs", outputs), Prefetch("attempts", live, to_attr="live_attempts")
    )


def jobs_said(jobs: Iterable[Job]) -> list[JobSaid]:
    """Return jobs that were fetched ``with_all``."""
    rows = list(jobs)
    seen = glimpses([job.pk for job in rows if job.state == JobState.RUNNING])
    return [JobSaid(**_facts(job, seen.get(job.pk))) for job in rows]


def job_in_full(job: Job) -> JobInFull:
    """Return one job that was fetched ``with_all``, with its story."""
    seen = glimpses([job.pk]) if job.state == JobState.RUNNING else {}
    waits = job.state in (JobState.QUEUED, JobState.WAITING)
    attempts = job.attempts.select_related("node").order_by("fence")
    events = job.events.select_related("node").order_by("-pk")[:MOST_EVENTS]
    return JobInFull(
        **_facts(job, seen.get(job.pk)),
        parameters=job.values,
        waiting=_waiting(job) if waits else None,
        attempts=[_attempt(one) for one in attempts],
        events=[event_said(one) for one in reversed(events)],
    )


def _facts(job: Job, glimpse: Glimpse | None) -> dict[str, Any]:
    group, request = job.group, job.group.request
    return {
        "id": job.pk,
        "state": job.state,
        "timed_out": job.has_timed_out,
        "reason": job.reason,
        "advice": job.advice,
        "label": group.label,
        "group": request.pk if request and request.kind == Kind.GROUP else None,
        "template": group.version.template.slug,
        "template_version": group.version.number,
        "family": group.family,
        "seed": job.seed,
        "priority": Priority(job.class_now).name.lower(),
        "capabilities": [*([group.family] if group.family else []), *group.tags],
        "affinity": _affinity(group),
        "node": _node_of(job),
        "metadata": request.metadata if request else {},
        "created": job.created,
        "started": job.started,
        "finished": job.finished,
        "deadline": job.deadline,
        "seconds": job.seconds,
        "progress": progress_said(glimpse) if glimpse else None,
        "outputs": [output_said(one) for one in job.outputs.all()],
    }


def _affinity(group: JobGroup) -> AffinitySaid | None:
    if group.node_mode == NodeMode.ANY:
        return None
    return AffinitySaid(
        node=group.node.slug if group.node else None,
        fallback="any" if group.node_mode == NodeMode.PREFER else "none",
    )


def _node_of(job: Job) -> str | None:
    if job.winner is not None:
        return job.winner.node.slug
    live: Sequence[Attempt] = getattr(job, "live_attempts", ())
    return next((one.node.slug for one in live), None)


def progress_said(glimpse: Glimpse) -> ProgressSaid:
    """Return how far it is."""
    return ProgressSaid(
        node=glimpse.node_name,
        phase=glimpse.phase,
        step=glimpse.step,
        steps=glimpse.steps,
        fraction=round(glimpse.fraction, 4),
        left_s=None if glimpse.left_s is None else round(glimpse.left_s, 2),
    )


def output_said(output: JobOutput) -> OutputSaid:
    """Return one file."""
    file = output.media_file
    facts = file.known_facts
    return OutputSaid(
        ordinal=output.ordinal,
        role=output.role,
        media_id=str(file.pk),
        url=file.url,
        thumb_url=file.thumb_url,
        path=file.path,
        width=facts.width if facts else None,
        height=facts.height if facts else None,
        mime=facts.mime if facts else "",
    )


def _attempt(attempt: Attempt) -> AttemptSaid:
    return AttemptSaid(
        id=attempt.prompt_id,
        number=attempt.fence,
        node=attempt.node.slug,
        state=attempt.state,
        failure=attempt.failure,
        reason=attempt.reason,
        reserved=attempt.reserved,
        started=attempt.started,
        ended=attempt.ended,
        seconds=attempt.node_seconds,
    )


def event_said(event: JobEvent) -> EventSaid:
    """Return one event."""
    return EventSaid(
        id=event.pk,
        at=event.at,
        before=event.before,
        after=event.after,
        sentence=event.sentence,
        node=event.node.slug if event.node else None,
        actor=event.actor,
    )


def _waiting(job: Job) -> WaitingSaid:
    found = planning.explain(job)
    return WaitingSaid(
        sentence=found.sentence,
        position=found.position,
        nodes=[NodeReason(node=name, sentence=sentence) for name, sentence in found.nodes],
    )


def groups_said(requests: Iterable[JobRequest]) -> list[GroupSaid]:
    """Return job groups with their counts."""
    rows = list(requests)
    counted = counts_of([one.pk for one in rows])
    facts = _facts_of_groups([one.pk for one in rows])
    return [GroupSaid(**_group(one, counted[one.pk], facts[one.pk])) for one in rows]


def group_in_full(request: JobRequest) -> GroupInFull:
    """Return one job group with its children."""
    children = with_all(Job.objects.filter(group__request=request).order_by("pk"))
    counts, facts = counts_of([request.pk]), _facts_of_groups([request.pk])
    said = _group(request, counts[request.pk], facts[request.pk])
    return GroupInFull(**said, jobs=jobs_said(children))


def counts_of(request_ids: Sequence[int]) -> dict[int, Counts]:
    """Return how many children of each stand where."""
    ended = Q(jobs__state__in=ENDED_JOBS)
    failed = Q(jobs__state=JobState.FAILED)
    late = failed & Q(jobs__deadline__isnull=False, jobs__finished__gte=F("jobs__deadline"))
    rows = (
        JobGroup.objects.filter(request__in=request_ids)
        .values("request")
        .annotate(
            total=Count("jobs"),
            ended=Count("jobs", filter=ended),
            done=Count("jobs", filter=Q(jobs__state=JobState.DONE)),
            failed=Count("jobs", filter=failed),
            timed_out=Count("jobs", filter=late),
            cancelled=Count("jobs", filter=Q(jobs__state=JobState.CANCELLED)),
        )
    )
    return {
        row["request"]: Counts(
            total=row["total"],
            open=row["total"] - row["ended"],
            done=row["done"],
            failed=row["failed"],
            timed_out=row["timed_out"],
            cancelled=row["cancelled"],
        )
        for row in rows
    }


def _facts_of_groups(request_ids: Sequence[int]) -> dict[int, tuple[str, datetime | None]]:
    """Return label and deadline of each."""
    rows = JobGroup.objects.filter(request__in=request_ids).values("request")
    return {
        row["request"]: (row["label"], row["deadline"])
        for row in rows.annotate(label=Max("label"), deadline=Max("jobs__deadline"))
    }


def _group(
    request: JobRequest, counts: Counts, facts: tuple[str, datetime | None]
) -> dict[str, Any]:
    asked = request.asked
    label, deadline = facts
    return {
        "id": request.pk,
        "is_complete": counts.open == 0,
        "counts": counts,
        "label": label,
        "nodes": asked["nodes"],
        "fallback": asked["fallback"],
        "strategy": asked["seeds"]["strategy"],
        "base_seed": asked["seeds"]["base"],
        "metadata": request.metadata,
        "created": request.created,
        "deadline": deadline,
    }


def template_said(template: Template) -> TemplateSaid:
    """Return one usable template."""
    version = template.current
    assert version is not None  # noqa: S101 - usable ones have one
    usual = template.default_params if isinstance(template.default_params, dict) else {}
    parameters = [
        ParameterSaid(
            name=one.name,
            kind=one.kind,
            label=one.label,
            default=usual.get(one.name, one.default),
            minimum=one.minimum,
            maximum=one.maximum,
            step=one.step,
            unit=one.unit,
        )
        for one in version.fields
        if one.kind != "prefix"
    ]
    return TemplateSaid(
        slug=template.slug,
        version=version.number,
        description=template.description,
        families=template.model_families,
        from_picture=template.supports_img2img,
        work=template.work,
        parameters=parameters,
    )
