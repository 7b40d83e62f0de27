"""What a rule is made of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from sessions_app.cinema.config import Changes

Severity = Literal["hard", "warning", "info"]
HARD: Final = "hard"
WARNING: Final = "warning"
INFO: Final = "info"


@dataclass(frozen=True, slots=True)
class Broken:
    """What a rule finds: how bad it is, and why in one sentence."""

    severity: Severity
    reason: str


Check = Callable[[Any], Broken | None]
Mends = Callable[[Any], Iterable[Changes]]


def _nothing(_: Any) -> Iterable[Changes]:
    return ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        field: Where a person would mend it.
        reads: All fields that it looks at; a change of another one cannot break it.
        check: Returns what is broken, or None.
        mends: Yields changes that would mend it, the least surprising first. Each changes at least one field that
            the rule reads.
        absorbs: Ids of older rules that it stands for.
    """

    id: str
    field: str
    reads: frozenset[str]
    check: Check
    mends: Mends = _nothing
    absorbs: tuple[str, ...] = ()


def rule(
    id: str,
    field: str,
    reads: str,
    check: Check,
    mends: Mends = _nothing,
    *,
    absorbs: tuple[str, ...] = (),
) -> Rule:
    """Return a rule; ``reads`` are names with spaces between."""
    return Rule(id, field, frozenset(reads.split()) | {field}, check, mends, absorbs)


def hard(reason: str) -> Broken:
    """Cannot be."""
    return Broken(HARD, reason)


def warning(reason: str) -> Broken:
    """Can be, and is probably not meant."""
    return Broken(WARNING, reason)


def info(reason: str) -> Broken:
    """Good to know."""
    return Broken(INFO, reason)
