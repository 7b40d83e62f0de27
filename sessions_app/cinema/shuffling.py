"""Shuffle: other choices for what is not locked, which fit each other and what stays."""

from collections.abc import Collection
from random import Random
from typing import Final, TypeVar

from sessions_app.cinema.config import Configuration, Field
from sessions_app.cinema.engine import choose, values_of

C = TypeVar("C", bound=Configuration)

UNSHUFFLED: Final = ("year",)
"""A year is the scene's, not a matter of taste."""
TRIES: Final = 12
"""So many values are drawn for a field before it stays as it is."""


def shuffle(config: C, random: Random, *, locked: Collection[str] = ()) -> C:
    """Return the configuration with other values where something is chosen and not locked.

    What was empty stays empty, and a field of several keeps their number. Each value is drawn with what it takes to make
    it fit, and what was drawn before it stays, so nothing breaks that was not broken.

    Args:
        locked: Fields that stay.
    """
    kept = {*locked, *UNSHUFFLED}
    for field in _free(config, kept):
        config = _redrawn(config, field, random, kept)
        kept.add(field.name)
    return config


def _free(config: Configuration, kept: Collection[str]) -> list[Field]:
    held = config.values()
    return [one for name, one in config.FIELDS.items() if name in held and name not in kept]


def _redrawn(config: C, field: Field, random: Random, kept: Collection[str]) -> C:
    """Return it with another value of a field, or as many others as it has."""
    held = getattr(config, field.name)
    count = len(held) if isinstance(held, tuple) else 1
    drawn = config.changed({field.name: field.empty}) if isinstance(held, tuple) else config
    for _ in range(count):
        drawn = _with_another(drawn, field, random, kept) or drawn
    return drawn if getattr(drawn, field.name) not in (None, ()) else config


def _with_another(config: C, field: Field, random: Random, kept: Collection[str]) -> C | None:
    values = list(values_of(field, config))
    for value in random.sample(values, min(TRIES, len(values))):
        found = choose(field.name, value, config, locked=kept)
        if found is not None and found != config:
            return found
    return None
