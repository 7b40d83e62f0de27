"""GPU nodes: one ComfyUI server each, what it can do, how it is, and how fast it has proved to be."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone

from farm_app import families
from farm_app.addresses import why_no_node
from farm_app.hours import Hours
from farm_app.timers import HEALTH_INTERVAL, TROUBLE_INTERVAL

# A node that answers slower than this is ranked lower and shown as slow.
SLOW_ANSWER_S = 2.0


class Tier(models.TextChoices):
    """How strong a card is; the first guess of its speed."""

    PREMIUM = "premium"
    QUALITY = "quality"
    STANDARD = "standard"
    DRAFT = "draft"


class Health(models.TextChoices):
    """What the last look at a node found."""

    UNKNOWN = "unknown"  # never looked at
    READY = "ready"  # answers like a ComfyUI
    SILENT = "silent"  # does not answer in time; its work may go on
    OFFLINE = "offline"  # its port refuses: no process there
    LOCKED = "locked"  # asks for credentials
    STRANGE = "strange"  # something else answers there


WEEK_MIN = 7 * 24 * 60


class GpuNodeQuerySet(models.QuerySet["GpuNode"]):
    """Verbs on nodes."""

    def enabled(self) -> "GpuNodeQuerySet":
        """Leave out the ones that somebody switched off."""
        return self.filter(is_enabled=True)

    def taking_work(self) -> "GpuNodeQuerySet":
        """Leave out also the ones that somebody drains, paused or reserved; owner's hours are another matter."""
        free = models.Q(reserved_until=None) | models.Q(reserved_until__lte=Now())
        return self.enabled().filter(free, is_draining=False, is_paused=False)

    def ready(self) -> "GpuNodeQuerySet":
        """Leave out also the ones that are in trouble, asleep or not known yet."""
        return self.taking_work().filter(health=Health.READY, let_go_at__isnull=True)

    def without_lists(self) -> "GpuNodeQuerySet":
        """Leave unread what is long and seldom asked for; parsing it takes a plan or a page milliseconds."""
        return self.defer("node_classes", "samplers", "schedulers")

    def due_for_health(self) -> "GpuNodeQuerySet":
        """Return enabled nodes whose last look is older than the interval; trouble has a shorter one."""
        now = timezone.now()
        is_old = models.Q(health_checked_at__lte=now - HEALTH_INTERVAL)
        is_trouble = ~models.Q(health=Health.READY)
        in_trouble = is_trouble & models.Q(health_checked_at__lte=now - TROUBLE_INTERVAL)
        awake = self.enabled().filter(let_go_at__isnull=True)
        return awake.filter(models.Q(health_checked_at__isnull=True) | is_old | in_trouble)

    def removed(self) -> "GpuNodeQuerySet":
        """Return those that somebody took off the farm; only ``everyone`` has them."""
        return self.filter(removed_at__isnull=False)


class _OnTheFarm(models.Manager["GpuNode"]):
    """Leaves out what was removed: such a node is history."""

    def get_queryset(self) -> GpuNodeQuerySet:
        """Return the nodes that the farm has."""
        return GpuNodeQuerySet(self.model, using=self._db).filter(removed_at__isnull=True)


class GpuNode(models.Model):
    """One ComfyUI server. It has one slot: it renders one job at a time for us."""

    slug = models.SlugField("id", max_length=60, help_text="Short name, such as gpu-premium.")
    card = models.CharField(
        max_length=80, blank=True, help_text="The graphics card, such as RTX 4060 Ti."
    )
    host = models.CharField(
        max_length=253,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9][A-Za-z0-9.\-]*$|^\[[0-9A-Fa-f:]+\]$", "A host name or address."
            )
        ],
    )
    port = models.PositiveIntegerField(
        default=8188, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    tier = models.CharField(max_length=10, choices=Tier.choices, default=Tier.STANDARD)
    vram_gb = models.FloatField(
        "VRAM (GB)", null=True, blank=True, validators=[MinValueValidator(0.5)]
    )
    capabilities = models.JSONField(
        default=list,
        blank=True,
        help_text='Model families and free tags, such as ["sd15", "sdxl", "upscale"]. Without any family it draws '
        "with whatever models it has, now and later.",
    )
    max_resolution = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(64)],
        help_text="Longest side in pixels of what it takes. Empty: any size.",
    )
    max_batch = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    is_enabled = models.BooleanField("enabled", default=True)
    is_draining = models.BooleanField("draining", default=False)
    is_paused = models.BooleanField("paused", default=False)
    is_demo = models.BooleanField("demo node", default=False, editable=False)
    is_pinned = models.BooleanField("pinned", default=False, help_text="Shown before the others.")
    reserved_until = models.DateTimeField(null=True, blank=True)
    own_days = models.JSONField(
        "owner's days",
        default=list,
        blank=True,
        help_text="Weekdays on which the machine is its owner's, as numbers: 0 is Monday.",
    )
    own_from = models.TimeField("owner's from", null=True, blank=True)
    own_until = models.TimeField("owner's until", null=True, blank=True)
    mac = models.CharField(
        "MAC address",
        max_length=17,
        blank=True,
        validators=[
            RegexValidator(
                r"^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$", "Six pairs, such as 3c:7c:3f:12:ab:9e."
            )
        ],
        help_text="Of its network card, to wake it.",
    )
    wakes_for_jobs = models.BooleanField(
        "wake it when jobs wait",
        default=False,
        help_text="When a job waits that it could take, and it does not answer.",
    )
    idle_minutes = models.PositiveSmallIntegerField(
        "let it sleep after",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(WEEK_MIN)],
        help_text="Minutes without work after which Eliot stops asking it, so that its own power settings may put it to sleep.",
    )
    woken_at = models.DateTimeField(null=True, editable=False)
    let_go_at = models.DateTimeField(null=True, editable=False)
    removed_at = models.DateTimeField(null=True, editable=False)

    health = models.CharField(
        max_length=10, choices=Health.choices, default=Health.UNKNOWN, editable=False
    )
    health_checked_at = models.DateTimeField(null=True, editable=False)
    seen_at = models.DateTimeField(null=True, editable=False)
    unseen_since = models.DateTimeField(null=True, editable=False)
    latency_ms = models.FloatField(null=True, editable=False)
    queue_length = models.PositiveIntegerField(null=True, editable=False)
    foreign_queue = models.PositiveIntegerField(default=0, editable=False)
    vram_free_gb = models.FloatField(null=True, editable=False)
    vram_total_gb = models.FloatField(null=True, editable=False)
    device = models.CharField(max_length=200, blank=True, editable=False)
    version = models.CharField(max_length=40, blank=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    epoch = models.PositiveIntegerField(default=0, editable=False)
    node_classes = models.JSONField(null=True, editable=False)
    samplers = models.JSONField(default=list, editable=False)
    schedulers = models.JSONField(default=list, editable=False)
    inventory_at = models.DateTimeField(null=True, editable=False)
    warming_until = models.DateTimeField(
        null=True, editable=False, help_text="It loads a model beforehand, expected until then."
    )
    warm_model = models.CharField(max_length=255, blank=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    objects = _OnTheFarm.from_queryset(GpuNodeQuerySet)()
    everyone = GpuNodeQuerySet.as_manager()

    class Meta:
        ordering = ("-is_enabled", "slug")
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("host"),
                "port",
                condition=models.Q(removed_at__isnull=True),
                name="one_node_per_address",
                violation_error_message="Another node already has this address.",
            ),
            models.UniqueConstraint(
                "slug",
                condition=models.Q(removed_at__isnull=True),
                name="one_node_per_name",
                violation_error_message="Another node already has this name.",
            ),
        ]

    def __str__(self) -> str:
        """Name it."""
        return self.slug

    def clean(self) -> None:
        """Refuse capabilities that are no list of words, and hosts that are no single machine's; spell the host plainly."""
        self.host = self.host.lower().rstrip(".")
        faults: dict[str, str] = {}
        listed = self.capabilities
        if not isinstance(listed, list) or not all(
            isinstance(word, str) and word for word in listed
        ):
            faults["capabilities"] = 'A list of words, such as ["sd15", "sdxl"].'
        if why := why_no_node(self.host):
            faults["host"] = why
        faults |= self._wrong_hours()
        if faults:
            raise ValidationError(faults)

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Check them in every form: names and addresses are unique on the farm, whatever a form leaves out."""
        super().validate_constraints(exclude=set(exclude or ()) - {"removed_at"})

    def _wrong_hours(self) -> dict[str, str]:
        days = self.own_days
        if not isinstance(days, list) or not all(
            type(day) is int and 0 <= day <= 6 for day in days
        ):
            return {"own_days": "A list of numbers from 0, Monday, to 6, Sunday."}
        times = {"own_from": self.own_from, "own_until": self.own_until}
        missing = [name for name, time in times.items() if time is None]
        if days:
            return dict.fromkeys(missing, "Say from when until when.")
        if len(missing) < len(times):
            return {"own_days": "Choose the days, or empty both times."}
        return {}

    @property
    def origin(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    @property
    def families(self) -> frozenset[str]:
        """The capabilities that are model families."""
        return frozenset(self.capabilities) & families.FAMILIES.keys()

    @property
    def tags(self) -> frozenset[str]:
        """The capabilities that are not: free words such as upscale."""
        return frozenset(self.capabilities) - families.FAMILIES.keys()

    @property
    def standing(self) -> str:
        """What the planner may do with it: ready, or why not."""
        if not self.is_enabled:
            return "disabled"
        if self.is_draining:
            return "draining"
        if self.is_paused:
            return "paused"
        if self.reserved_end is not None:
            return "reserved"
        if self.let_go_at is not None:
            return "offline"
        if self.health == Health.UNKNOWN:
            return "unknown"
        return "ready" if self.health == Health.READY else "offline"

    @property
    def own_hours(self) -> Hours | None:
        """When the machine is its owner's; None if it always is the farm's."""
        if not self.own_days or self.own_from is None or self.own_until is None:
            return None
        return Hours(frozenset(self.own_days), self.own_from, self.own_until)

    @property
    def reserved_end(self) -> datetime | None:
        """Until when it is reserved, by hand or by its owner's hours; None if it is not."""
        ends = [self.owners_end] if self.owners_end else []
        if self.is_reserved_by_hand and self.reserved_until:
            ends.append(self.reserved_until)
        return max(ends, default=None)

    @property
    def owners_end(self) -> datetime | None:
        """Until when the hours say that it is its owner's; None if it is the farm's now."""
        now = timezone.make_naive(timezone.now())
        end = self.own_hours.end_of(now) if self.own_hours else None
        return timezone.make_aware(end) if end else None

    @property
    def is_reserved_by_hand(self) -> bool:
        """Whether somebody reserved it until a moment that is still to come."""
        return self.reserved_until is not None and self.reserved_until > timezone.now()

    @property
    def can_resume(self) -> bool:
        """Whether anything that resuming ends holds it back: a drain, a pause, a reservation by hand."""
        return self.is_draining or self.is_paused or self.is_reserved_by_hand

    @property
    def is_slow(self) -> bool:
        """Whether its answers take so long that work there ends later."""
        return (self.latency_ms or 0) > SLOW_ANSWER_S * 1000

    def forget_looks(self) -> None:
        """Forget what was found at its old address: another server answers at the new one.

        Its own fields are not saved. Of its files only the presence is forgotten, not what people said of them.
        """
        self.health, self.health_checked_at, self.unseen_since = Health.UNKNOWN, None, None
        self.inventory_at, self.warm_model, self.last_error = None, "", ""
        self.node_classes, self.samplers, self.schedulers = None, [], []
        if self.pk is not None:
            self.model_files.update(is_present=False)
            self.blocks.all().delete()

    def become_real(self) -> None:
        """Turn a demo node into a real one at another address, without saving its own fields.

        Whatever it had and showed was pretended.
        """
        self.is_demo = False
        self.forget_looks()
        self.seen_at = None
        self.model_files.all().delete()
        self.speeds.all().delete()


class NodeModelQuerySet(models.QuerySet["NodeModel"]):
    """Verbs on the inventory."""

    def on_hand(self) -> "NodeModelQuerySet":
        """Return files that are there now, on nodes that are switched on."""
        return self.filter(is_present=True, node__is_enabled=True)

    def checkpoints(self, family: str) -> "NodeModelQuerySet":
        """Return checkpoints of one family."""
        return self.on_hand().filter(folder="checkpoints", family=family)


class NodeModel(models.Model):
    """One model file as one node spells it, and the family it belongs to.

    The family is guessed from the name and settled in the admin; a settled one is never guessed again.
    """

    node = models.ForeignKey(GpuNode, on_delete=models.CASCADE, related_name="model_files")
    folder = models.CharField(max_length=60)
    name = models.CharField(max_length=400, help_text="As this node spells it, with its folders.")
    key = models.CharField(
        max_length=255, help_text="The same file on every node: no folders, lower case."
    )
    family = models.CharField(max_length=30, blank=True)
    is_settled = models.BooleanField("family settled by hand", default=False)
    is_preferred = models.BooleanField("first choice of its family", default=False)
    is_present = models.BooleanField(default=True)
    seen_at = models.DateTimeField(default=timezone.now)

    objects = NodeModelQuerySet.as_manager()

    class Meta:
        ordering = ("folder", "name")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["node", "folder", "name"], name="one_row_per_model_file"
            )
        ]
        indexes: ClassVar = [
            # Which nodes have this model? Asked for every plan.
            models.Index(
                fields=["folder", "key"], condition=models.Q(is_present=True), name="present_models"
            )
        ]

    def __str__(self) -> str:
        """Name it with its node."""
        return f"{self.name} on {self.node}"


class LearnedSpeed(models.Model):
    """What one node has shown to need for one template with one model.

    Seconds = load if cold + fixed + rate x steps x megapixels x denoise.
    """

    node = models.ForeignKey(GpuNode, on_delete=models.CASCADE, related_name="speeds")
    template = models.CharField(max_length=80)
    family = models.CharField(max_length=30, blank=True)
    model = models.CharField(max_length=255, blank=True)
    fixed_s = models.FloatField(default=0)
    rate_s = models.FloatField(default=0, help_text="Seconds per step and megapixel.")
    load_s = models.FloatField(null=True)
    count = models.PositiveIntegerField(default=0)
    trust = models.PositiveSmallIntegerField(
        null=True, help_text="How many pictures the figures are worth."
    )
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["node", "template", "model"], name="one_speed_per_node_and_model"
            )
        ]

    def __str__(self) -> str:
        """Name it."""
        return f"{self.template} with {self.model or 'any model'} on {self.node}"


class NodeBlock(models.Model):
    """A node that keeps failing one template takes no more of it until somebody lifts this."""

    node = models.ForeignKey(GpuNode, on_delete=models.CASCADE, related_name="blocks")
    template = models.CharField(max_length=80)
    failures = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["node", "template"], name="one_block_per_node_and_template"
            )
        ]

    def __str__(self) -> str:
        """Name it."""
        return f"{self.template} on {self.node}: {self.failures} failures"


class HealthSpan(models.Model):
    """A time in which all looks at a node found the same: it answered well, slowly, or not."""

    class Kind(models.TextChoices):
        """What they found."""

        WELL = "well"
        SLOW = "slow"
        LOST = "lost"

    node = models.ForeignKey(GpuNode, on_delete=models.CASCADE, related_name="health_spans")
    kind = models.CharField(max_length=4, choices=Kind.choices)
    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        ordering = ("since",)
        # What happened lately? Read by the farm page and pruned by the sweep.
        indexes: ClassVar = [models.Index(fields=["until"], name="health_spans_by_end")]

    def __str__(self) -> str:
        """Name it."""
        return f"{self.node}: {self.kind} from {self.since:%H:%M} to {self.until:%H:%M}"


class NodeProbe(models.Model):
    """A look at an address that no node has yet: somebody typed it, a worker looks, a page shows what was found.

    Probes of one search share its ``search``. They are kept for a day.
    """

    class State(models.TextChoices):
        """How far it is."""

        ASKED = "asked"
        FOUND = "found"
        FAILED = "failed"

    search = models.CharField(max_length=32, blank=True)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    state = models.CharField(max_length=6, choices=State.choices, default=State.ASKED)
    sentence = models.CharField(max_length=300, blank=True, help_text="What is wrong there.")
    facts: Any = models.JSONField(default=dict, help_text="What was found there.")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        # What came of this search? Asked by its page every second.
        indexes: ClassVar = [models.Index(fields=["search", "state"], name="probes_of_a_search")]

    def __str__(self) -> str:
        """Name it."""
        return f"{self.host}:{self.port}: {self.state}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://{self.host}:{self.port}"
