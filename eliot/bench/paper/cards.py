"""Cards on paper, and how long a batch of equal jobs takes when others than Eliot share it out.

Everything is arithmetic in seconds: no clock, no network. The rules are those of the systems that people use now.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Final

# Pictures that are asked for together reach a balancer one after the other.
ARRIVAL_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Card:
    """One node as it truly is.

    Attributes:
        run_s: Seconds of one job, its model in memory.
        load_s: Seconds that come on top of its first job.
        outages: When it is away, from and until, in order; what it runs then is lost. Until infinity: it is dead.
    """

    run_s: float
    load_s: float = 0.0
    outages: tuple[tuple[float, float], ...] = ()

    def end_of(self, start_s: float, *, is_first: bool = False) -> float:
        """Return when a job that is begun then is done, begun anew after each outage that meets it."""
        took_s = self.run_s + (self.load_s if is_first else 0.0)
        for away_s, back_s in self.outages:
            if away_s < start_s + took_s and start_s < back_s:
                start_s = back_s
        return start_s + took_s

    def ends(self) -> Iterator[float]:
        """Return when its first, second, … job is done if it never waits."""
        end_s = 0.0
        for number in count():
            end_s = self.end_of(end_s, is_first=number == 0)
            yield end_s


def clairvoyant(cards: Sequence[Card], jobs: int) -> float:
    """Return the least makespan that is possible for who knows everything beforehand.

    The ends on a card only rise, so the `jobs` smallest of all cards' ends are the best schedule.
    """
    heads = [(next(ends), place, ends) for place, ends in enumerate(card.ends() for card in cards)]
    heapq.heapify(heads)
    last_s = 0.0
    for _ in range(jobs):
        last_s, place, ends = heads[0]
        heapq.heapreplace(heads, (next(ends), place, ends))
    return last_s


def even(cards: Sequence[Card], jobs: int) -> float:
    """Give every card as many; those that are over go to the first ones."""
    shares = [jobs // len(cards) + (place < jobs % len(cards)) for place in range(len(cards))]
    pairs = zip(cards, shares, strict=True)
    return max(next(islice(card.ends(), share - 1, None)) for card, share in pairs if share)


def shortest_queue(cards: Sequence[Card], jobs: int) -> float:
    """Give each picture, as it arrives, to the card with the fewest before it; speed is not looked at."""
    ends: list[list[float]] = [[] for _ in cards]
    streams = [card.ends() for card in cards]
    for number in range(jobs):
        now_s = number * ARRIVAL_S
        lengths = [sum(end_s > now_s for end_s in queue) for queue in ends]
        place = lengths.index(min(lengths))
        ends[place].append(next(streams[place]))
    return max(queue[-1] for queue in ends if queue)


def list_order(cards: Sequence[Card], jobs: int) -> float:
    """Let cards pull in the order of the list, each with one more job committed to it than it runs.

    Each start costs some milliseconds: of cards that end in one moment, the one with fewer jobs is ahead.
    """
    streams = [card.ends() for card in cards]
    pulls = [(0.0, turn, place) for turn in range(2) for place in range(len(cards))]
    heapq.heapify(pulls)
    given = [0] * len(cards)
    last_s = 0.0
    for _ in range(jobs):
        _, _, place = heapq.heappop(pulls)
        end_s = next(streams[place])
        given[place] += 1
        heapq.heappush(pulls, (round(end_s, 6), given[place], place))
        last_s = max(last_s, end_s)
    return last_s
