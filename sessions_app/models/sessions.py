"""A piece of creative work, one press of Generate, one asked-for picture."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from eliot.writing import written
from farm_app.models import Job, JobGroup
from farm_app.models.states import JobState
from gallery_app.models import MediaFile
from sessions_app.funnel import Stage, form_after, read_stages, with_family

TITLE_LENGTH = 80
TITLE_WORDS = 6


def first_words(text: str) -> str:
    """Return the words by which people know a text again."""
    return " ".join(text.split()[:TITLE_WORDS]).rstrip(",.;: ")


class Flow(models.TextChoices):
    """How a session gets from an idea to a picture."""

    DRAFT_GRID = "draft_grid", "Draft grid"  # many drafts, keep, continue


class WorkSessionQuerySet(models.QuerySet["WorkSession"]):
    """Verbs on sessions."""

    def there(self) -> Self:
        """Leave out the deleted ones."""
        return self.filter(deleted_at__isnull=True)

    def at(self, slug: str) -> "WorkSession | None":
        """Return the session at an address: its words may have changed since, its number does not."""
        number = slug.rpartition("-")[2]
        by_number = (
            self.filter(pk=int(number)) if number.isdecimal() and len(number) < 18 else self.none()
        )
        return self.filter(slug=slug).first() or by_number.first()

    def current(self) -> Self:
        """Return what somebody may be working on, latest first."""
        return self.there().filter(is_archived=False).order_by("-updated")

    def archived(self) -> Self:
        """Return what was put away, latest first."""
        return self.there().filter(is_archived=True).order_by("-updated")

    def for_list(self) -> Self:
        """Count the pictures along, for a list of cards in a fixed number of queries."""
        done = models.Q(rounds__generations__job__state=JobState.DONE)
        return self.annotate(picture_count=models.Count("rounds__generations", filter=done))


class WorkSession(models.Model):
    """A piece of creative work: a flow, its settings, and all rounds asked for in it."""

    title = models.CharField(max_length=TITLE_LENGTH)
    slug = models.SlugField(max_length=100, unique=True)
    flow = models.CharField(max_length=20, choices=Flow.choices, default=Flow.DRAFT_GRID)
    config = models.JSONField(
        default=dict, blank=True, help_text="Stages, and the last form of each."
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    is_archived = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now)
    updated = models.DateTimeField(default=timezone.now)

    objects = WorkSessionQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            # The start page and the list: what is there, latest first.
            models.Index(
                fields=["is_archived", "-updated"],
                condition=models.Q(deleted_at__isnull=True),
                name="sessions_there",
            )
        ]

    def __str__(self) -> str:
        """Name it."""
        return self.title

    def get_absolute_url(self) -> str:
        """Return the session's page."""
        return reverse("sessions:session", args=[self.slug])

    @property
    def url(self) -> str:
        """The same, for templates."""
        return self.get_absolute_url()

    @property
    def urls(self) -> dict[str, str]:
        """Addresses of what can be done to it."""
        names = (
            "rename",
            "stages",
            "duplicate",
            "restore",
            "archive",
            "delete",
            "tokens",
        )
        return {name: reverse(f"sessions:{name}", args=[self.slug]) for name in names}

    @classmethod
    def begin(
        cls, *, owner: Any = None, title: str = "", flow: str = Flow.DRAFT_GRID
    ) -> "WorkSession":
        """Make a session with the default funnel; it gets its name from the first prompt."""
        with transaction.atomic():
            session = cls(
                title=title or "Untitled",
                flow=flow,
                owner=owner,
                slug=f"new-{timezone.now().timestamp()}",
            )
            session.slug = session.slug.replace(".", "-")
            session.save()
            session.slug = f"{slugify(title)[:60] or 'session'}-{session.pk}"
            session.save(update_fields=["slug"])
        return session

    @property
    def is_untitled(self) -> bool:
        """Whether nobody has named it yet."""
        return self.title == "Untitled"

    @property
    def share_key(self) -> str:
        """The share under which its jobs take turns, and the name of its live group."""
        return f"session.{self.pk}"

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Its funnel."""
        return read_stages(self.config)

    @property
    def prewarms(self) -> bool:
        """Whether idle nodes may load the next stage's model while somebody still chooses."""
        return bool(self.config.get("prewarms"))

    @contextmanager
    def _changing_config(self) -> Iterator[None]:
        """Read the config anew and hold it while a part of it is changed: another tab may have changed the rest."""
        with written():
            held = WorkSession.objects.select_for_update().only("config")
            self.config = held.get(pk=self.pk).config
            yield
            self.touch("config")

    def set_stages(self, stages: tuple[Stage, ...], *, prewarms: bool = False) -> None:
        """Change the funnel; pictures stay where they are, and what a stage now says differently wins over its form."""
        with self._changing_config():
            self._describe(stages)
            self.config = {**self.config, "prewarms": prewarms}

    def use_family(self, index: int, family: str) -> None:
        """Let one stage, from 0, draw with another family."""
        with self._changing_config():
            self._describe(
                tuple(
                    with_family(one, family) if place == index else one
                    for place, one in enumerate(self.stages)
                )
            )

    def _describe(self, stages: tuple[Stage, ...]) -> None:
        forms = {
            place: form_after(form, self.stages[int(place)], stages[int(place)])
            for place, form in self.config.get("forms", {}).items()
            if int(place) < min(len(self.stages), len(stages))
        }
        listed = [stage.as_json() for stage in stages]
        self.config = {**self.config, "stages": listed, "forms": forms}

    def last_form(self, stage: int) -> dict[str, Any]:
        """Return what was last asked for in a stage; the prompt is carried from the stage before."""
        forms: dict[str, Any] = self.config.get("forms", {})
        return dict(forms.get(str(stage), {}))

    def remember_form(self, stage: int, values: dict[str, Any]) -> None:
        """Keep what was asked for, so that the form says it again."""
        with self._changing_config():
            forms = {**self.config.get("forms", {}), str(stage): values}
            self.config = {**self.config, "forms": forms}

    @property
    def shot_query(self) -> str:
        """The studio's address of the shot that was sent here; empty if none was."""
        return str(self.config.get("studio", {}).get("query", ""))

    def keep_shot(self, query: str, written: dict[str, list[str]]) -> None:
        """Keep which shot was sent here, and its prompt and negative as written for each family."""
        with self._changing_config():
            self.config = {**self.config, "studio": {"query": query, "written": written}}

    def words_for(self, family: str, words: Mapping[str, Any]) -> dict[str, str]:
        """Return prompt and negative for another family: the studio's own where it wrote these, else as they are."""
        held = {name: str(words[name]) for name in ("prompt", "negative") if name in words}
        written: dict[str, list[str]] = self.config.get("studio", {}).get("written", {})
        is_the_studios = held.get("prompt", "") in [one[0] for one in written.values()]
        if family in written and is_the_studios:
            return dict(zip(("prompt", "negative"), written[family], strict=True))
        return held

    def touch(self, *fields: str) -> None:
        """Save some fields and the time of the change."""
        self.updated = timezone.now()
        self.save(update_fields=[*fields, "updated"])

    def name_after(self, prompt: str) -> None:
        """Give a session without a name the first words of its prompt; its address follows, old ones still work."""
        words = first_words(prompt)[:60]
        if self.is_untitled and words:
            self.title = words
            self.slug = f"{slugify(words) or 'session'}-{self.pk}"
            self.touch("title", "slug")

    def rename(self, title: str) -> None:
        """Give it another title; its address stays."""
        self.title = title.strip()[:TITLE_LENGTH]
        self.touch("title")

    def archive(self) -> None:
        """Put it away."""
        self.is_archived = True
        self.touch("is_archived")

    def unarchive(self) -> None:
        """Take it out again."""
        self.is_archived = False
        self.touch("is_archived")

    def delete_softly(self) -> None:
        """Take it out of sight; `undelete` brings it back."""
        self.deleted_at = timezone.now()
        self.touch("deleted_at")

    def undelete(self) -> None:
        """Bring it back."""
        self.deleted_at = None
        self.touch("deleted_at")

    def duplicate(self, *, owner: Any = None) -> "WorkSession":
        """Return a new session with the same settings and prompt, without pictures."""
        copy = WorkSession.begin(
            owner=owner, title=f"{self.title} copy"[:TITLE_LENGTH], flow=self.flow
        )
        copy.config = self.config
        copy.touch("config")
        return copy

    def last_stage_asked(self) -> int | None:
        """Return the furthest stage that was asked for; None before the first round."""
        return self.rounds.order_by("-stage").values_list("stage", flat=True).first()

    def current_stage(self) -> int:
        """Return the stage that somebody is working on: the last one asked for."""
        return min(self.last_stage_asked() or 0, len(self.stages) - 1)


class Round(models.Model):
    """One press of Generate or Continue."""

    session = models.ForeignKey(WorkSession, on_delete=models.CASCADE, related_name="rounds")
    number = models.PositiveIntegerField()
    stage = models.PositiveSmallIntegerField()
    stage_name = models.CharField(max_length=40)
    group = models.OneToOneField(JobGroup, on_delete=models.PROTECT, related_name="round")
    values = models.JSONField(default=dict, help_text="The form as it was sent.")
    submission_key = models.CharField(
        max_length=40, unique=True, help_text="A form sent twice is one round."
    )
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("number",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session", "number"], name="one_round_per_number")
        ]

    def __str__(self) -> str:
        """Name it."""
        return f"round {self.number} of {self.session}"


_READ_ALONG = ("round", "job__winner__node", "job__winner__media_file__facts", "job__source__facts")
_LONG = (
    "round__values",
    "job__recipe",
    "job__winner__sent",
    "job__winner__outputs",
    "job__winner__media_file__facts__recipe",
    "job__winner__node__node_classes",
    "job__winner__node__samplers",
    "job__winner__node__schedulers",
    "job__source__facts__recipe",
)
_IN_CELLS = (
    "number",
    *("round__session", "round__stage", "round__stage_name"),
    *("job__state", "job__values", "job__seed", "job__seconds", "job__fence"),
    *("job__reason", "job__advice", "job__group", "job__winner", "job__source"),
    *("job__winner__node__slug", "job__winner__media_file__flag"),
    "job__winner__media_file__trashed_at",
    *(f"job__winner__media_file__facts__{name}" for name in ("width", "height", "sha256_file")),
    *(f"job__source__facts__{name}" for name in ("width", "height", "sha256_file")),
)


class GenerationQuerySet(models.QuerySet["Generation"]):
    """Verbs on generations."""

    def of_stage(self, session: WorkSession, stage: int) -> Self:
        """Return the pictures of one stage in their order."""
        return self.filter(round__session=session, round__stage=stage).order_by("number")

    def with_pictures(self) -> Self:
        """Read job, node, picture and facts along, in one query; large JSON stays in the database until asked for."""
        return self.select_related(*_READ_ALONG).defer(*_LONG)

    def for_cells(self) -> Self:
        """Read along just what cells show, for grids: two hundred rows of everything would take most of a page's time."""
        return self.select_related(*_READ_ALONG).only(*_IN_CELLS)

    def flagged(self, flag: str) -> Self:
        """Return those whose picture has this verdict."""
        return self.filter(  # in one call: all of it is about the same output
            job__outputs__ordinal=0,
            job__outputs__media_file__flag=flag,
            job__outputs__media_file__trashed_at__isnull=True,
        )

    def kept(self) -> Self:
        """Return the kept ones."""
        return self.flagged(MediaFile.Flag.KEEP)


class Generation(models.Model):
    """One asked-for picture. It has exactly one job; a retry is a new attempt of the same job."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="generations")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="generation")
    number = models.PositiveIntegerField(help_text="Within its stage, from 1.")

    objects = GenerationQuerySet.as_manager()

    class Meta:
        ordering = ("round", "number")

    def __str__(self) -> str:
        """Name it."""
        return f"{self.round.stage_name} {self.number:02d} of {self.round.session}"

    @property
    def picture(self) -> MediaFile | None:
        """Its picture, when there is one to show."""
        found = self.job.output
        return found if found is not None and found.trashed_at is None else None
