"""How long a call takes in this process."""

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any


def median_ms(do: Callable[[], Any], times: int) -> float:
    """Return the median of so many calls, after one that is not counted: what is read once is read."""
    return median(_times_ms(do, times))


def _times_ms(do: Callable[[], Any], times: int) -> Iterator[float]:
    do()
    for _ in range(times):
        began = time.perf_counter()
        do()
        yield (time.perf_counter() - began) * 1000
