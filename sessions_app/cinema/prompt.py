"""From a scene and a configuration to the prompt of one model, as a person who knows that model would write it.

The scene comes first, in its author's own words. Every further piece knows which choice it came from. What does not fit
the target's length is left out, the least important first, and said. The same choices give the same bytes.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sessions_app.cinema import phrases
from sessions_app.cinema.clauses import count_tag
from sessions_app.cinema.config import Animation, Configuration, LiveAction, term_of
from sessions_app.cinema.english import article, listed, started
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
                yield (
                    Phrase(started(one.text), one.panel, one.fields, one.weight) if begins else one
                )
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
        notes=tuple(_notes(target, config, left_out, words)),
    )


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
    is_video = target.medium == "video"
    if is_video:
        yield tuple(phrases.movement(config))
    yield tuple(_shot(target, config))
    if isinstance(config, LiveAction):
        yield tuple(phrases.light(config))
        yield tuple(phrases.picture(config))
    yield tuple(phrases.mood(config))


def _shot(target: Target, config: Configuration) -> Iterator[Phrase]:
    """Yield the frame and, where names help, what records it."""
    framed = tuple(phrases.frame(config))
    yield from framed
    if framed and not _takes_shape(target):
        yield from phrases.shape(config)
    if target.names_gear and isinstance(config, LiveAction):
        for place, one in enumerate(phrases.gear(config)):
            glue = ", " if place == 0 and framed else ""
            yield Phrase(glue + one.text, one.panel, one.fields, one.weight)


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


def _edited(target: Target, config: Configuration, scene: str) -> Iterator[tuple[Phrase, ...]]:
    """Yield an instruction: what to change, and what to keep."""
    if scene:
        yield (Phrase(scene, SCENE),)
    size, composition = term_of(config, "size"), term_of(config, "composition")
    if size:
        words = (Phrase(f"reframe it as {article(size.prose)}", "frame", ("size",)),)
        angle = [one for one in phrases.frame(config) if one.fields and one.fields != ("size",)]
        yield (*words, *angle)
    elif composition:
        yield (Phrase(f"reframe it, {composition.prose}", "frame", ("composition",)),)
    if isinstance(config, Animation):
        drawn = tuple(phrases.rendering(config))
        if drawn:
            first = drawn[0]
            text = "redraw it as " + first.text.removeprefix("rendered as ").removeprefix("drawn ")
            yield (Phrase(text, first.panel, first.fields, first.weight), *drawn[1:])
    else:
        relit = tuple(phrases.light(config)) if isinstance(config, LiveAction) else ()
        if relit:
            yield (Phrase("relight it: ", "light"), *relit)
    tone = term_of(config, "tone")
    if tone:
        yield (Phrase(f"grade it in {tone.prose}", "mood", ("tone",), 8),)
    yield (Phrase("keep the people and what they wear as they are", QUALITY, (), 9),)


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
    """Return a sentence whose first phrase does not begin with what joined it to one that was left out."""
    first = sentence[0]
    text = first.text.removeprefix(" ")
    if text.startswith(", with "):
        text = "the picture has " + text.removeprefix(", with ")
    text = text.removeprefix(", ")
    return (Phrase(text, first.panel, first.fields, first.weight), *sentence[1:])


def _is_too_long(sentences: Sequence[tuple[Phrase, ...]], target: Target) -> bool:
    text = "".join(one.text for one in _draft(target, sentences).pieces()) if sentences else ""
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


def _ratio(config: Configuration) -> float | None:
    return vocabularies().ratios[config.ratio].ratio if config.ratio else None


def _size(target: Target, config: Configuration) -> tuple[int, int] | None:
    ratio = _ratio(config)
    return size_for(target, ratio) if ratio else None


def _shape(target: Target, config: Configuration) -> str:
    ratio = _ratio(config)
    return ratio_words(target, ratio) if ratio and target.ratio.named else ""


def _parameters(target: Target, config: Configuration, follows: bool) -> Iterator[Phrase]:
    """Yield what is written behind the text for services that read parameters there."""
    ratio = _ratio(config)
    if ratio and target.ratio.syntax:
        space = " " if follows else ""
        yield Phrase(space + ratio_words(target, ratio), config.FIELDS["ratio"].panel, ("ratio",))


def _against_color(config: Configuration) -> Iterator[str]:
    if config.tone and vocabularies().tones[config.tone].black_and_white:
        yield "color"


def _notes(
    target: Target, config: Configuration, left_out: Sequence[Phrase], words: int
) -> Iterator[str]:
    if target.is_still and config.moves:
        yield "The movement is left out: a still shows none."
    if left_out:
        names = dict.fromkeys(
            config.FIELDS[one.fields[0]].label.lower() for one in left_out if one.fields
        )
        yield f"Left out to stay within its length: {listed(list(names))}."
    budget = target.budget.words
    if budget and words < budget[0]:
        yield f"{words} words, where {budget[0]} to {budget[1]} work best: tell more of the scene."
    if target.form == "motion":
        yield "Light, framing and colors come from the picture that is given."
