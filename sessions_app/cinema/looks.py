"""Animation looks to begin with, named by what they look like; works that show it are references."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from sessions_app.cinema.films import LightPlan, light_plan
from sessions_app.cinema.vocabulary import build, read_file

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


class _Looks(Mapping[str, Look]):
    """Looks by id, read at the first look."""

    def __getitem__(self, key: str) -> Look:
        return _read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(_read())

    def __len__(self) -> int:
        return len(_read())


LOOKS: Final[Mapping[str, Look]] = _Looks()
"""By id."""


@cache
def _read() -> Mapping[str, Look]:
    return MappingProxyType({row["id"]: _look(row) for row in read_file("looks")["looks"]})


def _look(row: Mapping[str, Any]) -> Look:
    values = {_NAMES.get(key, key): value for key, value in row.items()}
    light = values.pop("light", None)
    return build(Look, {**values, "light": light and light_plan(light)}, "looks.yaml")
