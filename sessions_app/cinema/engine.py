"""The rule engine: what is wrong with a configuration, what else a field could be, and how to mend it.

A change is only blamed for what it breaks itself. What does not fit comes with the repair that would make it fit, and
that carries along whatever depends on it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Final, TypeVar

from sessions_app.cinema.config import Changes, Configuration, Field, LiveAction, Value
from sessions_app.cinema.rules import (
    ANIMATION_RULES,
    HARD,
    INFO,
    LIVE_ACTION_RULES,
    WARNING,
    Rule,
    Severity,
)
from sessions_app.cinema.vocabulary import vocabularies

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
    found = list(_findings(config, _rules(type(config))))
    if is_still and isinstance(config, LiveAction) and config.movement not in (None, "static"):
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
    return not any(one.severity == HARD for one in _findings(config, _rules(type(config))))


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
    rules = _rules_of(type(config), name)
    before = frozenset(_findings(config, rules))
    return tuple(
        _option(field, value, config, rules, before, frozenset(locked) if with_repairs else None)
        for value in _values(field, config)
    )


def _values(field: Field, config: Configuration) -> Iterable[str | int | float]:
    if field.terms:
        return field.vocabulary
    if field.name == "year":
        return DECADES
    lens = config.the_lens if isinstance(config, LiveAction) else None
    made = lens.focal_lengths_mm if lens and not lens.zoom else ()
    return made or FOCALS_MM


def _option(
    field: Field,
    value: str | int | float,
    config: Configuration,
    rules: Sequence[Rule],
    before: frozenset[Finding],
    locked: frozenset[str] | None,
) -> Option:
    candidate = with_choice(config, field, value)
    bad = next(
        (one for one in _findings(candidate, rules) if one.severity == HARD and one not in before),
        None,
    )
    term = field.vocabulary[str(value)] if field.terms else None
    label = term.label if term else field.label_of(value)
    chosen = getattr(config, field.name)
    return Option(
        value=value,
        label=label,
        line=term.line if term else "",
        is_chosen=value in chosen if isinstance(chosen, tuple) else value == chosen,
        is_allowed=bad is None,
        reason=bad.reason if bad else "",
        rule=bad.rule if bad else "",
        repair=None
        if bad is None or locked is None
        else _repaired(candidate, config, locked | {field.name}),
    )


def with_choice(config: C, field: Field, value: Value) -> C:
    """Return the configuration with this value chosen; in a field of several it joins, or takes the last one's place."""
    if field.most == 1:
        return config.changed({field.name: value})
    held: tuple[str, ...] = getattr(config, field.name)
    if value in held:
        return config
    return config.changed({field.name: (*held[: field.most - 1], value)})


def repair(config: C, *, locked: Collection[str] = ()) -> Repair | None:
    """Return what would make a configuration valid; None if it is, or nothing would.

    Args:
        locked: Fields that must stay.
    """
    if is_valid(config):
        return None
    return _repaired(config, config, frozenset(locked), frozenset())


def repairs(
    finding: Finding, config: Configuration, *, locked: Collection[str] = (), most: int = 2
) -> tuple[Repair, ...]:
    """Return the ways out of one finding, the least surprising first; none of them breaks anything else."""
    rule = _rule(type(config), finding.rule)
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
        found = _mended(changed, locked | changes.keys(), others, [TRIES], DEPTH)
        if found is None:
            continue
        way = _as_repair(config, found)
        # Eight bodies that would do are one way out; the first is offered.
        kind = ",".join(sorted(changes))
        if kind not in seen:
            seen.add(kind)
            yield way


def _is_change(config: Configuration, changes: Changes) -> bool:
    return any(getattr(config, name) != value for name, value in changes.items())


def _repaired(
    candidate: Configuration,
    config: Configuration,
    pinned: frozenset[str],
    known: frozenset[Finding] | None = None,
) -> Repair | None:
    """Return the repair that makes a candidate valid, or as valid as what it comes from."""
    before = _hard(config) if known is None else known
    found = _mended(candidate, pinned, before, [TRIES], DEPTH)
    return None if found is None else _as_repair(candidate, found)


def _mended(
    config: Configuration,
    pinned: frozenset[str],
    known: frozenset[Finding],
    tries: list[int],
    depth: int,
) -> Configuration | None:
    """Return the configuration without hard findings but known ones; fields once touched stay as they are."""
    bad = next(
        (
            (rule, one)
            for rule in _rules(type(config))
            if (one := _finding(rule, config)) and one.severity == HARD and one not in known
        ),
        None,
    )
    if bad is None:
        return config
    rule, _ = bad
    for changes in rule.mends(config):
        if changes.keys() & pinned or not _is_change(config, changes):
            continue
        if depth == 0 or tries[0] == 0:
            return None
        tries[0] -= 1
        changed = config.changed(changes)
        if rule.check(changed) is not None:
            continue
        found = _mended(changed, pinned | changes.keys(), known, tries, depth - 1)
        if found is not None:
            return found
    return None


def _as_repair(before: Configuration, after: Configuration) -> Repair:
    changes = {
        name: getattr(after, name)
        for name in (*after.FIELDS, "claims")
        if getattr(after, name) != getattr(before, name)
    }
    return Repair(_worded(before, changes), changes, after)


def _worded(before: Configuration, changes: Changes) -> str:
    said = [_worded_one(before, name, value) for name, value in changes.items()]
    if not said:
        return "Use it"
    sentence = " and ".join((", ".join(said[:-1]), said[-1])) if len(said) > 1 else said[0]
    return sentence[:1].upper() + sentence[1:]


def _worded_one(before: Configuration, name: str, value: Value) -> str:
    if name == "claims":
        return "take what follows from the choice"
    field = before.FIELDS[name]
    if value in (None, ()):
        return "let the year go" if name == "year" else f"remove {field.label.lower()}"
    held = getattr(before, name)
    if isinstance(value, tuple) and set(value) < set(held):
        gone = tuple(one for one in held if one not in value)
        return f"remove {field.label_of(gone)}"
    return f"use {field.label_of(value)}"


def _findings(config: Configuration, rules: Iterable[Rule]) -> Iterator[Finding]:
    for rule in rules:
        found = _finding(rule, config)
        if found is not None:
            yield found


def _finding(rule: Rule, config: Configuration) -> Finding | None:
    broken = rule.check(config)
    return broken and Finding(rule.id, broken.severity, rule.field, broken.reason)


def _hard(config: Configuration) -> frozenset[Finding]:
    return frozenset(one for one in _findings(config, _rules(type(config))) if one.severity == HARD)


def _rules(kind: type[Configuration]) -> tuple[Rule, ...]:
    return LIVE_ACTION_RULES if issubclass(kind, LiveAction) else ANIMATION_RULES


@cache
def _rules_of(kind: type[Configuration], field: str) -> tuple[Rule, ...]:
    """Return the rules that a change of this field can break."""
    return tuple(rule for rule in _rules(kind) if field in rule.reads)


@cache
def _rule(kind: type[Configuration], rule_id: str) -> Rule | None:
    return next((rule for rule in _rules(kind) if rule.id == rule_id), None)


def warm_up() -> Any:
    """Read all data, so that the first answer does not wait for it."""
    return vocabularies()
