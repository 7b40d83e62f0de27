"""Whose job is next: priority classes that age, and within a class turns that go round.

The bound on starvation: a batch of class p of which nothing has started for p x CLIMB_S has its
first job in class 0. There its share is served before any other that has had CREDIT_S node-seconds
more, and another share's warm model may go before it only until it has waited PATIENCE_S or that
share is one model load ahead. So at least one job of every batch starts in that time, plus CREDIT_S
for each other person and each other share of its own, however full the farm is.
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
    """Node-seconds that each share, or each person, has had lately; nobody banks more than CREDIT_S of credit."""

    def __init__(self, served: Mapping[str, float]) -> None:
        """Start from what the farm has really given, which may leave some out."""
        self._least = max(max(served.values(), default=0.0) - CREDIT_S, 0.0)
        self._had = {key: max(seconds, self._least) for key, seconds in served.items()}

    def __getitem__(self, key: str) -> float:
        """Return what one has had, as far as it counts."""
        return self._had.get(key, self._least)

    def add(self, key: str, seconds: float) -> None:
        """Count what the forecast gives."""
        self._had[key] = self[key] + seconds


@dataclass(frozen=True)
class Tallies:
    """What has been given: to people, and to each one's shares."""

    people: Tally
    shares: Tally


class Line:
    """Queues of lots that take turns: the one that has had least comes first, its own lots in order.

    Equal ones go by who has waited longest without a start.
    """

    def __init__(self, lots: Iterable[Lot], tally: Tally) -> None:
        """Line up the lots, by share, in their order."""
        self._tally = tally
        self._queues: dict[str, deque[Lot]] = {}
        for lot in lots:
            self._queues.setdefault(lot.batch.share_key, deque()).append(lot)
        self._heap = [
            (tally[share], queue[0].batch.waits_since_s, order, share)
            for order, (share, queue) in enumerate(self._queues.items())
        ]
        heapq.heapify(self._heap)

    @property
    def waits_since_s(self) -> float:
        """Since when the one that has waited longest waits."""
        return min(since for _, since, _, _ in self._heap)

    def head(self) -> Lot | None:
        """Return the lot whose job is next; None when all are placed."""
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

    def through(self, lot: Lot) -> None:
        """Let go of a lot that is placed whole, the first of its share."""
        self._queues[lot.batch.share_key].popleft()

    def firsts(self) -> Iterator[Lot]:
        """Yield the first lot of each of the shares that are next."""
        for _, _, _, share in self._heap[:LOOK_AHEAD]:
            if self._queues[share]:
                yield self._queues[share][0]

    def rest(self) -> list[Lot]:
        """Return what is not placed, one lot of each share after the other."""
        order = sorted((self._tally[share], since, k, share) for _, since, k, share in self._heap)
        return _in_turn([self._queues[share] for _, _, _, share in order])


def _in_turn(queues: Sequence[Sequence[Lot]]) -> list[Lot]:
    longest = max((len(queue) for queue in queues), default=0)
    return [queue[k] for k in range(longest) for queue in queues if k < len(queue)]


class Turns:
    """The lots of one class: those with a place by hand, then people in turn, and for each one the shares in turn.

    So who has ten sessions gets no more than who has one.
    """

    def __init__(self, lots: Iterable[Lot], tallies: Tallies) -> None:
        """Line up the lots."""
        self._tallies = tallies
        ordered = sorted(lots, key=lambda lot: lot.order)
        by_hand = [lot for lot in ordered if lot.rank is not None]
        self._placed = deque(sorted(by_hand, key=lambda lot: lot.rank or 0))
        people: dict[str, list[Lot]] = {}
        for lot in [one for one in ordered if one.rank is None]:
            people.setdefault(lot.batch.owner, []).append(lot)
        self._lines = {owner: Line(own, tallies.shares) for owner, own in people.items()}
        self._heap = [
            (tallies.people[owner], line.waits_since_s, order, owner)
            for order, (owner, line) in enumerate(self._lines.items())
        ]
        heapq.heapify(self._heap)

    def head(self) -> Lot | None:
        """Return the lot whose job is next; None when all are placed."""
        if self._placed:
            return self._placed[0]
        heap = self._heap
        while heap:
            had, since, order, owner = heap[0]
            found = self._lines[owner].head()
            if found is None:
                heapq.heappop(heap)
            elif had < self._tallies.people[owner]:
                heapq.heapreplace(heap, (self._tallies.people[owner], since, order, owner))
            else:
                return found
        return None

    def took(self, lot: Lot, seconds: float) -> None:
        """Count one job of the lot, the first by hand or of its share, as placed."""
        lot.left -= 1
        self._tallies.people.add(lot.batch.owner, seconds)
        self._tallies.shares.add(lot.batch.share_key, seconds)
        if lot.left:
            return
        if lot.rank is None:
            self._lines[lot.batch.owner].through(lot)
        else:
            self._placed.popleft()

    def others_warm(self, lot: Lot, model: str, lead_s: float) -> Iterator[Lot]:
        """Yield first lots of others with this model who are less than `lead_s` ahead of the lot."""
        for _, _, _, owner in self._heap[:LOOK_AHEAD]:
            for other in self._lines[owner].firsts():
                if other.terms.model == model and self._lead_s(other, lot) < lead_s:
                    yield other

    def _lead_s(self, other: Lot, lot: Lot) -> float:
        """Return how much more another one has had: the person, or of one person the share."""
        people, shares = self._tallies.people, self._tallies.shares
        if other.batch.owner != lot.batch.owner:
            return people[other.batch.owner] - people[lot.batch.owner]
        return shares[other.batch.share_key] - shares[lot.batch.share_key]

    def by_hand(self) -> list[Lot]:
        """Return what has a place by hand and is not placed yet, in order."""
        return list(self._placed)

    def rest(self) -> list[Lot]:
        """Return what else is not placed, one lot of each person after the other."""
        people = self._tallies.people
        order = sorted((people[owner], since, k, owner) for _, since, k, owner in self._heap)
        return _in_turn([self._lines[owner].rest() for _, _, _, owner in order])
