"""Forms of the table. Bad input gets a sentence at its field, and nothing is placed."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from farm_app import families
from farm_app.abilities import samplers_for
from farm_app.models import GpuNode, NodeModel, WorkflowTemplate
from farm_app.models.jobs import NodeMode
from farm_app.parameters import MOST_CHARACTERS
from farm_app.seed_strategies import SEED_LIMIT
from sessions_app.cinema.tokens import TokenCount, count_tokens
from sessions_app.fields import (
    CheckpointField,
    RangedInteger,
    RangedNumber,
    SizeField,
    WordsArea,
    WordsField,
    in_range,
    number_widget,
)
from sessions_app.funnel import MOST_PICTURES, Stage
from sessions_app.models import TITLE_LENGTH, WorkSession

MOST_STEPS: Final = 150
MOST_CFG: Final = 30
SEED_DIGITS: Final = len(str(SEED_LIMIT))
CUSTOM_SIZE: Final = "custom"


class AskForm(forms.Form):
    """What to make: the prompt and everything that decides how it is drawn."""

    prompt = WordsField(
        widget=WordsArea(attrs={"rows": 6, "dir": "auto"}),
        error_messages={"required": "Write what the picture shows."},
    )
    negative = WordsField(required=False, widget=WordsArea(attrs={"rows": 2, "dir": "auto"}))
    family = forms.ChoiceField(label="Model")
    checkpoint = CheckpointField(required=False)
    size = forms.ChoiceField(required=False)
    width = SizeField(widget=number_widget())
    height = SizeField(widget=number_widget())
    count = RangedInteger(low=1, high=MOST_PICTURES, widget=number_widget())
    steps = RangedInteger(low=1, high=MOST_STEPS, widget=number_widget())
    cfg = RangedNumber(label="Guidance", low=0, high=MOST_CFG, widget=number_widget())
    sampler = forms.ChoiceField()
    scheduler = forms.ChoiceField()
    seed = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "random, one for each picture"}),
    )
    denoise = RangedNumber(low=0.05, high=1, widget=number_widget())
    node_mode = forms.ChoiceField(label="Node", choices=NodeMode.choices, required=False)
    node = forms.ModelChoiceField(
        label="Which node",
        queryset=GpuNode.objects.none(),
        required=False,
        empty_label="any",
        to_field_name="slug",
    )
    submission_key = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput())

    def __init__(
        self, *args: Any, session: WorkSession, stage: int, have: frozenset[str], **kwargs: Any
    ) -> None:
        """Offer what this farm has, for one stage of a session."""
        self.session, self.stage_index = session, stage
        self.stage: Stage = session.stages[stage]
        super().__init__(*args, **kwargs)
        start = starting_values(session, stage)
        self.initial = {**start, **(self.initial or {})}
        chosen = str(
            (self.data.get("family") if self.is_bound else self.initial.get("family"))
            or self.stage.family
        )
        self._offer(chosen, have)
        if not self.is_bound and chosen == start["family"]:
            self.fields["checkpoint"].help_text = checkpoint_note(session, stage)
        if stage == 0:
            del self.fields["denoise"]

    def _offer(self, family: str, have: frozenset[str]) -> None:
        known = families.FAMILIES
        offered = [one for one in known if one in have or one == family or not have]
        labels = [
            (
                one,
                known[one].label
                if one in have or not have
                else f"{known[one].label} (no node has it)",
            )
            for one in offered
        ]
        self._choices("family", labels)
        self._offer_checkpoints(family)
        self._choices("size", size_choices(family))
        samplers, schedulers = samplers_for(family)
        self._choices("sampler", [(one, one) for one in samplers])
        self._choices("scheduler", [(one, one) for one in schedulers])
        nodes = self.fields["node"]
        if isinstance(nodes, forms.ModelChoiceField):
            nodes.queryset = GpuNode.objects.enabled().without_lists()
        self.have = have

    def _offer_checkpoints(self, family: str) -> None:
        field = self.fields["checkpoint"]
        self._choices("checkpoint", checkpoint_choices(family))
        if isinstance(field, CheckpointField):
            field.usual = usual_checkpoint(family)

    def _choices(self, name: str, choices: Sequence[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(choices)

    @property
    def prompt_tokens(self) -> TokenCount:
        """The prompt's length as the family's text encoder counts it."""
        return tokens_of(str(self["prompt"].value() or ""), str(self["family"].value() or ""))

    @property
    def negative_tokens(self) -> TokenCount:
        """The negative prompt's length."""
        return tokens_of(str(self["negative"].value() or ""), str(self["family"].value() or ""))

    def clean_family(self) -> str:
        """Refuse a family that no node of this farm can draw with, and name those that can."""
        family = str(self.cleaned_data["family"])
        if self.have and family not in self.have:
            labels = ", ".join(families.FAMILIES[one].label for one in sorted(self.have))
            raise ValidationError(
                f"No node has {families.FAMILIES[family].label}. This farm has {labels}."
            )
        if not self.have and GpuNode.objects.enabled().count() == 0:
            raise ValidationError("There is no node yet. Add one on the Farm page.")
        return family

    def clean_seed(self) -> str:
        """Accept an empty seed or a whole number up to 2^64 - 1, spaces between groups allowed."""
        typed = "".join(str(self.cleaned_data["seed"]).split())
        if not typed:
            return ""
        digits = typed.lstrip("0") or "0"
        is_whole = typed.isascii() and typed.isdecimal() and len(digits) <= SEED_DIGITS
        if not is_whole or int(digits) >= SEED_LIMIT:
            raise ValidationError(
                f"A whole number from 0 to {SEED_LIMIT - 1}, or nothing for random ones."
            )
        return digits

    def clean(self) -> dict[str, Any]:
        """Check what only makes sense together."""
        found = super().clean() or self.cleaned_data
        if found.get("node_mode") in (NodeMode.PREFER, NodeMode.ONLY) and found.get("node") is None:
            self.add_error("node", "Choose the node that you mean.")
        self._keep_to_template(found)
        return found

    def _keep_to_template(self, found: dict[str, Any]) -> None:
        """Refuse what the template that will draw it would not take: its limits may be narrower than ours."""
        limits = template_limits(found.get("family", ""), from_picture=self.stage_index > 0)
        for name, (low, high) in limits.items():
            if isinstance(found.get(name), int | float):
                try:
                    in_range(found[name], low, high)
                except ValidationError as fault:
                    self.add_error(name, fault)

    def remembered(self) -> dict[str, Any]:
        """Return what the form should say again next time."""
        kept = {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("submission_key", "size")
        }
        kept["node"] = kept["node"].slug if kept.get("node") else ""
        return kept


def template_limits(family: str, *, from_picture: bool) -> dict[str, tuple[float, float]]:
    """Return the least and the most that a family's template takes, by the form's own field names."""
    template = WorkflowTemplate.objects.for_family(family, from_picture=from_picture)
    if template is None or template.current is None:
        return {}
    limits = {
        one.name: (one.minimum, one.maximum)
        for one in template.current.fields
        if one.minimum is not None and one.maximum is not None
    }
    if "guidance" in limits:  # it takes the place of cfg
        limits["cfg"] = limits.pop("guidance")
    return limits


_DRAWN_WITH: Final = ("cfg", "sampler", "scheduler")
_SIZE: Final = ("width", "height")


def template_defaults(family: str, *, from_picture: bool) -> dict[str, Any]:
    """Return what the template that will draw a family says to begin with, by the form's own field names.

    Whatever somebody wrote there that the form could not take is left out.
    """
    template = WorkflowTemplate.objects.for_family(family, from_picture=from_picture)
    said: dict[str, Any] = template.default_params if template else {}
    if not isinstance(said, dict):
        return {}
    said = {**said, "cfg": said.get("guidance", said.get("cfg"))}
    numbers = {name: said.get(name) for name in ("cfg", *_SIZE)}
    words = {name: said.get(name) for name in ("sampler", "scheduler", "negative")}
    return {name: value for name, value in numbers.items() if type(value) in (int, float)} | {
        name: value for name, value in words.items() if isinstance(value, str)
    }


def starting_values(session: WorkSession, stage: int) -> dict[str, Any]:
    """Return what the form says before anybody changes it: the last form of the stage, else the stage itself."""
    definition = session.stages[stage]
    family = families.FAMILIES.get(definition.family)
    defaults = template_defaults(definition.family, from_picture=stage > 0)
    said = next((form for back in range(stage, -1, -1) if (form := session.last_form(back))), {})
    words = session.words_for(definition.family, said)
    fresh: dict[str, Any] = {
        "prompt": words.get("prompt", ""),
        "negative": words.get("negative", defaults.get("negative", "")),
        "family": definition.family,
        "width": definition.width,
        "height": definition.height,
        "count": definition.want,
        "steps": definition.steps,
        "cfg": usual_guidance(definition.family),
        "sampler": family.sampler if family else "euler",
        "scheduler": family.scheduler if family else "normal",
        **{name: defaults[name] for name in _DRAWN_WITH if name in defaults},
        "denoise": definition.denoise,
        "node_mode": NodeMode.ANY,
        "checkpoint": usual_checkpoint(definition.family),
        "seed": "",
    }
    values = {**fresh, **session.last_form(stage), "submission_key": uuid.uuid4().hex}
    if lost_checkpoint(session, stage):
        values["checkpoint"] = usual_checkpoint(str(values["family"]))
    size = f"{values['width']}x{values['height']}"
    values["size"] = size if size in dict(size_choices(str(values["family"]))) else CUSTOM_SIZE
    return values


def lost_checkpoint(session: WorkSession, stage: int) -> str:
    """Return the checkpoint that a stage was last drawn with if no node has it any more, else nothing."""
    form = session.last_form(stage)
    asked = str(form.get("checkpoint") or "")
    family = str(form.get("family") or session.stages[stage].family)
    return asked if asked and asked not in dict(checkpoint_choices(family)) else ""


def checkpoint_note(session: WorkSession, stage: int) -> str:
    """Say which checkpoint takes the place of one that is gone, if the stage's last form named one."""
    lost = lost_checkpoint(session, stage)
    if not lost:
        return ""
    form = session.last_form(stage)
    usual = usual_checkpoint(str(form.get("family") or session.stages[stage].family))
    return f"No node has {lost} any more; {usual or 'any that a node has'} takes its place."


def family_values(family: str, *, from_picture: bool = False) -> dict[str, Any]:
    """Return what changes in the form when somebody chooses another family."""
    known = families.FAMILIES[family]
    values = {
        "family": family,
        "width": known.native[0],
        "height": known.native[1],
        "cfg": usual_guidance(family),
        "sampler": known.sampler,
        "scheduler": known.scheduler,
        "checkpoint": usual_checkpoint(family),
    }
    defaults = template_defaults(family, from_picture=from_picture)
    values |= {name: defaults[name] for name in (*_DRAWN_WITH, *_SIZE) if name in defaults}
    size = f"{values['width']}x{values['height']}"
    return {**values, "size": size if size in dict(size_choices(family)) else CUSTOM_SIZE}


def usual_guidance(family: str) -> float:
    """Return the guidance that a family draws best with: its own kind of it where it has one, else cfg."""
    known = families.FAMILIES.get(family)
    if known is None:
        return 7.0
    return known.cfg if known.guidance is None else known.guidance


def size_choices(family: str) -> list[tuple[str, str]]:
    """Return the shapes that a family draws well, and the freedom of another."""
    known = families.FAMILIES.get(family)
    sizes = known.sizes if known else ()
    return [
        *((f"{width}x{height}", label) for width, height, label in sizes),
        (CUSTOM_SIZE, "Own size"),
    ]


def checkpoint_choices(family: str) -> list[tuple[str, str]]:
    """Return the checkpoints of a family on this farm, those on most nodes first."""
    counted: dict[str, tuple[int, str]] = {}
    for one in NodeModel.objects.checkpoints(family):
        count, _ = counted.get(one.key, (0, ""))
        name = one.name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
        counted[one.key] = (count + 1, name)
    ranked = sorted(counted.items(), key=lambda item: (-item[1][0], item[0]))
    return [("", "any that a node has"), *((key, name) for key, (_, name) in ranked)]


def usual_checkpoint(family: str) -> str:
    """Return the checkpoint to begin with: the first choice of the admin, else the one that most nodes have."""
    preferred = NodeModel.objects.checkpoints(family).filter(is_preferred=True).first()
    if preferred is not None:
        return preferred.key
    choices = checkpoint_choices(family)
    return choices[1][0] if len(choices) > 1 else ""


def tokens_of(text: str, family: str) -> TokenCount:
    """Count a text as the family's text encoder does, as far as a prompt may be long."""
    known = families.FAMILIES.get(family)
    window = known.token_window if known else 75
    return count_tokens(text[:MOST_CHARACTERS], window, encoder="t5" if window > 75 else "clip")


class TitleForm(forms.Form):
    """A session's title."""

    title = forms.CharField(
        max_length=TITLE_LENGTH, error_messages={"required": "It needs a name."}
    )
