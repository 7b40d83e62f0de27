"""Write prompts for models, and turn a prompt for one into a prompt for another."""

from django.http import HttpRequest
from ninja import Router

from farm_app.api.errors import ErrorAnswer, Fault, invalid
from farm_app.models.tokens import May
from sessions_app.api.engine import REFUSALS
from sessions_app.api.entrance import Entrance
from sessions_app.api.reading import config_of, preset_of, require_overrides, target_of
from sessions_app.api.schemas import (
    ConvertedSaid,
    ConvertPosted,
    FindingSaid,
    PromptPosted,
    PromptSaid,
    PromptsSaid,
)
from sessions_app.cinema import engine, plain
from sessions_app.cinema.config import Configuration, write_config
from sessions_app.cinema.convert import convert
from sessions_app.cinema.presets import Preset, apply_preset
from sessions_app.cinema.prompt import PANELS, compile_prompt
from sessions_app.cinema.targets import Target

router = Router(tags=["cinema"])


@router.post(
    "/generate-prompt",
    auth=Entrance(May.READ),
    response={200: PromptsSaid, REFUSALS: ErrorAnswer},
    summary="Write a prompt for one target or several",
)
def post_prompt(request: HttpRequest, posted: PromptPosted) -> PromptsSaid:
    """The same choices give the same text; every clause tells which choices it came from."""
    targets = _targets(posted)
    config = _config(posted)
    without = _without(posted.without, config)
    prompts = [_prompt(one, config, posted, without) for one in targets]
    return PromptsSaid(config=write_config(config), prompts=prompts)


def _targets(posted: PromptPosted) -> list[Target]:
    if posted.targets is not None and posted.target is None:
        return [target_of(name, f"targets.{place}") for place, name in enumerate(posted.targets)]
    if posted.target is not None and posted.targets is None:
        return [target_of(posted.target, "target")]
    raise invalid([Fault("target", "Give a target or a list of targets, one of them.")])


def _config(posted: PromptPosted) -> Configuration:
    if posted.preset is None:
        if posted.overrides:
            said = "They change a preset; without one, write them into the config."
            raise invalid([Fault("overrides", said)])
        return config_of(posted.config or {})
    if posted.config is not None:
        raise invalid([Fault("preset", "Give a config or a preset, one of them.")])
    return applied(preset_of(posted.preset, "preset"), posted.overrides)


def applied(preset: Preset, overrides: dict[str, object]) -> Configuration:
    """Return the configuration that a preset begins with, changed by what was posted.

    Raises:
        Refused: An override is unknown.
    """
    told = require_overrides(overrides, apply_preset(preset.id))
    return apply_preset(preset.id, told)


def _without(names: list[str], config: Configuration) -> frozenset[str]:
    """Return panels and fields; a path means its field."""
    fields = {name: field for name in names if (field := config.field(name))}
    faults = [
        Fault(f"without.{place}", f"There is no panel or field called {name}.")
        for place, name in enumerate(names)
        if name not in fields and name not in PANELS
    ]
    if faults:
        raise invalid(faults)
    return frozenset(fields[name].name if name in fields else name for name in names)


def _prompt(
    target: Target, config: Configuration, posted: PromptPosted, without: frozenset[str]
) -> PromptSaid:
    made = compile_prompt(target, config, posted.scene, without=without, negative=posted.negative)
    found = engine.validate(config, is_still=target.is_still)
    messages = [FindingSaid(**plain.finding(one)) for one in found]
    return PromptSaid(**plain.prompt(made), messages=messages)


@router.post(
    "/convert",
    auth=Entrance(May.READ),
    response={200: ConvertedSaid, REFUSALS: ErrorAnswer},
    summary="Turn a prompt for one target into one for another",
)
def post_conversion(request: HttpRequest, posted: ConvertPosted) -> ConvertedSaid:
    """Without a language model: nothing is invented, and nothing lost in silence."""
    source, target = target_of(posted.source, "from"), target_of(posted.target, "to")
    made = convert(posted.text, source, target)
    return ConvertedSaid(text=made.text, notes=list(made.notes))
