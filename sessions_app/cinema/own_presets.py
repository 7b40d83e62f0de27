"""Presets that people saved: a configuration under a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sessions_app.cinema.config import Value
from sessions_app.cinema.vocabulary import ReadOnce


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A configuration that somebody named and kept.

    Attributes:
        kind: Of its configuration.
        choices: Values by field.
        based_on: Id of the film or look that it was begun with, whose words and rules still hold; may be empty.
        line: One sentence for its card.
        palette: Colors, as #rrggbb.
    """

    id: str
    label: str
    kind: str
    choices: Mapping[str, Value]
    based_on: str = ""
    line: str = ""
    palette: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    note: str = ""

    @property
    def era(self) -> str:
        """The decade of its year, if one was chosen."""
        year = self.choices.get("year")
        return f"{int(year) // 10 * 10}s" if isinstance(year, int | float) else ""

    def ids(self, name: str) -> tuple[str, ...]:
        """Return what a field of ids holds, whether it takes one or several."""
        found = self.choices.get(name)
        if isinstance(found, tuple):
            return tuple(str(one) for one in found)
        return () if found is None else (str(found),)


OWN: Final[ReadOnce[Own]] = ReadOnce(dict)
"""By id; nothing until somebody's are shown."""


def base_of(preset: str) -> str:
    """Return the film or look that an own preset was begun with; empty for all others."""
    own = OWN.get(preset)
    return own.based_on if own else ""
