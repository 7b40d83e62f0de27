"""The prompt as the studio shows it: words by the panel that they come from, and how long it is for its model."""

from dataclasses import dataclass
from typing import Final

from sessions_app.cinema.phrases import NEGATIVE, QUALITY, SCENE
from sessions_app.cinema.prompt import Prompt, compile_prompt
from sessions_app.cinema.targets import TARGETS, Target
from sessions_app.studio.panels import LABELS
from sessions_app.studio.shot import Shot

FORMS: Final = {
    "tags": "tags",
    "prose": "sentences",
    "motion": "what moves; the picture is given",
    "edit": "an instruction; the picture is given",
}
_OTHERS: Final = {SCENE: "Scene", QUALITY: "Quality", NEGATIVE: "Negative"}


@dataclass(frozen=True)
class Piece:
    """Some words.

    Attributes:
        panel: Where they come from; empty for what only joins.
        field: The field to which a click leads; empty where there is none.
    """

    text: str
    panel: str
    title: str
    field: str


@dataclass(frozen=True)
class Written:
    """A prompt for one target.

    Attributes:
        count, most: How long it is, and how long it may be, in `unit`; most is 0 where nobody knows.
        panels: Those that it has words of, with their titles.
    """

    target: Target
    form: str
    pieces: tuple[Piece, ...]
    text: str
    negative: str
    words: int
    count: int
    most: int
    unit: str
    size: tuple[int, int] | None
    shape: str
    notes: tuple[str, ...]
    panels: tuple[tuple[str, str], ...]

    @property
    def is_too_long(self) -> bool:
        """Whether the end is not read."""
        return bool(self.most) and self.count > self.most

    @property
    def shape_box(self) -> tuple[float, float]:
        """Width and height of the frame in a box of 32 by 18, to draw it."""
        if not self.size:
            return (32.0, 18.0)
        width, height = self.size
        scale = min(32 / width, 18 / height)
        return (round(width * scale, 1), round(height * scale, 1))


def written_for(shot: Shot, target: Target) -> Written:
    """Return the prompt of a shot for one target."""
    made = compile_prompt(target, shot.config, shot.scene)
    pieces = tuple(_pieces(made))
    panels = dict.fromkeys((one.panel, one.title) for one in pieces if one.panel)
    count, most, unit = _length(made)
    return Written(
        target=target,
        form=FORMS[target.form] + ("" if _hears_negative(target) else ", no negative"),
        pieces=pieces,
        text=made.text,
        negative=made.negative,
        words=made.words,
        count=count,
        most=most,
        unit=unit,
        size=made.size,
        shape=made.shape,
        notes=made.notes,
        panels=tuple(panels),
    )


def _hears_negative(target: Target) -> bool:
    return target.negative.strength != "none"


def _pieces(made: Prompt) -> list[Piece]:
    """Return the words, those of one panel that follow each other joined, so that they are one link."""
    found: list[Piece] = []
    for one in made.pieces:
        title = LABELS[one.panel][0] if one.panel in LABELS else _OTHERS.get(one.panel, "")
        field = one.fields[0] if one.fields else ""
        last = found[-1] if found else None
        if last is not None and (one.panel, field) == (last.panel, last.field):
            found[-1] = Piece(last.text + one.text, one.panel, title, field)
        else:
            found.append(Piece(one.text, one.panel, title, field))
    return found


def _length(made: Prompt) -> tuple[int, int, str]:
    """Return how long a prompt is, how long it may be, and in what that is counted."""
    budget = made.target.budget
    if made.tokens is not None and budget.tokens:
        return made.tokens, budget.tokens, "tokens"
    return made.words, budget.words[1] if budget.words else 0, "words"


def target_groups() -> tuple[tuple[str, tuple[Target, ...]], ...]:
    """Return the targets of the menu: pictures and video on one's own machines, and services."""
    own = [one for one in TARGETS.values() if one.encoder != "none"]
    services = tuple(one for one in TARGETS.values() if one.encoder == "none")
    return (
        ("Pictures", tuple(one for one in own if one.is_still)),
        ("Video", tuple(one for one in own if not one.is_still)),
        ("Services and others", services),
    )
