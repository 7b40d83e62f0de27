"""The rule engine: what is wrong with a configuration, what else a field could be, and how to mend it.

A change is only blamed for what it breaks itself. What does not fit comes with the repair that would make it fit, and
that carries along whatever depends on it.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final, TypeVar, cast

from sessions_app.cinema.config import (
    KINDS,
    LIVE_ACTION,
    Changes,
    Configuration,
    Field,
    LiveAction,
    Value,
)
from sessions_app.cinema.english import listed, started
from sessions_app.cinema.rules import (
    ANIMATION_RULES,
    HARD,
    INFO,
    LIVE_ACTION_RULES,
    WARNING,
    Broken,
    Rule,
    Severity,
)

C = TypeVar("C", bound=Configuration)

FOCALS_MM: Final = (14, 18, 21, 24, 28, 32, 35, 40, 50, 65, 75, 85, 100, 135, 180)
DECADES: Final = tuple(range(1920, 2030, 10))
DEPTH: Final = 5
"""So many further changes a repair may carry along."""
TRIES: Final = 60
"""So many configurations are looked at before a repair is given up."""

_ORDER: Final[dict[Severity, int]] = {HARD: 0, WARNING: 1, INFO: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule has to say.

    Attributes:
        field: Where to mend it.
        reason: One sentence.
    """

    rule: str
    severity: Severity
    field: str
    reason: str


@dataclass(frozen=True)
class Repair:
    """A way out.

    Attributes:
        label: What a button says.
        changes: What it changes, besides what it makes possible.
        config: The configuration afterwards.
    """

    label: str
    changes: Changes
    config: Configuration


@dataclass(frozen=True)
class Option:
    """A value that a field could have.

    Attributes:
        reason: Why it does not fit; empty if it does.
        repair: What would make it fit; None if it fits, or nothing would.
    """

    value: str | int | float
    label: str
    line: str = ""
    is_chosen: bool = False
    is_allowed: bool = True
    reason: str = ""
    rule: str = ""
    repair: Repair | None = None


def validate(config: Configuration, *, is_still: bool = False) -> tuple[Finding, ...]:
    """Return what is wrong with a configuration, the worst first.

    Args:
        is_still: The prompt is for a model that makes single pictures.
    """
    found = list(_findings(config, _rules(config.KIND)))
    if is_still and config.moves:
        found.append(
            Finding(
                "IMAGE_MODEL_MOVEMENT",
                INFO,
                "movement",
                "A still shows no movement; it is left out.",
            )
        )
    places = {name: place for place, name in enumerate(config.FIELDS)}
    found.sort(key=lambda one: (_ORDER[one.severity], places.get(one.field, 0)))
    return tuple(found)


def is_valid(config: Configuration) -> bool:
    """Whether nothing hard stands against it."""
    return not any(one.severity == HARD for one in _findings(config, _rules(config.KIND)))


def options(
    name: str, config: Configuration, *, locked: Collection[str] = (), with_repairs: bool = True
) -> tuple[Option, ...]:
    """Return every value that a field could have, in the order of its vocabulary.

    Args:
        locked: Fields that no repair may change.

    Raises:
        KeyError: The configuration has no such field.
    """
    field = config.FIELDS[name]
    menders = _Menders(config, frozenset((*locked, name)) if with_repairs else None)
    return tuple(_option(field, value, config, menders) for value in values_of(field, config))


def values_of(field: Field, config: Configuration) -> Iterable[str | int | float]:
    """Return every value that a menu offers for a field, whether it fits or not."""
    if field.terms:
        return field.vocabulary
    if field.name == "year":
        return DECADES
    lens = config.the_lens if isinstance(config, LiveAction) else None
    made = lens.focal_lengths_mm if lens and not lens.zoom else ()
    return made or FOCALS_MM


def _option(
    field: Field, value: str | int | float, config: Configuration, menders: "_Menders"
) -> Option:
    candidate = with_choice(config, field, value)
    bad = menders.first_broken(candidate, frozenset((field.name,)))
    term = field.vocabulary[str(value)] if field.terms else None
    chosen = getattr(config, field.name)
    return Option(
        value=value,
        label=term.label if term else field.label_of(value),
        line=term.line if term else "",
        is_chosen=value in chosen if isinstance(chosen, tuple) else value == chosen,
        is_allowed=bad is None,
        reason=bad[1].reason if bad else "",
        rule=bad[0].id if bad else "",
        repair=menders.repaired(candidate, frozenset((field.name,)), bad) if bad else None,
    )


def with_choice(config: C, field: Field, value: Value) -> C:
    """Return the configuration with this value chosen; in a field of several it joins, or takes the last one's place."""
    if field.most == 1:
        return config.changed({field.name: value})
    held: tuple[str, ...] = getattr(config, field.name)
    if value in held:
        return config
    return config.changed({field.name: (*held[: field.most - 1], str(value))})


def choose(
    name: str, value: str | int | float, config: C, *, locked: Collection[str] = ()
) -> C | None:
    """Return the configuration with this value, mended where it breaks something; None where nothing mends that.

    Args:
        locked: Fields that no repair may change.
    """
    menders = _Menders(config, frozenset((*locked, name)))
    candidate = with_choice(config, config.FIELDS[name], value)
    found = menders.repaired(candidate, frozenset((name,)))
    return cast("C", found.config) if found else None


def repair(config: C, *, locked: Collection[str] = ()) -> Repair | None:
    """Return what would make a configuration valid; None if it is, or nothing would.

    Args:
        locked: Fields that must stay.
    """
    if is_valid(config):
        return None
    return _Menders(config, frozenset(locked), known=frozenset()).repaired(
        config, frozenset(config.FIELDS)
    )


def repairs(
    finding: Finding, config: Configuration, *, locked: Collection[str] = (), most: int = 2
) -> tuple[Repair, ...]:
    """Return the ways out of one finding, the least surprising first; none of them breaks anything else."""
    rule = _rule(config.KIND, finding.rule)
    return tuple(islice(_ways_out(rule, finding, config, frozenset(locked)), most)) if rule else ()


def _ways_out(
    rule: Rule, finding: Finding, config: Configuration, locked: frozenset[str]
) -> Iterator[Repair]:
    others = _hard(config) - {finding}
    seen: set[str] = set()
    for changes in rule.mends(config):
        if changes.keys() & locked or not _is_change(config, changes):
            continue
        changed = config.changed(changes)
        if rule.check(changed) is not None:
            continue
        menders = _Menders(config, locked | changes.keys(), known=others)
        found = menders.repaired(changed, frozenset(changes))
        if found is None:
            continue
        way = _as_repair(config, found.config)
        # Eight bodies that would do are one way out; the first is offered.
        kind = ",".join(sorted(changes))
        if kind not in seen:
            seen.add(kind)
            yield way


def _is_change(config: Configuration, changes: Changes) -> bool:
    return any(getattr(config, name) != value for name, value in changes.items())


class _Menders:
    """Looks for a configuration in which nothing is hard that was not so before."""

    def __init__(
        self,
        config: Configuration,
        kept: frozenset[str] | None,
        *,
        known: frozenset[Finding] | None = None,
    ) -> None:
        """Take what was there before, and the fields that must stay; None if no repair is wanted."""
        self._kind = config.KIND
        self._kept = kept
        self._known = _hard(config) if known is None else known
        self._tries = 0

    def first_broken(
        self, config: Configuration, touched: frozenset[str]
    ) -> tuple[Rule, Broken] | None:
        """Return the first rule that is newly broken; only those that read what was touched can be."""
        for rule in _rules_of(self._kind, touched):
            broken = rule.check(config)
            if broken is not None and broken.severity == HARD and not self._knew(rule, broken):
                return rule, broken
        return None

    def _knew(self, rule: Rule, broken: Broken) -> bool:
        return bool(self._known) and _as_finding(rule, broken) in self._known

    def repaired(
        self,
        candidate: Configuration,
        touched: frozenset[str],
        bad: tuple[Rule, Broken] | None = None,
    ) -> Repair | None:
        """Return the repair of a candidate in which these fields were touched.

        Args:
            bad: The first rule that is newly broken, if that is known already.
        """
        if self._kept is None:
            return None
        self._tries = TRIES
        found = self._mended(candidate, touched, self._kept, DEPTH, bad)
        return None if found is None else _as_repair(candidate, found)

    def _mended(
        self,
        config: Configuration,
        touched: frozenset[str],
        kept: frozenset[str],
        depth: int,
        bad: tuple[Rule, Broken] | None = None,
    ) -> Configuration | None:
        """Return the configuration without what is newly broken; fields once changed stay as they are."""
        bad = bad or self.first_broken(config, touched)
        if bad is None:
            return config
        rule, _ = bad
        for changes in rule.mends(config):
            if changes.keys() & kept or not _is_change(config, changes):
                continue
            if depth == 0 or self._tries == 0:
                return None
            self._tries -= 1
            changed = config.changed(changes)
            if rule.check(changed) is not None:
                continue
            names = frozenset(changes)
            found = self._mended(changed, touched | names, kept | names, depth - 1)
            if found is not None:
                return found
        return None


def _as_repair(before: Configuration, after: Configuration) -> Repair:
    held, now = vars(before), vars(after)
    changes = {name: now[name] for name in _named(after.KIND) if now[name] != held[name]}
    return Repair(_worded(before, changes), changes, after)


@cache
def _named(kind: str) -> tuple[str, ...]:
    """Return what a repair may change, in the order of the page."""
    return (*KINDS[kind].FIELDS, "claims")


def _worded(before: Configuration, changes: Changes) -> str:
    gone = {name: how for name, one in changes.items() if (how := _let_go(before, name, one))}
    used = [before.FIELDS[name].label_of(one) for name, one in changes.items() if name not in gone]
    said = list(gone.values())
    if used:
        said.insert("year" in gone, f"use {listed(used)}")
    return started(listed(said)) if said else "Use it"


def _let_go(before: Configuration, name: str, value: Value) -> str:
    """Return in words what a change takes out; empty where it puts something in."""
    if name == "claims":
        return "take what follows from the choice"
    field = before.FIELDS[name]
    if value in (None, ()):
        return "let the year go" if name == "year" else f"remove {field.label.lower()}"
    held = getattr(before, name)
    if isinstance(value, tuple) and set(value) < set(held):
        return f"remove {field.label_of(tuple(one for one in held if one not in value))}"
    return ""


def _findings(config: Configuration, rules: Iterable[Rule]) -> Iterator[Finding]:
    for rule in rules:
        found = _finding(rule, config)
        if found is not None:
            yield found


def _finding(rule: Rule, config: Configuration) -> Finding | None:
    broken = rule.check(config)
    return None if broken is None else _as_finding(rule, broken)


def _as_finding(rule: Rule, broken: Broken) -> Finding:
    return Finding(rule.id, broken.severity, rule.field, broken.reason)


def _hard(config: Configuration) -> frozenset[Finding]:
    return frozenset(one for one in _findings(config, _rules(config.KIND)) if one.severity == HARD)


def _rules(kind: str) -> tuple[Rule, ...]:
    return LIVE_ACTION_RULES if kind == LIVE_ACTION else ANIMATION_RULES


@cache
def _rules_of(kind: str, fields: frozenset[str]) -> tuple[Rule, ...]:
    """Return the rules that a change of these fields can break."""
    return tuple(rule for rule in _rules(kind) if fields & rule.reads)


@cache
def _rule(kind: str, rule_id: str) -> Rule | None:
    return next((rule for rule in _rules(kind) if rule.id == rule_id), None)
