"""What is to stay out of the picture, said the way each target hears it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sessions_app.cinema.targets import Target


def negative_for(target: Target, drawn: bool, avoid: Sequence[str] = ()) -> str:
    """Returns the negative prompt: the user's words first, then what the target is known to need.

    A word is said once, whatever its capitals. Empty where the target ignores it.

    Args:
        target: the model it is for.
        drawn: whether the picture is drawn or animated instead of photographed.
        avoid: what the user or the chosen look keeps out, most important first, unescaped; an
            entry may hold several words with commas.
    """
    if target.negative.strength == "none":
        return ""
    defaults = target.negative.drawn if drawn else target.negative.photographed
    words = _once([*(word for entry in avoid for word in _split(entry)), *defaults])
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
