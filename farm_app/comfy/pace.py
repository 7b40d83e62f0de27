"""How fast the steps of a prompt follow each other, and what that says of its end. Touches no socket."""

from typing import Final

LEAST_STEPS: Final = 2
LEAST_S: Final = 0.2
"""Fewer steps in less time than this say nothing: the clock of a busy machine is coarse."""


class Pace:
    """The pace of the sampler at work.

    It is measured from its first step that was seen: what comes before, as loading a model, is no pace.
    """

    def __init__(self) -> None:
        """Start without an idea."""
        self._first: tuple[int, float] | None = None
        self._last = (0, 0.0)
        self._steps = 0

    def see(self, step: int, steps: int, at_s: float) -> None:
        """Take note of a step, of so many, at a time of any steady clock; another sampler begins anew."""
        if step <= 0:
            return
        if self._first is None or steps != self._steps or step < self._last[0]:
            self._first, self._last, self._steps = (step, at_s), (step, at_s), steps
        elif step > self._last[0]:
            self._last = step, at_s

    def left_s(self, now_s: float) -> float | None:
        """Return how long its steps will still take at this pace; what follows them comes on top.

        None as long as too little was seen. A step that is overdue counts as about to end.
        """
        if self._first is None:
            return None
        done, took_s = self._last[0] - self._first[0], self._last[1] - self._first[1]
        if done < LEAST_STEPS or took_s < LEAST_S:
            return None
        left = self._steps - self._last[0]
        return max(left * took_s / done - (now_s - self._last[1]), 0.0)
