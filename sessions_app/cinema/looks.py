"""Animation looks to begin with, named by what they look like; works that show it are references."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sessions_app.cinema.films import LightPlan, light_plan, own_light
from sessions_app.cinema.own_presets import base_of
from sessions_app.cinema.own_rows import Row, build_own, require_id, require_object
from sessions_app.cinema.vocabulary import ReadOnce, build, read_file

_NAMES: Final = {
    "line_treatment": "line",
    "color_application": "color",
    "lighting_model": "lighting",
    "surface_detail": "surface",
    "motion_style": "motion",
    "virtual_camera": "camera",
    "aspect_ratio": "ratio",
    "line": "says",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look of drawn, built or computed pictures; its values are ids of the animation vocabularies.

    Attributes:
        says: One sentence for its card.
        prose, tag: Its words for prompts.
        palette: Five colors, as #rrggbb.
    """

    id: str
    label: str
    says: str = ""
    prose: str = ""
    tag: str = ""
    aliases: tuple[str, ...] = ()
    domain: str
    medium: str
    line: str
    color: str
    lighting: str
    surface: str
    motion: str
    camera: str
    moods: tuple[str, ...] = ()
    tones: tuple[str, ...] = ()
    compositions: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    ratio: str | None = None
    era: str = ""
    reference_works: tuple[str, ...] = ()
    palette: tuple[str, ...] = ()
    light: LightPlan | None = None
    disallowed_cameras: tuple[str, ...] = ()
    disallowed_motion: tuple[str, ...] = ()
    note: str = ""


def _look(row: Mapping[str, Any]) -> Look:
    values = {_NAMES.get(key, key): value for key, value in row.items()}
    light = values.pop("light", None)
    return build(Look, {**values, "light": light and light_plan(light)}, "looks.yaml")


def own_look(row: Row) -> Look:
    """Return a look that somebody wrote as our data write them.

    Raises:
        ValueError: It is none; says why.
    """
    values = {_NAMES.get(name, name): value for name, value in require_object(row).items()}
    light = values.pop("light", None)
    called = {field: name for name, field in _NAMES.items()}
    look = build_own(Look, {**values, "light": own_light(light) if light else None}, called=called)
    for name in (look.id, *look.aliases):
        require_id(name)
    return look


def _read() -> Mapping[str, Look]:
    return MappingProxyType({row["id"]: _look(row) for row in read_file("looks")["looks"]})


LOOKS: Final[ReadOnce[Look]] = ReadOnce(_read)
"""By id; people's own come last."""


def look_of(preset: str | None) -> Look | None:
    """Return the look that a preset's id names, or that an own preset was begun with, if there is one."""
    return (LOOKS.get(preset) or LOOKS.get(base_of(preset))) if preset else None
