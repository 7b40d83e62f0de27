"""The queue as the planner sees it: jobs of one group and shape are one batch, and only its head is named job by job."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import F, Max, Q, QuerySet, Sum
from django.utils import timezone

from eliot.statements import Given, Question
from farm_app.models import Attempt, GpuNode, Job, JobGroup
from farm_app.models.states import NODE_FAULTS, AttemptState, FailureClass, JobState
from farm_app.needs import cost_of, needs_of
from farm_app.planner import Batch, Cost, Needs
from farm_app.planning.together import HEAD

LATELY: Final = timedelta(minutes=10)
MOST_KNOWN: Final = 2000
NOWHERE: Final[Mapping[int, frozenset[int]]] = {}
"""The nodes that jobs must not go to again, where none failed; one for all, as they may be ten thousand."""

Key = tuple[int, str, int | None, int | None]
"""Group, shape, and what somebody gave the jobs: a place and a priority class."""

_FACTS: Final = ("pk", "group_id", "shape", "fence", "forgiven", "rank", "priority")

_due: Final[Question[Any]] = Question(
    lambda: Job.objects.due(Given("now", Job._meta.get_field("not_before"))).values_list(*_FACTS)
)
_queued_groups: Final[Question[Any]] = Question(
    lambda: _read_groups(JobGroup.objects.filter(pk__in=Job.objects.queued().values("group")))
)
_started: Final[Question[Any]] = Question(
    lambda: (
        Job.objects.filter(group__in=Job.objects.queued().values("group"), started__isnull=False)
        .order_by()
        .values_list("group_id")
        .annotate(
            last=Max("started"),
            had=Sum(
                "seconds", filter=Q(started__gte=Given("since", Job._meta.get_field("started")))
            ),
        )
    )
)

# What runs has no seconds of its own yet; it takes what was expected.
_running: Final[Question[Any]] = Question(
    lambda: (
        Attempt.objects.holding()
        .order_by()
        .values_list("job__group__share_key", "job__group__owner", "expected_s")
    )
)

ShapeName = tuple[int, str, str, str]
"""Version, template, family and shape."""

_known_shapes: dict[ShapeName, tuple[Needs, Cost]] = {}


class _Group(NamedTuple):
    """What a plan must know of a group."""

    pk: int
    version_id: int
    family: str
    share_key: str
    owner_id: int | None
    priority: int
    work: str
    node_mode: str
    node_id: int | None
    created: datetime
    template: str


@dataclass(frozen=True)
class Queue:
    """What waits, and what each share has had lately."""

    batches: tuple[Batch, ...] = ()
    served: Mapping[str, float] | None = None
    served_people: Mapping[str, float] | None = None


def read_queue(*, without: Collection[int] = ()) -> Queue:
    """Return what may start now."""
    due = _due(now=timezone.now())
    rows = [row for row in due if row[0] not in without] if without else due
    return _read(rows, _queued_groups() if rows else ())


def read_waiting() -> Queue:
    """Return what waits for an obstacle to be removed."""
    rows = Job.objects.filter(state=JobState.WAITING).order_by("pk").values_list(*_FACTS)
    ids = {row[1] for row in rows}
    return _read(rows, _read_groups(JobGroup.objects.filter(pk__in=ids)) if ids else ())


def _read_groups(groups: QuerySet[JobGroup]) -> QuerySet[Any, Any]:
    """Return tuples: of ten thousand groups, models would take ten times as long."""
    return groups.order_by().values_list(*_Group._fields[:-1], "version__template__slug")


def _read(rows: Iterable[tuple[Any, ...]], its_groups: Iterable[tuple[Any, ...]]) -> Queue:
    ids: dict[Key, list[int]] = defaultdict(list)
    tried: list[int] = []
    for pk, group_id, shape, fence, forgiven, rank, priority in rows:
        ids[group_id, shape, rank, priority].append(pk)
        if fence > forgiven:
            tried.append(pk)
    if not ids:
        return Queue()
    asked = {key[0] for key in ids}
    groups = {row[0]: _Group._make(row) for row in its_groups if row[0] in asked}
    names = {key: _shape_key(key[1], groups[key[0]]) for key in ids if key[0] in groups}
    shapes = _shapes({name: ids[key][0] for key, name in names.items()})
    excluded = exclusions(Q(job__in=tried)) if tried else {}
    # Turns are taken among several only.
    several = len(groups) > 1
    running = _running() if several else ()
    starts, served = _history(groups, running) if several else ({}, None)
    batches = tuple(
        _batch(key, ids[key], groups[key[0]], shapes[name], excluded, starts.get(key[0]))
        for key, name in names.items()
        if name in shapes
    )
    return Queue(batches, served, _had_by_people(groups.values(), running))


def _shapes(firsts: Mapping[ShapeName, int]) -> dict[ShapeName, tuple[Needs, Cost]]:
    """Return needs and cost of each shape, of which a job is given. What was worked out once stays true."""
    found = {name: _known_shapes[name] for name in firsts.keys() & _known_shapes.keys()}
    unknown = {name: pk for name, pk in firsts.items() if name not in found}
    return found | _worked_out(unknown) if unknown else found


def _shape_key(shape: str, group: _Group) -> ShapeName:
    return group.version_id, group.template, group.family, shape


def _worked_out(unknown: Mapping[ShapeName, int]) -> dict[ShapeName, tuple[Needs, Cost]]:
    """Return the needs and costs of shapes, each read off a job that has it, and remember them."""
    found: dict[ShapeName, tuple[Needs, Cost]] = {}
    names = {pk: name for name, pk in unknown.items()}
    for job in Job.objects.filter(pk__in=names).select_related("group__version__template"):
        asked = (job.group.version, job.group.family, job.values)
        found[names[job.pk]] = needs_of(*asked, job.group.tags), cost_of(*asked)
    if len(_known_shapes) > MOST_KNOWN:
        _known_shapes.clear()
    _known_shapes.update(found)
    return found


def exclusions(which: Q) -> dict[int, frozenset[int]]:
    """Return the nodes that the jobs of these attempts must not go to again.

    A node that lacked something is asked again when its inventory has been read since, but once only; one whose
    memory did not do is, since that was freed.
    """
    failed = Attempt.objects.filter(
        which,
        state=AttemptState.FAILED,
        failure__in=NODE_FAULTS,
        fence__gt=F("job__forgiven"),
    )
    rows = failed.values_list("job_id", "node_id", "failure", "ended", "node__inventory_at")
    found: dict[int, set[int]] = defaultdict(set)
    lacked: set[tuple[int, int]] = set()
    too_small: dict[int, list[int]] = defaultdict(list)
    for job_id, node_id, failure, ended, read in rows.order_by("fence"):
        is_first = (job_id, node_id) not in lacked
        if failure == FailureClass.CAPABILITY:
            lacked.add((job_id, node_id))
            if is_first and read and ended and read > ended:
                continue
        if failure == FailureClass.RESOURCE:
            is_first = node_id not in too_small[job_id]
            too_small[job_id].append(node_id)
            if is_first:
                continue
        found[job_id].add(node_id)
    _exclude_smaller(found, too_small)
    return {job_id: frozenset(nodes) for job_id, nodes in found.items()}


def _exclude_smaller(found: dict[int, set[int]], too_small: Mapping[int, list[int]]) -> None:
    """Where one card's memory did not do, a smaller one's will not; nor is an equal one tried while a larger can."""
    if not too_small:
        return
    nodes = GpuNode.objects.filter(vram_gb__isnull=False).without_lists()
    sizes = {node.pk: node.vram_gb or 0.0 for node in nodes}
    families = dict(Job.objects.filter(pk__in=too_small).values_list("pk", "group__family"))
    for job_id, tried in too_small.items():
        limit = max((sizes[pk] for pk in tried if pk in sizes), default=0.0)
        has_larger = any(
            sizes[node.pk] > limit and node.standing == "ready"
            for node in nodes
            if not families.get(job_id) or families[job_id] in node.families
        )
        found[job_id].update(
            pk
            for pk, size in sizes.items()
            if size < limit or (has_larger and size == limit and tried.count(pk) != 1)
        )


def _history(
    groups: Mapping[int, _Group], running: Iterable[tuple[Any, ...]]
) -> tuple[dict[int, datetime], dict[str, float] | None]:
    """Return when each group last started a job, and what each share has had since all of them wait, in node-seconds."""
    starts: dict[int, datetime] = {}
    served: dict[str, float] = defaultdict(float)
    since = _since_all_wait((group.share_key, group.created) for group in groups.values())
    for group_id, last, had in _started(since=since):
        if group_id in groups:
            starts[group_id] = last
            served[groups[group_id].share_key] += had or 0.0
    for share, _, expected_s in running:
        served[share] += expected_s or 0.0
    return starts, dict(served)


def _since_all_wait(asked: Iterable[tuple[Any, datetime]]) -> datetime:
    """Return since when each of several has been waiting, at most a while ago.

    What somebody had before another one came says nothing about whose turn it is: who comes to a farm that has worked
    for one person for hours gets half of it, not all of it until hours are made up for.
    """
    first: dict[Any, datetime] = {}
    for who, at in asked:
        first[who] = min(at, first.get(who, at))
    return max(*first.values(), timezone.now() - LATELY)


def _had_by_people(
    groups: Collection[_Group], running: Iterable[tuple[Any, ...]]
) -> dict[str, float] | None:
    """Return what each person has had since all of them wait, in node-seconds, where several do."""
    if len({group.owner_id for group in groups}) < 2:
        return None
    since = _since_all_wait((group.owner_id, group.created) for group in groups)
    lately = Attempt.objects.filter(reserved__gte=since).order_by()
    rows = lately.values_list("job__group__owner").annotate(Sum("node_seconds"))
    served: dict[str, float] = defaultdict(float)
    for owner, had in (*rows, *((owner, expected_s) for _, owner, expected_s in running)):
        served[_spell_owner(owner)] += had or 0.0
    return dict(served)


def _spell_owner(owner_id: int | None) -> str:
    return "" if owner_id is None else str(owner_id)


def _batch(
    key: Key,
    queued: list[int],
    group: _Group,
    shape: tuple[Needs, Cost],
    excluded: Mapping[int, frozenset[int]],
    last_start: datetime | None,
) -> Batch:
    odd = {pk: excluded[pk] for pk in queued if pk in excluded} if excluded else NOWHERE
    needs, cost = shape
    *_, rank, own = key
    return Batch(
        key=spell_key(*key),
        job_ids=tuple(sorted({*queued[:HEAD], *odd}) if odd else queued[:HEAD]),
        needs=needs,
        cost=cost,
        priority=group.priority if own is None else own,
        owner=_spell_owner(group.owner_id),
        share_key=group.share_key,
        work=group.work,
        node_mode=group.node_mode,
        node_id=group.node_id,
        excluded=odd,
        placed_at_s=group.created.timestamp(),
        last_start_s=last_start.timestamp() if last_start else None,
        count=len(queued),
        rank=rank,
    )


def spell_key(group_id: int, shape: str, rank: int | None, priority: int | None) -> str:
    """Return the key under which plans know the jobs of one group that nothing tells apart."""
    by_hand = f":{rank}:{priority}" if (rank, priority) != (None, None) else ""
    return f"{group_id}:{shape}{by_hand}"


def batch_of(job: Job) -> Batch:
    """Return one job as a batch of its own, whatever its state."""
    group = job.group
    return Batch(
        key=spell_key(group.pk, job.shape, job.rank, job.priority),
        job_ids=(job.pk,),
        needs=needs_of(group.version, group.family, job.values, group.tags),
        cost=cost_of(group.version, group.family, job.values),
        node_mode=group.node_mode,
        node_id=group.node_id,
        priority=job.class_now,
        rank=job.rank,
        paused=job.is_paused or group.is_paused,
        excluded=exclusions(Q(job=job.pk)),
    )
