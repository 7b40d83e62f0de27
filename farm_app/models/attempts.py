"""Attempts: one submission of a job to one node each; what came of it, and the tale of it all."""

import uuid
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, Final, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from eliot.failpoints import failpoint, failpoint_on_commit
from eliot.statements import Change, Given
from eliot.writing import in_turn
from farm_app.models.jobs import Job
from farm_app.models.nodes import GpuNode
from farm_app.models.states import (
    ATTEMPT_MOVES,
    COMING_HOME,
    GIVEN_UP,
    HOLDING,
    LIVE,
    MAY_ADOPT,
    AttemptState,
    FailureClass,
    Level,
    may_become,
)
from farm_app.who import spelled
from gallery_app.models import MediaFile

LATE_KEPT: Final = timedelta(days=7)


class AttemptQuerySet(models.QuerySet["Attempt"]):
    """Verbs on attempts."""

    def holding(self) -> Self:
        """Return those that hold their node's slot."""
        return self.filter(state__in=HOLDING)

    def coming_home(self) -> Self:
        """Return those whose picture is made and not yet in the library."""
        return self.filter(state__in=COMING_HOME)

    def live(self) -> Self:
        """Return those that may still win."""
        return self.filter(state__in=LIVE)

    def late(self) -> Self:
        """Return those that were given up and whose node finished anyway, of the last days; latest first."""
        kept_since = timezone.now() - LATE_KEPT
        found = self.filter(state__in=GIVEN_UP, produced__gte=kept_since)
        return found.exclude(outputs=[]).order_by("-produced")

    def adoptable(self) -> Self:
        """Return those late ones that a person may take, since their jobs have no picture."""
        return self.late().filter(job__state__in=MAY_ADOPT)


class Attempt(models.Model):
    """One submission to one node. Its UUID is the ComfyUI ``prompt_id``."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    node = models.ForeignKey(GpuNode, on_delete=models.PROTECT, related_name="attempts")
    origin = models.CharField(max_length=300, help_text="The node's address when it was sent.")
    fence = models.PositiveIntegerField()
    state = models.CharField(
        max_length=10, choices=AttemptState.choices, default=AttemptState.RESERVED
    )
    node_prompt_id = models.CharField(
        max_length=64, blank=True, help_text="When a server made its own id."
    )
    client_id = models.CharField(max_length=80, blank=True)
    is_backup = models.BooleanField(default=False)
    is_adopted = models.BooleanField(
        default=False, help_text="A person took what an earlier attempt brought too late."
    )
    sent = models.JSONField(null=True, help_text="The graph as this node got it.")
    expected_s = models.FloatField(null=True, help_text="Seconds that the plan expected.")
    was_cold = models.BooleanField(default=False)
    reserved = models.DateTimeField(default=timezone.now)
    submitted = models.DateTimeField(null=True)
    started = models.DateTimeField(null=True)
    produced = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    node_seconds = models.FloatField(
        null=True, help_text="From the node's own start and success times."
    )
    outputs = models.JSONField(
        default=list, help_text="What history lists: file name, subfolder, type, node id."
    )
    store_until = models.DateTimeField(null=True, help_text="Somebody brings it home until then.")
    fetches = models.PositiveSmallIntegerField(default=0)
    spool = models.CharField(max_length=400, blank=True)
    sha256_node = models.CharField(max_length=64, blank=True)
    media_file = models.ForeignKey(
        MediaFile, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    thumb_seconds = models.FloatField(null=True)
    failure = models.CharField(max_length=15, choices=FailureClass.choices, blank=True)
    # Why it ended so; until then, why it is not on the preferred node.
    reason = models.CharField(max_length=500, blank=True)
    evidence = models.CharField(max_length=400, blank=True)
    schema_v = models.PositiveSmallIntegerField(default=1)

    claimed_here: bool = False
    """This thread claimed it and has not sent it yet. What stands in the row alone may have been sent."""

    objects = AttemptQuerySet.as_manager()

    class Meta:
        ordering = ("job", "fence")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "fence"], name="one_attempt_per_fence"),
            models.UniqueConstraint(
                fields=["node"], condition=Q(state__in=HOLDING), name="one_attempt_per_node_slot"
            ),
        ]
        indexes: ClassVar = [
            # What is on a node or on its way home? Read for every plan, by every feed, store and sweep.
            # Of all states: SQLite sees in no list of states that a part of them would do.
            models.Index(fields=["state", "node"], name="attempts_by_state"),
            # What ran when? All that the timeline asks, for the rows themselves are wide.
            models.Index(
                fields=["reserved", "node", "state", "was_cold", "produced", "ended", "job"],
                name="attempts_in_time",
            ),
        ]

    def __str__(self) -> str:
        """Name it."""
        return f"attempt {self.fence} of job {self.job_id} on {self.node_id} ({self.state})"

    @property
    def longest_s(self) -> float:
        """What its node can have needed at most, by our clock; generously, for two clocks may differ by a little."""
        return (timezone.now() - (self.submitted or self.reserved)).total_seconds() + 2.0

    @property
    def prompt_id(self) -> str:
        """The id by which the node knows it."""
        return self.node_prompt_id or str(self.pk)

    def move(self, to: AttemptState, **facts: Any) -> bool:
        """Go to a state if the row still stands where that is allowed; say whether this call won."""
        if to not in LIVE:
            facts.setdefault("ended", timezone.now())
        failpoint(f"attempt {self.state}>{to} before")
        with in_turn():
            if not _move(to, tuple(facts))(pk=self.pk, **facts):
                return False
        failpoint_on_commit(f"attempt {self.state}>{to} after")
        self.state = to
        for name, value in facts.items():
            setattr(self, name, value)
        return True


@cache
def _move(to: AttemptState, names: tuple[str, ...]) -> Change:
    leaving = may_become(ATTEMPT_MOVES, to)
    key = Given("pk", Attempt._meta.pk)
    return Change(lambda: Attempt.objects.filter(pk=key, state__in=leaving), *names, state=to)


class JobOutput(models.Model):
    """A file that a job made; ordinal 0 is its picture."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="outputs")
    ordinal = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=20, default="picture")
    media_file = models.OneToOneField(MediaFile, on_delete=models.PROTECT, related_name="made_by")

    class Meta:
        ordering = ("ordinal",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "ordinal"], name="one_output_per_ordinal")
        ]

    def __str__(self) -> str:
        """Name it."""
        return f"output {self.ordinal} of job {self.job_id}"


class JobEvent(models.Model):
    """What moved and why, in a sentence for people. Append-only; its id is the cursor of every live page."""

    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, null=True, blank=True, related_name="events"
    )
    attempt = models.ForeignKey(
        Attempt, on_delete=models.CASCADE, null=True, blank=True, related_name="events"
    )
    node = models.ForeignKey(
        GpuNode, on_delete=models.CASCADE, null=True, blank=True, related_name="events"
    )
    before = models.CharField(max_length=10, blank=True)
    after = models.CharField(max_length=10, blank=True)
    sentence = models.CharField(max_length=500)
    level = models.CharField(max_length=5, choices=Level.choices, default=Level.INFO)
    actor = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("pk",)
        # The newest of one level, for the log: of a million events few are errors.
        indexes: ClassVar = [models.Index(fields=["level", "id"], name="events_by_level")]

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence

    @property
    def who(self) -> str:
        """Who did it, as pages say it."""
        return spelled(self.actor)
