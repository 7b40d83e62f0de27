"""From a preset to its card: what it draws and says, and what it can be found by; made once per process."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sessions_app.cinema.films import Film, LightPlan
from sessions_app.cinema.looks import Look
from sessions_app.cinema.presets import presets
from sessions_app.cinema.vocabulary import Ratio, Term, UnknownTerm, Vocabulary, vocabularies
from sessions_app.studio.drawing import Svg, light_of, palette_of

FILM, ANIMATION, OWN = "film", "animation", "own"
_WORKS_SHOWN: Final = 46
"""Characters of reference works that a card has room for."""

Facets = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One preset, ready to be shown.

    Attributes:
        kind: The tab on which it stands.
        line: When, and by whom or of what sort.
        gear: What it was made with, as far as that is known; for a look, works that show it.
        shape: The frame's ratio in words.
        palette, light: Drawings.
        is_uncertain: Whether little of its making is known for sure.
    """

    id: str
    kind: str
    title: str
    line: str = ""
    gear: str = ""
    shape: str = ""
    palette: Svg
    light: Svg | None = None
    is_uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A card with what it can be found by: words without case or accents, and ids by filter."""

    card: Card
    words: str
    facets: Facets

    def passes(self, words: Iterable[str], chosen: Mapping[str, str]) -> bool:
        """Say whether every word and every filter lets it through."""
        return all(word in self.words for word in words) and all(
            value in self.facets.get(name, ()) for name, value in chosen.items()
        )

    def is_called(self, words: Iterable[str]) -> bool:
        """Say whether its title has every word."""
        title = plain(self.card.title)
        return all(word in title for word in words)


class _Kept:
    """What was made of each preset, by the very object: an id may be that of an object that is gone."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Any, Entry]] = {}

    def find(self, preset: Any) -> Entry | None:
        """Return what was made of this preset."""
        found = self._made.get(id(preset))
        return found[1] if found and found[0] is preset else None

    def renew(self, there: Iterable[Any]) -> list[Entry]:
        """Return the entries of presets, and forget those of all others: presets may come and go."""
        made = {id(one): (one, self.find(one) or _entry(one)) for one in there}
        self._made = made
        return [entry for _, entry in made.values()]


_kept: Final = _Kept()


def entries_of(among: Iterable[Any] | None = None) -> list[Entry]:
    """Return the entries of these presets; of all that the house has, if none are named."""
    house = _kept.renew(presets())
    return house if among is None else [_kept.find(one) or _entry(one) for one in among]


def _entry(preset: Any) -> Entry:
    if isinstance(preset, Film):
        return _film_entry(preset)
    if isinstance(preset, Look):
        return _look_entry(preset)
    return _other_entry(preset)


def _film_entry(film: Film) -> Entry:
    words, look = vocabularies(), film.look
    shapes = _terms(words.ratios, film.aspect_ratios)
    moods, styles = _terms(words.moods, look.moods), _terms(words.styles, look.styles)
    terms = (
        *_terms(words.bodies, film.cameras),
        *_terms(words.lenses, film.lenses),
        *_terms(words.stocks, film.film_stocks),
        *(*moods, *styles, *shapes),
    )
    said = (
        *(film.label, film.line, str(film.year), film.era),
        *(*film.director, *film.cinematographer, *film.aliases),
    )
    facets = {
        "era": frozenset([film.era]),
        "mood": _ids(moods),
        "light": _ids(styles),
        "shape": _ids(shapes),
    }
    return Entry(_film_card(film, shapes), _searched(film.id, said, terms), facets)


def _film_card(film: Film, shapes: tuple[Ratio, ...]) -> Card:
    return Card(
        id=film.id,
        kind=FILM,
        title=film.label,
        line=f"{film.year} · {', '.join(_people(film))}",
        gear=_gear(film) or "Equipment not certain",
        is_uncertain=film.certainty == "low",
        **_pictures(film, shapes),
    )


def _look_entry(look: Look) -> Entry:
    words = vocabularies()
    domains, mediums = _terms(words.domains, [look.domain]), _terms(words.mediums, [look.medium])
    shapes = _terms(words.ratios, [look.ratio] if look.ratio else [])
    moods = _terms(words.moods, look.moods)
    sorts = ", ".join(one.label for one in (*domains, *mediums))
    card = Card(
        id=look.id,
        kind=ANIMATION,
        title=look.label,
        line=f"{look.era} · {sorts}" if look.era else sorts,
        gear=_works(look.reference_works),
        **_pictures(look, shapes),
    )
    said = (look.label, look.says, look.era, *look.aliases, *look.reference_works)
    facets = {
        "era": frozenset([look.era] if look.era else []),
        "mood": _ids(moods),
        "sort": _ids(domains),
        "material": _ids(mediums),
    }
    found_by = _searched(look.id, said, (*domains, *mediums, *moods, *shapes))
    return Entry(card, found_by, facets)


def _other_entry(preset: Any) -> Entry:
    """Return the entry of a preset of some other class: all that it must have are id and label."""
    ratio = getattr(preset, "ratio", None)
    shapes = _terms(vocabularies().ratios, [ratio] if isinstance(ratio, str) else [])
    line = str(getattr(preset, "line", "") or "")
    card = Card(
        id=preset.id,
        kind=OWN,
        title=preset.label,
        line=_KINDS.get(str(getattr(preset, "kind", "")), ""),
        gear=line,
        **_pictures(preset, shapes),
    )
    said = (preset.label, line, card.line, *(getattr(preset, "aliases", None) or ()))
    return Entry(card, _searched(preset.id, said, shapes), {})


def _pictures(preset: Any, shapes: tuple[Ratio, ...]) -> dict[str, Any]:
    """Return what a card draws, in the first of its preset's shapes."""
    light = getattr(preset, "light", None)
    return {
        "shape": shapes[0].label if shapes else "",
        "palette": palette_of(
            getattr(preset, "palette", None) or (), shapes[0].ratio if shapes else None
        ),
        "light": light_of(light) if isinstance(light, LightPlan) else None,
    }


_KINDS: Final = {"live_action": "Live action", "film": "Live action", "animation": "Animation"}


def _searched(preset: str, said: Iterable[str], terms: Iterable[Term]) -> str:
    """Return all that a preset can be found by, in plain letters."""
    lines = (preset, *said, *(one.label for one in terms))
    return plain("\n".join(lines).replace("_", " "))


def _terms(vocabulary: Vocabulary[Any], names: Iterable[str]) -> tuple[Any, ...]:
    """Return the terms with these names, without what the vocabulary lacks."""
    return tuple({one.id: one for name in names for one in _found(vocabulary, name)}.values())


def _found(vocabulary: Vocabulary[Any], name: str) -> Iterator[Any]:
    try:
        yield vocabulary.find(name)
    except UnknownTerm:
        return


def _ids(terms: Iterable[Term]) -> frozenset[str]:
    return frozenset(one.id for one in terms)


def _people(film: Film) -> Iterable[str]:
    """Return the family names of its first director and cinematographer, none of which may be torn apart."""
    names = (*film.director[:1], *film.cinematographer[:1])
    return dict.fromkeys(family_name(one).replace(" ", "\N{NO-BREAK SPACE}") for one in names)


def family_name(name: str) -> str:
    """Return what people call somebody by: Scott, De Sica, van Hoytema, and Bong, where the family stands first."""
    parts = name.split()
    if len(parts) == 2 and _GIVEN_LAST.fullmatch(parts[1]):
        return parts[0]
    particle = next((at for at, one in enumerate(parts[1:-1], 1) if one.lower() in _PARTICLES), -1)
    return " ".join(parts[particle:])


_GIVEN_LAST: Final = re.compile(r"\w+-[a-z]\w*")
_PARTICLES: Final = frozenset("da de del della den der di du la van von".split())


def _gear(film: Film) -> str:
    """Return what made most of it, each part only where somebody recorded it; empty if nobody did."""
    if film.certainty == "low":
        return ""
    words = vocabularies()
    parts: tuple[tuple[str, Vocabulary[Any], tuple[str, ...]], ...] = (
        (film.certainty, words.bodies, film.cameras),
        (film.lens_certainty, words.lenses, film.lenses),
        (film.stock_certainty, words.stocks, film.film_stocks),
    )
    known = (_terms(vocabulary, names[:1]) for sure, vocabulary, names in parts if sure != "low")
    return ", ".join(short_name(one.label) for found in known for one in found)


def short_name(label: str) -> str:
    """Return a name of equipment without the maker, where what is left still says what it is."""
    bare = _MAKERS.sub("", _NUMBERED.sub("", label))
    return bare if bare[:1].isalpha() else label


_MAKERS: Final = re.compile(
    r"^(ARRI/ZEISS|ARRI|Panavision|ZEISS|Bausch & Lomb|Kodak|Vantage|Eastman(?! \d))\s+(?=\D)"
)
_NUMBERED: Final = re.compile(r"(?<=Eastman )Color Negative (II )?(?=\d)")


def _works(works: Sequence[str]) -> str:
    """Return as many works as a card has room for, and at least one."""
    shown: list[str] = []
    for one in works:
        if shown and len(", ".join((*shown, one))) > _WORKS_SHOWN:
            break
        shown.append(one)
    return ", ".join(shown)


def plain(text: str) -> str:
    """Return a text without case, accents or apostrophes, so that deakins finds Deakins and amelie finds Amélie."""
    bare = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(one for one in bare if not unicodedata.combining(one))


_LETTERS: Final = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "'": "", "’": ""}
)
