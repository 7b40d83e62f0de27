"""Outlines and what they cover: polygons, bars and discs, drawn large and shrunk to soft edges."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from farm_app.demo.painter.noise import Field

Outline = npt.NDArray[np.floating[Any]]
"""Corners, shape (n, 2), x before y."""
Points = tuple[tuple[float, float], ...]
"""The same, written down by hand."""
Turn = npt.NDArray[np.complexfloating[Any, Any]]
Joint = tuple[float, float, float]
"""x, y and radius."""

FINE_AREA_PX = 200 * 200  # smaller stencils are drawn four times as large, others twice
THIN_PX = 1.4  # a bar this thin needs no round ends
_FLAT = np.array((-1j, 1j), np.complex64)


@dataclass(frozen=True, eq=False)
class Stencil:
    """Coverage 0..1 of a shape, with the pixel of its top left corner."""

    x: int
    y: int
    alpha: Field

    @property
    def window(self) -> tuple[slice, slice]:
        """Its rows and columns in the picture."""
        height, width = self.alpha.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


@lru_cache(maxsize=32)
def _half_circle(corners: int) -> Turn:
    """Points from one side over the front to the other, across and down as complex numbers."""
    turn = np.linspace(-math.pi / 2, math.pi / 2, corners)
    return np.asarray(np.exp(1j * turn), np.complex64)


@lru_cache(maxsize=2)
def _circle(corners: int) -> Outline:
    """A circle of radius 1."""
    turn = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    return np.stack((np.cos(turn), np.sin(turn)), axis=1)


def rounded(points: Outline | Points, steps: int = 6) -> Outline:
    """A closed Catmull-Rom curve through the points."""
    knots = np.asarray(points, np.float32)
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[None, :, None]
    p0, p1 = np.roll(knots, 1, 0)[:, None], knots[:, None]
    p2, p3 = np.roll(knots, -1, 0)[:, None], np.roll(knots, -2, 0)[:, None]
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t * t
    curve = 0.5 * (curve + (3 * p1 - p0 - 3 * p2 + p3) * t * t * t)
    return np.asarray(curve.reshape(-1, 2), np.float32)


class Pen:
    """Collects outlines in its own frame; overlapping ones unite.

    `origin` is a pixel, `scale` the pixels of one step to the right and one step down
    (negative: to the left, up). The plain frame is that of the picture's pixels.
    """

    def __init__(
        self,
        origin: tuple[float, float] = (0.0, 0.0),
        scale: tuple[float, float] = (1.0, 1.0),
        *,
        margin_px: float = 2.0,
    ) -> None:
        """`margin_px` widens the stencil, for rims that need to see beyond the edge."""
        self._at, self._step = origin, scale
        self._origin, self._scale = np.array(origin, np.float32), np.array(scale, np.float32)
        self._size = abs(scale[0])
        self._margin_px = margin_px
        self._shapes: list[tuple[Outline, int]] = []
        self._quads: list[tuple[Outline, npt.NDArray[np.int_]]] = []

    def polygon(self, points: Outline | Points, strength: float = 1.0) -> None:
        """A closed outline; `strength` 0..1 is its coverage."""
        corners = np.asarray(points, np.float32) * self._scale + self._origin
        self._shapes.append((corners, round(255 * strength)))

    def curve(self, points: Points) -> None:
        """A closed outline, rounded."""
        self.polygon(rounded(points))

    def box(
        self, left: float, top: float, right: float, bottom: float, strength: float = 1.0
    ) -> None:
        """An upright rectangle."""
        self.polygon(((left, top), (right, top), (right, bottom), (left, bottom)), strength)

    def disc(self, x: float, y: float, radius: float, *, squash: float = 1.0) -> None:
        """An ellipse; `squash` is height over width."""
        rim = _circle(12 if radius * self._size < 4 else 40)
        self.polygon(rim * (radius, radius * squash) + (x, y))

    def quads(self, corners: Outline, strengths: Outline | None = None) -> None:
        """Many four-sided outlines at once, shape (n, 4, 2); `strengths` 0..1 for each."""
        if len(corners):
            values = np.ones(len(corners)) if strengths is None else strengths
            placed = np.asarray(corners, np.float32) * self._scale + self._origin
            self._quads.append((placed, np.rint(values * 255).astype(int)))

    def limb(self, start: Joint, end: Joint) -> None:
        """A tapering bar with round ends, never thinner than the film can hold."""
        first, last = complex(*self._placed(start)), complex(*self._placed(end))
        r1, r2 = max(start[2] * self._size, 0.3), max(end[2] * self._size, 0.25)
        along = (last - first) / (abs(last - first) or 1.0)
        arc = _FLAT if max(r1, r2) < THIN_PX else _half_circle(3 + min(14, int(max(r1, r2) * 1.2)))
        outline = np.empty((2, len(arc)), np.complex64)
        np.multiply(arc, -r1 * along, out=outline[0])
        np.multiply(arc, r2 * along, out=outline[1])
        outline[0] += first
        outline[1] += last
        self._shapes.append((outline.view(np.float32).reshape(-1, 2), 255))

    def chain(self, *joints: Joint) -> None:
        """Limbs from joint to joint."""
        for start, end in pairwise(joints):
            self.limb(start, end)

    def join(self, other: "Pen") -> None:
        """Takes over what another pen, in a frame of its own, has drawn."""
        self._shapes += other._shapes
        self._quads += other._quads

    def _placed(self, joint: Joint) -> tuple[float, float]:
        (x, y), (wide, tall) = self._at, self._step
        return x + joint[0] * wide, y + joint[1] * tall

    def stencil(self, width: int, height: int) -> Stencil | None:
        """What of it lies inside a picture of this size; None if nothing does."""
        points = [points for points, _ in self._shapes]
        points += [corners.reshape(-1, 2) for corners, _ in self._quads]
        if not points:
            return None
        every = np.concatenate(points)
        low, high = every.min(axis=0) - self._margin_px, every.max(axis=0) + self._margin_px
        left, top = max(0, math.floor(low[0])), max(0, math.floor(low[1]))
        right, bottom = min(width, math.ceil(high[0])), min(height, math.ceil(high[1]))
        if right - left < 1 or bottom - top < 1:
            return None
        return Stencil(left, top, self._filled(every, left, top, right - left, bottom - top))

    def _filled(self, every: Outline, left: int, top: int, width: int, height: int) -> Field:
        """Coverage in a window; `every` are the corners of all shapes, then of all quads."""
        fold = 4 if width * height < FINE_AREA_PX else 2
        picture = Image.new("L", (width * fold, height * fold))
        fill = ImageDraw.Draw(picture).polygon
        offset = np.array([left, top], np.float32) + np.float32(0.5 / fold)
        flat = ((every - offset) * np.float32(fold)).ravel().tolist()
        at = 0
        for count, value in self._fillings():
            fill(flat[at : at + 2 * count], fill=value)
            at += 2 * count
        covered = np.asarray(picture.reduce(fold))
        return np.asarray(np.multiply(covered, np.float32(1 / 255), dtype=np.float32))

    def _fillings(self) -> Iterator[tuple[int, int]]:
        """How many corners each outline has, and its coverage in 255ths."""
        for points, value in self._shapes:
            yield len(points), value
        for _, values in self._quads:
            for value in values.tolist():
                yield 4, value
