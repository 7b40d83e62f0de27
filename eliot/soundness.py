"""What a sound Eliot looks like: each room lists its checks, and a breach says in words what is wrong.

A check reads and never writes. What is under way looks wrong for a moment, so beside a running Eliot only what two
looks find, some time apart, is a breach.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

# Longer than any step takes from one commit to the next, a slow disk's too.
BETWEEN_LOOKS_S: Final = 3.0


@dataclass(frozen=True)
class Look:
    """How to look.

    Attributes:
        is_quiet: Nobody works now: nothing can be half done, so nothing is given time.
        with_hashes: Read every picture whole, not just its size.
    """

    is_quiet: bool = False
    with_hashes: bool = True


@dataclass(frozen=True)
class Repair:
    """How a breach can be mended: nothing is deleted by it, and what it changes can be changed back.

    Attributes:
        said: What it does, for people.
        mend: Does it; returns whether it was still needed.
    """

    said: str
    mend: Callable[[], bool] = field(compare=False)


@dataclass(frozen=True)
class Breach:
    """One thing that is not as it must be.

    Attributes:
        check: The invariant, such as ``I2``.
        rule: What should be true.
        sentence: What is, with the ids of what it is about.
        repair: None where a person must decide.
    """

    check: str
    rule: str
    sentence: str
    repair: Repair | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.check}: {self.sentence}"


Found = Iterator[tuple[str, Repair | None]]


@dataclass(frozen=True)
class Check:
    """One rule with the reader that finds what breaks it."""

    name: str
    rule: str
    find: Callable[[Look], Found]

    def breaches(self, look: Look) -> Iterator[Breach]:
        """Yield what breaks this rule now."""
        for sentence, repair in self.find(look):
            yield Breach(self.name, self.rule, sentence, repair)


def run(checks: Iterable[Check], look: Look) -> list[Breach]:
    """Return what one look finds, in the order of the checks."""
    return [breach for check in checks for breach in check.breaches(look)]


def run_surely(
    checks: Sequence[Check], look: Look, *, pause: Callable[[float], None] = time.sleep
) -> list[Breach]:
    """Return what is still so at a second look; without a first finding there is no second look."""
    first = run(checks, look)
    if not first or look.is_quiet:
        return first
    pause(BETWEEN_LOOKS_S)
    suspects = {breach.check for breach in first}
    again = run([check for check in checks if check.name in suspects], look)
    return [breach for breach in again if breach in first]
