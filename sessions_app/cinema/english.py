"""A little English: articles by sound, lists, and how a sentence starts."""

import re
from collections.abc import Sequence
from typing import Final

_VOWEL: Final = re.compile(
    r"^(?:[aeiouAEIOUÉ]|8|11(?!\d)|18(?!\d)|[FHLMNRSX](?=[B-DF-HJ-NP-TV-Z\d]+\b))"
)
_NOT_AN: Final = re.compile(r"^(?:[uU](?:ni|rs|s[aeiou])|one\b|[eE]u)")

_GLUE: Final = re.compile(r", (?:and )?| and ")
_ARTICLE: Final = re.compile(r"^an? ")


def article(noun: str) -> str:
    """Return a noun phrase with the indefinite article that it is spoken with."""
    is_an = _VOWEL.match(noun) and not _NOT_AN.match(noun)
    return f"{'an' if is_an else 'a'} {noun}"


def listed(words: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"; where one says "and" itself, a comma tells it from the list's."""
    if len(words) < 2:
        return "".join(words)
    return last_glue(words).join((", ".join(words[:-1]), words[-1]))


def last_glue(words: Sequence[str]) -> str:
    """Return what stands before the last of a list."""
    return ", and " if any(" and " in one for one in words) else " and "


def items(said: str) -> list[str]:
    """Return what a list in words names; "soft, uneven density" is one thing."""
    found, begun = list[str](), ""
    for part in _GLUE.split(said):
        begun += part
        if len(_ARTICLE.sub("", part).split()) > 1:
            found.append(begun)
            begun = ""
        else:
            begun += ", "
    return [*found, begun.removesuffix(", ")] if begun else found


def started(sentence: str) -> str:
    """Return a sentence with a capital in front."""
    return sentence[:1].upper() + sentence[1:]
