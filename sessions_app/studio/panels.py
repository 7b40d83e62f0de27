"""The stack of panels: what each holds, what is wrong with it, and the open lists with every option's way in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sessions_app.cinema import engine
from sessions_app.cinema.config import Configuration, Field, LiveAction
from sessions_app.cinema.engine import Finding, Option
from sessions_app.cinema.rules import HARD, INFO, WARNING
from sessions_app.studio.shot import Shot, spell_changes, spelled

LABELS: Final = {
    "camera": ("Camera", "video"),
    "lens": ("Lens", "aperture"),
    "stock": ("Stock and ratio", "film"),
    "movement": ("Movement", "move-3d"),
    "light": ("Light", "lightbulb"),
    "frame": ("Frame", "frame"),
    "mood": ("Mood and color", "palette"),
    "medium": ("Medium", "layers-2"),
    "rendering": ("Rendering", "brush"),
    "motion": ("Motion", "move-3d"),
}
"""What a panel is called, and its icon."""

ICONS: Final = {HARD: "circle-x", WARNING: "triangle-alert", INFO: "info"}
"""By severity, the worst first."""

SEARCHED: Final = 9
"""A list of more options than this can be searched."""


@dataclass(frozen=True)
class Way:
    """A button that repairs.

    Attributes:
        id: Of the button, the same as long as it repairs the same.
        apply: What it asks for.
    """

    id: str
    label: str
    apply: str


@dataclass(frozen=True)
class Message:
    """What the rules say of a field.

    Attributes:
        severity: hard, warning or info.
        panel: The panel to jump to, and what it is called.
    """

    severity: str
    panel: str
    title: str
    reason: str
    ways: tuple[Way, ...] = ()

    @property
    def icon(self) -> str:
        """What stands before it."""
        return ICONS[self.severity]


@dataclass(frozen=True)
class Choice:
    """An option of an open list.

    Attributes:
        key: Names it among the options of its field.
        apply: What its button asks for: to choose it, or to let it go.
        line: What it is like, or why it does not fit.
        way: What makes it fit, in one press.
        words: What a search looks in.
    """

    key: str
    label: str
    apply: str
    line: str
    is_chosen: bool
    is_allowed: bool
    way: Way | None
    words: str


@dataclass(frozen=True)
class Row:
    """A field of a panel.

    Attributes:
        value: What is chosen, in words.
        was: What the preset has instead, in words; empty where it is the same.
        choices: Every option, if its list is open.
        clear: What its button asks for that lets all go; empty where nothing is chosen.
    """

    name: str
    label: str
    value: str
    was: str
    is_open: bool
    choices: tuple[Choice, ...] = ()
    clear: str = ""

    @property
    def is_searched(self) -> bool:
        """Whether there are so many that somebody would look for one by its name."""
        return len(self.choices) > SEARCHED

    @property
    def fit_count(self) -> int:
        """How many fit."""
        return sum(one.is_allowed for one in self.choices)


@dataclass(frozen=True)
class Panel:
    """A panel of the stack.

    Attributes:
        summary: What is chosen, and what follows from it.
        was: What the preset has instead of what was changed.
        toggle: The field whose list its header opens or closes.
    """

    name: str
    label: str
    icon: str
    summary: str
    was: str
    is_locked: bool
    is_open: bool
    toggle: str
    rows: tuple[Row, ...]
    messages: tuple[Message, ...]

    @property
    def open_row(self) -> Row | None:
        """The row whose list is open."""
        return next((one for one in self.rows if one.is_open), None)

    @property
    def problem_count(self) -> int:
        """How much cannot be made as it stands."""
        return sum(one.severity == HARD for one in self.messages)

    @property
    def note_count(self) -> int:
        """How much is unusual."""
        return sum(one.severity == WARNING for one in self.messages)


def messages_of(shot: Shot) -> tuple[Message, ...]:
    """Return what the rules say of a shot for its target, the worst first, each with its ways out."""
    found = engine.validate(shot.config, is_still=shot.target.is_still)
    return tuple(_message(one, shot) for one in found)


def panels_of(shot: Shot, messages: Sequence[Message]) -> tuple[Panel, ...]:
    """Return the panels from top to bottom."""
    config, begun = shot.config, shot.begun
    names = dict.fromkeys(one.panel for one in config.FIELDS.values())
    return tuple(_panel(name, shot, begun, messages) for name in names)


def _message(found: Finding, shot: Shot) -> Message:
    config = shot.config
    panel = config.FIELDS[found.field].panel
    ways: tuple[Way, ...] = ()
    if found.severity != INFO:
        ways = tuple(
            Way(f"mend-{found.rule}-{place}", one.label, spell_changes(config, one.config))
            for place, one in enumerate(engine.repairs(found, config, locked=shot.locked_fields))
        )
    return Message(found.severity, panel, LABELS[panel][0], found.reason, ways)


def _panel(name: str, shot: Shot, begun: Configuration, messages: Sequence[Message]) -> Panel:
    rows = tuple(_row(one, shot, begun) for one in shot.config.FIELDS.values() if one.panel == name)
    opened = next((one.name for one in rows if one.is_open), "")
    label, icon = LABELS[name]
    return Panel(
        name=name,
        label=label,
        icon=icon,
        summary=" · ".join(_summary(name, rows, shot.config)),
        was=", ".join(one.was for one in rows if one.was),
        is_locked=name in shot.locked,
        is_open=bool(opened),
        toggle=opened or _main_field(rows),
        rows=rows,
        messages=tuple(one for one in messages if one.panel == name),
    )


def _summary(name: str, rows: Sequence[Row], config: Configuration) -> Iterator[str]:
    """Yield what is chosen, what follows from it, and last the year, which is the scene's."""
    yield from (one.value for one in rows if one.value and one.name != "year")
    yield from _derived(name, config)
    yield from (f"set in {one.value}" for one in rows if one.value and one.name == "year")


def _main_field(rows: Sequence[Row]) -> str:
    """Return the field whose list a panel opens first: the first that is a choice of things, not a number."""
    return next((one.name for one in rows if one.name != "year"), rows[0].name)


def _row(field: Field, shot: Shot, begun: Configuration) -> Row:
    config = shot.config
    value, was = getattr(config, field.name), getattr(begun, field.name)
    is_open = field.name in shot.opened
    empty = config.changed({field.name: field.empty})
    return Row(
        name=field.name,
        label=field.label,
        value=field.label_of(value),
        was=field.label_of(was) if value != was else "",
        is_open=is_open,
        choices=tuple(_choices(field, shot)) if is_open else (),
        clear=spell_changes(config, empty) if value not in (None, ()) else "",
    )


def _choices(field: Field, shot: Shot) -> Iterator[Choice]:
    config = shot.config
    for one in engine.options(field.name, config, locked=shot.locked_fields):
        after = _after(field, one, config)
        way = None
        if one.repair:
            key = f"way-{field.name}-{spelled(one.value)}"
            way = Way(key, one.repair.label, spell_changes(config, one.repair.config))
        line = one.line if one.is_allowed else one.reason
        yield Choice(
            key=spelled(one.value),
            label=one.label,
            apply=spell_changes(config, after),
            line=line,
            is_chosen=one.is_chosen,
            is_allowed=one.is_allowed or one.is_chosen,
            way=way,
            words=f"{one.label} {one.line}".casefold(),
        )


def _after(field: Field, option: Option, config: Configuration) -> Configuration:
    """Return the configuration after a press: one that is chosen is let go."""
    if not option.is_chosen:
        return engine.with_choice(config, field, option.value)
    held = getattr(config, field.name)
    left = tuple(one for one in held if one != option.value) if isinstance(held, tuple) else None
    return config.changed({field.name: left})


def _derived(name: str, config: Configuration) -> Iterator[str]:
    """Yield what follows from the choices of a panel."""
    if not isinstance(config, LiveAction):
        return
    body, lens = config.the_body, config.the_lens
    if name == "camera" and body:
        yield f"{'film' if body.is_film else 'digital'}, {config.sensor}"
        if config.mount:
            yield f"{config.mount.upper()} mount"
    if name == "lens" and lens:
        if lens.t_stop:
            yield f"T{lens.t_stop:g}"
        if lens.is_anamorphic:
            yield f"{lens.squeeze:g}× squeeze"
        if config.angle_of_view_deg:
            yield f"{config.angle_of_view_deg:.0f}° across"
