"""From a scene and a configuration to the prompt of one model, as a person who knows that model would write it.

The scene comes first, in its author's own words. Every further piece knows which choice it came from. What does not fit
the target's length is left out, the least important first, and said. The same choices give the same bytes.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sessions_app.cinema import phrases
from sessions_app.cinema.clauses import count_tag
from sessions_app.cinema.config import Animation, Configuration, LiveAction, term_of
from sessions_app.cinema.english import last_glue, listed, started
from sessions_app.cinema.gray import is_gray
from sessions_app.cinema.negatives import negative_for, wanted
from sessions_app.cinema.phrases import NEGATIVE, QUALITY, SCENE, Phrase
from sessions_app.cinema.targets import Target, ratio_words, size_for
from sessions_app.cinema.tokens import count_tokens
from sessions_app.cinema.vocabulary import vocabularies

PANELS: Final = (
    SCENE,
    "camera",
    "lens",
    "stock",
    "movement",
    "light",
    "frame",
    "mood",
    "medium",
    "rendering",
    "motion",
)

T5_WINDOW: Final = 512


@dataclass(frozen=True)
class Prompt:
    """A prompt, written for one target.

    Attributes:
        pieces: What the text is made of, glue included; joined, they are the text.
        negative: What to keep out; empty where the target does not listen.
        words: Of the text, without its parameters.
        tokens: As the target's encoder counts; None where nobody outside knows.
        size: Width and height in pixels; None where they are not ours to choose.
        shape: How a service is told the ratio; empty where it is in the text, or a size.
        notes: What was left out, and why, in sentences.
    """

    target: Target
    pieces: tuple[Phrase, ...]
    negative: str
    words: int
    tokens: int | None
    size: tuple[int, int] | None
    shape: str
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole of it."""
        return "".join(one.text for one in self.pieces)


@dataclass(frozen=True)
class _Draft:
    """Sentences of phrases, and what joins them."""

    sentences: tuple[tuple[Phrase, ...], ...]
    glue: str
    ends: str

    def pieces(self) -> Iterator[Phrase]:
        """Yield the phrases with what stands between, capitals where sentences start."""
        for place, sentence in enumerate(self.sentences):
            if place:
                yield Phrase(self.glue, "")
            for first, one in enumerate(sentence):
                begins = first == 0 and self.ends and one.panel != SCENE
                yield replace(one, text=started(one.text)) if begins else one
            if self.ends and not sentence[-1].text.endswith((".", "!", "?", "…", '"', "”")):
                yield Phrase(self.ends, sentence[-1].panel, sentence[-1].fields)


def compile_prompt(
    target: Target,
    config: Configuration,
    scene: str = "",
    *,
    without: Collection[str] = (),
    negative: Sequence[str] = (),
) -> Prompt:
    """Return the prompt of a scene and its choices.

    Args:
        scene: What happens, in its author's words; it is not changed but for the space around it.
        without: Panels and fields whose words are left out.
        negative: What else to keep out of the picture.
    """
    scene = "" if SCENE in without else " ".join(scene.split())
    config = _without(config, without)
    found = [one for one in _SHAPERS[target.form](target, config, scene) if one]
    sentences, left_out = _within_budget(found, target)
    pieces = tuple(_draft(target, sentences).pieces())
    words = len("".join(one.text for one in pieces).split())
    avoid = (*negative, *_against_color(config))
    against = negative_for(target, isinstance(config, Animation), avoid, wanted(config))
    if target.negative.syntax and against:
        # It is written into the prompt itself.
        pieces, against = (*pieces, Phrase(f" {against}", NEGATIVE)), ""
    pieces = (*pieces, *_parameters(target, config, bool(pieces)))
    text = "".join(one.text for one in pieces)
    return Prompt(
        target=target,
        pieces=pieces,
        negative=against,
        words=words,
        tokens=_count(target, text),
        size=_size(target, config),
        shape=_shape(target, config),
        notes=tuple(_notes(target, config, pieces, left_out, words)),
    )


def _against_color(config: Configuration) -> Iterator[str]:
    if is_gray(config):
        yield "vivid colors" if config.tone == "sepia" else "color"


def _without(config: Configuration, off: Collection[str]) -> Configuration:
    """Return the configuration without what is switched off, so that the sentences are made without it."""
    fields = [one for one in config.FIELDS.values() if one.name in off or one.panel in off]
    return config.changed({one.name: one.empty for one in fields})


def _draft(target: Target, sentences: Iterable[tuple[Phrase, ...]]) -> _Draft:
    if target.form == "tags":
        return _Draft(tuple(sentences), ", ", "")
    return _Draft(tuple(sentences), " ", ".")


def _tagged(target: Target, config: Configuration, scene: str) -> Iterator[tuple[Phrase, ...]]:
    for tag in target.prefix:
        yield (Phrase(tag, QUALITY),)
    said = set[str]()
    people = count_tag(scene) if target.count_tag else None
    if people:
        yield (Phrase(people, SCENE),)
    if scene:
        yield (Phrase(scene.rstrip(".,; "), SCENE),)
    for one in phrases.tags(config, names_gear=target.names_gear):
        fresh = [tag for tag in one.text.split(", ") if tag.casefold() not in said]
        said.update(tag.casefold() for tag in fresh)
        for tag in fresh:
            yield (Phrase(tag, one.panel, one.fields, one.weight),)
    for tag in target.suffix:
        yield (Phrase(tag, QUALITY),)


def _told(target: Target, config: Configuration, scene: str) -> Iterator[tuple[Phrase, ...]]:
    if scene:
        yield (Phrase(scene, SCENE),)
    if isinstance(config, Animation):
        yield tuple(phrases.rendering(config))
    if target.medium == "video":
        yield tuple(phrases.movement(config))
        yield tuple(phrases.motion(config))
    yield tuple(_shot(target, config))
    if isinstance(config, LiveAction):
        yield tuple(phrases.light(config))
        if target.names_gear:
            yield tuple(phrases.gear(config))
        yield tuple(phrases.picture(config))
    yield tuple(phrases.mood(config))


def _shot(target: Target, config: Configuration) -> Iterator[Phrase]:
    """Yield the frame, and its shape where nothing else tells it."""
    framed = tuple(phrases.frame(config))
    yield from framed
    if framed and not _takes_shape(target):
        yield from phrases.shape(config)


def _takes_shape(target: Target) -> bool:
    """Whether the target is told the shape of its picture other than in words."""
    ratio = target.ratio
    return bool(ratio.named or ratio.syntax or ratio.buckets or ratio.multiple)


def _moved(_: Target, config: Configuration, scene: str) -> Iterator[tuple[Phrase, ...]]:
    """Yield what moves, and the camera: the picture that is given shows the rest."""
    if scene:
        yield (Phrase(scene, SCENE),)
    moves = tuple(phrases.movement(config))
    yield moves or (Phrase("the camera holds still", "movement", ("movement",)),)
    yield tuple(phrases.motion(config))


def _edited(_: Target, config: Configuration, scene: str) -> Iterator[tuple[Phrase, ...]]:
    """Yield an instruction: what to change, and what to keep."""
    if scene:
        yield (Phrase(scene, SCENE),)
    orders = [one for one in (_reframed(config), _redone(config), _regraded(config)) if one]
    for place, (first, *rest) in enumerate(orders):
        # What is changed is named once.
        text = first.text if place else first.text.replace(" it", " the picture", 1)
        yield (replace(first, text=text), *rest)
    if isinstance(config, Animation):
        kept = "keep each subject recognizable, in the same pose and the same clothes"
    else:
        kept = "keep everything else as it is, faces and clothes included"
    yield (Phrase(kept, QUALITY, (), 9),)


def _reframed(config: Configuration) -> tuple[Phrase, ...]:
    framed = tuple(phrases.frame(config))
    if not framed:
        return ()
    first, *rest = framed
    order = "reframe it as " if config.size else "reframe it so that "
    return (replace(first, text=order + first.text), *rest)


def _redone(config: Configuration) -> tuple[Phrase, ...]:
    """Return how to light it anew, or how to draw it."""
    if isinstance(config, LiveAction):
        relit = tuple(phrases.light(config))
        return (Phrase("relight it: ", "light"), *relit) if relit else ()
    drawn = tuple(phrases.rendering(config)) if isinstance(config, Animation) else ()
    if not drawn:
        return ()
    first, *rest = drawn
    order = "redraw it" if config.has("medium", "2d") else "remake it"
    text = re.sub("^(?:made|rendered|drawn) ", f"{order} ", first.text)
    return (replace(first, text=text), *rest)


def _regraded(config: Configuration) -> tuple[Phrase, ...]:
    tone = term_of(config, "tone")
    if tone is None:
        return ()
    order = "finish it" if isinstance(config, Animation) else "grade it"
    return (Phrase(f"{order} in {tone.prose}", "mood", ("tone",), 8),)


Shaper = Callable[[Target, Configuration, str], Iterator[tuple[Phrase, ...]]]
_SHAPERS: Final[dict[str, Shaper]] = {
    "tags": _tagged,
    "prose": _told,
    "motion": _moved,
    "edit": _edited,
}


def _within_budget(
    sentences: Sequence[tuple[Phrase, ...]], target: Target
) -> tuple[list[tuple[Phrase, ...]], list[Phrase]]:
    """Return the sentences without what is too long, the least important and then the last left out first."""
    kept, left_out = list(sentences), list[Phrase]()
    while _is_too_long(kept, target):
        loose = [one for sentence in kept for one in sentence if one.weight is not None]
        if not loose:
            break
        least = min(reversed(loose), key=lambda one: one.weight or 0)
        kept = [
            rest
            for sentence in kept
            if (rest := tuple(one for one in sentence if one is not least))
        ]
        left_out.append(least)
    return [_mended(one) for one in kept], left_out


def _mended(sentence: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
    """Return a sentence that begins and ends well, whatever of it was left out."""
    first = sentence[0]
    text = re.sub(
        "^, (?:with|along with|and shows) ", "the picture has ", first.text.removeprefix(" ")
    )
    begun = (replace(first, text=text.removeprefix(", ")), *sentence[1:])
    return _with_and(begun)


def _with_and(sentence: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
    """Return a sentence with "and" before the last detail of a rendering: until now any could be left out."""
    details = [one for one in sentence if one.panel == "rendering"]
    if len(details) < 2:
        return sentence
    last = details[-1]
    glue = last_glue([one.text for one in details])
    ended = replace(last, text=glue + last.text.removeprefix(", "))
    return tuple(ended if one is last else one for one in sentence)


def _is_too_long(sentences: Sequence[tuple[Phrase, ...]], target: Target) -> bool:
    mended = [_mended(one) for one in sentences]
    text = "".join(one.text for one in _draft(target, mended).pieces())
    budget = target.budget
    if budget.words and len(text.split()) > budget.words[1]:
        return True
    return bool(budget.tokens and (_count(target, text) or 0) > budget.tokens)


def _count(target: Target, text: str) -> int | None:
    if target.encoder == "clip":
        return count_tokens(text, target.budget.chunk or 75).count
    if target.encoder == "t5":
        return count_tokens(text, target.budget.tokens or T5_WINDOW, encoder="t5").count
    return None


def ratio_of(config: Configuration) -> float | None:
    """Return width by height of the frame; None where no shape is chosen."""
    return vocabularies().ratios[config.ratio].ratio if config.ratio else None


def _size(target: Target, config: Configuration) -> tuple[int, int] | None:
    ratio = ratio_of(config)
    return size_for(target, ratio) if ratio else None


def _shape(target: Target, config: Configuration) -> str:
    ratio = ratio_of(config)
    return ratio_words(target, ratio) if ratio and target.ratio.named else ""


def _parameters(target: Target, config: Configuration, follows: bool) -> Iterator[Phrase]:
    """Yield what is written behind the text for services that read parameters there."""
    ratio = ratio_of(config)
    if ratio and target.ratio.syntax:
        space = " " if follows else ""
        yield Phrase(space + ratio_words(target, ratio), config.FIELDS["ratio"].panel, ("ratio",))


def _notes(
    target: Target,
    config: Configuration,
    pieces: Sequence[Phrase],
    left_out: Sequence[Phrase],
    words: int,
) -> Iterator[str]:
    if target.is_still and config.moves:
        yield "The movement is left out: a still shows none."
    told = {field for one in pieces for field in one.fields}
    names = dict.fromkeys(
        config.FIELDS[one.fields[0]].label.lower()
        for one in left_out
        if one.fields and one.fields[0] not in told
    )
    if names:
        yield f"Left out to stay within its length: {listed(list(names))}."
    budget = target.budget.words
    if budget and words < budget[0]:
        yield f"{words} words, where {budget[0]} to {budget[1]} work best: tell more of the scene."
    if target.form == "motion":
        yield "Light, framing and colors come from the picture that is given."
