"""Films to begin with: who made them, with what, and what they look like.

`certainty` says how sure the equipment is; what is low is a look in the style of the film, not a fact of its making.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sessions_app.cinema.own_presets import base_of
from sessions_app.cinema.own_rows import Row, build_own, require_id, require_object
from sessions_app.cinema.vocabulary import ReadOnce, build, read_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """One light of a plan.

    Attributes:
        azimuth: Degrees around the subject: 0 from the camera, 90 from its right, 180 from behind.
        height: low, eye, high or top.
        hard: Whether its shadows have edges.
    """

    azimuth: float
    height: str = "high"
    hard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LightPlan:
    """Where the light comes from; lamps that are not there are None.

    Attributes:
        practicals: How many lamps are in the picture.
    """

    key: Lamp
    fill: Lamp | None = None
    back: Lamp | None = None
    practicals: int = 0
    certainty: str = "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmLook:
    """Ids of the vocabularies, the first choice first; certainty is that of the look."""

    certainty: str = "medium"
    moods: tuple[str, ...] = ()
    tones: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    compositions: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    movements: tuple[Mapping[str, str], ...] = ()
    times: tuple[str, ...] = ()
    place: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A film.

    Attributes:
        cameras, lenses, film_stocks, aspect_ratios: Ids, what made most of it first.
        avoids_moods, avoids_sources: Ids that would break its look.
        palette: Five colors, as #rrggbb.
    """

    id: str
    title: str
    year: int
    director: tuple[str, ...]
    cinematographer: tuple[str, ...]
    cameras: tuple[str, ...]
    lenses: tuple[str, ...]
    film_stocks: tuple[str, ...]
    aspect_ratios: tuple[str, ...]
    process: str = ""
    certainty: str
    lens_certainty: str = ""
    stock_certainty: str = ""
    focal_lengths_mm: tuple[float, ...] = ()
    look: FilmLook
    avoids_moods: tuple[str, ...] = ()
    avoids_sources: tuple[str, ...] = ()
    palette: tuple[str, ...] = ()
    light: LightPlan | None = None
    line: str = ""
    note: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a menu shows: the title, or that it is in its style where little is known for sure."""
        return f"In the style of {self.title}" if self.certainty == "low" else self.title

    @property
    def era(self) -> str:
        """The decade."""
        return f"{self.year // 10 * 10}s"


def _film(row: Mapping[str, Any]) -> Film:
    values = dict(row)
    look = build(FilmLook, values.pop("look", None) or {}, "films.yaml")
    avoids = values.pop("avoids", None) or {}
    light = values.pop("light", None)
    values |= {f"avoids_{name}": ids for name, ids in avoids.items()}
    return build(Film, {**values, "look": look, "light": light and light_plan(light)}, "films.yaml")


def light_plan(row: Mapping[str, Any]) -> LightPlan:
    """Return a light plan as our data write it."""
    lamps = {
        name: build(Lamp, row[name], "light") for name in ("key", "fill", "back") if row.get(name)
    }
    return build(LightPlan, {**row, "fill": None, "back": None, **lamps}, "light")


def own_film(row: Row) -> Film:
    """Return a film that somebody wrote as our data write them.

    Raises:
        ValueError: It is none; says why.
    """
    values = require_object(row)
    look = build_own(FilmLook, require_object(values.pop("look", None) or {}, "look"), at="look")
    avoids = require_object(values.pop("avoids", None) or {}, "avoids")
    light = values.pop("light", None)
    values |= {f"avoids_{name}": ids for name, ids in avoids.items()}
    film = build_own(Film, {**values, "look": look, "light": own_light(light) if light else None})
    for name in (film.id, *film.aliases):
        require_id(name)
    return film


def own_light(row: Any) -> LightPlan:
    """Return a light plan that somebody wrote.

    Raises:
        ValueError: It is none; says why.
    """
    values = require_object(row, "light")
    lamps = {
        name: build_own(Lamp, require_object(values[name], f"light: {name}"), at=f"light: {name}")
        for name in ("key", "fill", "back")
        if values.get(name)
    }
    rest = {name: one for name, one in values.items() if name not in ("key", "fill", "back")}
    return build_own(LightPlan, {**rest, **lamps}, at="light")


def _read() -> Mapping[str, Film]:
    found = sorted((_film(row) for row in read_file("films")["films"]), key=lambda one: one.year)
    return MappingProxyType({film.id: film for film in found})


FILMS: Final[ReadOnce[Film]] = ReadOnce(_read)
"""By id, oldest first; people's own come last."""


def film_of(preset: str | None) -> Film | None:
    """Return the film that a preset's id names, or that an own preset was begun with, if there is one."""
    return (FILMS.get(preset) or FILMS.get(base_of(preset))) if preset else None
