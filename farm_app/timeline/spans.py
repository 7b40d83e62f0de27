"""What nodes did, do and should do, read from attempts and the plan.

Attempts are counted by the database in slices too thin to be seen, so a busy day costs no more rows than a quiet one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Case, Count, FloatField, Func, IntegerField, Max, Min, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Floor
from django.utils import timezone

from farm_app import families, planning
from farm_app.models import Attempt, GpuNode, HealthSpan, LearnedSpeed
from farm_app.models.states import HOLDING, AttemptState
from farm_app.paces import WORTH_SAYING_S
from farm_app.planner import Batch, NodeView
from farm_app.speeds import known_speeds
from farm_app.timeline.layout import (
    CANCELLED,
    DONE,
    FAILED,
    LOAD,
    LOST,
    OFFLINE,
    PLANNED,
    PLANNED_LOAD,
    RENDERING,
    Axis,
    Span,
)

SLICES: Final = 600
# What began so long before the axis is not looked for: no picture takes longer.
LONGEST_S: Final = 3600.0
MOST_LOADS: Final = 400

Spans = dict[int, list[Span]]
"""By node id."""


class Epoch(Func):
    """A moment as seconds since 1970."""

    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Ask SQLite's calendar."""
        template = "((julianday(%(expressions)s) - 2440587.5) * 86400.0)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Ask PostgreSQL's."""
        template = "EXTRACT(EPOCH FROM %(expressions)s)::double precision"
        return self.as_sql(compiler, connection, template=template, **context)


_OUTCOME: Final = Case(
    When(state=AttemptState.FAILED, then=Value(FAILED)),
    When(state=AttemptState.LOST, then=Value(LOST)),
    When(state__in=(AttemptState.SUPERSEDED, AttemptState.CANCELLED), then=Value(CANCELLED)),
    default=Value(DONE),
)


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, tz=UTC)


def past_spans(axis: Axis) -> Spans:
    """Return what ended on each node, in slices of the axis, and the model loads in it."""
    width_s = axis.length_s / SLICES
    ended = (
        Attempt.objects.exclude(state__in=HOLDING)
        .filter(reserved__gte=_moment(axis.start_s - LONGEST_S), reserved__lte=_moment(axis.now_s))
        .order_by()
    )
    left = Coalesce("produced", "ended", "reserved")
    slice_ = Cast(Floor((Epoch("reserved") - Value(axis.start_s)) / Value(width_s)), IntegerField())
    rows = (
        ended.annotate(left=left, slice=slice_, outcome=_OUTCOME)
        .filter(left__gt=_moment(axis.start_s))
        .values_list(
            "node_id",
            "slice",
            "outcome",
            "job__group__family",
            "job__group__version__template__slug",
        )
        .annotate(count=Count("pk"), first=Min(Epoch("reserved")), last=Max(Epoch("left")))
    )
    found: Spans = defaultdict(list)
    for node_id, _, outcome, family, template, count, start_s, end_s in rows:
        span = Span(start_s, max(end_s, start_s), outcome, label_of(family, template), count)
        found[node_id].append(span)
    for node_id, span in _loads(ended.filter(was_cold=True)):
        found[node_id] = _with_load(found[node_id], span)
    return found


def label_of(family: str, template: str) -> str:
    """Return what a picture's model is called."""
    known = families.FAMILIES.get(family)
    return known.label if known else "Upscale" if "upscale" in template else template


def _loads(cold: Any) -> Iterable[tuple[int, Span]]:
    """Yield the model loads that are known to have taken a while."""
    known = {
        (node_id, template): load_s
        for node_id, template, load_s in LearnedSpeed.objects.filter(load_s__gte=WORTH_SAYING_S)
        .order_by("count")
        .values_list("node_id", "template", "load_s")
    }
    rows = cold.order_by("-reserved").values_list(
        "node_id", "job__group__version__template__slug", Epoch("reserved"),
        Epoch(Coalesce("produced", "ended", "reserved")), KeyTextTransform("checkpoint", "job__values"),
    )[:MOST_LOADS]  # fmt: skip
    for node_id, template, start_s, end_s, model in rows:
        load_s = known.get((node_id, template))
        if load_s:
            yield node_id, Span(start_s, min(start_s + load_s, end_s), LOAD, _stem(model))


def _stem(model: str | None) -> str:
    """Return the name of a model file without its folders and its ending."""
    file = (model or "").replace("\\", "/").rpartition("/")[2]
    return file.rpartition(".")[0] or file


def _with_load(spans: list[Span], load: Span) -> list[Span]:
    """Return spans with a model load at the beginning of the one that it is part of."""
    found = []
    for span in spans:
        if span.kind == LOAD or not span.start_s <= load.start_s < span.end_s:
            found.append(span)
            continue
        if load.start_s > span.start_s:
            found.append(Span(span.start_s, load.start_s, span.kind, span.label, span.count))
            count = 0
        else:
            count = span.count
        if load.end_s < span.end_s:
            found.append(Span(load.end_s, span.end_s, span.kind, span.label, count))
    return [*found, load]


def present_spans(axis: Axis) -> Spans:
    """Return what each node has now, up to when it should be through."""
    rows = Attempt.objects.holding().order_by()
    facts = (
        "node_id", "reserved", "started", "submitted", "expected_s",
        "job__group__family", "job__group__version__template__slug",
    )  # fmt: skip
    found: Spans = defaultdict(list)
    for node_id, reserved, started, submitted, expected_s, family, template in rows.values_list(
        *facts
    ):
        since: datetime = started or submitted or reserved
        end_s = max(since.timestamp() + (expected_s or 0.0), axis.now_s)
        span = Span(reserved.timestamp(), end_s, RENDERING, label_of(family, template))
        found[node_id].append(span)
    return found


def away_spans(axis: Axis) -> Spans:
    """Return when nodes did not answer; who does not now is away up to now."""
    found: Spans = defaultdict(list)
    lost = HealthSpan.objects.filter(kind=HealthSpan.Kind.LOST, until__gte=_moment(axis.start_s))
    for node_id, since, until in lost.values_list("node_id", "since", "until"):
        span = Span(since.timestamp(), until.timestamp(), OFFLINE, "Offline")
        found[node_id].append(span)
    for node in GpuNode.objects.enabled().filter(unseen_since__isnull=False).without_lists():
        if node.standing == "offline" and node.unseen_since:
            at = f"{timezone.localtime(node.unseen_since):%H:%M}"
            start_s = node.unseen_since.timestamp()
            found[node.pk] = [one for one in found[node.pk] if one.end_s < start_s]
            found[node.pk].append(Span(start_s, axis.now_s, OFFLINE, f"Offline since {at}"))
    return found


def planned_spans(drawn: planning.Drawn) -> Spans:
    """Return what the plan has for each node: job by job as far as it goes, the rest as one."""
    labels = _labels(drawn.batches)
    by_job = {job_id: batch for batch in drawn.batches for job_id in batch.job_ids}
    views = {view.id: view for view in drawn.nodes}
    warm = {view.id: view.warm for view in drawn.nodes}
    found: Spans = defaultdict(list)
    for job_id, expected in sorted(drawn.plan.expected.items(), key=lambda one: one[1].start_s):
        batch, node_id = by_job[job_id], expected.node_id
        load_s = _load_s(batch, views[node_id], warm)
        start_s = expected.start_s + load_s
        if load_s:
            found[node_id].append(
                Span(expected.start_s, start_s, PLANNED_LOAD, _stem(batch.cost.model))
            )
        found[node_id].append(Span(start_s, expected.end_s, PLANNED, labels[batch.key]))
    _add_rest(found, drawn)
    return found


def _labels(batches: Iterable[Batch]) -> Mapping[str, str]:
    return {one.key: label_of(one.needs.family or "", one.needs.template) for one in batches}


def _load_s(batch: Batch, view: NodeView, warm: dict[int, str | None]) -> float:
    if batch.cost.model is None or warm[view.id] == batch.cost.model:
        return 0.0
    warm[view.id] = batch.cost.model
    return known_speeds().estimate(view, batch.cost).load_s


def _add_rest(found: Spans, drawn: planning.Drawn) -> None:
    """Add what the plan pours out by volume: which node gets which of it is not known yet."""
    left = sum(batch.size for batch in drawn.batches if batch.key in drawn.plan.batch_done_s)
    left -= len(drawn.plan.expected)
    done_s = max(drawn.plan.batch_done_s.values(), default=0.0)
    if left <= 0:
        return
    for spans in found.values():
        end_s = spans[-1].end_s
        if done_s > end_s:
            spans.append(Span(end_s, done_s, PLANNED, f"some of {left} more"))
