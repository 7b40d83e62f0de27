"""Workflow templates: ComfyUI graphs with named, typed parameters, in versions that never change."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.utils.functional import cached_property

from farm_app import families
from farm_app.comfy.workflow import Parameter, parse_parameters

# A version never changes, but the name of its template may.
KNOWN_S: Final = 30.0
LEAST_PATIENCE_S: Final = 10
_known: dict[int, "tuple[float, TemplateVersion]"] = {}


class WorkflowTemplateQuerySet(models.QuerySet["WorkflowTemplate"]):
    """Verbs on templates."""

    def usable(self) -> "WorkflowTemplateQuerySet":
        """Return enabled templates that have a graph; what programs posted is not among them."""
        there = self.filter(is_enabled=True, is_adhoc=False, current__isnull=False)
        return there.select_related("current")

    def for_family(self, family: str, *, from_picture: bool) -> "WorkflowTemplate | None":
        """Return the template that draws with this family, from words alone or from a picture."""
        drawing = self.usable().filter(supports_img2img=from_picture).exclude(work=Work.UPSCALE)
        return _chosen(one for one in drawing if {family, "any"} & set(one.model_families))

    def for_upscale(self) -> "WorkflowTemplate | None":
        """Return the template that enlarges a picture."""
        return _chosen(self.usable().filter(work=Work.UPSCALE))


def _chosen(templates: "Iterable[WorkflowTemplate]") -> "WorkflowTemplate | None":
    """Return the first choice among them, the latest if there are several; else the one that was there first."""
    ranked = sorted(
        templates, key=lambda one: (not one.is_preferred, -one.pk if one.is_preferred else one.pk)
    )
    return next(iter(ranked), None)


class Work(models.TextChoices):
    """What kind of work a job is; read by the tiered policy only."""

    DRAFT = "draft"
    STANDARD = "standard"
    QUALITY = "quality"
    UPSCALE = "upscale"


class WorkflowTemplate(models.Model):
    """A named way to make a picture."""

    slug = models.SlugField(max_length=80, unique=True)
    description = models.CharField(max_length=200, blank=True)
    model_families = models.JSONField(default=list, help_text='Family ids, or ["any"].')
    supports_img2img = models.BooleanField(default=False)
    supports_lora = models.BooleanField(default=False)
    max_loras = models.PositiveSmallIntegerField(default=0)
    default_params = models.JSONField(
        default=dict,
        blank=True,
        help_text="What the prompt form starts with: cfg, guidance, sampler, scheduler, width, height, negative.",
    )
    work = models.CharField(max_length=10, choices=Work.choices, default=Work.STANDARD)
    is_enabled = models.BooleanField(default=True)
    is_preferred = models.BooleanField(
        "first choice",
        default=False,
        help_text="Used before others for the same families and kind; of several, the one that came last.",
    )
    is_adhoc = models.BooleanField(
        "posted by a program",
        default=False,
        editable=False,
        help_text="Made of a graph that a program posted; no form offers it.",
    )
    stall_s = models.PositiveIntegerField(
        "seconds without progress",
        null=True,
        blank=True,
        validators=[MinValueValidator(LEAST_PATIENCE_S)],
        help_text="A picture that shows no sign of progress for so long is stopped. Empty: 600.",
    )
    cap_s = models.PositiveIntegerField(
        "seconds at most",
        null=True,
        blank=True,
        validators=[MinValueValidator(LEAST_PATIENCE_S)],
        help_text="A picture that renders for so long is stopped. Empty: 1800, or 20 times what is expected.",
    )
    seeded_digest = models.CharField(max_length=64, blank=True, editable=False)
    seeded_version = models.PositiveIntegerField(null=True, editable=False)
    current = models.ForeignKey(
        "TemplateVersion", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = WorkflowTemplateQuerySet.as_manager()

    class Meta:
        ordering = ("slug",)

    def __str__(self) -> str:
        """Name it."""
        return self.slug

    def clean(self) -> None:
        """Refuse families that nothing is drawn with, and another template's version."""
        wrong: dict[str, str] = {}
        known = {*families.FAMILIES, "any"}
        listed = self.model_families
        if not isinstance(listed, list) or not all(
            isinstance(word, str) and word in known for word in listed
        ):
            wrong["model_families"] = (
                f'A list of words, such as ["sd15"], of: {", ".join(sorted(known))}.'
            )
        if self.current is not None and self.current.template_id != self.pk:
            wrong["current"] = "A version of this template, not of another one."
        if wrong:
            raise ValidationError(wrong)

    def add_version(
        self,
        graph: Mapping[str, Any],
        parameters: Mapping[str, Any],
        *,
        editor_graph: Mapping[str, Any] | None = None,
    ) -> "TemplateVersion":
        """Make this graph the current version; an equal one is not added twice."""
        with transaction.atomic():
            version = self.kept_version(graph, parameters, editor_graph=editor_graph)
            self.current = version
            self.save(update_fields=["current"])
        return version

    def kept_version(
        self,
        graph: Mapping[str, Any],
        parameters: Mapping[str, Any],
        *,
        editor_graph: Mapping[str, Any] | None = None,
    ) -> "TemplateVersion":
        """Return the version with this graph and these parameters, written if there is none, without making it current."""
        digest = _digest(graph, parameters)
        with transaction.atomic():
            version = self.versions.filter(digest=digest).first()
            if version is None:
                last = self.versions.aggregate(last=models.Max("number"))["last"] or 0
                version = self.versions.create(
                    number=last + 1,
                    graph=graph,
                    parameters=dict(parameters),
                    editor_graph=editor_graph,
                    digest=digest,
                )
        return version


def _digest(graph: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    text = json.dumps([graph, parameters], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class TemplateVersion(models.Model):
    """One graph in API form with its parameters; it never changes, so a job asked for keeps its meaning."""

    template = models.ForeignKey(
        WorkflowTemplate, on_delete=models.PROTECT, related_name="versions"
    )
    number = models.PositiveIntegerField()
    graph = models.JSONField()
    editor_graph = models.JSONField(null=True, blank=True)
    parameters = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("template", "-number")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["template", "number"], name="one_row_per_version"),
            models.UniqueConstraint(fields=["template", "digest"], name="no_equal_versions"),
        ]

    def __str__(self) -> str:
        """Name it."""
        return f"{self.template.slug} v{self.number}"

    @cached_property
    def fields(self) -> tuple[Parameter, ...]:
        """The parameters, typed."""
        return parse_parameters({"parameters": self.parameters})

    @classmethod
    def known(cls, pk: int) -> "TemplateVersion":
        """Return a version with its template, parsed once for all the jobs that use it.

        Raises:
            DoesNotExist: There is none.
        """
        moment = time.monotonic()
        found = _known.get(pk)
        if found is None or moment - found[0] > KNOWN_S:
            found = (moment, cls.objects.select_related("template").get(pk=pk))
            _known[pk] = found
        return found[1]


class ParameterSet(models.Model):
    """Saved values for one template."""

    template = models.ForeignKey(
        WorkflowTemplate, on_delete=models.CASCADE, related_name="parameter_sets"
    )
    name = models.CharField(max_length=80)
    values = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["template", "name"], name="one_set_per_name")
        ]

    def __str__(self) -> str:
        """Name it."""
        return f"{self.name} for {self.template.slug}"
