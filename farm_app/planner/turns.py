"""Whose job is next: priority classes that age, and within a class turns that go round.

The bound on starvation: a batch of class p of which nothing has started for p x CLIMB_S has its
first job in class 0. There its share is served before any other that has had CREDIT_S node-seconds
more, and another share's warm model may go before it only until it has waited PATIENCE_S or that
share is one model load ahead. So at least one job of every batch starts in that time, plus CREDIT_S
for each other share, however full the farm is.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from farm_app.planner.inputs import INTERACTIVE, Batch
from farm_app.planner.terms import Terms

CLIMB_S: Final = 300.0
CREDIT_S: Final = 60.0
PATIENCE_S: Final = 60.0
# How many other shares are looked at for a job whose model is warm.
LOOK_AHEAD: Final = 32


@dataclass(slots=True)
class Slot:
    """A time on a node that one job of a lot gets."""

    start_s: float
    node: int
    end_s: float
    load_s: float


@dataclass(slots=True, eq=False)
class Lot:
    """Jobs of one batch that nothing tells apart: the same class and the same possible nodes.

    Attributes:
        job_ids: In order; slots are given to them in order of start.
        left: Jobs that the forecast has not placed yet.
        order: Sorts the lots of one share: whose class rose by waiting, then as they were given.
        rank: Its place by hand in its own class; a job whose class rose by waiting has none in the new one.
        done_s: Forecast end of the last job placed.
    """

    batch: Batch
    terms: Terms
    job_ids: Sequence[int]
    left: int
    order: tuple[bool, int]
    rank: int | None = None
    slots: list[Slot] = field(default_factory=list)
    done_s: float = float("-inf")


def climbed(batch: Batch, now: float) -> int:
    """Return the class of the batch's first job, after what its wait has earned it."""
    steps = int(max(now - batch.waits_since_s, 0.0) / CLIMB_S)
    return max(batch.priority - steps, min(batch.priority, INTERACTIVE))


class Tally:
    """Node-seconds that each share has had lately; nobody banks more than CREDIT_S of credit."""

    def __init__(self, served: Mapping[str, float]) -> None:
        """Start from what the farm has really given, which may leave shares out."""
        self._least = max(max(served.values(), default=0.0) - CREDIT_S, 0.0)
        self._had = {share: max(seconds, self._least) for share, seconds in served.items()}

    def __getitem__(self, share_key: str) -> float:
        """Return what the share has had, as far as it counts."""
        return self._had.get(share_key, self._least)

    def add(self, share_key: str, seconds: float) -> None:
        """Count what the forecast gives."""
        self._had[share_key] = self[share_key] + seconds


class Turns:
    """The lots of one class: those with a place by hand, then the share that has had least, its own lots in order.

    Equal shares go by who has waited longest without a start.
    """

    def __init__(self, lots: Iterable[Lot], tally: Tally) -> None:
        """Line up the lots."""
        self._tally = tally
        ordered = sorted(lots, key=lambda lot: lot.order)
        by_hand = [lot for lot in ordered if lot.rank is not None]
        self._placed = deque(sorted(by_hand, key=lambda lot: lot.rank or 0))
        self._queues: dict[str, deque[Lot]] = {}
        for lot in [one for one in ordered if one.rank is None]:
            self._queues.setdefault(lot.batch.share_key, deque()).append(lot)
        self._heap = [
            (tally[share], queue[0].batch.waits_since_s, order, share)
            for order, (share, queue) in enumerate(self._queues.items())
        ]
        heapq.heapify(self._heap)

    def head(self) -> Lot | None:
        """Return the lot whose job is next; None when all are placed."""
        if self._placed:
            return self._placed[0]
        heap = self._heap
        while heap:
            had, since, order, share = heap[0]
            queue = self._queues[share]
            if not queue:
                heapq.heappop(heap)
            elif had < self._tally[share]:
                heapq.heapreplace(heap, (self._tally[share], since, order, share))
            else:
                return queue[0]
        return None

    def took(self, lot: Lot, seconds: float) -> None:
        """Count one job of the lot, the first by hand or of its share, as placed."""
        lot.left -= 1
        share = lot.batch.share_key
        self._tally.add(share, seconds)
        if not lot.left:
            (self._queues[share] if lot.rank is None else self._placed).popleft()

    def others_warm(self, lot: Lot, model: str, lead_s: float) -> Iterator[Lot]:
        """Yield first lots of other shares with this model, less than `lead_s` ahead of the lot."""
        most = self._tally[lot.batch.share_key] + lead_s
        for _, _, _, share in self._heap[:LOOK_AHEAD]:
            queue = self._queues[share]
            if queue and queue[0].terms.model == model and self._tally[share] < most:
                yield queue[0]

    def by_hand(self) -> list[Lot]:
        """Return what has a place by hand and is not placed yet, in order."""
        return list(self._placed)

    def rest(self) -> list[Lot]:
        """Return what else is not placed, one lot of each share after the other."""
        order = sorted((self._tally[share], since, k, share) for _, since, k, share in self._heap)
        queues = [self._queues[share] for _, _, _, share in order]
        longest = max((len(queue) for queue in queues), default=0)
        return [queue[k] for k in range(longest) for queue in queues if k < len(queue)]
