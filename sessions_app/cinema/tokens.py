"""How much of a text encoder's window a prompt fills, read as ComfyUI reads it.

Exact for CLIP (Stable Diffusion 1.5, SDXL and its finetunes); an estimate for T5 (Flux), whose
vocabulary is not shipped here.

Sources: ComfyUI's `comfy/sd1_clip.py` for weights, embeddings and chunks; `CLIPTokenizer` of
transformers 4 and 5 for the clean-up, as ComfyUI accepts both; OpenAI's CLIP for the merges.
"""

from __future__ import annotations

import gzip
import html
import re
import sys
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

Encoder = Literal["clip", "t5"]

_MERGES_FILE: Final = Path(__file__).with_name("data") / "clip_merges.u16.gz"
_WORD_END: Final = 256
_FIRST_MERGED: Final = 512
_LONGEST_CACHED_WORD: Final = 48
_CACHED_WORDS: Final = 8192
_SMALLEST_SPLIT_GROUP: Final = 8
"""ComfyUI's `max_word_length`: a run of fewer tokens is never torn apart between two chunks."""

# Unicode's White_Space. Python's own \s adds four control characters that CLIP counts.
_SPACE: Final = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_WORD: Final = re.compile(
    f"'s|'t|'re|'ve|'m|'ll|'d|[^\\W\\d_]+|\\d|(?:[^\\w{_SPACE}]|_)+",
)
"""What CLIP takes for a word: contractions, runs of letters, single numbers, runs of the rest."""
_SPECIAL: Final = re.compile(r"<\|(?:startoftext|endoftext)\|>", re.IGNORECASE)
_PAREN: Final = re.compile(r"[()]")
_BEFORE_EMBEDDING: Final = re.compile(r"(?<=\s)(?=embedding:)")
_EMBEDDING: Final = re.compile(r"embedding:\s*(?P<name>[^\s<\[]*)(?P<rest>.*)", re.DOTALL)
_PLAIN: Final = re.compile(r"[\t\n\r -%'-~]*")
"""Printable ASCII without the ampersand: every version of the clean-up reads it alike."""

# Han characters that transformers 4 sets apart from each other and from what is around them.
_HAN: Final = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
# What ftfy, where it is installed, straightens or drops and a prompt may well contain.
_STRAIGHTENED: Final = str.maketrans(
    dict.fromkeys("\u02bc\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
    | dict.fromkeys(map(chr, (*range(9), 0x0B, *range(0x0E, 0x20), 0x7F, 0xFEFF)), "")
    | {chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
    | {chr(joined): unicodedata.normalize("NFKC", chr(joined)) for joined in range(0xFB00, 0xFB07)}
)

_T5_PART: Final = re.compile(r"(?P<word>[^\W\d_]+)|(?P<number>\d+)|\S")
_FIRST_GREEK: Final = "\u0370"
_BEYOND_CYRILLIC: Final = "\u0530"
_T5_PER_CLIP: Final = 1.15
"""T5's 32,000 pieces serve four languages, CLIP's 49,000 mostly English."""


@dataclass(frozen=True)
class TokenCount:
    """A prompt measured against the window of its encoder."""

    count: int
    """Tokens of the text alone, without the start and end marks that ComfyUI adds."""
    window: int
    chunks: int
    """Windows that ComfyUI reads the text in, 1 for an empty text; T5 always reads in one."""
    is_exact: bool
    """False for T5, with an embedding, whose length only its file knows, and for the few characters
    that a node counts by the age of its libraries."""

    @property
    def over(self) -> bool:
        """Whether the text is longer than the window: a hint, as ComfyUI opens a further chunk."""
        return self.count > self.window


def count_tokens(text: str, window: int, *, encoder: Encoder = "clip") -> TokenCount:
    """Count the tokens of a prompt in ComfyUI's syntax.

    Weights such as `(word:1.2)` and the parentheses around them cost nothing, escaped ones are
    text, and `embedding:name` counts as 1. Where nodes disagree the newest libraries decide.

    Raises:
        ValueError: if the window is not at least 1.
    """
    if window < 1:
        raise ValueError(f"A window holds at least 1 token, not {window}.")
    if encoder == "t5":
        return TokenCount(_estimate_t5(text), window, chunks=1, is_exact=False)
    groups, is_exact = _clip_groups(text)
    return TokenCount(sum(groups), window, _chunk_count(groups, window), is_exact)


def _clip_groups(text: str) -> tuple[list[int], bool]:
    """Tokens of every part that ComfyUI hands to the tokenizer at once, in order; and exactness."""
    groups: list[int] = []
    is_exact = True
    for part in _parts(text):
        count, is_agreed = (1, False) if part is None else _clip_count(part)
        groups.append(count)
        is_exact = is_exact and is_agreed
    return groups, is_exact


def _chunk_count(groups: list[int], window: int) -> int:
    """Chunks after ComfyUI's rule: short groups move on whole, long ones are cut."""
    chunks, room = 1, window
    for size in groups:
        left = size
        is_cut = size >= min(_SMALLEST_SPLIT_GROUP, window + 1)
        while left > room:
            left -= room if is_cut else 0
            chunks, room = chunks + 1, window
        room -= left
    return chunks


# --- ComfyUI's prompt syntax ---------------------------------------------------------------------


def _parts(text: str) -> Iterator[str | None]:
    """Yield the texts to tokenize, in order, and None for every embedding between them."""
    for segment in _segments(_escaped(text)):
        for piece in _BEFORE_EMBEDDING.split(_unescaped(segment)):
            found = _EMBEDDING.match(piece)
            if found is None:
                yield piece
                continue
            yield None
            name = found["name"]
            commas = name[len(name.rstrip(",")) :]
            yield f"{commas} {found['rest']}"


def _escaped(text: str) -> str:
    """Hide escaped parentheses the way ComfyUI does, so that odd texts come out alike."""
    return text.replace("\\)", "\0\1").replace("\\(", "\0\2") if "\\" in text else text


def _unescaped(text: str) -> str:
    return text.replace("\0\1", ")").replace("\0\2", "(") if "\0" in text else text


def _segments(text: str) -> Iterator[str]:
    """Yield the text between weighting parentheses, in order, without parentheses or weights.

    ComfyUI does this by recursion. Here it is a walk with a stack, linear in the text, so that
    thousands of nested parentheses are harmless. As there, a parenthesis without a partner is text.
    """
    parens = [found.start() for found in _PAREN.finditer(text)]
    partners = _partners(text, parens)
    ranges = [(0, len(text))]
    while ranges:
        start, end = ranges.pop()
        group = _first_group(text, parens, start, end)
        if start < group:
            yield text[start:group]
        if group == end:
            continue
        close = partners.get(group, end)
        if close < end:
            ranges.append((close + 1, end))
        elif text[end - 1] == ")":
            close = end - 1
        else:
            yield text[group:end]
            continue
        ranges.append((group + 1, _without_weight(text, parens, group + 1, close)))


def _partners(text: str, parens: list[int]) -> dict[int, int]:
    """Where each opening parenthesis that has a partner is closed."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    for position in parens:
        if text[position] == "(":
            opened.append(position)
        elif opened:
            partners[opened.pop()] = position
    return partners


def _first_group(text: str, parens: list[int], start: int, end: int) -> int:
    """The first parenthesis that opens a group, or the end of the range if none does.

    After a surplus closing parenthesis as many opening ones are text: ComfyUI's level is negative.
    """
    surplus = 0
    for index in range(bisect_left(parens, start), bisect_left(parens, end)):
        position = parens[index]
        if text[position] == ")":
            surplus += 1
        elif surplus:
            surplus -= 1
        else:
            return position
    return end


def _without_weight(text: str, parens: list[int], start: int, end: int) -> int:
    """Where the content of a group ends if the number after its last colon is left off."""
    after = bisect_left(parens, end)
    inner = max(start, parens[after - 1]) if after else start
    colon = text.rfind(":", inner, end)
    if colon <= start:
        return end
    try:
        float(text[colon + 1 : end])
    except ValueError:
        return end
    return colon


# --- CLIP ----------------------------------------------------------------------------------------


def _clip_count(text: str) -> tuple[int, bool]:
    """Tokens of a text without syntax, and whether all versions of the clean-up agree on it."""
    if "<|" in text:
        text, specials = _SPECIAL.subn(" ", text)
    else:
        specials = 0
    if _PLAIN.fullmatch(text):
        return specials + _words_count(text.lower()), True
    newest = _cleaned(text)
    count = _words_count(newest)
    others = {_cleaned_by_transformers_4(text), _cleaned_by_ftfy(text)} - {newest}
    return specials + count, all(_words_count(other) == count for other in others)


def _words_count(cleaned: str) -> int:
    if not cleaned.isascii():
        cleaned = _with_numbers_apart(cleaned)
    return sum(map(_word_count, _WORD.findall(cleaned)))


def _with_numbers_apart(text: str) -> str:
    """Set numbers such as one half or Roman eight apart, each of which is a word to CLIP.

    Python's patterns take them for letters, and a set of all of them would be slow to match.
    """
    numbers = [char for char in set(text) if unicodedata.category(char) in ("No", "Nl")]
    return text.translate({ord(char): f" {char} " for char in numbers}) if numbers else text


def _cleaned(text: str) -> str:
    """As transformers 5 does; it lowers letter by letter and so knows no final sigma."""
    return unicodedata.normalize("NFC", text).replace("\u03a3", "\u03c3").lower()


def _cleaned_by_transformers_4(text: str) -> str:
    """As transformers 4 does without ftfy: no control characters, space around Han characters."""
    table = {ord(char): _replaced_by_transformers_4(char) for char in set(text)}
    return unicodedata.normalize("NFC", text.translate(table)).lower()


def _replaced_by_transformers_4(char: str) -> str:
    if char in "\t\n\r":
        return " "
    if char == "\ufffd" or unicodedata.category(char).startswith("C"):
        return ""
    return f" {char} " if any(first <= ord(char) <= last for first, last in _HAN) else char


def _cleaned_by_ftfy(text: str) -> str:
    """As transformers 4 does with ftfy, near enough to notice where that changes a count."""
    text = text if "<" in text else html.unescape(text)
    return unicodedata.normalize("NFC", text.translate(_STRAIGHTENED)).lower()


def _word_count(word: str) -> int:
    return _cached_count(word) if len(word) <= _LONGEST_CACHED_WORD else _merged_count(word)


@lru_cache(maxsize=_CACHED_WORDS)
def _cached_count(word: str) -> int:
    return _merged_count(word)


def _merged_count(word: str) -> int:
    """Tokens of one word: its bytes, merged pair by pair, the best-ranked and leftmost first.

    A heap instead of repeated scans keeps a "word" of thousands of letters affordable.
    """
    ranks = _merge_ranks()
    tokens = [*word.encode("utf-8", "surrogatepass"), -1]
    size = len(tokens) - 1
    tokens[-2] += _WORD_END
    after, before = list(range(1, size + 1)), list(range(-1, size))
    heap = [
        ranks[pair] * size + at
        for at, (left, right) in enumerate(pairwise(tokens))
        if (pair := left << 16 | right) in ranks
    ]
    heapify(heap)
    count = size
    while heap:
        rank, at = divmod(heappop(heap), size)
        gone = after[at]
        if tokens[at] < 0 or ranks.get(tokens[at] << 16 | tokens[gone]) != rank:
            continue  # one of the two has been merged with another neighbour meanwhile
        count -= 1
        tokens[at], tokens[gone] = _FIRST_MERGED + rank, -1
        following, previous = after[gone], before[at]
        after[at], before[following] = following, at
        for start, left, right in (
            (previous, tokens[previous], tokens[at]),
            (at, tokens[at], tokens[following]),
        ):
            if (pair := left << 16 | right) in ranks:
                heappush(heap, ranks[pair] * size + start)
    return count


@cache
def _merge_ranks() -> dict[int, int]:
    """The rank of every pair of tokens that CLIP merges; the lowest rank is merged first.

    A token is a number: a byte, a byte that ends a word (+ 256), or what the merge of rank r made
    (512 + r). A pair is packed into one number too, which saves two thirds of the memory.
    """
    tokens = array("H", gzip.decompress(_MERGES_FILE.read_bytes()))
    if sys.byteorder == "big":
        tokens.byteswap()
    half = len(tokens) // 2
    return {
        tokens[rank] << 16 | tokens[half + rank]: rank  # all left tokens come before all right ones
        for rank in range(half)
    }


# --- T5 ------------------------------------------------------------------------------------------


def _estimate_t5(text: str) -> int:
    if not text.strip():
        return 0  # separators that no prompt holds are white space as well
    return round(sum(1.0 if part is None else _t5_length(part) for part in _parts(text)))


def _t5_length(text: str) -> float:
    """Guess the tokens of a text without syntax from what CLIP makes of its words."""
    return sum(_t5_part_length(found) for found in _T5_PART.finditer(text))


def _t5_part_length(found: re.Match[str]) -> float:
    part = found[0]
    if found["number"]:
        return (len(part) + 2) // 3
    if found["word"]:
        return _t5_word_length(part)
    return 1


def _t5_word_length(word: str) -> float:
    """Guess the tokens of one run of letters, by its script.

    Greek and Cyrillic are taken to be spelt letter by letter, a run of any script beyond them to be
    a space and one mark for the unknown. A single small letter is a space and a letter: "a" is 2.
    """
    if word[0] >= _BEYOND_CYRILLIC:
        return 2
    if word[0] >= _FIRST_GREEK:
        return len(word)
    if len(word) == 1:
        return 2 if word.islower() else 1
    return _T5_PER_CLIP * _word_count(word.lower())
