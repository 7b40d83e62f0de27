"""A shot as its address tells it: everything that the studio shows is in the query, so Back is undo and each state a link.

A preset and what differs from it, the scene, the model it is for, and what is locked or open. Unknown or old words in
an address are left out and said; they never break the page.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, urlencode

from django.http import QueryDict

from sessions_app import own_cinema
from sessions_app.cinema.config import (
    KINDS,
    LIVE_ACTION,
    BadValue,
    Changes,
    Configuration,
    Field,
    Value,
)
from sessions_app.cinema.own_presets import base_of
from sessions_app.cinema.presets import apply_preset, find_preset
from sessions_app.cinema.shuffling import shuffle
from sessions_app.cinema.targets import Target, UnknownTarget, find_target
from sessions_app.cinema.vocabulary import UnknownTerm

FIRST_TARGET: Final = "flux1"
LONGEST_SCENE: Final = 1500
LONGEST_SPELLED: Final = 13_500
"""Characters of a scene, and of it as addresses spell it: servers read sixteen kilobytes, and emoji are spelled long."""
PANELS: Final = frozenset(one.panel for kind in KINDS.values() for one in kind.FIELDS.values())
MOST_OPEN: Final = 4
"""So many lists at once; opening one more closes the first."""
_BETWEEN: Final = ","


@dataclass(frozen=True)
class Shot:
    """What somebody composes.

    Attributes:
        scene: What happens, in its author's words.
        locked: Panels that neither a shuffle, a repair nor another preset changes.
        opened: Fields whose lists are open, in the order in which they were opened.
        session: Slug of the session that it is for; empty for a new one.
        is_inside: It is composed inside that session, whose page keeps its own address.
        faults: What of the address was not understood, in sentences.
    """

    config: Configuration
    scene: str
    target: Target
    compared: Target | None = None
    locked: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    session: str = ""
    is_inside: bool = False
    faults: tuple[str, ...] = ()

    @classmethod
    def asked(cls, told: QueryDict) -> "Shot":
        """Read it from an address, with whatever a button of the page adds to it."""
        return _Reading(told).shot()

    @cached_property
    def begun(self) -> Configuration:
        """What its preset begins with; nothing chosen where there is none."""
        preset = self.config.preset
        return apply_preset(preset) if preset else KINDS[self.config.KIND]()

    @cached_property
    def changed_fields(self) -> tuple[str, ...]:
        """The fields that differ from the preset."""
        begun = self.begun
        return tuple(
            name
            for name in self.config.FIELDS
            if getattr(self.config, name) != getattr(begun, name)
        )

    @property
    def locked_fields(self) -> frozenset[str]:
        """The fields of the locked panels."""
        fields = self.config.FIELDS.values()
        return frozenset(one.name for one in fields if one.panel in self.locked)

    def shuffled(self, random: Random) -> "Shot":
        """Return it with other choices for what is not locked."""
        return replace(self, config=shuffle(self.config, random, locked=self.locked_fields))

    def choices(self) -> Iterator[tuple[str, str]]:
        """Yield what is chosen, as pairs of an address: the preset, and what differs from it."""
        if self.config.preset:
            yield "preset", self.config.preset
        elif self.config.KIND != LIVE_ACTION:
            yield "kind", self.config.KIND
        for name in self.changed_fields:
            value = getattr(self.config, name)
            words = value if isinstance(value, tuple) else (value,)
            yield from ((name, spelled(one)) for one in words or ("",))

    def around(self) -> Iterator[tuple[str, str]]:
        """Yield the rest that a form of the page must carry along, but scene and targets, which have fields."""
        yield from (("lock", one) for one in self.locked)
        yield from (("open", one) for one in self.opened)
        if self.session:
            yield "session", self.session
        if self.is_inside:
            yield "inside", "1"

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield all of it; what goes without saying is left out."""
        yield from self.choices()
        if self.scene:
            yield "scene", self.scene
        if self.target.id != FIRST_TARGET:
            yield "target", self.target.id
        if self.compared:
            yield "compare", self.compared.id
        yield from self.around()

    @property
    def query(self) -> str:
        """Its address, without the question mark; the same shot has the same."""
        return urlencode(list(self.pairs()))

    @property
    def kept_query(self) -> str:
        """Its address without what is only open on this screen, to keep it by.

        An own preset may be deleted: what it was begun with stands in its place, and all that differs from that.
        """
        begun = base_of(self.config.preset or "") or self.config.preset
        config = self.config.changed({"preset": begun})
        bare = replace(self, config=config, opened=(), session="", is_inside=False, compared=None)
        return urlencode(list(bare.pairs()))


def fitting(scene: str) -> str:
    """Return as much of a scene as an address can tell, in whatever script."""
    scene = scene[:LONGEST_SCENE]
    while len(quote_plus(scene)) > LONGEST_SPELLED:
        scene = scene[: len(scene) * 9 // 10]
    return scene.rstrip()


def spelled(value: Any) -> str:
    """Return a value as addresses spell it; nothing for none."""
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def spell_changes(before: Configuration, after: Configuration) -> str:
    """Return what a button asks for that turns one configuration into another."""
    return urlencode(
        [
            (
                name,
                _BETWEEN.join(map(spelled, value)) if isinstance(value, tuple) else spelled(value),
            )
            for name in before.FIELDS
            if (value := getattr(after, name)) != getattr(before, name)
        ]
    )


class _Reading:
    """Reads one address."""

    def __init__(self, told: QueryDict) -> None:
        self._told = told
        self._faults: list[str] = []

    def shot(self) -> Shot:
        locked = self._names("lock", PANELS)
        config = self._with_choices(self._begun(self._told.get("preset", "")))
        if "pick" in self._told:
            config = _with_locked(self._begun(self._told.get("pick", "")), config, locked)
        config = self._applied(config)
        return Shot(
            config=config,
            scene=fitting(self._text("scene")),
            target=self._target("target") or find_target(FIRST_TARGET),
            compared=self._target("compare"),
            locked=self._flipped(locked),
            opened=self._opened(config),
            session=self._text("session")[:100],
            is_inside="inside" in self._told,
            faults=tuple(self._faults),
        )

    def _text(self, name: str) -> str:
        return self._told.get(name, "").replace("\x00", "").replace("\r\n", "\n").strip()

    def _begun(self, name: str) -> Configuration:
        """Return what a preset begins with; an empty one of the kind that is told where none is named, or it is gone."""
        if name:
            try:
                return apply_preset(find_preset(name).id)
            except UnknownTerm as unknown:
                kept = own_cinema.config_of_deleted(name)
                said = f"The preset {name} was deleted; what it held is here." if kept else unknown
                self._faults.append(str(said))
                if kept is not None:
                    return kept
        kind = self._told.get("kind", LIVE_ACTION)
        return KINDS[kind if kind in KINDS else LIVE_ACTION]()

    def _with_choices(self, config: Configuration) -> Configuration:
        told = {name: self._told.getlist(name) for name in config.FIELDS if name in self._told}
        return self._read(config, told)

    def _read(self, config: Configuration, told: Mapping[str, list[str]]) -> Configuration:
        """Return it with what is told; what a field does not know is said and left out."""
        for name, words in told.items():
            field = config.FIELDS[name]
            said = [one for one in words if one]
            try:
                value: Value = field.read(_of_one(field, said))
            except BadValue as bad:
                self._faults.append(str(bad))
            else:
                config = config.changed({name: value})
        return config

    def _applied(self, config: Configuration) -> Configuration:
        """Return it with what the pressed button changes."""
        changes = parse_qsl(self._told.get("apply", ""), keep_blank_values=True)
        told = {name: value.split(_BETWEEN) for name, value in changes if name in config.FIELDS}
        return self._read(config, told)

    def _target(self, name: str) -> Target | None:
        asked = self._told.get(name, "")
        if not asked:
            return None
        try:
            return find_target(asked)
        except UnknownTarget as unknown:
            self._faults.append(str(unknown))
            return None

    def _names(self, name: str, known: Collection[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for one in self._told.getlist(name) if one in known))

    def _flipped(self, held: tuple[str, ...]) -> tuple[str, ...]:
        """Return the locked panels, with the one flipped whose lock was pressed; those of the other kind stay."""
        pressed = self._told.get("flip", "")
        after = tuple(one for one in held if one != pressed)
        return (*after, pressed) if pressed in PANELS and pressed not in held else after

    def _opened(self, config: Configuration) -> tuple[str, ...]:
        held = self._names("open", set(config.FIELDS))
        pressed = self._told.get("toggle", "")
        if pressed not in config.FIELDS:
            return held[-MOST_OPEN:]
        panel = config.FIELDS[pressed].panel
        # One list of a panel at a time: another field's takes its place.
        rest = tuple(one for one in held if config.FIELDS[one].panel != panel)
        return rest if pressed in held else (*rest, pressed)[-MOST_OPEN:]


def _of_one(field: Field, words: list[str]) -> Any:
    """Return the words of a field as it reads them: of two for one value the later counts."""
    if field.most == 1:
        return words[-1] if words else None
    return words


def _with_locked(
    config: Configuration, before: Configuration, locked: tuple[str, ...]
) -> Configuration:
    """Return another preset's configuration with what is locked as it was."""
    changes: Changes = {
        name: getattr(before, name)
        for name, one in config.FIELDS.items()
        if one.panel in locked and name in before.FIELDS
    }
    return config.changed(changes)
