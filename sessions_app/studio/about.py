"""What is known of a preset: who made a film, with what, how it is lit, how sure that is, and where facts differ."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from sessions_app.cinema.films import Film
from sessions_app.cinema.looks import Look
from sessions_app.cinema.presets import Preset
from sessions_app.cinema.vocabulary import Vocabulary, vocabularies
from sessions_app.studio.drawing import said_of

UNSURE: Final = {"medium": "likely", "low": "not certain"}


class Fact(NamedTuple):
    """One line: what it is about, what it is, and how sure; empty if it is sure."""

    label: str
    text: str
    unsure: str = ""


def facts_of(preset: Preset | None) -> tuple[Fact, ...]:
    """Return what is known of a preset, in the order in which a crew would ask; nothing of one's own."""
    if isinstance(preset, Film):
        return tuple(one for one in _of_film(preset) if one.text)
    if isinstance(preset, Look):
        return tuple(one for one in _of_look(preset) if one.text)
    return ()


def _of_film(film: Film) -> Iterator[Fact]:
    words = vocabularies()
    yield Fact("", film.line)
    yield Fact("Director", ", ".join(film.director))
    yield Fact("Cinematography", ", ".join(film.cinematographer))
    yield Fact("Camera", _labels(words.bodies, film.cameras), UNSURE.get(film.certainty, ""))
    lens = film.lens_certainty or film.certainty
    yield Fact("Lenses", _labels(words.lenses, film.lenses), UNSURE.get(lens, ""))
    stock = film.stock_certainty or film.certainty
    yield Fact("Stock", _labels(words.stocks, film.film_stocks), UNSURE.get(stock, ""))
    yield Fact("Process", film.process)
    yield Fact("Ratio", _labels(words.ratios, film.aspect_ratios))
    yield from _light(film)
    yield Fact("Note", film.note)


def _of_look(look: Look) -> Iterator[Fact]:
    words = vocabularies()
    yield Fact("", look.says)
    yield Fact("Shown in", ", ".join(look.reference_works))
    yield Fact("Era", look.era)
    yield Fact("Medium", _labels(words.mediums, (look.medium,)))
    yield Fact("Domain", _labels(words.domains, (look.domain,)))
    yield from _light(look)
    yield Fact("Note", look.note)


def _light(preset: Film | Look) -> Iterator[Fact]:
    if preset.light:
        yield Fact("Light", said_of(preset.light), UNSURE.get(preset.light.certainty, ""))


def _labels(vocabulary: Vocabulary[Any], names: Iterable[str]) -> str:
    return ", ".join(vocabulary.find(name).label for name in names)
