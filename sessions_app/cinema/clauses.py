"""Prose cut into tags: short clauses without articles, words of emphasis read as weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sessions_app.cinema.categories import LISTS
from sessions_app.cinema.sentences import ARTICLES, STRONGER, WEAKER, is_known
from sessions_app.cinema.weights import Span

_LONG: Final = 4
"""Words up to which a clause stays whole."""
_CUTS: Final = frozenset({"and", *LISTS["cut_before"]})
_LEAD_INS: Final = re.compile(
    rf"(?:{'|'.join(sorted(LISTS['lead_ins'], key=len, reverse=True))})\b\s*", re.IGNORECASE
)
_ARTICLES: Final = re.compile(rf"\b(?:{'|'.join(sorted(ARTICLES))})\s+(?=\S)", re.IGNORECASE)
_BACK: Final = {
    wording: level.back
    for level in (*STRONGER, *WEAKER)
    for wording in (level.adverb, level.adjective)
}
_DOING: Final = re.compile(r"ing$|\w{3}ed$")
_ADJECTIVES: Final = frozenset(level.adjective for level in (*STRONGER, *WEAKER))
_WORDED: Final = re.compile(
    rf"(?<![\w-])({'|'.join(sorted(_BACK, key=len, reverse=True))})\s+(?=\w)", re.IGNORECASE
)
_IS: Final = re.compile(r"((?:\w+ )?\w+) (?:is|are) (\w+(?: and)?(?: \w+){0,2})", re.IGNORECASE)
_NUMBERS: Final[dict[str, int]] = LISTS["numbers"]
_COUNTED: Final = {word: kind for kind, words in LISTS["counted"].items() for word in words}
_KIN: Final = {word: kind for kind, words in LISTS["kin"].items() for word in words}
_KINSHIP: Final = re.compile(
    rf"\b(?:her|his|their|my|our) (?:[\w-]+ )?({'|'.join(_KIN)})\b(?!['’])", re.IGNORECASE
)
_PEOPLE: Final = re.compile(
    rf"\b({'|'.join(_NUMBERS)})\s+(?:[\w-]+\s+){{0,2}}?({'|'.join(_COUNTED)})\b", re.IGNORECASE
)


def clauses(unit: Sequence[Span]) -> Iterator[tuple[Span, ...]]:
    """Yields the tags of one clause, in order; all of its words but articles and lead-ins stay."""
    if len(unit) != 1:
        bare = tuple(Span(_bare(span.text), span.weight) for span in unit)
        yield _begun(bare)
        return
    weight = unit[0].weight
    for part in _parts(_described(unit[0].text).split()):
        text = _bare(part)
        if text:
            yield _begun(tuple(_weighed(text, weight)))


def _described(text: str) -> str:
    """Puts a short statement as a tag would: "the light is soft" is "soft light"."""
    bare = _bare(text)
    found = _IS.fullmatch(bare)
    if found is None or any(word in _CUTS - {"and"} for word in bare.lower().split()):
        return bare
    thing, what = found.groups()
    return f"{thing} {what}" if what.split()[0].endswith("ing") else f"{what} {_small(thing)}"


def count_tag(text: str) -> str | None:
    """Returns the tag that counts the people of a text, such as "2girls"; None if it is unclear."""
    found = {(number.lower(), _COUNTED[who.lower()]) for number, who in _PEOPLE.findall(text)}
    kin = {who.lower() for who in _KINSHIP.findall(text)}
    kinds = {kind for _, kind in found} | {_KIN[who] for who in kin}
    if len(found) != 1 or len(kinds) != 1:
        return None
    number, kind = found.pop()
    count = _NUMBERS[number] + len(kin)
    return f"{count}{kind}{'s' if count > 1 else ''}"


def _parts(words: Sequence[str]) -> Iterator[str]:
    """Cuts a long clause before its prepositions, and a list in words at its "and"."""
    cuts = _CUTS if _telling(words) > _LONG else frozenset({"and"})
    start = 0
    for at in range(1, len(words) - 1):
        is_cut = words[at].lower() in cuts and not words[at + 1].endswith("ly")
        if is_cut and _is_whole(words[start:at], words[at].lower()):
            yield " ".join(words[start:at])
            start = at
    yield " ".join(words[start:])


def _is_whole(before: Sequence[str], word: str) -> bool:
    """Whether a tag may end here: not between a verb and its preposition, nor in "black and white"."""
    is_doing = bool(before) and _DOING.search(before[-1]) is not None
    if word == "and":
        return is_doing or _telling(before) > 1
    return not is_doing and _telling(before) > 1


def _telling(words: Iterable[str]) -> int:
    return sum(word.lower() not in ARTICLES for word in words)


def _bare(text: str) -> str:
    """Without lead-ins and articles; space at the ends of a part of a clause is kept."""
    stripped = text.lstrip()
    led = _LEAD_INS.match(stripped)
    if led and stripped[led.end() :].strip():
        text = text[: len(text) - len(stripped)] + stripped[led.end() :]
    return _ARTICLES.sub("", text)


def _weighed(text: str, weight: float) -> Iterator[Span]:
    """Reads "strongly red" as a weight, unless the text already has one."""
    found = _WORDED.search(text) if weight == 1 else None
    if found is None:
        yield Span(text, weight)
        return
    back = _BACK[found[1].lower()]
    before, after = text[: found.start()], text[found.end() :]
    if not before.strip():
        yield Span(after, back)
        return
    if found[1].lower() in _ADJECTIVES:
        yield from (Span(before), Span(after, back))
        return
    word, _, rest = after.partition(" ")
    yield from (Span(before), Span(word, back), Span(f" {rest}" if rest else ""))


def _begun(unit: tuple[Span, ...]) -> tuple[Span, ...]:
    """The first word in small letters, unless it may be a name."""
    return (Span(_small(unit[0].text.lstrip()), unit[0].weight), *unit[1:])


def _small(text: str) -> str:
    word = text.split(" ", 1)[0]
    small = word[:1].lower() + word[1:]
    return small + text[len(word) :] if _is_common(small) else text


def _is_common(word: str) -> bool:
    return is_known(word) or word in _CUTS or word.endswith(("ing", "ly"))
