"""The queue's entries: what is at work job by job, and what waits as batches of equal jobs, in the order of the plan.

Read in a fixed number of queries, none of which grows with the jobs but only with the batches.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any, Final

from django.db.models import BooleanField, Case, Count, Max, Min, QuerySet, Value, When
from django.utils import timezone

from farm_app import planning
from farm_app.models import Attempt, Job, JobGroup, QueueState
from farm_app.models.jobs import HELD
from farm_app.models.states import HOLDING, JobState
from farm_app.planner import Expectation
from farm_app.planning.queue import spell_key
from farm_app.speeds import known_speeds

WORK, TURN, NEEDS, PAUSED = "work", "turn", "needs", "paused"
SECTIONS: Final = (WORK, TURN, NEEDS, PAUSED)
"""In this order: what renders, what waits its turn, what waits for a person, what somebody holds back."""
_ON_NODE: Final = (JobState.RUNNING, JobState.CANCELLING)
_NEEDS: Final = (JobState.WAITING, JobState.ATTENTION)
_OTHERS: Final = (JobState.QUEUED, JobState.STORING, *_NEEDS)


@dataclass(frozen=True)
class Asked:
    """What a group says of all its jobs."""

    pk: int
    label: str
    family: str
    template: str
    share_key: str
    priority: int
    request: int | None = None

    @property
    def together(self) -> str:
        """Names all that one asker asked for together: a program's job group, else a session or the like."""
        return f"request.{self.request}" if self.request else self.share_key


@dataclass(frozen=True)
class Pause:
    """By whom it is held back, and since when, as far as that is known; ``whole`` means the queue as a whole."""

    by: str = ""
    at: datetime | None = None
    whole: bool = False


@dataclass(frozen=True)
class Entry:
    """Equal jobs that stand in the queue as one.

    Attributes:
        key: Names it in addresses and element ids: j and a job's id, or b, group and shape.
        count: How many jobs; ``first`` is the id of the one that was asked for first.
        held: Whether somebody holds these jobs back, whatever else keeps them; ``pause`` tells of what keeps them now.
        nodes: Where it is now.
        place: Of its first job among those that wait their turn, from 1, also while the whole queue is paused; 0 for
            what does not.
        start_s, end_s: By the plan, since the epoch: of its first job, and of its last.
        doubt: Share of the wait by which the plan may well be off.
        expected_on: Node that the plan has for its first job, and how many start there before.
        refusal: Why no node takes it at this moment.
    """

    key: str
    section: str
    state: str
    asked: Asked
    shape: str
    count: int
    first: int
    rank: int | None = None
    own_priority: int | None = None
    reason: str = ""
    advice: str = ""
    not_before: datetime | None = None
    held: bool = False
    pause: Pause | None = None
    nodes: tuple[str, ...] = ()
    place: int = 0
    start_s: float | None = None
    end_s: float | None = None
    doubt: float = 0.0
    expected_on: tuple[str, int] | None = None
    refusal: str = ""

    @property
    def priority(self) -> int:
        """The class that counts."""
        return self.asked.priority if self.own_priority is None else self.own_priority

    @property
    def can_move(self) -> bool:
        """Whether it has a place among others: it waits its turn, or for nothing but the queue to go on."""
        return self.section == TURN or (self.section == PAUSED and not self.held)

    def one(self, pk: int, offset: int) -> "Entry":
        """Return one of its jobs, so many after its first, as an entry of its own; when it starts is not known yet."""
        place = self.place + offset if self.place else 0
        return replace(
            self,
            key=f"j{pk}",
            first=pk,
            count=1,
            place=place,
            expected_on=None,
            start_s=None,
            end_s=None,
        )

    @property
    def batch_key(self) -> str:
        """The key under which the plan knows it."""
        return spell_key(self.asked.pk, self.shape, self.rank, self.own_priority)

    def jobs(self) -> QuerySet[Job]:
        """Return its jobs as they are in the rows now, first asked first."""
        if self.key.startswith("j"):
            return Job.objects.open().filter(pk=self.first)
        rows = Job.objects.filter(
            group=self.asked.pk,
            shape=self.shape,
            state=self.state,
            rank=self.rank,
            priority=self.own_priority,
            reason=self.reason,
        )
        return rows.filter(HELD if self.held else ~HELD).order_by("pk")


@dataclass(frozen=True)
class Reading:
    """The whole queue at one moment."""

    entries: tuple[Entry, ...]
    pause: Pause | None
    at: float
    counts: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def by_key(self) -> Mapping[str, Entry]:
        """The entries by key."""
        return {entry.key: entry for entry in self.entries}

    @property
    def total(self) -> int:
        """Open jobs."""
        return sum(self.counts.values())

    @property
    def turns(self) -> Sequence[Entry]:
        """What waits its turn, in order; of a queue that is paused, what has a turn when it goes on."""
        return [entry for entry in self.entries if entry.can_move]

    def around(self, pk: int) -> tuple[Entry, int] | None:
        """Return the batch in which an open job stands, and how many of it come before; None for what stands alone."""
        job = Job.objects.open().filter(pk=pk).values_list("group_id", "shape", "state").first()
        alike = (
            entry
            for entry in self.entries
            if entry.count > 1 and (entry.asked.pk, entry.shape, entry.state) == job
        )
        for entry in alike:
            jobs = entry.jobs()
            if jobs.filter(pk=pk).exists():
                return entry, jobs.filter(pk__lt=pk).count()
        return None


def read_queue(drawn: planning.Drawn | None = None) -> Reading:
    """Read the queue; without a plan, one is drawn."""
    drawn = drawn or planning.draw_plan()
    state = QueueState.now()
    whole = Pause(state.paused_by, state.paused_at, True) if state.is_paused else None
    groups = _groups()
    found = [*_on_nodes(groups), *_others(groups, whole)]
    ordered = _in_order(found, drawn)
    return Reading(tuple(_planned(ordered, drawn)), whole, drawn.at, _counted(ordered))


def _counted(entries: Iterable[Entry]) -> dict[str, int]:
    counts = dict.fromkeys(SECTIONS, 0)
    for entry in entries:
        counts[entry.section] += entry.count
    return counts


def _groups() -> dict[int, Asked]:
    rows = JobGroup.objects.filter(pk__in=Job.objects.open().values("group")).values_list(
        "pk",
        "label",
        "family",
        "version__template__slug",
        "share_key",
        "priority",
        "request",
    )
    return {row[0]: Asked(*row) for row in rows.order_by()}


def _on_nodes(groups: Mapping[int, Asked]) -> Iterator[Entry]:
    """Yield what nodes have now, job by job, longest first."""
    rows = Job.objects.filter(state__in=_ON_NODE).order_by("started", "pk")
    held: dict[int, list[tuple[str, float | None]]] = defaultdict(list)
    live = Attempt.objects.filter(state__in=HOLDING, job__state__in=_ON_NODE).order_by("fence")
    facts = ("job_id", "node__slug", "started", "submitted", "reserved", "expected_s")
    for job_id, slug, started, submitted, reserved, expected_s in live.values_list(*facts):
        since: datetime = started or submitted or reserved
        end_s = since.timestamp() + expected_s if expected_s else None
        held[job_id].append((slug, end_s))
    named = ("pk", "group_id", "state", "shape", "rank", "priority", "reason", "started")
    for pk, group_id, state, shape, rank, priority, reason, started in rows.values_list(*named):
        if group_id not in groups:
            continue  # asked for since
        there = held.get(pk, [])
        yield Entry(
            key=f"j{pk}",
            section=WORK,
            state=state,
            asked=groups[group_id],
            shape=shape,
            count=1,
            first=pk,
            rank=rank,
            own_priority=priority,
            reason=reason,
            nodes=tuple(slug for slug, _ in there),
            start_s=started.timestamp() if started else None,
            end_s=min((end_s for _, end_s in there if end_s), default=None),
        )


_GROUPED: Final = (
    "group_id",
    "shape",
    "state",
    "rank",
    "priority",
    "reason",
    "advice",
    "held",
    "group__paused_at",
    "group__paused_by",
)


def _others(groups: Mapping[int, Asked], whole: Pause | None) -> Iterator[Entry]:
    """Yield the rest as batches: what nothing tells apart stands as one."""
    held = Case(
        When(HELD, then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
    rows = (
        Job.objects.filter(state__in=_OTHERS)
        .order_by()
        .annotate(held=held)
        .values_list(*_GROUPED)
        .annotate(
            count=Count("pk"),
            first=Min("pk"),
            again=Max("not_before"),
            at=Max("paused_at"),
            by=Max("paused_by"),
        )
    )
    names = _Names()
    for row in sorted(rows, key=lambda one: one[_FIRST]):
        if row[0] in groups:
            yield _entry(row, groups[row[0]], whole, names)


class _Names:
    """Gives entries their keys: a single job has its own, batches that look alike are numbered as they were asked for."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = defaultdict(int)

    def name(self, group_id: int, shape: str, section: str, count: int, first: int) -> str:
        if count == 1:
            return f"j{first}"
        key = f"b{group_id}-{shape[:8]}-{section[0]}"
        self._seen[key] += 1
        return key if self._seen[key] == 1 else f"{key}-{self._seen[key]}"


_FIRST: Final = len(_GROUPED) + 1


def _entry(row: Sequence[Any], asked: Asked, whole: Pause | None, names: _Names) -> Entry:
    pk, shape, state, rank, priority, reason, advice, held, at, by, count, first, again, *own = row
    section = NEEDS if state in _NEEDS else WORK if state == JobState.STORING else TURN
    pause = None
    if section == TURN and (held or whole):
        section, pause = PAUSED, Pause(own[1] or by, own[0] or at) if held else whole
    return Entry(
        key=names.name(pk, shape, section, count, first),
        section=section,
        state=state,
        asked=asked,
        shape=shape,
        count=count,
        first=first,
        rank=rank,
        own_priority=priority,
        reason=reason,
        advice=advice,
        not_before=again,
        held=held,
        pause=pause,
    )


def _in_order(entries: Iterable[Entry], drawn: planning.Drawn) -> list[Entry]:
    """Sort them: by section, and what waits its turn as the plan has it; what that leaves out comes last."""
    turn = {key: place for place, key in enumerate(drawn.plan.order)}
    never = len(turn)

    def order(entry: Entry) -> tuple[Any, ...]:
        if entry.section == WORK:
            return 0, entry.state == JobState.STORING, entry.start_s or 0.0, entry.first
        by_hand = (entry.rank is None, entry.rank or 0)
        planned = turn.get(entry.batch_key, never) if entry.section == TURN else never
        return SECTIONS.index(entry.section), planned, entry.priority, *by_hand, entry.first

    return sorted(entries, key=order)


def _planned(entries: Sequence[Entry], drawn: planning.Drawn) -> Iterator[Entry]:
    """Add what the plan says of each, its place, and how sure that is."""
    plan, names = drawn.plan, {node.id: node.name for node in drawn.nodes}
    starts = _starts_by_node(plan.expected.values())
    doubts = _Doubts(drawn)
    place = 1
    for section, found in groupby(entries, key=lambda entry: entry.section):
        for entry in found:
            if not entry.can_move:
                yield entry
                continue
            if section != TURN:
                yield replace(entry, place=place)
                place += entry.count
                continue
            expected = plan.expected.get(entry.first)
            ends = plan.batch_done_s.get(entry.batch_key)
            refusal = plan.impossible.get(entry.batch_key) or plan.stranded.get(entry.first)
            on = None
            if expected is not None:
                before = bisect_left(starts[expected.node_id], expected.start_s)
                on = (names[expected.node_id], before)
            yield replace(
                entry,
                place=place,
                start_s=expected.start_s if expected else None,
                end_s=expected.end_s if expected and entry.count == 1 else ends,
                doubt=doubts.after(entry, expected),
                expected_on=on,
                refusal=refusal.sentence if refusal else "",
            )
            place += entry.count


def _starts_by_node(expected: Iterable[Expectation]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(list)
    for one in expected:
        found[one.node_id].append(one.start_s)
    for starts in found.values():
        starts.sort()
    return found


class _Doubts:
    """How sure a wait is: as sure as what is known of the speed of all that comes before, by how long each takes."""

    def __init__(self, drawn: planning.Drawn) -> None:
        self._batches = {batch.key: batch for batch in drawn.batches}
        self._views = {node.id: node for node in drawn.nodes}
        self._offers = drawn.plan.offers
        self._seconds = self._doubtful = 0.0

    def after(self, entry: Entry, expected: Expectation | None) -> float:
        """Count this entry, and return the doubt that stands after it."""
        batch = self._batches.get(entry.batch_key)
        node_id = (
            expected.node_id
            if expected
            else next(iter(self._offers.get(entry.batch_key, ())), None)
        )
        if batch is not None and node_id is not None:
            estimate = known_speeds().estimate(self._views[node_id], batch.cost)
            seconds = estimate.run_s * entry.count
            self._seconds += seconds
            self._doubtful += seconds * estimate.doubt
        return self._doubtful / self._seconds if self._seconds else 0.0


def is_due_again(entry: Entry) -> bool:
    """Say whether it may start by now, after a pause that a fault asked for."""
    return entry.not_before is None or entry.not_before <= timezone.now()
