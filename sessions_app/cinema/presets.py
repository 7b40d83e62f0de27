"""Presets: films, animation looks and people's own by id, old id or name, and the configuration that each begins with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sessions_app.cinema.config import (
    ANIMATION,
    KINDS,
    LIVE_ACTION,
    Animation,
    Configuration,
    LiveAction,
)
from sessions_app.cinema.films import FILMS, Film
from sessions_app.cinema.looks import LOOKS, Look
from sessions_app.cinema.own_presets import Own
from sessions_app.cinema.rules.camera import suits_size
from sessions_app.cinema.vocabulary import Term, Vocabulary, vocabularies

Preset = Film | Look | Own

CIVIL_TWILIGHT_DEG: Final = -6
"""Below this elevation of the sun the sky lights nothing."""


class Catalogue:
    """Presets that are there together."""

    def __init__(self, found: Iterable[Preset]) -> None:
        """Take them in the order of menus; ids and aliases must be unique.

        Raises:
            ValueError: Two of them have one name.
        """
        listed = list(found)
        self.by_id: Mapping[str, Preset] = {one.id: one for one in listed}
        self.names = Vocabulary("preset", (_named(one) for one in self.by_id.values()))
        if len(self.by_id) < len(listed):
            ids = [one.id for one in listed]
            twice = next(one for one in ids if ids.count(one) > 1)
            msg = f"Two presets have the id {twice}."
            raise ValueError(msg)


def _named(one: Preset) -> Term:
    label = one.title if isinstance(one, Film) else one.label
    return Term(id=one.id, label=label, aliases=one.aliases)


_other: Catalogue | None = None


def show(other: Catalogue | None) -> None:
    """Have other presets from now on; None: the shipped ones."""
    global _other
    _other = other


def _catalogue() -> Catalogue:
    return _other or _shipped()


@cache
def _shipped() -> Catalogue:
    return Catalogue((*FILMS.shipped.values(), *LOOKS.shipped.values()))


def shipped_preset(spelled: str) -> Preset | None:
    """Return the shipped preset that has exactly this id or alias."""
    found = _shipped().names.named(spelled)
    return _shipped().by_id[found.id] if found else None


def named(spelled: str) -> Preset | None:
    """Return the preset that has exactly this id or alias."""
    there = _catalogue()
    found = there.names.named(spelled)
    return there.by_id[found.id] if found else None


def presets() -> Iterator[Preset]:
    """Yield the films, oldest first, then the looks, then what people kept."""
    yield from _catalogue().by_id.values()


def find_preset(name: str) -> Preset:
    """Return the preset with this id, alias or label.

    Raises:
        UnknownTerm: There is none.
    """
    there = _catalogue()
    return there.by_id[there.names.find(name).id]


def apply_preset(name: str, overrides: Mapping[str, Any] | None = None) -> Configuration:
    """Return the configuration that a preset begins with, changed by what is told by field or path.

    Raises:
        UnknownTerm: There is no such preset.
        BadValue: An override is unknown.
    """
    preset = find_preset(name)
    return begun_with(preset).with_told(overrides or {})


def begun_with(preset: Preset) -> Configuration:
    """Return the configuration that a preset begins with."""
    if isinstance(preset, Own):
        return KINDS[preset.kind](preset=preset.id).changed(preset.choices)
    return _of_film(preset) if isinstance(preset, Film) else _of_look(preset)


def kind_of(preset: Preset) -> str:
    """Return the kind of configuration that a preset begins."""
    if isinstance(preset, Own):
        return preset.kind
    return LIVE_ACTION if isinstance(preset, Film) else ANIMATION


def _of_film(film: Film) -> LiveAction:
    look = film.look
    move = look.movements[0] if look.movements else {}
    time, place = _id("times", _first(look.times)), _id("places", look.place)
    styles = _ids("styles", look.styles[:2])
    config = LiveAction(
        preset=film.id,
        year=film.year,
        body=_first(film.cameras),
        lens=_first(film.lenses),
        stock=_first(film.film_stocks),
        ratio=_id("ratios", _first(film.aspect_ratios)),
        equipment=_id("carriers", move.get("equipment")),
        movement=_id("moves", move.get("type")),
        timing=_id("timings", move.get("timing")),
        time=time,
        place=place,
        sources=_lit_at(time, place, _ids("sources", look.sources), styles),
        styles=styles,
        size=_id("sizes", _first(look.sizes)),
        composition=_id("compositions", _first(look.compositions)),
        moods=_ids("moods", look.moods[:3]),
        tone=_id("tones", _first(look.tones)),
    )
    return _with_focal(config, film.focal_lengths_mm)


def _with_focal(config: LiveAction, found: tuple[float, ...]) -> LiveAction:
    """Return it with the first focal length of the film that suits the shot size: its list is of all its shots."""
    tried = [config.changed({"focal_mm": one}) for one in found]
    return next((one for one in tried if suits_size(one)), tried[0] if tried else config)


def _lit_at(
    time: str | None, place: str | None, sources: tuple[str, ...], styles: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the sources of a film that there are then and there: its list is of all its scenes."""
    low, high = vocabularies().times[time].sun_elevation_deg if time else (-90, 90)
    has_sky = high > CIVIL_TWILIGHT_DEG
    is_there = {
        "sun": high > 0,
        "moon": low < 0,
        "overcast": has_sky and place != "interior",
        "skylight": has_sky and place != "interior",
        "window": has_sky and place != "exterior",
    }
    if place == "exterior" and low > 0:
        # In full daylight no lamp of the scene is seen to light it.
        is_there |= {one: False for one in sources if _is_lamp(one)}
    there = [one for one in sources if is_there.get(one, True)]
    other = _other_weather(there, styles)
    return tuple(one for one in there if one != other)[:3]


def _other_weather(sources: Sequence[str], styles: Sequence[str]) -> str | None:
    """Return which of sun and overcast sky there is not, when a film has both: the style tells, or the order."""
    weather = [one for one in sources if one in ("sun", "overcast")]
    if len(weather) < 2:
        return None
    if "soft" in styles and "skylight" not in sources:
        return "sun"
    return "overcast" if {"hard", "high_contrast", "silhouette"} & set(styles) else weather[1]


def _is_lamp(source: str) -> bool:
    return vocabularies().sources[source].kind in ("electric", "practical")


def _of_look(look: Look) -> Animation:
    return Animation(
        preset=look.id,
        medium=_id("mediums", look.medium),
        domain=_id("domains", look.domain),
        line=_id("lines", look.line),
        color=_id("colors", look.color),
        lighting=_id("lightings", look.lighting),
        surface=_id("surfaces", look.surface),
        motion=_id("motions", look.motion),
        camera=_id("cameras", look.camera),
        ratio=_id("ratios", look.ratio),
        size=_id("sizes", _first(look.sizes)),
        composition=_id("compositions", _first(look.compositions)),
        moods=_ids("moods", look.moods[:3]),
        tone=_id("tones", _first(look.tones)),
    )


def _first(found: tuple[Any, ...]) -> Any:
    return found[0] if found else None


def _id(vocabulary: str, name: str | None) -> str | None:
    """Return an id; our data may write aliases."""
    found: Vocabulary[Any] = getattr(vocabularies(), vocabulary)
    return found.find(name).id if name else None


def _ids(vocabulary: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for name in names if (one := _id(vocabulary, name))))
