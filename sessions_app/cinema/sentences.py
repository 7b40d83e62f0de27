"""Tags joined into sentences by what they are about, without a language model.

The word lists are in `data/categories.yaml`. What no list knows is taken for a trait of the
subject, so that no tag is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from sessions_app.cinema.categories import LISTS
from sessions_app.cinema.weights import OPEN, Span

QUALITY: Final = frozenset(LISTS["quality"])
"""Tags about the training data instead of the picture."""
COUNTS: Final[Mapping[str, str]] = MappingProxyType(LISTS["counts"])
"""Tags that count people, with the words for them."""
ARTICLES: Final = frozenset(LISTS["articles"])
PREPOSITIONS: Final = frozenset(LISTS["prepositions"])
DETERMINERS: Final = frozenset(LISTS["determiners"])
_SAYS: Final[Mapping[str, str]] = MappingProxyType(LISTS["says"])
_UNCOUNTED: Final = frozenset(LISTS["uncounted"])
_TAKE_OBJECTS: Final = frozenset(LISTS["take_objects"])
_RECORDED: Final = frozenset(LISTS["recorded"])
_ON_PLACES: Final = frozenset(LISTS["on_places"])
_BARE_PLACES: Final = frozenset(LISTS["bare_places"])
_IN_TIMES: Final = frozenset(LISTS["in_times"])
_BY_TIMES: Final = frozenset(LISTS["by_times"])

_PHRASES: Final[Mapping[str, str]] = {
    phrase: category
    for category, lists in reversed(LISTS["categories"].items())
    for phrase in lists.get("phrases", ())
}
_HEADS: Final[Mapping[str, str]] = {
    head: category
    for category, lists in reversed(LISTS["categories"].items())
    for head in lists["heads"]
}
_PHRASE: Final = re.compile(
    rf"\b(?:{'|'.join(map(re.escape, sorted(_PHRASES, key=len, reverse=True)))})\b"
)
_FOCAL_LENGTH: Final = re.compile(r"\d+(?:\.\d+)? ?mm")
_VOWEL: Final = re.compile(r"[aeiou]|8|1[18](?!\d)", re.IGNORECASE)
_STARTERS: Final = frozenset(LISTS["starters"])
_DESCRIBING: Final = frozenset({"adjective", "recorded", "action", "sky", "mood", "look"})
"""Categories whose words take an adverb; the others take an adjective."""
_COUNTED: Final[Mapping[str, str]] = MappingProxyType(
    {word: kind for kind, words in LISTS["counted"].items() for word in words}
)
_SENTENCES: Final = (
    ("emptiness", "There are {}."),
    ("light", "Lit by {}."),
    ("sky", "The weather is {}."),
    ("camera", "The shot is {}."),
    ("lens", "Shot with {}."),
    ("recorded", "{}."),
    ("mood", "The mood is {}."),
    ("look", "The picture is {}."),
    ("style", "The style is {}."),
)


@dataclass(frozen=True)
class Level:
    """A range of weights and the words for it."""

    weight: float
    """Where it begins, counted from 1 outwards."""
    adverb: str
    adjective: str
    back: float
    """The weight that the words are read as."""


def _levels(entries: Iterable[Mapping[str, Any]], bound: str) -> tuple[Level, ...]:
    return tuple(
        Level(entry[bound], entry["adverb"], entry["adjective"], entry["back"]) for entry in entries
    )


STRONGER: Final = _levels(LISTS["emphasis"], "from")
"""The strongest first."""
WEAKER: Final = _levels(LISTS["softened"], "to")
"""The weakest first."""


@dataclass(frozen=True)
class _Item:
    text: str
    weight: float
    category: str

    @property
    def head(self) -> str:
        return _head(self.text.lower().split())


def level_of(weight: float) -> Level | None:
    """The words for a weight; None if it is too near to 1 for any."""
    stronger = (level for level in STRONGER if weight >= level.weight)
    weaker = (level for level in WEAKER if weight <= level.weight)
    return next(stronger, None) or next(weaker, None)


def category_of(tag: str) -> str:
    """Returns what a tag is about: one of the categories of the data, or "trait"."""
    plain = tag.lower()
    words = plain.split()
    if plain in COUNTS:
        return "subject"
    if _FOCAL_LENGTH.fullmatch(plain):
        return "lens"
    if words[1:] and words[0] in _RECORDED and words[1] in PREPOSITIONS:
        return "recorded"
    if words and words[0] in _TAKE_OBJECTS:
        return "action"
    if _is_someone(words):
        return "subject"
    phrase = _PHRASE.search(plain)
    if phrase:
        return _PHRASES[phrase[0]]
    known = [_HEADS[word] for word in (_head(words), *words) if word in _HEADS]
    if known:
        return known[0]
    return "style" if words[:1] == ["by"] else "trait"


def _is_someone(words: Sequence[str]) -> bool:
    """Whether a tag says who does something, as "a man sitting at a bar" does."""
    return any(
        _HEADS.get(who) == "subject" and does.endswith("ing") for who, does in pairwise(words)
    )


def is_known(word: str) -> bool:
    """Whether a word is a common one of these lists, and so no name."""
    return word in _HEADS or word in PREPOSITIONS or word in DETERMINERS or word in _STARTERS


def _head(words: Sequence[str]) -> str:
    """The word that a phrase is about: the last before a preposition that is not its first."""
    for at, word in enumerate(words):
        if at and word in PREPOSITIONS and words[0] not in PREPOSITIONS:
            return words[at - 1]
    return words[-1] if words else ""


def said(tags: Sequence[Sequence[Span]]) -> str:
    """Returns sentences with all words of the tags, the heavier ones first among their kind.

    Args:
        tags: each as the hidden spans that it is made of, at least one of them not blank.
    """
    items = [_item(spans) for spans in tags]
    items.sort(key=lambda item: -item.weight)
    kinds: dict[str, list[_Item]] = {}
    for item in items:
        kinds.setdefault(item.category, []).append(item)
    _find_subject(kinds)
    _say_people_once(kinds)
    first = _first_sentence(kinds)
    rest = [_sentence(pattern, kinds[kind]) for kind, pattern in _SENTENCES if kinds.get(kind)]
    return " ".join([first, *rest] if first else rest)


def _sentence(pattern: str, items: Sequence[_Item]) -> str:
    """Things first, then what is said about them: "a close-up, from below"."""
    things = [_thing(item) for item in items if not _is_adverbial(item)]
    manners = [_noun(item) for item in items if _is_adverbial(item)]
    return _capital(pattern.format(", ".join([*filter(None, [_listed(things)]), *manners])))


def _thing(item: _Item) -> str:
    noun = _noun(item)
    if item.category == "lens" and _FOCAL_LENGTH.fullmatch(item.text):
        return f"{noun} lens"
    is_bare = item.category == "camera" and not _starts(noun, DETERMINERS)
    return f"with {noun}" if is_bare and item.head in _UNCOUNTED else noun


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _item(spans: Sequence[Span]) -> _Item:
    plain = " ".join("".join(span.text for span in spans).split())
    category = category_of(plain)
    if len(spans) == 1:
        return _Item(plain, spans[0].weight, category)
    text = "".join(_inner(span) for span in spans)
    return _Item(" ".join(text.split()), max(1.0, *(span.weight for span in spans)), category)


def _inner(span: Span) -> str:
    level = level_of(span.weight)
    if level is None or not span.text.strip():
        return span.text
    before = span.text[: len(span.text) - len(span.text.lstrip())]
    return f"{before}{level.adverb} {span.text.lstrip()}"


def _find_subject(kinds: dict[str, list[_Item]]) -> None:
    """Without a known subject the first of the traits is it, and adjectives are about the picture."""
    pictured = [item for item in kinds.get("camera", []) if " of " in item.text]
    if "subject" not in kinds and pictured and not _PHRASE.search(pictured[0].text.lower()):
        kinds["subject"] = [pictured[0]]
        kinds["camera"].remove(pictured[0])
    if "subject" not in kinds and "trait" in kinds:
        kinds["subject"] = [kinds["trait"].pop(0)]
    if "subject" not in kinds and "adjective" in kinds:
        kinds["look"] = kinds.pop("adjective") + kinds.get("look", [])


def _say_people_once(kinds: dict[str, list[_Item]]) -> None:
    """Beside "a woman in a red coat" the tag "1girl" would make two people of one."""
    items = kinds.get("subject", [])
    named = {
        _COUNTED[word] for item in items for word in item.text.lower().split() if word in _COUNTED
    }
    kept = [item for item in items if item.text.lower().strip("1") not in named]
    if items:
        kinds["subject"] = kept


def _first_sentence(kinds: Mapping[str, list[_Item]]) -> str:
    traits = kinds.get("trait", [])
    names = [item.text for item in traits if OPEN in item.text]
    loose = [item.text for item in traits if _is_adverbial(item) and OPEN not in item.text]
    plain = [item for item in traits if not _is_adverbial(item) and OPEN not in item.text]
    parts = [
        " ".join(filter(None, (_subject(kinds), _after("with", [_noun(item) for item in plain])))),
        *names,
        _after("wearing", [_noun(item) for item in kinds.get("wear", [])]),
        _listed([_noun(item) for item in kinds.get("action", [])]),
        " ".join(map(_placed, kinds.get("place", []))),
        " ".join(map(_timed, kinds.get("time", []))),
        _after("in", [_noun(item) for item in kinds.get("weather", [])]),
        _after("with", [_noun(item) for item in kinds.get("background", [])]),
        *loose,
    ]
    sentence = ", ".join(filter(None, parts))
    return _capital(f"{sentence}.") if sentence else ""


def _subject(kinds: Mapping[str, list[_Item]]) -> str:
    subjects = [_noun(item) for item in kinds.get("subject", [])]
    adjectives = " ".join(_worded(item) for item in kinds.get("adjective", []))
    if subjects and adjectives:
        article, _, rest = subjects[0].partition(" ")
        if article in DETERMINERS and rest:
            kept = _article_for(adjectives) if article in ("a", "an") else article
            subjects[0] = f"{kept} {adjectives} {rest}"
        else:
            subjects[0] = f"{adjectives} {subjects[0]}"
    return _listed(subjects)


def _noun(item: _Item) -> str:
    """An item as it stands in a list: with its weight in words and with an article if it needs one."""
    if item.category in _DESCRIBING or _is_adverbial(item):
        return _worded(item)
    idiom = _SAYS.get(item.text.lower())
    if idiom and idiom.split()[0] not in ARTICLES:
        return _worded(item)
    counted = COUNTS.get(item.text.lower())
    level = level_of(item.weight)
    text = counted.removeprefix("a ") if counted else item.text
    worded = f"{level.adjective} {text}" if level and not _starts(text, DETERMINERS) else text
    if counted and not counted.startswith("a "):
        return f"{level.adverb} {counted}" if level else counted
    return _with_article(worded, "" if counted else item.head, plain=text)


def _worded(item: _Item) -> str:
    level = level_of(item.weight)
    text = _SAYS.get(item.text.lower(), item.text)
    return f"{level.adverb} {text}" if level else text


def _with_article(phrase: str, head: str, *, plain: str) -> str:
    if _starts(plain, DETERMINERS) or head in _UNCOUNTED or _is_plural(head):
        return phrase
    if plain[:1].isupper() or not (plain[:1].isalpha() or "mm" in plain):
        return phrase
    return f"{_article_for(phrase)} {phrase}"


def _article_for(phrase: str) -> str:
    return "an" if _VOWEL.match(phrase) else "a"


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "lens"))


def _placed(item: _Item) -> str:
    words = item.text.lower().split()
    if _is_adverbial(item) or item.head in _BARE_PLACES:
        return _worded(item)
    return f"{'on' if _ON_PLACES & {item.head, words[-1]} else 'in'} {_noun(item)}"


def _timed(item: _Item) -> str:
    head = item.head
    if _is_adverbial(item):
        return _worded(item)
    if head in _IN_TIMES:
        return f"in the {_worded(item)}"
    return f"{'by' if head in _BY_TIMES else 'at'} {_worded(item)}"


def _is_adverbial(item: _Item) -> bool:
    return _starts(_SAYS.get(item.text.lower(), item.text), PREPOSITIONS)


def _starts(text: str, words: frozenset[str]) -> bool:
    return text.lower().split(" ", 1)[0] in words


def _after(word: str, items: Sequence[str]) -> str:
    return f"{word} {_listed(items)}" if items else ""


def _listed(items: Sequence[str]) -> str:
    """A list in words: "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
