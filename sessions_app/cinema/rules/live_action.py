"""All rules of live action, and what became of those that are not among them."""

from collections.abc import Mapping
from typing import Final

from sessions_app.cinema.rules.camera import CAMERA_RULES
from sessions_app.cinema.rules.scene import SCENE_RULES
from sessions_app.cinema.rules.terms import Rule

LIVE_ACTION_RULES: Final[tuple[Rule, ...]] = (*CAMERA_RULES, *SCENE_RULES)

DROPPED: Final[Mapping[str, str]] = {
    "LA_SYMMETRY_ECU_WARN": "Faces are the classic symmetrical close-up.",
}
"""Rules of older consoles that are wrong, and why."""
