"""The form of a session's stages: each with its name, count and how it is drawn."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from farm_app import families
from sessions_app.fields import RangedInteger, RangedNumber, SizeField, number_widget
from sessions_app.forms import MOST_STEPS
from sessions_app.funnel import MOST_PICTURES, MOST_STAGES, UPSCALE_STAGE, Stage


class StageForm(forms.Form):
    """One stage of the funnel."""

    kind = forms.CharField(widget=forms.HiddenInput(), required=False)
    name = forms.CharField(max_length=24, label="Stage")
    count = RangedInteger(low=1, high=MOST_PICTURES, label="Pictures", widget=number_widget())
    family = forms.ChoiceField(label="Model", required=False)
    width = SizeField(widget=number_widget())
    height = SizeField(widget=number_widget())
    steps = RangedInteger(low=1, high=MOST_STEPS, widget=number_widget())
    denoise = RangedNumber(low=0.05, high=1, widget=number_widget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer every family; an upscale stage only has a name and a count."""
        super().__init__(*args, **kwargs)
        field = self.fields["family"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(one, family.label) for one, family in families.FAMILIES.items()]
        kind = self["kind"].value()
        if kind == "upscale":
            for name in ("family", "width", "height", "steps", "denoise"):
                self.fields[name].required = False
                self.fields[name].disabled = True

    def as_stage(self) -> Stage:
        """Return the stage that was described."""
        found = self.cleaned_data
        if found.get("kind") == "upscale":
            return Stage(found["name"], found["count"], kind="upscale")
        return Stage(
            found["name"],
            found["count"],
            found["family"],
            found["width"],
            found["height"],
            found["steps"],
            found["denoise"],
        )


class BaseStageFormSet(forms.BaseFormSet[StageForm]):
    """The whole funnel; ``asked`` is the furthest stage that was asked for."""

    def __init__(self, *args: Any, asked: int | None = None, **kwargs: Any) -> None:
        """Keep what cannot be taken away any more."""
        self.asked = asked
        super().__init__(*args, **kwargs)

    def clean(self) -> None:
        """Refuse an empty funnel, one that starts from a picture, two stages of one name, and orphaned pictures."""
        if any(self.errors):
            return
        self._keep_what_was_asked()
        stages = self.stages()
        if not stages:
            raise ValidationError("A session needs at least one stage.")
        if stages[0].kind == "upscale":
            raise ValidationError("The first stage draws from words; an upscale needs a picture.")
        names = [stage.name.casefold() for stage in stages]
        if len(set(names)) != len(names):
            raise ValidationError("Two stages have the same name.")

    def _keep_what_was_asked(self) -> None:
        """Refuse to remove a stage that has pictures, or one before it: they would stand in another stage."""
        used = [] if self.asked is None else self.forms[: self.asked + 1]
        for form in used:
            if form.cleaned_data.get("DELETE"):
                name = form.cleaned_data.get("name")
                said = f"{name} stays: it or a stage after it has pictures. It can be renamed."
                raise ValidationError(said)

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages that stay, in order."""
        kept = [
            form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        return tuple(form.as_stage() for form in kept)


StageFormSet: type[BaseStageFormSet] = forms.formset_factory(  # type: ignore[assignment]
    StageForm,
    formset=BaseStageFormSet,
    extra=0,
    can_delete=True,
    max_num=MOST_STAGES,
    absolute_max=MOST_STAGES + 1,  # no browser sends more, and each one costs
    validate_max=True,
)


def stage_initial(stages: Sequence[Stage]) -> list[dict[str, Any]]:
    """Return what the stages' form says."""
    return [
        {
            "kind": one.kind,
            "name": one.name,
            "count": one.want,
            "family": one.family or "sdxl",
            "width": one.width,
            "height": one.height,
            "steps": one.steps,
            "denoise": one.denoise,
        }
        for one in stages
    ]


def added_stage(kind: str, stages: Sequence[Stage]) -> Stage:
    """Return a stage to add at the end: like the last one, or an upscale."""
    if kind == "upscale":
        return UPSCALE_STAGE
    last = next((one for one in reversed(stages) if one.kind == "draw"), None)
    family = last.family if last else "sdxl"
    return Stage("Another", 1, family, 1024, 1024, 40, 0.3)
