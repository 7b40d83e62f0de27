"""A little English: articles by sound, lists, and how a sentence starts."""

import re
from collections.abc import Sequence
from typing import Final

_VOWEL: Final = re.compile(
    r"^(?:[aeiouAEIOUÉ]|8|11(?!\d)|18(?!\d)|[FHLMNRSX](?=[B-DF-HJ-NP-TV-Z\d]+\b))"
)
_NOT_AN: Final = re.compile(r"^(?:[uU](?:ni|rs|s[aeiou])|one\b|[eE]u)")


def article(noun: str) -> str:
    """Return a noun phrase with the indefinite article that it is spoken with."""
    is_an = _VOWEL.match(noun) and not _NOT_AN.match(noun)
    return f"{'an' if is_an else 'a'} {noun}"


def listed(words: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def started(sentence: str) -> str:
    """Return a sentence with a capital in front."""
    return sentence[:1].upper() + sentence[1:]
