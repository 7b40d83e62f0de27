"""How long a node stands idle between two jobs of ours, by its own clock: what each job costs there beside its run.

Known to this process alone, and soon known again. Without it two ways to share out jobs that would end together
look the same, though the one with more jobs on the fast node has more pauses in it.
"""

from collections import deque
from statistics import median
from typing import Final

KEPT: Final = 9
# What a node and a network that nobody has seen yet are taken for.
FIRST_GUESS_S: Final = 0.02
# Longer than that somebody else's work was in between, or a person's.
LONGEST_S: Final = 1.0

_seen: dict[int, deque[float]] = {}


def note(node_id: int, ended_ms: int | None, started_ms: int | None) -> None:
    """Note when one job of ours ended on a node, and when the next started that was claimed as it did."""
    if ended_ms is None or started_ms is None:
        return
    pause_s = (started_ms - ended_ms) / 1000
    if 0 <= pause_s <= LONGEST_S:
        _seen.setdefault(node_id, deque(maxlen=KEPT)).append(pause_s)


def usual_s(node_id: int) -> float:
    """Return the pause to count with: a single late one does not move it."""
    seen = _seen.get(node_id)
    return median(tuple(seen)) if seen else FIRST_GUESS_S


def forget() -> None:
    """Forget what was seen."""
    _seen.clear()
