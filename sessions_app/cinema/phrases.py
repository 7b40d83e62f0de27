"""From choices to phrases: each knows the panel and the fields that it came from, and how much it matters.

A phrase is a part of a sentence. Proper names keep their capitals; machines that carry the camera are never named.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sessions_app.cinema.config import Animation, Configuration, LiveAction, term_of
from sessions_app.cinema.english import article, listed
from sessions_app.cinema.looks import look_of
from sessions_app.cinema.vocabulary import Mood, Source, Style, vocabularies

SCENE: Final = "scene"
QUALITY: Final = "quality"
NEGATIVE: Final = "negative"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A part of a sentence.

    Attributes:
        panel: Which panel of the page it comes from.
        fields: Which fields; a click on the words leads to the first.
        weight: What matters least has the lowest and is left out first; None stays.
    """

    text: str
    panel: str
    fields: tuple[str, ...] = ()
    weight: int | None = None


def frame(config: Configuration) -> Iterator[Phrase]:
    """Yield the shot: size, height, direction, composition and the shape of the frame."""
    size = term_of(config, "size")
    angle = [
        (name, term.prose)
        for name in ("height", "direction")
        if (term := term_of(config, name)) and term.prose
    ]
    if size:
        yield Phrase(article(size.prose), "frame", ("size",))
    elif angle or config.composition:
        yield Phrase("the shot is", "frame")
    for name, words in angle:
        yield Phrase(f" {words}", "frame", (name,), 6)
    composition = term_of(config, "composition")
    if composition and composition.prose:
        yield Phrase(f", {composition.prose}", "frame", ("composition",), 7)


def shape(config: Configuration) -> Iterator[Phrase]:
    """Yield the shape of the frame, for targets that cannot be told it in any other way."""
    ratio = term_of(config, "ratio")
    if ratio and ratio.prose:
        panel = config.FIELDS["ratio"].panel
        yield Phrase(f", composed for {article(ratio.prose)} frame", panel, ("ratio",), 4)


def gear(config: LiveAction) -> Iterator[Phrase]:
    """Yield body, lens and stock by name."""
    body, lens, stock = config.the_body, config.the_lens, config.the_stock
    if body:
        yield Phrase(f"recorded on {article(body.prose)}", "camera", ("body",), 5)
    if lens:
        focal = f"{config.focal_mm:g} mm " if config.focal_mm else ""
        before = " with " if body else "seen through "
        yield Phrase(before + article(focal + lens.prose), "lens", ("lens", "focal_mm"), 5)
    if stock:
        before = " on " if body or lens else "recorded on "
        yield Phrase(before + stock.prose, "stock", ("stock",), 5)


def picture(config: LiveAction) -> Iterator[Phrase]:
    """Yield what body, lens and stock do to the picture, without their names."""
    body, lens, stock = config.the_body, config.the_lens, config.the_stock
    if body and not body.is_film and body.look:
        yield Phrase(f"the picture has the look of {body.look}", "camera", ("body",), 3)
        before = ", with "
    else:
        before = "the picture has "
    if lens and lens.look:
        yield Phrase(before + lens.look, "lens", ("lens",), 4)
        before = ", with "
    if stock and stock.look:
        yield Phrase(before + stock.look, "stock", ("stock",), 4)


def light(config: LiveAction) -> Iterator[Phrase]:
    """Yield where the light comes from, when, how it falls and what it leaves."""
    styles = [vocabularies().styles[one] for one in config.styles]
    sources = [vocabularies().sources[one] for one in config.sources]
    time, place = term_of(config, "time"), term_of(config, "place")
    yield from _light_itself(styles, sources)
    if not styles and not sources and (time or place):
        yield Phrase("the scene is", "light")
    if place and place.prose:
        yield Phrase(f" {place.prose}", "light", ("place",), 6)
    if time and time.prose:
        yield Phrase(f" {time.prose}", "light", ("time",), 8)
    if styles and styles[0].result:
        yield Phrase(f", {styles[0].result}", "light", ("styles",), 6)


def _light_itself(styles: Sequence[Style], sources: Sequence[Source]) -> Iterator[Phrase]:
    # The stronger one stands next to what it describes: hard, low-key light.
    words = ", ".join(dict.fromkeys(one.adjective for one in reversed(styles) if one.adjective))
    names = listed([one.prose for one in sources])
    if words and names:
        yield Phrase(f"{words} light", "light", ("styles",))
        yield Phrase(f" comes from {names}", "light", ("sources",))
    elif words:
        yield Phrase(f"the light is {words.replace(', ', ' and ')}", "light", ("styles",))
    elif names:
        yield Phrase(f"the light comes from {names}", "light", ("sources",))


def mood(config: Configuration) -> Iterator[Phrase]:
    """Yield moods and colors."""
    moods: list[Mood] = [vocabularies().moods[one] for one in config.moods]
    tone = term_of(config, "tone")
    if moods:
        words = listed([one.prose for one in moods])
        yield Phrase(f"the mood is {words}", "mood", ("moods",))
    if tone:
        before = ", in " if moods else "the picture is in "
        yield Phrase(before + tone.prose, "mood", ("tone",), 8)


def movement(config: Configuration) -> Iterator[Phrase]:
    """Yield how the camera moves, how fast, and how that feels."""
    if isinstance(config, Animation):
        yield from _drawn_movement(config)
        return
    if not isinstance(config, LiveAction):
        return
    move, carrier, timing = config.the_move, config.the_carrier, term_of(config, "timing")
    if move is None and carrier is None:
        return
    does = move.prose if move else "moves"
    if move is None and carrier and not carrier.travels:
        does = "holds still"
    yield Phrase(f"the camera {does}", "movement", ("movement",))
    if timing and timing.prose and timing.id != "static" and does != "holds still":
        yield Phrase(f" {timing.prose}", "movement", ("timing",), 7)
    if carrier and carrier.manner:
        yield Phrase(f", {carrier.manner}", "movement", ("equipment",), 6)


def _drawn_movement(config: Animation) -> Iterator[Phrase]:
    camera, motion = term_of(config, "camera"), term_of(config, "motion")
    if camera and camera.prose:
        yield Phrase(f"the camera {camera.prose}", "motion", ("camera",))
    if motion and motion.prose and config.motion != "none":
        yield Phrase(f", in {motion.prose}", "motion", ("motion",), 6)


def rendering(config: Animation) -> Iterator[Phrase]:
    """Yield medium, look and how line, color, light and surfaces are rendered."""
    look = look_of(config.preset)
    medium, domain = term_of(config, "medium"), term_of(config, "domain")
    if look and (look.medium, look.domain) == (config.medium, config.domain):
        yield Phrase(f"rendered as {look.prose}", "medium", ("medium", "domain"))
    elif medium or domain:
        words = " in the manner of ".join(one.prose for one in (medium, domain) if one)
        yield Phrase(f"rendered as {words}", "medium", ("medium", "domain"))
    parts = [
        (name, term.prose)
        for name in ("line", "color", "lighting", "surface")
        if (term := term_of(config, name)) and term.prose and getattr(config, name) != "none"
    ]
    before = ", with " if look or medium or domain else "drawn with "
    for place, (name, words) in enumerate(parts):
        glue = before if place == 0 else " and " if place == len(parts) - 1 else ", "
        yield Phrase(glue + words, "rendering", (name,), 5 if place else 6)


def tags(config: Configuration, *, names_gear: bool) -> Iterator[Phrase]:
    """Yield the tags of all choices, in the order in which tag models weigh them."""
    if isinstance(config, Animation):
        look = look_of(config.preset)
        if look and look.tag:
            yield Phrase(look.tag, "medium", ("medium", "domain"))
        yield from _tags_of(config, ("medium", "domain"), 8)
    yield from _tags_of(config, ("size", "height", "direction", "composition"), 7)
    if isinstance(config, Animation):
        yield from _tags_of(config, ("line", "color", "lighting", "surface"), 6)
    else:
        yield from _tags_of(config, ("styles", "sources", "time", "place"), 8)
        yield from _gear_tags(config, names_gear)
    yield from _tags_of(config, ("tone", "moods"), 6)


def _gear_tags(config: Any, names_gear: bool) -> Iterator[Phrase]:
    yield from _tags_of(config, ("lens", "stock"), 5)
    if names_gear:
        yield from _tags_of(config, ("body",), 3)


def _tags_of(config: Configuration, names: Iterable[str], weight: int) -> Iterator[Phrase]:
    for name in names:
        field = config.FIELDS.get(name)
        value = getattr(config, name, None)
        if field is None or not value:
            continue
        for one in value if isinstance(value, tuple) else (value,):
            tag = field.vocabulary[one].tag
            if tag:
                yield Phrase(tag, field.panel, (name,), weight)
