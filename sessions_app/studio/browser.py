"""The presets to begin with, as the studio's left column shows them: a tab, filters, and the cards that they let through."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple, Self

from sessions_app.cinema.vocabulary import Vocabulary, vocabularies
from sessions_app.studio.cards import ANIMATION, FILM, OWN, Card, Entry, entries_of, plain

TABS: Final[Mapping[str, str]] = {FILM: "Film", ANIMATION: "Animation", OWN: "Own"}
_FILTERS: Final[Mapping[str, Mapping[str, str]]] = {
    FILM: {"era": "Era", "mood": "Mood", "light": "Light", "shape": "Ratio"},
    ANIMATION: {"sort": "Kind", "material": "Medium", "era": "Era", "mood": "Mood"},
    OWN: {},
}
# No filter is called as a field of a configuration: both stand in one address.
_VOCABULARIES: Final[Mapping[str, str]] = {
    "mood": "moods",
    "light": "styles",
    "shape": "ratios",
    "sort": "domains",
    "material": "mediums",
}
_MENU_ORDER: Final = ("sort", "material", "shape")
"""Filters whose choices stand as their vocabulary has them; the others are easier to find by name."""
CLEAR: Final = "clear"
"""The parameter of the button that lets all filters go."""
LONGEST_WORDS: Final = 120

Params = Mapping[str, str | Sequence[str]]


class _Named(NamedTuple):
    """What the presets of a tab are called."""

    title: str
    one: str
    many: str
    hint: str


_NAMED: Final[Mapping[str, _Named]] = {
    FILM: _Named("Films", "film", "films", "Title, person, camera, mood"),
    ANIMATION: _Named("Looks", "look", "looks", "Look, work, medium, mood"),
    OWN: _Named("Own presets", "preset", "presets", "Name"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter or a tab."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """One menu of the filters; its choices are those that some preset of the tab has."""

    name: str
    label: str
    choices: tuple[Choice, ...]

    @property
    def is_on(self) -> bool:
        """Whether it leaves something out."""
        return any(one.is_chosen for one in self.choices)


@dataclass(frozen=True)
class Browser:
    """What the column shows.

    Attributes:
        words: The search as it was typed.
        chosen: Values by filter; only those that are set and known.
        entries: All presets of the tab.
    """

    tab: str
    words: str
    chosen: Mapping[str, str]
    entries: tuple[Entry, ...]

    @classmethod
    def asked(cls, params: Params, among: Iterable[Any] | None = None) -> Self:
        """Return what an address asks for; what it says that nobody knows is passed over.

        Args:
            params: A QueryDict, or values or lists of them by name.
            among: The presets to show, if not just the house's own.
        """
        told = {} if _last(params, CLEAR) else {name: _last(params, name) for name in _NAMES}
        tab = _last(params, "tab")
        tab = tab if tab in TABS else FILM
        entries = tuple(one for one in entries_of(among) if one.card.kind == tab)
        chosen = {
            name: told[name]
            for name in _FILTERS[tab]
            if any(told.get(name) in one.facets[name] for one in entries)
        }
        return cls(tab, told.get("q", "").strip()[:LONGEST_WORDS], chosen, entries)

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """What the filters let through, in the order of menus; first what has the words in its title."""
        words = plain(self.words).split()
        found = [one for one in self.entries if one.passes(words, self.chosen)]
        if words:
            found.sort(key=lambda one: not one.is_called(words))
        return tuple(one.card for one in found)

    @property
    def total(self) -> int:
        """How many cards are shown."""
        return len(self.cards)

    @property
    def whole(self) -> int:
        """How many there are without the filters."""
        return len(self.entries)

    @property
    def title(self) -> str:
        """The heading."""
        return _NAMED[self.tab].title

    @property
    def noun(self) -> str:
        """What one of them is called."""
        return _NAMED[self.tab].one

    @property
    def nouns(self) -> str:
        """What all of them are called."""
        return self.noun if self.whole == 1 else _NAMED[self.tab].many

    @property
    def hint(self) -> str:
        """What one may search for."""
        return _NAMED[self.tab].hint

    @property
    def is_filtered(self) -> bool:
        """Whether anything is left out on purpose."""
        return bool(self.words or self.chosen)

    @property
    def tabs(self) -> tuple[Choice, ...]:
        """The tabs."""
        return tuple(Choice(name, label, name == self.tab) for name, label in TABS.items())

    @cached_property
    def filters(self) -> tuple[Filter, ...]:
        """The menus of this tab."""
        return tuple(
            Filter(name, label, tuple(self._choices(name)))
            for name, label in _FILTERS[self.tab].items()
        )

    def _choices(self, name: str) -> Iterator[Choice]:
        there = {value for one in self.entries for value in one.facets[name]}
        for value in _in_order(name, there):
            yield Choice(value, _label_of(name, value), self.chosen.get(name) == value)

    @property
    def query(self) -> list[tuple[str, str]]:
        """Its parameters in an address: nothing for what is so anyway."""
        tab = [("tab", self.tab)] if self.tab != FILM else []
        words = [("q", self.words)] if self.words else []
        return [*tab, *words, *self.chosen.items()]


_NAMES: Final = ("q", *dict.fromkeys(name for one in _FILTERS.values() for name in one))


def _last(params: Params, name: str) -> str:
    """Return the value that stands last in the address: that of the button that was pressed."""
    found = params.get(name) or ""
    return found if isinstance(found, str) else str(found[-1])


def _vocabulary(name: str) -> Vocabulary[Any] | None:
    """Return the terms of a filter; an era is in its own words."""
    kept = _VOCABULARIES.get(name)
    found: Vocabulary[Any] | None = getattr(vocabularies(), kept) if kept else None
    return found


def _label_of(name: str, value: str) -> str:
    vocabulary = _vocabulary(name)
    label: str = vocabulary[value].label if vocabulary and value in vocabulary else value
    return label


def _in_order(name: str, values: Iterable[str]) -> list[str]:
    vocabulary = _vocabulary(name)
    if vocabulary and name in _MENU_ORDER:
        places = {value: at for at, value in enumerate(vocabulary)}
        return sorted(values, key=lambda value: places.get(value, len(places)))
    return sorted(values, key=lambda value: _label_of(name, value))
