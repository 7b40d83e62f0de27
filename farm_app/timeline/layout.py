"""From spans of time to bars on an axis: pure arithmetic, no rows and no clock.

All seconds are on one clock. Places are shares of the axis in percent, since nobody here knows how wide a page is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

DONE, RENDERING, LOAD, PLANNED, PLANNED_LOAD = (
    "done",
    "rendering",
    "load",
    "planned",
    "planned-load",
)
FAILED, LOST, CANCELLED, OFFLINE = "failed", "lost", "cancelled", "offline"
FAULTS: Final = frozenset({FAILED, LOST, OFFLINE})

# A label is taken to fit if it would at this width of the axis, which most desks have.
USUAL_PX: Final = 1180
PHONE_PX: Final = 250
TIME_PX: Final = 44
CHAR_PX: Final = 6.4
PADDING_PX: Final = 12
# What is closer together than this is one bar to the eye.
GAP_PX: Final = 1.5
LEAST_PX: Final = 1.5
MOST_BARS: Final = 120
MIXED: Final = "mixed"
STEPS_S: Final = (60, 120, 240, 300, 600, 900, 1800, 3600, 7200, 10800, 14400)
MOST_TICKS: Final = 10


@dataclass(frozen=True, slots=True)
class Span:
    """Something on one node from one moment to another.

    Attributes:
        label: What it was, in a word or two; empty for what needs none.
        count: How many pictures.
    """

    start_s: float
    end_s: float
    kind: str
    label: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Axis:
    """The time that is shown."""

    start_s: float
    now_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """All of it."""
        return self.end_s - self.start_s

    def x(self, at_s: float) -> float:
        """Return the place of a moment in percent; what lies outside stands at the edge."""
        share = (at_s - self.start_s) / self.length_s
        return 100 * min(max(share, 0.0), 1.0)

    def seconds(self, px: float) -> float:
        """Return the seconds that so many pixels stand for at the usual width."""
        return px * self.length_s / USUAL_PX


@dataclass(frozen=True, slots=True)
class Bar:
    """A span as it is drawn; ``on_phone`` says whether its label would fit there, too."""

    x: float
    width: float
    kind: str
    label: str
    on_phone: bool
    span: Span


def merged(spans: Iterable[Span], gap_s: float, *, by_label: bool = True) -> list[Span]:
    """Return spans in order, with neighbours of one kind and label as one if no more than ``gap_s`` lies between.

    Without ``by_label`` neighbours of one kind are one whatever they were. Counts add up; nothing is lost.
    """
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start_s, one.end_s)):
        last = found[-1] if found else None
        if last is None or not _is_alike(last, span, by_label) or span.start_s - last.end_s > gap_s:
            found.append(span)
            continue
        label = last.label if last.label == span.label else MIXED
        end_s = max(last.end_s, span.end_s)
        found[-1] = replace(last, end_s=end_s, label=label, count=last.count + span.count)
    return found


def _is_alike(one: Span, other: Span, by_label: bool) -> bool:
    return one.kind == other.kind and (not by_label or one.label == other.label)


def thinned(spans: Sequence[Span], axis: Axis, most: int = MOST_BARS) -> list[Span]:
    """Return spans merged as far as the eye can tell, and then further until there are no more than ``most``.

    Faults are kept apart from the rest for as long as that is possible.
    """
    gap_s = axis.seconds(GAP_PX)
    found = merged(spans, gap_s)
    while len(found) > most and gap_s < axis.length_s:
        found = merged(found, gap_s, by_label=False)
        gap_s *= 2
    return found if len(found) <= most else _most_telling(found, most)


def _most_telling(spans: Sequence[Span], most: int) -> list[Span]:
    """Leave out the shortest where kinds take turns too quickly to be drawn; faults go last."""
    by_worth = sorted(spans, key=lambda one: (one.kind not in FAULTS, one.start_s - one.end_s))
    return sorted(by_worth[:most], key=lambda one: one.start_s)


def within(spans: Iterable[Span], axis: Axis) -> Iterator[Span]:
    """Yield what is seen of spans on the axis."""
    for span in spans:
        if span.end_s <= axis.start_s or span.start_s >= axis.end_s:
            continue
        start_s, end_s = max(span.start_s, axis.start_s), min(span.end_s, axis.end_s)
        yield replace(span, start_s=start_s, end_s=end_s)


def bars(spans: Iterable[Span], axis: Axis) -> list[Bar]:
    """Return the bars of one node, in order; a moment is drawn as wide as can be seen."""
    found = thinned(list(within(spans, axis)), axis)
    least = 100 * LEAST_PX / USUAL_PX
    made = []
    for span in found:
        x = axis.x(span.start_s)
        width = max(axis.x(span.end_s) - x, least)
        x = min(x, 100 - width)
        label = fitting(span, width * USUAL_PX / 100)
        on_phone = bool(label) and width_px(label) <= width * PHONE_PX / 100
        made.append(Bar(x, width, span.kind, label, on_phone, span))
    return made


def fitting(span: Span, px: float) -> str:
    """Return the longest of a span's labels that fits into so many pixels; empty if none does."""
    return next((text for text in _labels(span) if width_px(text) <= px), "")


def _labels(span: Span) -> Iterator[str]:
    if span.kind in (LOAD, PLANNED_LOAD, RENDERING) or not span.label:
        return
    if span.count > 1:
        yield f"{span.label} ×{span.count}"
        yield f"×{span.count}"
    else:
        yield span.label


def width_px(text: str) -> float:
    """Return how many pixels a text takes in a bar, with room around it."""
    return len(text) * CHAR_PX + PADDING_PX


def tick_step_s(axis: Axis) -> int:
    """Return the distance of the axis' marks."""
    return next((step for step in STEPS_S if axis.length_s / step <= MOST_TICKS), STEPS_S[-1])


def ticks(axis: Axis, offset_s: float = 0.0) -> list[float]:
    """Return the moments to mark: whole minutes or hours of a clock that is ``offset_s`` ahead.

    None stands so close to now or to the edges that its time would be cut or covered.
    """
    step = tick_step_s(axis)
    first = -(-(axis.start_s + offset_s) // step) * step - offset_s
    near_s = axis.seconds(40)
    found = [first + n * step for n in range(int(axis.length_s // step) + 1)]
    return [
        at_s
        for at_s in found
        if axis.start_s + near_s / 2 <= at_s <= axis.end_s - near_s / 2
        and abs(at_s - axis.now_s) >= near_s
    ]


def on_phone(marks: Iterable[float], axis: Axis) -> frozenset[float]:
    """Return those of the moments whose times stand apart from each other and from now on a phone, too."""
    near_s = TIME_PX * axis.length_s / PHONE_PX
    found: list[float] = []
    for at_s in sorted(marks):
        is_free = not found or at_s - found[-1] >= near_s
        if is_free and abs(at_s - axis.now_s) >= near_s and axis.end_s - at_s >= near_s / 2:
            found.append(at_s)
    return frozenset(found)
