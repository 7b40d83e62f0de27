"""A prompt for one model turned into a prompt for another, without a language model.

Nothing that the user wrote is invented or lost in silence: what the other model cannot take is said
in a note. The same prompt and the same models give the same text, and converting the result once
more for its own model changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sessions_app.cinema.clauses import clauses, count_tag
from sessions_app.cinema.sentences import ARTICLES, COUNTS, QUALITY, level_of, said
from sessions_app.cinema.targets import Target
from sessions_app.cinema.weights import Span, hide, hide_asides, show, spans, unbracketed, written

Unit = tuple[Span, ...]
"""What stands between two commas. Without spans: `BREAK`."""
_BREAK: Final[Unit] = ()

# Words that stay as they are, byte by byte: one character each while the text is worked on.
_FIRST_APART: Final = 0xF0000
_FIRST_WITHIN: Final = 0x100000
_MOST_KEPT: Final = 0xFFFE
_APART: Final = re.compile(r"[\U000f0000-\U000fffff]")
_KEPT: Final = re.compile(r"[\U000f0000-\U0010ffff]")
_LORA: Final = re.compile(r"<[a-z]+:[^<>\n]+>", re.IGNORECASE)
_EMBEDDING: Final = re.compile(
    r"(?<![^\s(\[,])embedding:(?:\\[()]|[^\s<\[\](),:\\\U000f0000-\U0010ffff])+"
)
_INSIDE: Final = r"\n()\\\x01\x02\U000f0000-\U0010ffff"
_QUOTED: Final = re.compile(rf'"[^"{_INSIDE}]{{1,200}}"|“[^”{_INSIDE}]{{1,200}}”')

_NOISE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\U000f0000-\U0010ffff]")
_BREAK_WORD: Final = r"(?<![^\W_])BREAK(?![^\W_])"
_BETWEEN_TAGS: Final = re.compile(rf"([,\uff0c\n]|{_BREAK_WORD}|[\U000f0000-\U000fffff])")
_BETWEEN_CLAUSES: Final = re.compile(
    r"((?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bSt)[.!?](?=\s|$)|[,\uff0c;\n]|:(?=\s|$)|\s[—–-](?=\s)"
    rf"|{_BREAK_WORD}|[\U000f0000-\U000fffff])"
)
_SCORE: Final = re.compile(r"score_\d+(?:_up)?|(?:source|rating)_[a-z]+", re.IGNORECASE)
_SCORE_IN_PROSE: Final = re.compile(rf"\b(?:{_SCORE.pattern})\b[ \t]*,?[ \t]*", re.IGNORECASE)
_QUALITY_IN_PROSE: Final = re.compile(
    rf"(?<![\w\x01-])(?:{'|'.join(sorted(QUALITY))})[ \t]*,[ \t]*", re.IGNORECASE
)
_SCORES_LEFT_OUT: Final = "Score, source and rating tags are Pony's alone and were left out."
_BREAK_LEFT_OUT: Final = "BREAK was left out, as the text is read in one piece."
_NOT_FOR_PROSE: Final = (
    (_SCORE_IN_PROSE, "", _SCORES_LEFT_OUT),
    (_QUALITY_IN_PROSE, "", "Quality tags were left out, as sentences have no use for them."),
    (re.compile(_BREAK_WORD), " ", _BREAK_LEFT_OUT),
)
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s|$)")
_UNDERSCORE: Final = re.compile(r"(?<=[^\W_])_+(?=[^\W_]|\x01)")
_SHORTEST_UNDERSCORED: Final = 4
"""Shorter tags with an underscore are faces, such as ^_^ and o_o."""


@dataclass(frozen=True)
class Converted:
    """A prompt in the words of another model."""

    text: str
    notes: tuple[str, ...] = ()
    """Plain sentences about what was lost or changed on the way."""


@dataclass
class _Work:
    """What one conversion carries along."""

    source: Target
    target: Target
    kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_crossing(self) -> bool:
        return self.source.id != self.target.id

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def keep(self, pattern: re.Pattern[str], text: str, first: int) -> str:
        def stand_in(found: re.Match[str]) -> str:
            if len(self.kept) >= _MOST_KEPT:
                return found[0]
            self.kept.append(found[0])
            return chr(first + len(self.kept) - 1)

        return pattern.sub(stand_in, text)

    def restored(self, text: str) -> str:
        """The text with what was kept back in its place."""
        return _KEPT.sub(lambda found: self.kept[ord(found[0]) & 0xFFFF], text)


def convert(text: str, from_target: Target, to_target: Target) -> Converted:
    """Rewrites a prompt for another target; for the same one it only tidies it.

    Weights become words where they are not understood, and words of emphasis become weights where
    they are. LoRA and embedding tokens and quoted text stay as they are, byte by byte.
    """
    work = _Work(from_target, to_target)
    hidden = _prepared(text, work)
    if not hidden.strip():
        return Converted("")
    if to_target.form == "tags":
        result = _tags(hidden, work)
    elif from_target.form == "tags" and not _reads_as_prose(hidden):
        result = _sentences(hidden, work)
    else:
        result = _prose(hidden, work)
    _tell_what_is_given(work)
    _tell_tokens(work)
    return Converted(work.restored(result), tuple(work.notes))


# --- Reading -------------------------------------------------------------------------------------


def _prepared(text: str, work: _Work) -> str:
    """The text without control characters, what is never touched and what is only text hidden."""
    text = _NOISE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    text = work.keep(_LORA, text, _FIRST_APART)
    text = work.keep(_EMBEDDING, text, _FIRST_WITHIN)
    text = hide(text)
    text = work.keep(_QUOTED, text, _FIRST_WITHIN)
    if "tags" in (work.source.form, work.target.form):
        lighter = unbracketed(text)
        if lighter != text:
            work.note("ComfyUI does not read square brackets, so they became weights below 1.")
        text = lighter
    if work.source.form != "tags":
        text = hide_asides(text)
    return text


def _reads_as_prose(hidden: str) -> bool:
    """Whether a prompt in a tag model's field is sentences after all."""
    parts = [part for part in re.split(r"[,\n]", hidden) if not _is_label(part.strip().lower())]
    length = sum(len(part.split()) for part in parts) / max(1, len(parts))
    return length >= 4 and _SENTENCE_END.search(hidden) is not None


def _is_label(plain: str) -> bool:
    """Whether this is a tag in any company, even before sentences."""
    return not plain or plain in QUALITY or plain in COUNTS or bool(_SCORE.fullmatch(plain))


def _units(parts: Iterable[Span], between: re.Pattern[str]) -> list[Unit]:
    """Splits spans at separators; a kept word that stands apart is a unit of its own."""
    units: list[Unit] = []
    current: list[Span] = []
    for span in parts:
        for index, piece in enumerate(between.split(span.text)):
            if index % 2 == 0:
                current.append(Span(piece, span.weight))
                continue
            units.append(tuple(current))
            current = []
            if piece == "BREAK":
                units.append((Span("BREAK"),))
            elif _APART.fullmatch(piece):
                units.append((Span(piece),))
    units.append(tuple(current))
    return [_BREAK if _plain(unit) == "BREAK" else _tidy(unit) for unit in units if _plain(unit)]


def _plain(unit: Unit) -> str:
    return " ".join("".join(span.text for span in unit).split())


def _tidy(unit: Unit) -> Unit:
    """The unit without blank spans and without space at its ends."""
    parts = [Span(re.sub(r"\s+", " ", span.text), span.weight) for span in unit if span.text]
    while parts and not parts[0].text.strip():
        parts.pop(0)
    while parts and not parts[-1].text.strip():
        parts.pop()
    parts[0] = replace(parts[0], text=parts[0].text.lstrip())
    parts[-1] = replace(parts[-1], text=parts[-1].text.rstrip())
    return tuple(parts)


# --- To tags -------------------------------------------------------------------------------------


def _tags(hidden: str, work: _Work) -> str:
    if work.source.form == "tags":
        units = _units(spans(hidden), _BETWEEN_TAGS)
    else:
        units = list(_cut(_units(spans(hidden), _BETWEEN_CLAUSES)))
        work.note("Sentences were cut into tags; check which words belong together.")
    units = [_with_spaces(unit) for unit in units]
    units = _without_foreign_scores(units, work)
    if work.target.count_tag:
        units = _counted(units, hidden, work)
    if work.is_crossing:
        units = _with_quality([_clamped(unit, work) for unit in units], work)
    return " BREAK ".join(", ".join(map(written, chunk)) for chunk in _chunks(units) if chunk)


def _cut(units: Iterable[Unit]) -> Iterator[Unit]:
    for unit in units:
        if unit == _BREAK or _KEPT.fullmatch(_plain(unit)):
            yield unit
        else:
            yield from (_tidy(clause) for clause in clauses(unit) if _plain(clause))


def _with_spaces(unit: Unit) -> Unit:
    """Underscores as spaces, as the models were trained, but not in scores and faces."""
    plain = _plain(unit)
    if "_" not in plain or len(plain) < _SHORTEST_UNDERSCORED or _SCORE.fullmatch(plain):
        return unit
    return tuple(replace(span, text=_UNDERSCORE.sub(" ", span.text)) for span in unit)


def _without_foreign_scores(units: Sequence[Unit], work: _Work) -> list[Unit]:
    """Pony's scores mean something to Pony alone."""
    if any(map(_SCORE.fullmatch, work.target.prefix)):
        return list(units)
    kept = [unit for unit in units if not _SCORE.fullmatch(_plain(unit))]
    if len(kept) < len(units):
        work.note(_SCORES_LEFT_OUT)
    return kept


def _counted(units: Sequence[Unit], hidden: str, work: _Work) -> list[Unit]:
    """People counted first, behind the scores."""
    end = units.index(_BREAK) if _BREAK in units else len(units)
    first, rest = units[:end], units[end:]
    counts = [unit for unit in first if _plain(unit).lower() in COUNTS]
    if not counts and work.source.form != "tags":
        found = count_tag(hidden)
        if found:
            work.note(f"“{found}” was added, as {work.target.label} wants people counted.")
            counts = [(Span(found),)]
    scores = [unit for unit in first if _SCORE.fullmatch(_plain(unit))]
    others = [unit for unit in first if unit not in counts and unit not in scores]
    return [*scores, *counts, *others, *rest]


def _clamped(unit: Unit, work: _Work) -> Unit:
    heaviest = work.target.weight_max
    if all(span.weight <= heaviest for span in unit):
        return unit
    work.note(f"Weights above {heaviest:g} were lowered to it, where {work.target.label} breaks.")
    return tuple(replace(span, weight=min(span.weight, heaviest)) for span in unit)


def _with_quality(units: Sequence[Unit], work: _Work) -> list[Unit]:
    """The target's own quality tags, unless some of them are there."""
    own = {*work.target.prefix, *work.target.suffix}
    if not own or any(_plain(unit).lower() in own for unit in units):
        return list(units)
    work.note(f"The quality tags of {work.target.label} were added.")
    before, after = (
        [(Span(tag),) for tag in tags] for tags in (work.target.prefix, work.target.suffix)
    )
    return [*before, *units, *after]


def _chunks(units: Iterable[Unit]) -> list[list[Unit]]:
    """The units between two BREAKs, each once: a second telling only leaves its weight behind."""
    chunks: list[dict[str, Unit]] = [{}]
    for unit in units:
        if unit == _BREAK:
            chunks.append({})
            continue
        key = _plain(unit).casefold()
        chunks[-1][key] = max(chunks[-1].get(key, unit), unit, key=_heaviest)
    return [list(chunk.values()) for chunk in chunks]


def _heaviest(unit: Unit) -> float:
    return max(span.weight for span in unit)


# --- To sentences --------------------------------------------------------------------------------


def _sentences(hidden: str, work: _Work) -> str:
    """Tags joined by what they are about; tokens that are no words come last."""
    units = [_with_spaces(unit) for unit in _units(spans(hidden), _BETWEEN_TAGS)]
    tokens = [_plain(unit) for unit in units if unit and _is_token(unit, work)]
    tags = [unit for unit in units if unit and not _is_token(unit, work)]
    tags = _without_weightless(_without_quality(tags, work), work)
    tags = [unit for chunk in _chunks(tags) for unit in chunk]
    work.note("Tags were joined into sentences by what they are about; read them once.")
    if _BREAK in units:
        work.note(_BREAK_LEFT_OUT)
    _tell_weights(tags, work)
    tags = [_tidy((*unit[:-1], _unstopped(unit[-1]))) for unit in tags if _plain(unit).strip(" .;")]
    text = said(tags) if tags else ""
    return " ".join([show(text, escaped=work.target.escapes_parentheses), *tokens]).strip()


def _unstopped(span: Span) -> Span:
    return replace(span, text=span.text.rstrip(" .;"))


def _is_token(unit: Unit, work: _Work) -> bool:
    plain = _plain(unit)
    return bool(_KEPT.fullmatch(plain)) and work.restored(plain)[0] not in '"“'


def _without_quality(tags: Sequence[Unit], work: _Work) -> list[Unit]:
    left = [unit for unit in tags if _is_about_quality(unit)]
    if left:
        names = ", ".join(map(_plain, left))
        work.note(f"Quality tags mean nothing to {work.target.label} and were left out: {names}.")
    return [unit for unit in tags if unit not in left]


def _is_about_quality(unit: Unit) -> bool:
    plain = _plain(unit).lower()
    return plain in QUALITY or bool(_SCORE.fullmatch(plain))


def _without_weightless(tags: Sequence[Unit], work: _Work) -> list[Unit]:
    left = [unit for unit in tags if _heaviest(unit) <= 0]
    if left:
        names = ", ".join(map(_plain, left))
        work.note(f"What weighed nothing or less was left out: {names}.")
    return [unit for unit in tags if unit not in left]


def _tell_weights(parts: Iterable[Unit], work: _Work) -> None:
    if any(span.weight != 1 for unit in parts for span in unit):
        how = {
            "weak": "hardly feels weights",
            "literal": "reads weights as text",
        }.get(work.target.weights, "knows no weights")
        work.note(f"{work.target.label} {how}, so they became order and words of emphasis.")


# --- Prose that stays prose ----------------------------------------------------------------------


def _prose(hidden: str, work: _Work) -> str:
    """Sentences stay as they are, but for weights, scores and parentheses."""
    parts = spans(hidden)
    _tell_weights([tuple(parts)], work)
    text = "".join(map(_in_words, parts))
    for pattern, instead, note in _NOT_FOR_PROSE:
        text, times = pattern.subn(instead, text)
        if times:
            work.note(note)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    joined = (" " if work.target.medium == "video" else "\n").join(lines)
    tidy = re.sub(r" {2,}", " ", re.sub(r"\n{3,}", "\n\n", joined)).strip(" \n,")
    return show(tidy, escaped=work.target.escapes_parentheses)


def _in_words(span: Span) -> str:
    level = level_of(span.weight)
    core = span.text.strip()
    if level is None or not core or _KEPT.fullmatch(core):
        return span.text
    before, after = span.text.split(core, 1)
    article, _, rest = core.partition(" ")
    if article.lower() in ARTICLES and rest:
        kept = {"an": "a", "An": "A"}.get(article, article)
        return f"{before}{kept} {level.adjective} {rest}{after}"
    return f"{before}{level.adverb} {core}{after}"


def _tell_what_is_given(work: _Work) -> None:
    """Forms that need a thinking reader: they get the text, and are told what it should be."""
    if not work.is_crossing or work.source.form == work.target.form:
        return
    label = work.target.label
    if work.target.form == "motion":
        work.note(f"{label} is given the picture: keep only what moves and how the camera moves.")
    if work.target.form == "edit":
        work.note(f"{label} wants an instruction: say what is to change and what is to stay.")


def _tell_tokens(work: _Work) -> None:
    tokens = [text for text in work.kept if text[0] not in '"“']
    if tokens and work.is_crossing:
        work.note(
            "LoRA and embedding tokens were kept as they are; each fits only the model it was made for."
        )
