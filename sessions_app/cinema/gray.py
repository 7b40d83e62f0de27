"""Pictures without color: whether one is, and words without what only color has."""

import re
from typing import Final

from sessions_app.cinema.config import Configuration, LiveAction
from sessions_app.cinema.english import items, listed
from sessions_app.cinema.vocabulary import vocabularies

_COLORS: Final = (
    "warm and cool|warm|cool|icy|amber|orange|blue-green|blue|bluish|greenish|green|colored"
)
_ADJECTIVE: Final = re.compile(rf"\b(?:{_COLORS}) (?=\w)")
_COLORED: Final = re.compile(
    rf"\b(?:{_COLORS}|warmth|blues|greens|reds|rosy|golden|mossy|brown|hues?|colors?|pastels?|primaries|palette|rainbow"
    r"|\w*saturat\w+)\b"
)


def is_gray(config: Configuration) -> bool:
    """Whether the picture has no color, by its tone or its stock."""
    if config.tone and vocabularies().tones[config.tone].black_and_white:
        return True
    stock = config.the_stock if isinstance(config, LiveAction) else None
    return stock is not None and stock.is_black_and_white


def uncolored(words: str) -> str:
    """Return a thing without the color it has: "warm tungsten bulbs" are tungsten bulbs."""
    return _ADJECTIVE.sub("", words)


def is_colored(words: str) -> bool:
    """Whether words speak of color."""
    return _COLORED.search(words) is not None


def without_colored(words: str) -> str:
    """Return a list in words without what speaks of color; empty if all of it does."""
    return listed([one for one in items(words) if not is_colored(one)])
