"""From choices to phrases: each knows the panel and the fields that it came from, and how much it matters.

A phrase is a part of a sentence. Proper names keep their capitals; machines that carry the camera are never named.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sessions_app.cinema.config import Animation, Configuration, LiveAction, term_of
from sessions_app.cinema.english import article, items, listed
from sessions_app.cinema.gray import is_colored, is_gray, uncolored, without_colored
from sessions_app.cinema.looks import look_of
from sessions_app.cinema.vocabulary import Mood, Style, vocabularies

SCENE: Final = "scene"
QUALITY: Final = "quality"
NEGATIVE: Final = "negative"
_NEVER_STILL: Final = frozenset({"operator", "vehicle", "on the actor"})
"""What carries the camera and moves it a little even when it holds still."""


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
    """Yield the shot: size, height, direction and composition."""
    size = term_of(config, "size")
    parts = [
        (name, term.prose, weight)
        for name, weight in (("height", 6), ("direction", 6), ("composition", 7))
        if (term := term_of(config, name)) and term.prose
    ]
    if size:
        yield Phrase(article(size.prose), "frame", ("size",))
    elif parts:
        name, words, _ = parts.pop(0)
        verb = "has" if words.startswith("with ") else "is"
        yield Phrase(f"the shot {verb} {words.removeprefix('with ')}", "frame", (name,))
    for place, (name, words, weight) in enumerate(parts):
        glue = " " if size and place == 0 and name != "composition" else ", "
        yield Phrase(glue + words, "frame", (name,), weight)


def shape(config: Configuration) -> Iterator[Phrase]:
    """Yield the shape of the frame, for targets that cannot be told it in any other way."""
    ratio = term_of(config, "ratio")
    if ratio and ratio.prose:
        panel = config.FIELDS["ratio"].panel
        yield Phrase(f", composed for {article(ratio.prose)} frame", panel, ("ratio",), 4)


def gear(config: LiveAction) -> Iterator[Phrase]:
    """Yield stock, body and lens by name, as credits and captions do."""
    body, lens, stock = config.the_body, config.the_lens, config.the_stock
    if stock:
        yield Phrase(f"shot on {stock.prose}", "stock", ("stock",), 5)
    if body:
        before = " with " if stock else "shot on "
        yield Phrase(before + article(body.prose), "camera", ("body",), 5)
    if lens:
        focal = f"{config.focal_mm:g} mm " if config.focal_mm else ""
        before = " and " if stock and body else " with " if stock or body else "shot through "
        yield Phrase(before + article(focal + lens.prose), "lens", ("lens", "focal_mm"), 5)


def picture(config: LiveAction) -> Iterator[Phrase]:
    """Yield what body, lens and stock do to the picture, without their names."""
    body, lens, stock = config.the_body, config.the_lens, config.the_stock
    before = "the picture has "
    is_true = body and not (is_gray(config) and is_colored(body.look))
    if body and body.look and not body.is_film and is_true:
        yield Phrase(f"the picture has the look of {body.look}", "camera", ("body",), 3)
        before = ", and shows "
    if lens and (look := _lens_look(config)):
        yield Phrase(before + look, "lens", ("lens",), 4)
        before = ", along with " if " with " in look else ", with "
    if stock and (look := _stock_look(config)):
        yield Phrase(before + look, "stock", ("stock",), 4)


def _lens_look(config: LiveAction) -> str:
    """Return what the lens does, but for what the stock, the light or the tone says better."""
    lens, stock = config.the_lens, config.the_stock
    if lens is None:
        return ""
    if is_gray(config):
        look = without_colored(lens.look)
    elif config.tone:
        look = _without(lens.look, lambda one: is_colored(one) and "flare" not in one)
    else:
        look = lens.look
    is_said = _tells_contrast(config) or (stock is not None and "contrast" in stock.look)
    return _without(look, lambda one: is_said and "contrast" in one)


def _stock_look(config: LiveAction) -> str:
    """Return what the stock does, but for what the light or the tone says; the tone tells colors and grays."""
    stock = config.the_stock
    if stock is None:
        return ""
    look = stock.look
    if stock.is_black_and_white:
        look = _without(look, lambda one: bool(config.tone) and "gray" in one)
    elif is_gray(config):
        look = without_colored(look)
    elif config.tone:
        look = _without(look, is_colored)
    is_said = _tells_contrast(config) or "contrast" in _lens_look(config)
    return _without(look, lambda one: is_said and "contrast" in one)


def _tells_contrast(config: LiveAction) -> bool:
    tone = config.has("tone", "high_contrast_bw", "low_contrast_bw")
    return tone or config.has("styles", "high_contrast")


def _without(look: str, is_said: Callable[[str], bool]) -> str:
    """Return a look without what is said elsewhere, unless nothing else is left of it."""
    kept = [one for one in items(look) if not is_said(one)]
    return listed(kept) if kept else look


def light(config: LiveAction) -> Iterator[Phrase]:
    """Yield when and where it is, where the light comes from, how it falls and what it leaves."""
    styles = [vocabularies().styles[one] for one in config.styles]
    itself = list(_light_itself(styles, _sources_said(config)))
    before = "" if itself else "the scene is "
    for name, weight in (("place", 6), ("time", 8)):
        term = term_of(config, name)
        if term and term.prose:
            yield Phrase(before + term.prose, "light", (name,), weight if itself else None)
            before = " "
    if itself and before:
        itself[0] = replace(itself[0], text=f", {itself[0].text}")
    yield from itself
    if styles and styles[0].result:
        yield Phrase(f", {styles[0].result}", "light", ("styles",), 6)


def _sources_said(config: LiveAction) -> str:
    said = [vocabularies().sources[one].prose for one in config.sources]
    return listed([uncolored(one) for one in said] if is_gray(config) else said)


def _light_itself(styles: Sequence[Style], sources: str) -> Iterator[Phrase]:
    # The stronger one stands next to what it describes: hard low-key light.
    adjectives = list(dict.fromkeys(one.adjective for one in reversed(styles) if one.adjective))
    words = " ".join(adjectives)
    if words and sources:
        yield Phrase(f"{words} light", "light", ("styles",))
        yield Phrase(f" comes from {sources}", "light", ("sources",))
    elif words:
        yield Phrase(f"the light is {listed(adjectives)}", "light", ("styles",))
    elif sources:
        yield Phrase(f"the light comes from {sources}", "light", ("sources",))


def mood(config: Configuration) -> Iterator[Phrase]:
    """Yield moods and colors."""
    moods: list[Mood] = [vocabularies().moods[one] for one in config.moods]
    tone = term_of(config, "tone")
    if moods:
        words = listed([one.prose for one in moods])
        yield Phrase(f"the mood is {words}", "mood", ("moods",))
    if tone:
        before = ", carried by " if moods else "the picture is in "
        yield Phrase(before + tone.prose, "mood", ("tone",), 8)


def movement(config: Configuration) -> Iterator[Phrase]:
    """Yield how the camera moves, how fast, and how that feels."""
    if isinstance(config, Animation):
        camera = term_of(config, "camera")
        if camera and camera.prose:
            yield Phrase(f"the camera {camera.prose}", "motion", ("camera",))
        return
    if not isinstance(config, LiveAction):
        return
    move, carrier, timing = config.the_move, config.the_carrier, term_of(config, "timing")
    if move is None and carrier is None:
        return
    does = move.prose if move else "moves"
    if move is None and carrier and not carrier.travels:
        does = "holds still"
    is_still = does == "holds still"
    yield Phrase(f"the camera {does}", "movement", ("movement",))
    if timing and timing.prose and timing.id != "static" and not is_still:
        yield Phrase(f" {timing.prose}", "movement", ("timing",), 7)
    if carrier and carrier.manner and not (is_still and carrier.carrier not in _NEVER_STILL):
        yield Phrase(f", {carrier.manner}", "movement", ("equipment",), 6)


def motion(config: Configuration) -> Iterator[Phrase]:
    """Yield how what is drawn moves."""
    term = term_of(config, "motion") if isinstance(config, Animation) else None
    if term and term.prose and term.id != "none":
        yield Phrase(term.prose, "motion", ("motion",), 6)


def rendering(config: Animation) -> Iterator[Phrase]:
    """Yield medium, look and how line, color, light and surfaces are rendered; a list, still without its "and"."""
    look = look_of(config.preset)
    medium, domain = term_of(config, "medium"), term_of(config, "domain")
    shown = ""
    if look and (look.medium, look.domain) == (config.medium, config.domain):
        shown = look.prose
    elif medium or domain:
        shown = " in the manner of ".join(one.prose for one in (medium, domain) if one)
    if shown:
        verb = "made" if config.medium == "stopmotion" else "rendered"
        yield Phrase(f"{verb} as {shown}", "medium", ("medium", "domain"))
    parts = [
        (name, term.prose)
        for name in ("line", "color", "lighting", "surface")
        if (term := term_of(config, name)) and term.prose and getattr(config, name) != "none"
    ]
    before = ", showing " if " with " in shown else ", with " if shown else "drawn with "
    for place, (name, words) in enumerate(parts):
        yield Phrase((", " if place else before) + words, "rendering", (name,), 5 if place else 6)


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
    if names_gear:
        yield from _tags_of(config, ("lens", "stock"), 5)
        yield from _tags_of(config, ("body",), 3)
        return
    lens, stock = config.the_lens, config.the_stock
    if lens:
        shape = ["anamorphic lens"] if lens.is_anamorphic else []
        for one in (*shape, *_seen(_lens_look(config))):
            yield Phrase(one, "lens", ("lens",), 5)
    if stock:
        # Its name says nothing here, but its time and its lack of color do.
        gray_said = bool(config.tone) and is_gray(config)
        about = [one for one in stock.tag.split(", ")[1:] if not gray_said or "white" not in one]
        gray = ["black and white"] if stock.is_black_and_white and not gray_said else []
        for one in dict.fromkeys((*_seen(_stock_look(config)), *about, *gray)):
            yield Phrase(one, "stock", ("stock",), 5)


def _seen(look: str) -> Iterator[str]:
    """Yield a look as tags."""
    for one in items(look):
        yield one.replace(",", "").removeprefix("a ").removeprefix("an ")


def _tags_of(config: Configuration, names: Iterable[str], weight: int) -> Iterator[Phrase]:
    for name in names:
        field = config.FIELDS.get(name)
        value = getattr(config, name, None)
        if field is None or not value:
            continue
        for one in value if isinstance(value, tuple) else (value,):
            tag = field.vocabulary[one].tag
            if tag:
                said = uncolored(tag) if name == "sources" and is_gray(config) else tag
                yield Phrase(said, field.panel, (name,), weight)
