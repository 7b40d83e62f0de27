"""Jobs: the durable queue. A job is one prompt to run once.

Every change of state goes through `move`, which is one conditional update on the allowed old states and says
whether it won; job, attempt and event move in one transaction.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from eliot import live
from eliot.failpoints import failpoint, failpoint_on_commit
from eliot.statements import Change, Given, insert
from eliot.writing import in_turn, written
from farm_app.models.nodes import GpuNode
from farm_app.models.states import (
    ENDED_JOBS,
    JOB_MOVES,
    OPEN_JOBS,
    AttemptState,
    JobState,
    level_of,
    may_become,
)
from farm_app.models.templates import TemplateVersion, Work
from gallery_app.models import Library, MediaFile

if TYPE_CHECKING:
    from farm_app.models.attempts import Attempt

FARM_GROUP = "farm"
# States that a job is on its way through: pages show them with the progress, and hear at once of all others.
PASSING: Final = (JobState.RUNNING, JobState.STORING)
# A person may ask again for what has ended or is about to be cancelled, or for what waits for a person.
MAY_BE_ASKED_AGAIN: Final = (
    JobState.FAILED,
    JobState.CANCELLING,
    JobState.CANCELLED,
    JobState.ATTENTION,
    JobState.WAITING,
)
ASKED_AGAIN: Final = "Asked again."
# What a job that is asked for again is, beside queued. A place of long ago says nothing about today's queue.
AS_NEW: Final[dict[str, Any]] = {
    "forgiven": models.F("fence"),
    "failures": 0,
    "deaths": 0,
    "reason": "",
    "advice": "",
    "not_before": None,
    "deadline": None,  # whoever asks again wants it, however late
    "finished": None,
    "rank": None,
}


def share_group(share_key: str) -> str:
    """Return the channel group that hears about the jobs of one share."""
    return f"share.{share_key}"


class Priority(models.IntegerChoices):
    """Who goes first; a job that waits long climbs a class."""

    INTERACTIVE = 0, "Interactive"
    REFINE = 1, "Refine"
    BULK = 2, "Bulk"
    BACKGROUND = 3, "Background"


class NodeMode(models.TextChoices):
    """How much a wish for one node counts."""

    ANY = "any", "Any node"
    PREFER = "prefer", "Prefer this node"
    ONLY = "only", "Only this node"


class Pausable(models.Model):
    """What somebody may hold back; what is at work goes on."""

    is_paused = models.BooleanField(default=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=80, blank=True)

    class Meta:
        abstract = True


class QueueState(Pausable):
    """The one row about the queue as a whole."""

    class Meta:
        verbose_name = verbose_name_plural = "queue"

    def __str__(self) -> str:
        """Name it."""
        return "the queue"

    @classmethod
    def now(cls) -> "QueueState":
        """Return it as it stands; it is made when it is changed for the first time."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class JobGroup(Pausable):
    """Jobs asked for together. What the asker tells the farm is opaque to it."""

    version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="groups")
    family = models.CharField(max_length=30, blank=True)
    label = models.CharField(
        max_length=200, help_text="Who asks, in words: shown in queue and strip."
    )
    origin_name = models.CharField(
        max_length=80, blank=True, help_text="URL name of the asker's page."
    )
    origin_args = models.JSONField(default=list, blank=True)
    share_key = models.CharField(
        max_length=80, help_text="Jobs of one share take turns with other shares."
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, default=Priority.INTERACTIVE
    )
    work = models.CharField(max_length=10, choices=Work.choices, default=Work.STANDARD)
    node_mode = models.CharField(max_length=6, choices=NodeMode.choices, default=NodeMode.ANY)
    node = models.ForeignKey(
        GpuNode, on_delete=models.SET_NULL, null=True, blank=True, related_name="wishes"
    )
    next_family = models.CharField(
        max_length=30,
        blank=True,
        help_text="What whoever asked will probably want next: idle nodes may load it.",
    )
    next_checkpoint = models.CharField(max_length=255, blank=True)
    tags = models.JSONField(
        default=list, blank=True, help_text="What a node must be marked for beside the family."
    )
    request = models.ForeignKey(
        "JobRequest",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="groups",
        help_text="What a program posted; empty for pages and commands.",
    )
    created = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        """Name it."""
        return self.label

    @property
    def origin_url(self) -> str:
        """Address of the asker's page; empty if there is none, or no more."""
        try:
            return reverse(self.origin_name, args=self.origin_args) if self.origin_name else ""
        except NoReverseMatch:
            return ""


def split_label(label: str) -> tuple[str, str]:
    """Return the title in what an asker calls its jobs, and the stage behind it; empty if there is none."""
    title, _, stage = label.rpartition(" · ")
    return (title, stage) if title else (label, "")


HELD: Final = Q(is_paused=True) | Q(group__is_paused=True)
"""Jobs that somebody holds back alone or with their batch."""


class JobQuerySet(models.QuerySet["Job"]):
    """Verbs on jobs."""

    def queued(self) -> Self:
        """Return what may start, in the order in which it was asked for.

        A place that somebody gave a job goes before; see `farm_app.planning.queue`.
        """
        return self.filter(state=JobState.QUEUED).order_by("pk")

    def open(self) -> Self:
        """Return what has not ended."""
        return self.filter(state__in=OPEN_JOBS)

    def ended(self) -> Self:
        """Return what is done, cancelled or failed."""
        return self.filter(state__in=ENDED_JOBS)

    def due(self, now: Any = None) -> Self:
        """Return queued jobs whose pause after a fault is over and that nobody paused."""
        return self.queued().not_paused().rested(now)

    def rested(self, now: Any = None) -> Self:
        """Leave out what still pauses after a fault."""
        return self.filter(Q(not_before__isnull=True) | Q(not_before__lte=now or timezone.now()))

    def not_paused(self) -> Self:
        """Leave out what somebody paused: the job, its batch or the whole queue."""
        on = ~models.Exists(QueueState.objects.filter(is_paused=True))
        return self.filter(on, is_paused=False, group__is_paused=False)


class Job(Pausable):
    """One prompt to run once. Values and seed are frozen when it is asked for."""

    group = models.ForeignKey(JobGroup, on_delete=models.CASCADE, related_name="jobs")
    ordinal = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    values = models.JSONField(help_text="Parameter name to value; a seed is text.")
    seed = models.CharField(max_length=20)
    shape = models.CharField(
        max_length=32, help_text="Hash of needs and cost: equal jobs are planned as one."
    )
    recipe = models.JSONField(
        default=dict, help_text="The eliot record that is written into the file."
    )
    library = models.ForeignKey(Library, on_delete=models.PROTECT, related_name="+")
    destination = models.CharField(max_length=400, help_text="Wanted path in the library.")
    source = models.ForeignKey(
        MediaFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The picture that the render starts from.",
    )
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, null=True, blank=True, help_text="Its own; without, its group's."
    )
    rank = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="A place by hand: before all of its class that have none, the lowest first.",
    )
    not_before = models.DateTimeField(null=True, blank=True)
    deadline = models.DateTimeField(
        null=True, blank=True, help_text="It is given up when it is not made by then."
    )
    fence = models.PositiveIntegerField(default=0)
    winner = models.OneToOneField(
        "Attempt", on_delete=models.RESTRICT, null=True, blank=True, related_name="won_job"
    )
    forgiven = models.PositiveIntegerField(
        default=0, help_text="Attempts up to this fence no longer count against their nodes."
    )
    failures = models.PositiveSmallIntegerField(
        default=0, help_text="Attempts that used up the retry budget."
    )
    deaths = models.PositiveSmallIntegerField(
        default=0, help_text="Nodes that died while running it."
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why it waits or failed.")
    advice = models.CharField(max_length=300, blank=True, help_text="What to do about it.")
    created = models.DateTimeField(default=timezone.now)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(
        null=True, blank=True, help_text="On the node, from start to success."
    )

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "ordinal"], name="one_job_per_ordinal"),
            models.CheckConstraint(
                condition=~Q(state=JobState.DONE) | Q(winner__isnull=False),
                name="a_done_job_has_a_winner",
            ),
        ]
        indexes: ClassVar = [
            # What may start? Read for every plan.
            models.Index(
                fields=["group", "shape"], condition=Q(state=JobState.QUEUED), name="queued_jobs"
            ),
            # What waits, what is open? Read for every plan, by the sweep, the strip and every count of a page.
            # Of all states: SQLite sees in no list of states that a part of them would do.
            models.Index(fields=["state"], name="jobs_by_state"),
            # What must be given up? Read by the sweep.
            models.Index(
                fields=["deadline"],
                condition=Q(deadline__isnull=False) & ~Q(state__in=ENDED_JOBS),
                name="jobs_with_deadline",
            ),
        ]

    def __str__(self) -> str:
        """Name it."""
        return f"job {self.pk} ({self.state})"

    def move(
        self,
        to: JobState,
        sentence: str,
        *,
        attempt: "Attempt | None" = None,
        actor: str = "",
        only_from: Collection[str] | None = None,
        **facts: Any,
    ) -> bool:
        """Go to a state if the row still stands where that is allowed; say whether this call won.

        The event is written in the same transaction; live pages are nudged when it is committed. ``only_from``
        narrows the states that are left by this move.
        """
        allowed = may_become(JOB_MOVES, to)
        if only_from is not None:
            allowed = [state for state in allowed if state in only_from]
        # Within another transaction a fault undoes all of that one: no savepoint, which is two more statements.
        with in_turn(), transaction.atomic(savepoint=False):
            before = self._left(to, allowed, facts)
            if before is None:
                return False
            failpoint(f"job {before}>{to} before")
            failpoint_on_commit(f"job {before}>{to} after")
            self.state = to
            for name, value in facts.items():
                if not isinstance(value, models.F):
                    setattr(self, name, value)
            self.say(sentence, attempt=attempt, actor=actor, before=before)
        return True

    def _left(self, to: JobState, allowed: Collection[str], facts: dict[str, Any]) -> str | None:
        """Write the new state over the old one, and return the old one; None if it may not be left.

        The update names the one state that it leaves, so that the event tells the truth.
        """
        before = self.state
        while True:
            if before in allowed and self._replaced(before, to, facts):
                return before
            now = Job.objects.filter(pk=self.pk).values_list("state", flat=True).first()
            if now is None or now not in allowed:
                return None
            before = now

    def _replaced(self, before: str, to: JobState, facts: dict[str, Any]) -> int:
        if any(isinstance(value, models.F) for value in facts.values()):
            return Job.objects.filter(pk=self.pk, state=before).update(state=to, **facts)
        return _replacement(to, tuple(facts))(pk=self.pk, before=before, **facts)

    def say(
        self,
        sentence: str,
        *,
        attempt: "Attempt | None" = None,
        actor: str = "",
        before: str = "",
    ) -> None:
        """Write an event about this job and nudge the pages that show it."""
        left = before or self.state
        event = self.events.model(
            job_id=self.pk,
            attempt_id=attempt.pk if attempt else None,
            node_id=attempt.node_id if attempt else None,
            before=left,
            after=self.state,
            sentence=sentence[:500],
            level=level_of(left, self.state, on_node=attempt is not None),
            actor=actor,
        )
        with in_turn():
            insert(event)
        kind = "page.soon" if self.state in PASSING else "page.changed"
        transaction.on_commit(partial(tell_pages, self.group.share_key, kind))

    def ask_again(self, *, actor: str = "") -> bool:
        """Queue a failed or cancelled job again with the same seed and values; every node may try again.

        An attempt that is still under way is superseded, so that it cannot deliver. `cancelling.ask_again` also has
        its node told.
        """
        with written():
            # Earlier failures are history: a person decided that it is worth trying everywhere again.
            won = self.move(
                JobState.QUEUED, ASKED_AGAIN, actor=actor, only_from=MAY_BE_ASKED_AGAIN, **AS_NEW
            )
            if won:
                for attempt in self.attempts.live():
                    attempt.move(AttemptState.SUPERSEDED, reason="Asked again.")
        return won

    @property
    def number(self) -> int:
        """Which one it is of those that were asked for with it, as the asker counts."""
        return int(self.recipe.get("generation") or self.ordinal + 1)

    @property
    def class_now(self) -> int:
        """Its priority class: its own, or else its group's."""
        return self.group.priority if self.priority is None else self.priority

    @property
    def has_timed_out(self) -> bool:
        """Whether it failed because it was not made by its deadline."""
        return (
            self.state == JobState.FAILED
            and self.deadline is not None
            and self.finished is not None
            and self.finished >= self.deadline
        )

    @property
    def output(self) -> MediaFile | None:
        """The picture: what the winner brought home, which is the output with ordinal 0."""
        return self.winner.media_file if self.winner else None


@cache
def _replacement(to: JobState, names: tuple[str, ...]) -> Change:
    key, before = Given("pk", Job._meta.pk), Given("before", Job._meta.get_field("state"))
    return Change(lambda: Job.objects.filter(pk=key, state=before), *names, state=to)


_collecting: Final = threading.local()


def tell_pages(share_key: str, kind: str) -> None:
    """Nudge the pages that show jobs of this share, at once or at the end of `told_once`."""
    collected: set[tuple[str, str]] | None = getattr(_collecting, "nudges", None)
    if collected is not None:
        collected.add((share_key, kind))
        return
    live.publish(share_group(share_key), kind)
    live.publish(FARM_GROUP, "page.around")


@contextmanager
def told_once() -> Iterator[None]:
    """Tell each page once of all the jobs that move in this block: a nudge says only where to look."""
    _collecting.nudges = set()
    try:
        yield
    finally:
        collected, _collecting.nudges = _collecting.nudges, None
        for share_key, kind in collected:
            tell_pages(share_key, kind)
