"""Who would run what until the queue is empty, if everything takes as long as believed.

The next job in order goes to the node that ends it first; for equal jobs no other way ends sooner.
The first jobs are placed one by one, the rest by volume, so that a long queue costs no more.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Final

from farm_app.planner.inputs import NodeView
from farm_app.planner.terms import Terms
from farm_app.planner.turns import PATIENCE_S, Lot, Slot, Tallies, Turns

DETAIL_JOBS: Final = 200
# Beyond the detail the shapes of a class take turns in so many rounds, fewer if there are many.
ROUNDS: Final = 3
MOST_POURS: Final = 36


class Farm:
    """The ready nodes' clocks as the forecast moves on.

    Attributes:
        free: When each node can start its next job.
        warm: Which model it will have in memory then.
        queued: How many jobs it has been given, and one for what it runs now.
    """

    def __init__(self, nodes: Sequence[NodeView], now: float, overflow: int) -> None:
        """Set the clocks to what the nodes run now and to foreign work ahead."""
        self.nodes = nodes
        self.now = now
        self.free = [free_from(node, now) for node in nodes]
        self.warm = [node.warm for node in nodes]
        self.queued = [int(node.busy_until_s is not None) for node in nodes]
        self._overflow = overflow

    def ends(self, terms: Terms) -> list[float]:
        """Return when each node would end the next job; inf where it may not run."""
        model = terms.model
        rows = zip(self.free, terms.step, terms.load, self.warm, strict=True)
        return [f + s if w == model else f + s + load for f, s, load, w in rows]

    def best(self, terms: Terms) -> tuple[int, float]:
        """Return the node that ends the next job first, by the rules of the terms, and when."""
        ends = self.ends(terms)
        if terms.bias is not None:
            compared = self._biased(ends, terms.bias)
        elif terms.pools:
            compared = only_at(ends, self._open_pool(terms)[0])
        else:
            compared = ends
        place = compared.index(min(compared))
        return place, ends[place]

    def give(self, lot: Lot, place: int, end_s: float) -> None:
        """Place the lot's next job on a node."""
        load_s = self.load_s(lot.terms, place)
        lot.slots.append(Slot(self.free[place], place, end_s, load_s))
        lot.done_s = max(lot.done_s, end_s)
        self._occupy(lot.terms, place, end_s, 1)

    def load_s(self, terms: Terms, place: int) -> float:
        """Return the seconds of model loading that the next job would meet there."""
        return 0.0 if self.warm[place] == terms.model else terms.load[place]

    def pour(self, terms: Terms, count: int, starts: list[Slot]) -> float:
        """Place many equal jobs at once; return the last end.

        The first job on each node that had none is added to `starts`.
        """
        last_s = -inf
        while count:
            places, room = self._open_pool(terms)
            amount = int(min(count, room))
            ends = self.ends(terms)
            for place, jobs in self._shares(terms, ends, places, amount):
                if not self.queued[place]:
                    load_s = self.load_s(terms, place)
                    starts.append(Slot(self.free[place], place, ends[place], load_s))
                until_s = ends[place] + (jobs - 1) * terms.step[place]
                self._occupy(terms, place, until_s, jobs)
                last_s = max(last_s, until_s)
            count -= amount
        return last_s

    def _occupy(self, terms: Terms, place: int, until_s: float, jobs: int) -> None:
        self.free[place] = until_s
        self.queued[place] += jobs
        if terms.model is not None:
            self.warm[place] = terms.model

    def _shares(
        self, terms: Terms, ends: list[float], places: tuple[int, ...], count: int
    ) -> list[tuple[int, int]]:
        if terms.bias is None:
            taken = share_out(only_at(ends, places), terms.step, count)
        else:
            steps = [step * bias for step, bias in zip(terms.step, terms.bias, strict=True)]
            taken = share_out(self._biased(ends, terms.bias), steps, count)
        return [(place, jobs) for place, jobs in enumerate(taken) if jobs]

    def _biased(self, ends: Iterable[float], bias: Iterable[float]) -> list[float]:
        now = self.now
        return [(end - now) * times for end, times in zip(ends, bias, strict=True)]

    def _open_pool(self, terms: Terms) -> tuple[tuple[int, ...], int | float]:
        """Return the first tier's nodes below the threshold and their room, else all nodes."""
        for pool in terms.pools:
            roomy = tuple(i for i in pool if self.queued[i] < self._overflow)
            if roomy:
                return roomy, sum(self._overflow - self.queued[i] for i in roomy)
        return terms.able, inf


def free_from(node: NodeView, now: float) -> float:
    """Return when a node can start our next job, after other people's work in its queue."""
    return end_of_run(node, now) + node.queue_ahead_s


def end_of_run(node: NodeView, now: float) -> float:
    """Return when its running job should end: a late one is given as long again as it is late."""
    return now if node.busy_until_s is None else now + abs(node.busy_until_s - now)


def only_at(ends: list[float], places: tuple[int, ...]) -> list[float]:
    """Return the ends with inf everywhere else."""
    if len(places) == len(ends):
        return ends
    found = [inf] * len(ends)
    for place in places:
        found[place] = ends[place]
    return found


def share_out(first: Sequence[float], step: Sequence[float], count: int) -> list[int]:
    """Return how many of `count` equal jobs each node takes if each goes where it ends first.

    Args:
        first: When each node would end its first one; inf if it may not run any.
        step: Seconds from there to its next, and so on.
        count: At least one node must be able to run them.

    The ends on a node are an arithmetic sequence, and the jobs take the `count` smallest of all:
    find the time by which fluid work would be done, round down, and hand out the few that remain.
    """
    able = sorted((f - s, i) for i, (f, s) in enumerate(zip(first, step, strict=True)) if f < inf)
    level = _fluid_level(able, step, count)
    taken = [0] * len(first)
    for begin, i in able:
        if level > begin:
            taken[i] = int((level - begin) / step[i])
    heap = [(first[i] + taken[i] * step[i], i) for _, i in able]
    heapq.heapify(heap)
    for _ in range(count - sum(taken)):
        end, i = heap[0]
        taken[i] += 1
        heapq.heapreplace(heap, (end + step[i], i))
    return taken


def _fluid_level(able: Sequence[tuple[float, int]], step: Sequence[float], count: int) -> float:
    """Return when `count` jobs are done if nodes could share one job; `able` sorted by begin."""
    rate = weighted = 0.0
    level = inf
    for begin, i in able:
        if begin >= level:
            break
        rate += 1 / step[i]
        weighted += begin / step[i]
        level = (count + weighted) / rate
    return level


def forecast(farm: Farm, lots: Iterable[tuple[int, Lot]], tallies: Tallies) -> list[Lot]:
    """Place all lots, class by class; fills their slots and ends. Returns them as their turns begin."""
    classes: dict[int, list[Lot]] = {}
    for rank, lot in lots:
        classes.setdefault(rank, []).append(lot)
    detail, begun = DETAIL_JOBS, dict[Lot, None]()
    for rank in sorted(classes):
        turns = Turns(classes[rank], tallies)
        detail = _place_singly(farm, turns, detail, begun)
        by_hand, rest = turns.by_hand(), turns.rest()
        for portion in _portions(by_hand):
            _pour_rest(farm, portion)
        _pour_rest(farm, rest)
        begun |= dict.fromkeys([*by_hand, *rest])
    return list(begun)


def _place_singly(farm: Farm, turns: Turns, detail: int, begun: dict[Lot, None]) -> int:
    while detail and (lot := turns.head()) is not None:
        if lot.rank is None:
            lot, place, end_s = _with_warm_first(farm, turns, lot)
        else:
            place, end_s = farm.best(lot.terms)
        farm.give(lot, place, end_s)
        turns.took(lot, lot.terms.step[place])
        begun[lot] = None
        detail -= 1
    return detail


def _portions(by_hand: Sequence[Lot]) -> Iterator[Sequence[Lot]]:
    """Yield what follows each other by hand, one lot at a time as long as that is not too often."""
    size = -(-len(by_hand) // MOST_POURS) or 1
    yield from (by_hand[first : first + size] for first in range(0, len(by_hand), size))


def _with_warm_first(farm: Farm, turns: Turns, lot: Lot) -> tuple[Lot, int, float]:
    """Let a lot whose model is in the node's memory go before one that would load another."""
    place, end_s = farm.best(lot.terms)
    load_s, model = farm.load_s(lot.terms, place), farm.warm[place]
    if load_s <= 0 or model is None or farm.now - lot.batch.waits_since_s > PATIENCE_S:
        return lot, place, end_s
    for other in turns.others_warm(lot, model, load_s):
        its_place, its_end_s = farm.best(other.terms)
        if its_place == place:
            return other, its_place, its_end_s
    return lot, place, end_s


def _pour_rest(farm: Farm, lots: Sequence[Lot]) -> None:
    """Place what is left of a class by volume: alike lots as one, the kinds in rounds."""
    kinds: dict[Terms, list[Lot]] = {}
    for lot in lots:
        kinds.setdefault(lot.terms, []).append(lot)
    left = {terms: sum(lot.left for lot in alike) for terms, alike in kinds.items()}
    rounds = max(1, min(ROUNDS, MOST_POURS // max(len(kinds), 1)))
    portion = {terms: -(-amount // rounds) for terms, amount in left.items()}
    began_s = {terms: min(farm.ends(terms)) for terms in kinds}
    ended_s, starts = dict(began_s), {terms: list[Slot]() for terms in kinds}
    for terms in [terms for _ in range(rounds) for terms in kinds]:
        amount = min(portion[terms], left[terms])
        left[terms] -= amount
        ended_s[terms] = max(ended_s[terms], farm.pour(terms, amount, starts[terms]))
    for terms, alike in kinds.items():
        _hand_out(alike, starts[terms])
        _spread_ends(alike, began_s[terms], ended_s[terms])


def _hand_out(alike: Sequence[Lot], starts: Iterable[Slot]) -> None:
    """Give the starts on idle nodes to the lots in turn, to none more than it has jobs left."""
    most = max(lot.left for lot in alike)
    turns = (lot for turn in range(most) for lot in alike if turn < lot.left)
    for lot, slot in zip(turns, starts, strict=False):
        lot.slots.append(slot)


def _spread_ends(alike: Sequence[Lot], began_s: float, ended_s: float) -> None:
    """Date the ends of alike lots that take turns: the shorter a lot, the sooner it is through."""
    by_length = sorted(alike, key=lambda lot: lot.left)
    total = sum(lot.left for lot in alike)
    before = 0
    for place, lot in enumerate(by_length):
        through = before + lot.left * (len(alike) - place)
        lot.done_s = max(lot.done_s, began_s + (ended_s - began_s) * through / total)
        before += lot.left
