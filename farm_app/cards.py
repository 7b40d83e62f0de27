"""The nodes as the farm page shows them: one card each, and the farm in one line."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone

from eliot.live import kept_briefly
from farm_app import planning
from farm_app.strip import WORDS, NodeCard, recent_strip

HEADLINES: Final = ("rendering", "loading", "slow", "draining", "reserved", "paused", "offline")
"""States that the page's head counts, in this order; ready nodes need no word."""


@dataclass(frozen=True)
class Total:
    """How many nodes stand in one state."""

    state: str
    count: int

    @property
    def word(self) -> str:
        """The state in the word that every page uses, within a sentence."""
        return WORDS[self.state].lower()


@dataclass(frozen=True)
class Head:
    """The farm in one line."""

    nodes: int
    totals: tuple[Total, ...]
    waiting: int
    done_at: str


@dataclass(frozen=True)
class Farm:
    """All that the page shows of the nodes."""

    head: Head
    cards: tuple[NodeCard, ...]


def draw_farm() -> Farm:
    """Read the farm in a fixed number of queries."""
    strip = recent_strip()
    return Farm(_head(strip.nodes, strip.waiting), strip.nodes)


@kept_briefly(0.2)
def recent_farm() -> Farm:
    """Return the farm as it was a moment ago, read once for all pages."""
    return draw_farm()


def _head(cards: tuple[NodeCard, ...], waiting: int) -> Head:
    counted = Counter(card.state for card in cards)
    totals = tuple(Total(state, counted[state]) for state in HEADLINES if counted[state])
    return Head(len(cards), totals, waiting, _done_at() if waiting else "")


def _done_at() -> str:
    """Return the clock time at which everything that is planned should be there; empty if nothing is."""
    ends = planning.recent_plan().plan.batch_done_s.values()
    known = [end for end in ends if end is not None]
    if not known:
        return ""
    end = datetime.fromtimestamp(max(known), tz=timezone.get_current_timezone())
    return f"{end:%H:%M}"
