"""The timeline as its fragment shows it: lanes, marks, legend, words; read once for all pages for a moment."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from django.urls import reverse
from django.utils import timezone

from eliot.live import kept_briefly
from farm_app import planning
from farm_app.timeline.layout import (
    CANCELLED,
    DONE,
    FAILED,
    LOAD,
    LOST,
    OFFLINE,
    PHONE_PX,
    PLANNED,
    PLANNED_LOAD,
    RENDERING,
    USUAL_PX,
    Axis,
    Bar,
    bars,
    on_phone,
    ticks,
    width_px,
)
from farm_app.timeline.spans import Spans, away_spans, past_spans, planned_spans, present_spans

LANE_PX: Final = 26
BAR_PX: Final = 16
TOP_PX: Final = 26
# Minutes of past: as they are called, minutes before now, minutes ahead, and how long a past may be kept, in seconds.
SPANS: Final[dict[int, tuple[str, float, float, float]]] = {
    36: ("36 min", 24, 12, 1.0),
    60: ("1 h", 60, 20, 2.0),
    1440: ("1 day", 1440, 120, 20.0),
}
WORDS: Final = {
    DONE: "done",
    RENDERING: "rendering",
    LOAD: "loading a model",
    PLANNED: "planned",
    PLANNED_LOAD: "will load a model",
    FAILED: "failed",
    LOST: "lost",
    CANCELLED: "cancelled",
    OFFLINE: "offline",
}
LEGEND: Final = (DONE, RENDERING, LOAD, PLANNED)
DAY: Final = 1440
_NO_PICTURES: Final = (LOAD, PLANNED_LOAD, OFFLINE)


@dataclass(frozen=True)
class Box:
    """One bar with its place in the picture."""

    bar: Bar
    y: int

    @property
    def x(self) -> str:
        """Left edge."""
        return f"{self.bar.x:.2f}%"

    @property
    def width(self) -> str:
        """How wide it is."""
        return f"{self.bar.width:.2f}%"

    @property
    def title(self) -> str:
        """What it says when it is pointed at."""
        span = self.bar.span
        many = f" ×{span.count}" if span.count > 1 else ""
        what = f"{span.label}{many}, " if span.label else ""
        return f"{what}{WORDS[span.kind]}, {clock(span.start_s)} – {clock(span.end_s)}"


@dataclass(frozen=True)
class Lane:
    """One node."""

    name: str
    y: int
    boxes: tuple[Box, ...]
    note: str
    state: str = ""
    note_x: float = 100.0
    """Where the note may begin, in percent: behind now and all that is drawn."""

    @property
    def note_place(self) -> str:
        """Where it begins; empty where it does not fit behind that."""
        return f"{self.note_x:.2f}%" if self._has_room(USUAL_PX) else ""

    @property
    def is_note_wide(self) -> bool:
        """Whether the note fits on a desk only."""
        return not self._has_room(PHONE_PX)

    def _has_room(self, px: float) -> bool:
        return bool(self.note) and width_px(self.note) <= (100 - self.note_x) / 100 * px

    @property
    def middle(self) -> int:
        """Where its name stands."""
        return self.y + LANE_PX // 2 + 4

    @property
    def sum(self) -> str:
        """What it did and will do, in a few words."""
        made = sum(box.bar.span.count for box in self.boxes if box.bar.kind == DONE)
        failed = sum(box.bar.span.count for box in self.boxes if box.bar.kind in (FAILED, LOST))
        parts = [f"{made} done"] if made else ["nothing done"]
        parts += [f"{failed} failed or lost"] if failed else []
        parts += ["rendering now"] if any(box.bar.kind == RENDERING for box in self.boxes) else []
        parts += [self.note] if self.note else []
        return f"{self.name}: {', '.join(parts)}."


@dataclass(frozen=True)
class Mark:
    """A time on the axis."""

    x: str
    text: str
    is_wide: bool = False
    """There is no room for it on a phone."""


@dataclass(frozen=True)
class Timeline:
    """All that is drawn."""

    minutes: int
    axis: Axis
    lanes: tuple[Lane, ...]

    @property
    def height(self) -> int:
        """In pixels."""
        return TOP_PX + LANE_PX * len(self.lanes) + 2

    @property
    def now(self) -> Mark:
        """The line of this moment."""
        return Mark(f"{self.axis.x(self.axis.now_s):.2f}%", clock(self.axis.now_s))

    @cached_property
    def marks(self) -> list[Mark]:
        """The times along the axis."""
        found = ticks(self.axis, _offset_s(self.axis.now_s))
        few = on_phone(found, self.axis)
        return [Mark(f"{self.axis.x(at):.2f}%", clock(at), at not in few) for at in found]

    @property
    def words(self) -> str:
        """What it is called."""
        return SPANS[self.minutes][0]

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """Label, address and whether it is shown, of each length."""
        page = reverse("farm:nodes")
        return [
            (label, f"{page}?span={minutes}#timeline", minutes == self.minutes)
            for minutes, (label, *_) in SPANS.items()
        ]

    @property
    def legend(self) -> list[tuple[str, str]]:
        """Kind and word of what needs explaining."""
        there = {box.bar.kind for lane in self.lanes for box in lane.boxes}
        others = [kind for kind in (FAILED, LOST, CANCELLED, OFFLINE) if kind in there]
        return [(kind, WORDS[kind]) for kind in (*LEGEND, *others)]

    @property
    def rows(self) -> list[tuple[str, str, str, int | str, str]]:
        """The same as a table: node, what, how it went, how many, and when."""
        told = clock if self.minutes == DAY else clock_s
        return [
            (
                lane.name,
                box.bar.span.label,
                WORDS[box.bar.kind],
                box.bar.span.count if box.bar.kind not in _NO_PICTURES else "",
                f"{told(box.bar.span.start_s)} – {told(box.bar.span.end_s)}",
            )
            for lane in self.lanes
            for box in lane.boxes
        ]


def clock(at_s: float) -> str:
    """Return a moment as a clock time."""
    return f"{_local(at_s):%H:%M}"


def clock_s(at_s: float) -> str:
    """Return a moment as a clock time with its second."""
    return f"{_local(at_s):%H:%M:%S}"


def _local(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, tz=timezone.get_current_timezone())


def _offset_s(at_s: float) -> float:
    offset = _local(at_s).utcoffset()
    return offset.total_seconds() if offset else 0.0


def asked_minutes(text: str) -> int:
    """Return the length that an address asks for; anything else is the first."""
    return int(text) if text in {str(one) for one in SPANS} else next(iter(SPANS))


def draw_timeline(minutes: int) -> Timeline:
    """Draw what happened and what is planned."""
    axis = _axis(minutes)
    drawn = planning.recent_plan()
    sources = (
        _pasts[minutes](minutes),
        away_spans(axis),
        present_spans(axis),
        planned_spans(drawn),
    )
    lanes = []
    for place, view in enumerate(sorted(drawn.nodes, key=lambda one: one.id)):
        y = TOP_PX + place * LANE_PX
        spans = [span for source in sources for span in source.get(view.id, ())]
        boxes = tuple(Box(bar, y + (LANE_PX - BAR_PX) // 2) for bar in bars(spans, axis))
        ends = [axis.x(axis.now_s), *(box.bar.x + box.bar.width for box in boxes)]
        lanes.append(Lane(view.name, y, boxes, _NOTES.get(view.state, ""), view.state, max(ends)))
    return Timeline(minutes, axis, tuple(lanes))


_NOTES: Final = {
    "draining": "Draining",
    "paused": "Paused",
    "reserved": "Reserved",
    "offline": "Offline",
    "disabled": "Disabled",
}


def _axis(minutes: int) -> Axis:
    _, before, ahead, _ = SPANS[minutes]
    now_s = time.time()
    return Axis(now_s - before * 60, now_s, now_s + ahead * 60)


def _past(minutes: int) -> Spans:
    return past_spans(_axis(minutes))


# The longer the axis, the longer it takes until anything more of the past could be seen on it.
_pasts: Final[Mapping[int, Callable[[int], Spans]]] = {
    minutes: kept_briefly(keep_s)(_past) for minutes, (*_, keep_s) in SPANS.items()
}


@kept_briefly(1.0)
def recent_timeline(minutes: int) -> Timeline:
    """Return the timeline as it was a moment ago, drawn once for all pages."""
    return draw_timeline(minutes)
