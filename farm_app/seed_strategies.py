"""Seeds for pictures that are asked for together: drawn, counted up, or spread out from a base. Pure."""

import random
import secrets
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from typing import Final

SEED_LIMIT: Final = 2**64
# The odd number nearest to 2^64 divided by the golden ratio: its multiples fill the range evenly and never repeat.
GOLDEN_STEP: Final = 0x9E3779B97F4A7C15


class SeedStrategy(StrEnum):
    """How the seeds of a group follow from its base."""

    RANDOM = "random"
    SEQUENTIAL = "sequential"
    FIBONACCI = "fibonacci"
    GOLDEN_RATIO = "golden_ratio"


def draw_seed() -> int:
    """Return any seed."""
    return secrets.randbelow(SEED_LIMIT)


def seeds(strategy: SeedStrategy, count: int, base: int) -> list[str]:
    """Return so many seeds as text; the same base gives the same ones again.

    The base comes first, but for ``random``, which draws all of them. Seeds go round at 2^64.
    """
    if strategy is SeedStrategy.RANDOM:
        drawing = random.Random(base)  # noqa: S311 - to be drawn again, not to be secret
        return [str(drawing.getrandbits(64)) for _ in range(count)]
    return [str((base + step) % SEED_LIMIT) for step in islice(_steps(strategy), count)]


def _steps(strategy: SeedStrategy) -> Iterator[int]:
    """Yield how far each seed is from the base."""
    if strategy is SeedStrategy.FIBONACCI:
        yield from _fibonacci()
    step = GOLDEN_STEP if strategy is SeedStrategy.GOLDEN_RATIO else 1
    place = 0
    while True:
        yield place * step
        place += 1


def _fibonacci() -> Iterator[int]:
    """Yield 0, 1, 2, 3, 5, 8, ...: without the second 1, which would be the same picture twice."""
    here, after = 0, 1
    while True:
        yield here
        here, after = after, here + after if here else 2
