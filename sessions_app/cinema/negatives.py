"""What is to stay out of the picture, said the way each target hears it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sessions_app.cinema.config import Configuration
from sessions_app.cinema.targets import Target

_STILL: Final = ("static", "still frame", "frozen frame")
_SHAKEN: Final = ("shaky", "jittery motion")
_SMEARED: Final = ("blurred motion", "motion smear")
_PHOTOGRAPHED: Final = ("photograph", "photographic texture", "live action")
_WANTED: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = (
    ("movement", ("static",), ("static",)),
    ("camera", ("locked",), ("static",)),
    ("motion", ("none", "limited"), _STILL[1:]),
    ("equipment", ("handheld", "shoulder_rig", "car_mount", "snorricam"), _SHAKEN),
    ("camera", ("simulated_handheld",), _SHAKEN),
    ("movement", ("whip_pan", "whip_tilt", "crash_zoom"), _SMEARED),
    ("timing", ("whip_fast",), _SMEARED),
    ("surface", ("photoreal",), _PHOTOGRAPHED),
    ("medium", ("stopmotion",), _PHOTOGRAPHED),
    ("styles", ("high_key",), ("overexposed",)),
    (
        "tone",
        ("warm_saturated", "cool_saturated", "neutral_saturated", "cross_processed"),
        ("oversaturated",),
    ),
    ("composition", ("painterly",), ("painting",)),
    ("composition", ("storybook",), ("illustration", "drawing")),
    (
        "composition",
        ("overdesigned_frames", "urban", "industrial_frames"),
        ("cluttered background",),
    ),
)
"""What is asked for by a field with one of these values must not be kept out."""


def wanted(config: Configuration) -> frozenset[str]:
    """Return what the configuration asks for, of what targets keep out by default."""
    return frozenset(
        word
        for field, ids, words in _WANTED
        if field in config.FIELDS and config.has(field, *ids)
        for word in words
    )


def negative_for(
    target: Target, drawn: bool, avoid: Sequence[str] = (), asked: Collection[str] = ()
) -> str:
    """Returns the negative prompt: the user's words first, then what the target is known to need.

    A word is said once, whatever its capitals. Empty where the target ignores it.

    Args:
        target: the model it is for.
        drawn: whether the picture is drawn or animated instead of photographed.
        avoid: what the user or the chosen look keeps out, most important first, unescaped; an
            entry may hold several words with commas.
        asked: what the picture is to show; of the target's own words none of these.
    """
    if target.negative.strength == "none":
        return ""
    defaults = target.negative.drawn if drawn else target.negative.photographed
    own = (word for word in defaults if word not in asked)
    words = _once([*(word for entry in avoid for word in _split(entry)), *own])
    if not words:
        return ""
    joined = ", ".join(_escaped(word, target) for word in words)
    return target.negative.syntax.format(words=joined) if target.negative.syntax else joined


def _split(entry: str) -> Iterable[str]:
    return (" ".join(part.split()) for part in entry.replace("\n", ",").split(","))


def _once(words: Sequence[str]) -> list[str]:
    """The words in order, without empty ones and without a second telling."""
    found: dict[str, str] = {}
    for word in filter(None, words):
        found.setdefault(word.casefold(), word)
    return list(found.values())


def _escaped(word: str, target: Target) -> str:
    """A parenthesis in a name is text, not the beginning of a weight."""
    if not target.escapes_parentheses:
        return word
    return word.replace("(", "\\(").replace(")", "\\)")
