"""What a preset's card draws, as SVG text: its palette in the frame's true shape, and its light seen from above.

A soft lamp is as broad as a sheet, so it is a bar with the edges of its light; a hard one is a point with one ray. What is
overhead has a bar above it and what is low one below; what is in the picture is a ring. The camera is at the foot and looks up.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import accumulate, chain
from math import cos, dist, radians, sin
from typing import Final

from sessions_app.cinema.films import Lamp, LightPlan

MOST_WIDE_PX: Final = 91
MOST_HIGH_PX: Final = 57
LEAST_WIDE_PX: Final = 24
BORDER_PX: Final = 3
"""Hairline and gap between the frame's edge and its colors."""
COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")

WIDE, HIGH = 48, 64
SUBJECT: Final = (24.0, 30.0)
CAMERA: Final = (24.0, 57.0)
_CAMERA_PATH: Final = "M20.75 61.25v-5.5L24 52.25l3.25 3.5v5.5z"
_REACH: Final = {"low": 20.0, "eye": 20.0, "high": 18.0, "top": 13.0}
"""How far from the subject a lamp is drawn: what hangs high stands near, seen from above."""
_ELSEWHERE: Final = (
    *((0, 26.0), (25, 19.0), (-25, 19.0), (40, 19.0), (-40, 19.0)),
    *((25, 25.0), (-25, 25.0), (0, 11.0)),
)
"""Turn and reach that are tried where a lamp's own place is taken."""
_CLEAR: Final = 9.0
_SHORTEST_RAY, _LONGEST_RAY = 3.5, 12.0
_RINGS_AT: Final = tuple(
    (azimuth, reach) for reach in (20.0, 26.0) for azimuth in range(75, 286, 15)
)
"""Where practicals may be: beside or behind the subject, as the camera must see them."""


class Svg(str):
    """Markup whose parts are escaped already; a template shows it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return it for a template."""
        return self


@dataclass(frozen=True, slots=True)
class Mark:
    """A lamp in its place; `weight` 2 for the key, 1 for a back light, 0 for a fill."""

    lamp: Lamp
    x: float
    y: float
    weight: int


def palette_of(colors: Iterable[str], ratio: float | None) -> Svg:
    """Return a palette in a frame of this shape; the first colors are the widest.

    What is no color is left out: people write palettes of their own.
    """
    wide, high = frame_size(ratio or 16 / 9)
    outer_wide, outer_high = wide + 2 * BORDER_PX, high + 2 * BORDER_PX
    bars = "".join(
        f'<rect x="{x + BORDER_PX}" y="{BORDER_PX}" width="{width}" height="{high}" fill="{color}"/>'
        for color, x, width in _bars([one for one in colors if COLOR.fullmatch(one)], wide)
    )
    return Svg(
        f'<svg class="palette" width="{outer_wide}" height="{outer_high}" aria-hidden="true">'
        f'<rect class="palette-edge" x="0.5" y="0.5" width="{outer_wide - 1}" height="{outer_high - 1}" rx="4"/>'
        f'<g class="palette-colors">{bars}</g></svg>'
    )


def frame_size(ratio: float) -> tuple[int, int]:
    """Return width and height in pixels of the largest frame of this shape that a card has room for."""
    wide = max(min(float(MOST_WIDE_PX), MOST_HIGH_PX * ratio), LEAST_WIDE_PX)
    return round(wide), round(min(wide / ratio, MOST_HIGH_PX))


def _bars(colors: list[str], wide: int) -> Iterator[tuple[str, int, int]]:
    """Yield color, start and width on whole pixels; each weighs less than the one before."""
    weights = range(len(colors), 0, -1)
    ends = [round(wide * one / sum(weights)) for one in accumulate(weights)]
    for color, start, end in zip(colors, [0, *ends], ends, strict=False):
        yield color, start, end - start


def light_of(plan: LightPlan) -> Svg:
    """Return a plan of the light, legible at 48 by 64 pixels; its title says the same in words."""
    marks = marks_of(plan)
    rings = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="none" stroke-width="1.5"/>'
        for x, y in rings_of(plan, marks)
    )
    words = said_of(plan)
    return Svg(
        f'<svg class="plan" width="{WIDE}" height="{HIGH}" viewBox="0 0 {WIDE} {HIGH}" role="img">'
        f"<title>{escape(words[:1].upper() + words[1:])}</title>"
        f'<g class="plan-lamps">{"".join(map(_drawn, marks))}{rings}</g>'
        f'<circle class="plan-subject" cx="{SUBJECT[0]:g}" cy="{SUBJECT[1]:g}" r="4"/>'
        f'<path class="plan-camera" d="{_CAMERA_PATH}"/></svg>'
    )


def marks_of(plan: LightPlan) -> tuple[Mark, ...]:
    """Return its lamps, each where it is seen from above, or as near as the others leave room."""
    taken = [CAMERA]
    marks = []
    for lamp, weight in ((plan.key, 2), (plan.back, 1), (plan.fill, 0)):
        if lamp:
            at = _free_place(lamp, taken)
            taken.append(at)
            marks.append(Mark(lamp, *at, weight))
    return tuple(marks)


def _free_place(lamp: Lamp, taken: list[tuple[float, float]]) -> tuple[float, float]:
    reach = _REACH.get(lamp.height, _REACH["high"])
    places = [place_of(lamp.azimuth + turn, away) for turn, away in chain([(0, reach)], _ELSEWHERE)]
    inside = [one for one in places if _is_inside(one)]
    return next(
        (one for one in inside if _clearance(one, taken) >= _CLEAR),
        max(inside, key=lambda one: _clearance(one, taken)),
    )


def place_of(azimuth: float, reach: float) -> tuple[float, float]:
    """Return where on the plan something is that stands there: 90 degrees is on the right of a camera that looks up."""
    return SUBJECT[0] + reach * sin(radians(azimuth)), SUBJECT[1] + reach * cos(radians(azimuth))


def _is_inside(at: tuple[float, float]) -> bool:
    return 3 <= at[0] <= WIDE - 3 and 3 <= at[1] <= HIGH - 3


def _clearance(at: tuple[float, float], taken: Iterable[tuple[float, float]]) -> float:
    return min(dist(at, one) for one in taken)


def rings_of(plan: LightPlan, marks: Iterable[Mark]) -> tuple[tuple[float, float], ...]:
    """Return where its practicals are drawn: nobody knows where they stood, so where there is most room."""
    taken = [(mark.x, mark.y) for mark in marks]
    places = [at for one in _RINGS_AT if _is_inside(at := place_of(*one))]
    found = []
    for _ in range(min(plan.practicals, 4)):
        found.append(max(places, key=lambda one: _clearance(one, [CAMERA, *taken])))
        taken.append(found[-1])
    return tuple(found)


def _drawn(mark: Mark) -> str:
    """Return one lamp, turned to the subject; what hangs overhead shines down, and sends no ray aside."""
    away = dist((mark.x, mark.y), SUBJECT)
    to_subject = ((SUBJECT[0] - mark.x) / away, (SUBJECT[1] - mark.y) / away)
    end = 0 if mark.lamp.height == "top" or not mark.weight else min(away - 7, _LONGEST_RAY)
    shape = _hard if mark.lamp.hard else _soft
    return shape(mark, to_subject, end)


def _hard(mark: Mark, to: tuple[float, float], end: float) -> str:
    radius = (2.5, 2.75, 3.25)[mark.weight]
    return (
        f'<circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{radius:g}" stroke="none"/>'
        f"{_ray(mark, to, (radius + 1.75, 0), (end, 0), 1.25)}{_height(mark, radius)}"
    )


def _soft(mark: Mark, to: tuple[float, float], end: float) -> str:
    half = (4.0, 5.0, 6.5)[mark.weight]
    bar = _line(mark, to, (0, -half), (0, half), 2 if mark.weight else 1.75)
    edges = (
        _ray(mark, to, (2.25, side * half * 0.55), (end, side * half * 0.25), 0.75)
        for side in (-1, 1)
    )
    return f"{bar}{''.join(edges)}{_height(mark, half * abs(to[0]) + 0.75)}"


def _ray(
    mark: Mark,
    to: tuple[float, float],
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
) -> str:
    is_long = end[0] >= start[0] + _SHORTEST_RAY
    return _line(mark, to, start, end, width) if is_long else ""


def _line(
    mark: Mark,
    to: tuple[float, float],
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
) -> str:
    """Return a line from a lamp's own point of view: so far ahead, so far aside."""
    (x1, y1), (x2, y2) = (
        (mark.x + ahead * to[0] - aside * to[1], mark.y + ahead * to[1] + aside * to[0])
        for ahead, aside in (start, end)
    )
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke-width="{width:g}"/>'
    )


def _height(mark: Mark, reach: float) -> str:
    """Return the bar above a lamp overhead, or below one that is low; the lamp itself reaches so far up and down."""
    if mark.lamp.height not in ("top", "low"):
        return ""
    y = mark.y + (reach + 2.5) * (-1 if mark.lamp.height == "top" else 1)
    return f'<line x1="{mark.x - 3:.1f}" y1="{y:.1f}" x2="{mark.x + 3:.1f}" y2="{y:.1f}" stroke-width="1"/>'


_NUMBERS: Final = ("no", "one", "two", "three", "four")
_HEIGHTS: Final = {"low": "low", "eye": "at eye level", "high": "high", "top": "overhead"}
_SIDES: Final = (
    (15, "near the camera"),
    (65, "from the front {side}"),
    (115, "from the {side}"),
    (165, "from behind the {side}"),
)
"""Degrees from the camera below which a lamp is said to be there; what is further round is behind."""


def said_of(plan: LightPlan) -> str:
    """Return the plan in words, such as: key from behind the left, high and hard; two practicals."""
    lamps = (("key", plan.key), ("fill", plan.fill), ("back light", plan.back))
    parts = [f"{name} {_lamp_said(lamp)}" for name, lamp in lamps if lamp]
    if plan.practicals > 0:
        amount = dict(enumerate(_NUMBERS)).get(plan.practicals, str(plan.practicals))
        parts.append(f"{amount} practical{'s' if plan.practicals > 1 else ''}")
    return "; ".join(parts)


def _lamp_said(lamp: Lamp) -> str:
    quality = "hard" if lamp.hard else "soft"
    return f"{_side_said(lamp.azimuth)}, {_HEIGHTS.get(lamp.height, lamp.height)} and {quality}"


def _side_said(azimuth: float) -> str:
    turned = azimuth % 360
    side, away = ("right", turned) if turned <= 180 else ("left", 360 - turned)
    said = next((words for below, words in _SIDES if away < below), "from behind")
    return said.format(side=side)
