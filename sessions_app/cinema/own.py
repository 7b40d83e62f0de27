"""What people added to the shipped words and presets, or changed in them: read whole, then shown at once.

Whoever keeps such rows hands them over here; the engine itself keeps none.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sessions_app.cinema import presets, vocabulary
from sessions_app.cinema.config import FIRST_FILM_YEAR, KINDS, LAST_YEAR, BadValue, Value, flat
from sessions_app.cinema.films import FILMS, Film, own_film
from sessions_app.cinema.looks import LOOKS, Look, own_look
from sessions_app.cinema.own_presets import OWN, Own
from sessions_app.cinema.own_rows import Row, build_own, require_id, require_object
from sessions_app.cinema.own_terms import with_own_terms
from sessions_app.cinema.presets import Catalogue
from sessions_app.cinema.vocabulary import UnknownTerm, Vocabularies

V = TypeVar("V")

_OF_FILM: Final[Mapping[str, str]] = {
    "cameras": "bodies",
    "lenses": "lenses",
    "film_stocks": "stocks",
    "aspect_ratios": "ratios",
    "avoids_moods": "moods",
    "avoids_sources": "sources",
}
_OF_FILM_LOOK: Final[Mapping[str, str]] = {
    "place": "places",
    **{name: name for name in ("moods", "tones", "styles", "sources", "compositions", "sizes")},
    "times": "times",
}
_OF_MOVEMENT: Final[Mapping[str, str]] = {
    "type": "moves",
    "equipment": "carriers",
    "timing": "timings",
}
_OF_LOOK: Final[Mapping[str, str]] = {
    "medium": "mediums",
    "domain": "domains",
    "line": "lines",
    "color": "colors",
    "lighting": "lightings",
    "surface": "surfaces",
    "motion": "motions",
    "camera": "cameras",
    "ratio": "ratios",
    **{name: name for name in ("moods", "tones", "compositions", "sizes")},
    "disallowed_cameras": "cameras",
    "disallowed_motion": "motions",
}
_AS_THEY_ARE: Final = ("cameras", "lenses", "film_stocks")
"""What films name by ids alone."""

_showing: Final = Lock()


@dataclass(frozen=True)
class Overlay:
    """Everything as it would be shown; None where it is as shipped."""

    words: Vocabularies | None
    films: Mapping[str, Film] | None
    looks: Mapping[str, Look] | None
    own: Mapping[str, Own] | None
    catalogue: Catalogue | None


AS_SHIPPED: Final = Overlay(None, None, None, None, None)


def use_own(
    *,
    terms: Mapping[str, Sequence[Row]] | None = None,
    films: Sequence[Row] = (),
    looks: Sequence[Row] = (),
    presets: Sequence[Row] = (),
    gone: Collection[str] = (),
) -> None:
    """Show these from now on, and nothing that was told before.

    Args:
        terms: Rows as in `data/*.yaml`, by the name of their vocabulary. One with a shipped id takes its place.
        films: Rows as in films.yaml; likewise.
        looks: Rows as in looks.yaml; likewise.
        presets: Configurations that somebody kept: id, label, kind, choices; also line and palette.
        gone: Ids of shipped presets that are not to be offered.

    Raises:
        ValueError: A row is wrong; says which and why. Nothing is changed then.
    """
    show(read_own(terms=terms, films=films, looks=looks, presets=presets, gone=gone))


def read_own(
    *,
    terms: Mapping[str, Sequence[Row]] | None = None,
    films: Sequence[Row] = (),
    looks: Sequence[Row] = (),
    presets: Sequence[Row] = (),
    gone: Collection[str] = (),
) -> Overlay:
    """Return what would be shown, and show nothing yet; see `use_own`.

    Raises:
        ValueError: A row is wrong; says which and why.
    """
    if not (any((terms or {}).values()) or films or looks or presets or gone):
        return AS_SHIPPED
    words = with_own_terms(terms or {})
    all_films = _over(FILMS.shipped, _by_id(_checked_film(row, words) for row in films), gone)
    all_looks = _over(LOOKS.shipped, _by_id(_checked_look(row, words) for row in looks), gone)
    bases: dict[str, Film | Look] = {**all_films, **all_looks}
    own = _by_id(_checked_own(row, words, bases) for row in presets)
    there = Catalogue((*all_films.values(), *all_looks.values(), *own.values()))
    return Overlay(words, all_films, all_looks, MappingProxyType(own), there)


def show(overlay: Overlay) -> None:
    """Show an overlay: each part of it by one assignment, so that threads that read meanwhile see old or new."""
    with _showing:
        vocabulary.use(overlay.words)
        FILMS.show(overlay.films)
        LOOKS.show(overlay.looks)
        OWN.show(overlay.own)
        presets.show(overlay.catalogue)


def check_film(row: Row) -> Film:
    """Return a film that somebody wrote, held against the words in use.

    Raises:
        ValueError: It is none; says why.
    """
    return _checked_film(row, vocabulary.vocabularies())


def check_look(row: Row) -> Look:
    """Return a look that somebody wrote, held against the words in use.

    Raises:
        ValueError: It is none; says why.
    """
    return _checked_look(row, vocabulary.vocabularies())


def check_choices(kind: str, told: Row) -> dict[str, Value]:
    """Return what somebody chose, by field, ids resolved among the words in use.

    Raises:
        ValueError: The kind, a field or a value is unknown.
    """
    _require_kind(kind)
    return _choices(kind, require_object(told), vocabulary.vocabularies())


def _by_id(found: Iterable[Any]) -> dict[str, Any]:
    listed = [(one.id, one) for one in found]
    if len(dict(listed)) < len(listed):
        ids = [name for name, _ in listed]
        msg = f"Two presets have the id {next(one for one in ids if ids.count(one) > 1)}."
        raise ValueError(msg)
    return dict(listed)


def _over(shipped: Mapping[str, V], own: Mapping[str, V], gone: Collection[str]) -> Mapping[str, V]:
    left = {name: one for name, one in shipped.items() if name not in gone}
    return MappingProxyType({**left, **own})


def _checked_film(row: Row, words: Vocabularies) -> Film:
    film = own_film(row)
    if not FIRST_FILM_YEAR <= film.year <= LAST_YEAR:
        msg = f"year lies between {FIRST_FILM_YEAR} and {LAST_YEAR}."
        raise ValueError(msg)
    _require_known(film, _OF_FILM, words)
    _require_known(film.look, _OF_FILM_LOOK, words, at="look: ")
    for move in film.look.movements:
        for name, told in move.items():
            if name not in _OF_MOVEMENT:
                msg = f"look: movements hold {', '.join(_OF_MOVEMENT)}, not {name}."
                raise ValueError(msg)
            _require_term(words, _OF_MOVEMENT[name], told, f"look: movements: {name}")
    return film


def _checked_look(row: Row, words: Vocabularies) -> Look:
    look = own_look(row)
    _require_known(look, _OF_LOOK, words)
    return look


def _require_known(
    holder: Any, parts: Mapping[str, str], words: Vocabularies, *, at: str = ""
) -> None:
    for name, told in _told(holder, parts):
        _require_term(words, parts[name], told, f"{at}{name}", as_it_is=name in _AS_THEY_ARE)


def _told(holder: Any, parts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in parts:
        held = getattr(holder, name)
        for one in held if isinstance(held, tuple) else (held,):
            if one is not None:
                yield name, one


def _require_term(
    words: Vocabularies, terms: str, told: str, at: str, *, as_it_is: bool = False
) -> None:
    try:
        found = getattr(words, terms).find(told)
    except UnknownTerm as unknown:
        msg = f"{at}: {unknown}"
        raise ValueError(msg) from unknown
    if as_it_is and found.id != told:
        msg = f"{at}: write {found.id} for {told}."
        raise ValueError(msg)


def _checked_own(row: Row, words: Vocabularies, bases: Mapping[str, Film | Look]) -> Own:
    values = require_object(row)
    kind = _require_kind(values.get("kind"))
    told = require_object(values.get("choices") or {}, "choices")
    base = bases.get(str(told.get("preset") or ""))
    begun = base if base and presets.kind_of(base) == kind else None
    choices = _choices(kind, told, words)
    palette = values.get("palette") or list(_palette(begun, choices, words))
    based_on = begun.id if begun else ""
    own = build_own(Own, {**values, "choices": choices, "based_on": based_on, "palette": palette})
    for name in (own.id, *own.aliases):
        require_id(name)
    return own


def _require_kind(kind: Any) -> str:
    if not isinstance(kind, str) or kind not in KINDS:
        msg = f"A preset is of the kind {' or '.join(KINDS)}, not {kind}."
        raise ValueError(msg)
    return kind


def _palette(base: Film | Look | None, choices: Row, words: Vocabularies) -> tuple[str, ...]:
    if base is not None:
        return base.palette
    tone = choices.get("tone")
    return words.tones[tone].swatch if tone else ()


def _choices(kind: str, told: Row, words: Vocabularies) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, value in flat(told):
        if name in ("kind", "project_type", "preset"):
            continue
        field = KINDS[kind].field(name)
        if field is None:
            raise BadValue(name, f"There is no field called {name}.")
        read = field.read(value, words)
        if read not in (None, ()):
            found[field.name] = read
    return found
