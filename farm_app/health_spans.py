"""How well a node answered of late, as a few spans of time: written at each look, drawn on its card, pruned by the sweep."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from farm_app.models import GpuNode, HealthSpan
from farm_app.timers import HEALTH_INTERVAL

KEPT: Final = timedelta(hours=25)
SHOWN: Final = timedelta(hours=1)
TICKS: Final = 60
# Looks that are further apart leave a time of which nothing is known.
_GAP: Final = 3 * HEALTH_INTERVAL
_WORSE: Final = {"": 0, HealthSpan.Kind.WELL: 1, HealthSpan.Kind.SLOW: 2, HealthSpan.Kind.LOST: 3}


def note(node: GpuNode, kind: HealthSpan.Kind) -> None:
    """Write down what a look found: the last span grows if that found the same, else a new one begins."""
    now = timezone.now()
    last = HealthSpan.objects.filter(node=node).order_by("-pk").first()
    is_near = last is not None and now - last.until <= _GAP
    if last is not None and is_near and last.kind == kind:
        HealthSpan.objects.filter(pk=last.pk).update(until=now)
        return
    since = last.until if last is not None and is_near else now
    HealthSpan.objects.create(node=node, kind=kind, since=since, until=now)


def prune() -> None:
    """Forget what no page shows any more."""
    HealthSpan.objects.filter(until__lt=timezone.now() - KEPT).delete()


@dataclass(frozen=True)
class Past:
    """The last hour of one node.

    Attributes:
        ticks: What each minute was, the oldest first: well, slow, lost, or empty where nobody looked.
        since: The clock time at which it begins.
        words: The same in a few words.
        state: How to colour them: empty, slow or lost.
    """

    ticks: tuple[str, ...]
    since: str
    words: str
    state: str = ""

    @property
    def paths(self) -> list[tuple[str, str]]:
        """The ticks of each kind as one SVG path, in a box of 5 x 12 for each minute."""
        found: dict[str, str] = {}
        for place, kind in enumerate(self.ticks):
            found[kind] = f"{found.get(kind, '')}M{place * 5} 0h4v12h-4z"
        return list(found.items())


def pasts(nodes: Iterable[GpuNode], now: datetime | None = None) -> dict[int, Past]:
    """Return the last hour of each node, by its id."""
    until = now or timezone.now()
    since = until - SHOWN
    spans: dict[int, list[HealthSpan]] = {}
    for span in HealthSpan.objects.filter(until__gte=since).order_by("since"):
        spans.setdefault(span.node_id, []).append(span)
    return {node.pk: _past(spans.get(node.pk, ()), since, until) for node in nodes}


def _past(spans: Sequence[HealthSpan], since: datetime, until: datetime) -> Past:
    step = (until - since) / TICKS
    ticks = [""] * TICKS
    for span in spans:
        first = max(0, int((span.since - since) / step))
        last = min(TICKS - 1, int((span.until - since) / step))
        for place in range(first, last + 1):
            if _WORSE[span.kind] > _WORSE[ticks[place]]:
                ticks[place] = span.kind
    return Past(tuple(ticks), _clock(since), *_in_words(spans))


def _in_words(spans: Sequence[HealthSpan]) -> tuple[str, str]:
    """Say the worst that happened, and whether it still is so."""
    if not spans:
        return "not looked at for an hour", ""
    lost = [span for span in spans if span.kind == HealthSpan.Kind.LOST]
    slow = [span for span in spans if span.kind == HealthSpan.Kind.SLOW]
    if lost and lost[-1] is spans[-1]:
        return f"lost since {_clock(lost[-1].since)}", "lost"
    if lost:
        times = "" if len(lost) == 1 else f"{len(lost)} times, last "
        return f"lost {times}at {_clock(lost[-1].since)}", "lost"
    if slow:
        return f"slow to answer at {_clock(slow[-1].since)}", "slow"
    minutes = int((spans[-1].until - spans[0].since).total_seconds() // 60)
    return ("steady for an hour" if minutes >= TICKS - 1 else "steady"), ""


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M}"
