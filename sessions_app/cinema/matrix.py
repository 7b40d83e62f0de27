"""Every preset for every target: what a reader can look through, and what must never stand in a prompt."""

import re
from collections.abc import Iterator
from typing import Any, Final

from sessions_app.cinema.engine import validate
from sessions_app.cinema.presets import apply_preset, presets
from sessions_app.cinema.prompt import compile_prompt
from sessions_app.cinema.targets import TARGETS, Target

# Shot sizes and media as crews and menus abbreviate them, and names of our own.
_CODES: Final = re.compile(
    r"\b(?:EWS|WS|MWS|MS|MCU|CU|BCU|ECU|OTS|POV|ThreeD|TwoD|2D_|3D_|None|True|False)\b"
)


def matrix(scene: str = "") -> Iterator[dict[str, Any]]:
    """Yield each preset written for each target, presets first."""
    for preset in presets():
        config = apply_preset(preset.id)
        for target in TARGETS.values():
            made = compile_prompt(target, config, scene)
            yield {
                "preset": preset.id,
                "target": target.id,
                "prompt": made.text,
                "negative": made.negative,
                "words": made.words,
                "tokens": made.tokens,
                "messages": [
                    f"{one.severity}: {one.reason}"
                    for one in validate(config, is_still=target.is_still)
                ],
            }


def code_words(text: str, target: Target) -> list[str]:
    """Return what in a prompt is no word for people: ids and codes, but for the tags that a target was trained on."""
    known = {*target.prefix, *target.suffix, *target.negative.photographed, *target.negative.drawn}
    rest = ", ".join(part for part in text.split(", ") if part not in known)
    return [*re.findall(r"\S*_\S*", rest), *_CODES.findall(rest)]
