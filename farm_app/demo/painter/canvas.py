"""The picture while it is being made: scene light at full size, and soft fields to pour into it."""

import math
from functools import lru_cache

import numpy as np

from farm_app.demo.painter.noise import Field
from farm_app.demo.painter.pen import Pen, Stencil
from farm_app.demo.painter.resample import resample, resample_where

SOFT_SHARE = 1 / 10  # of the picture's area
LEAST_LIGHT, LEAST_VEIL = 1e-5, 1e-4  # even black film shows no less
LEAST_SOFT_PX, MOST_SOFT_PX = 144 * 144, 320 * 320


def soft_size(width: int, height: int) -> tuple[int, int]:
    """Size of the soft fields: what the eye can tell in a picture of this size, and no more."""
    area = min(MOST_SOFT_PX, max(LEAST_SOFT_PX, SOFT_SHARE * width * height))
    side = math.sqrt(area * width / height)
    return max(8, round(side)), max(8, round(area / side))


@lru_cache(maxsize=16)
def _line(count: int) -> Field:
    """Pixel centres of a row or column as fractions of its length."""
    line = (np.arange(count, dtype=np.float32) + np.float32(0.5)) / np.float32(count)
    line.setflags(write=False)
    return line


class Canvas:
    """Scene light, planes first. Places are fractions of width and height, sizes are units.

    A unit is about the picture's height; in a tall picture it is bound to the width, so
    that a subject fits. Nothing here depends on the number of pixels but sharpness.
    """

    def __init__(self, width: int, height: int) -> None:
        """A dark picture of this size in pixels."""
        self.width, self.height = width, height
        self.light: Field = np.zeros((3, height, width), np.float32)
        self.unit = min(height, 1.3 * width)
        self.soft_w, self.soft_h = soft_size(width, height)
        self.cols, self.rows = _line(width)[None, :], _line(height)[:, None]
        self.u, self.v = _line(self.soft_w)[None, :], _line(self.soft_h)[:, None]
        self.wide, self.high = width / self.unit, height / self.unit

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place in pixels."""
        return x * self.width, y * self.height

    def column(self, x: float) -> int:
        """The pixel column of a place, inside the picture."""
        return min(self.width - 1, max(0, int(x * self.width)))

    def away(self, x: float, y: float) -> Field:
        """Soft field of distances from a place, in units."""
        dx, dy = (self.u - x) * self.wide, (self.v - y) * self.high
        return np.asarray(np.sqrt(dx * dx + dy * dy), np.float32)

    def raised(self, field: Field, *, smooth: bool = False) -> Field:
        """A soft field at full size."""
        return resample(field, self.width, self.height, "bicubic" if smooth else "bilinear")

    def fill(self, planes: Field) -> None:
        """Pours soft light, shape (3, soft_h, soft_w), over everything."""
        for full, plane in zip(self.light, planes, strict=True):
            full[:] = self.raised(plane, smooth=True)

    def add(self, field: Field, colour: Field) -> None:
        """Adds light of one colour in the strength of a soft field."""
        for top, part in resample_where(field, self.width, self.height, LEAST_LIGHT):
            _add(self.light[:, top : top + len(part)], colour, part)

    def veil(self, field: Field, colour: Field) -> None:
        """Covers with one colour in the opacity of a soft field: mist, smoke, haze."""
        for top, part in resample_where(field, self.width, self.height, LEAST_VEIL):
            self.blend(part, colour, top)

    def brighten(self, strength: Field, colour: Field, top: int = 0) -> None:
        """Adds light of one colour to rows from `top`, in full-size strength (rows, width)."""
        _add(self.light[:, top : top + strength.shape[0]], colour, strength)

    def blend(self, alpha: Field, colour: Field, top: int = 0) -> None:
        """Covers rows from `top` with a colour in full-size opacity (rows, width)."""
        _mix(self.light[:, top : top + alpha.shape[0]], colour, alpha)

    def cover(self, stencil: Stencil | None, colour: Field, opacity: float = 1.0) -> None:
        """Paints a shape; `colour` is (3, 1, 1) or has the stencil's own size."""
        if stencil is None:
            return
        rows, columns = stencil.window
        alpha = stencil.alpha if opacity == 1 else stencil.alpha * np.float32(opacity)
        _mix(self.light[:, rows, columns], colour, alpha)

    def shine(self, stencil: Stencil | None, colour: Field, strength: float = 1.0) -> None:
        """Adds light in a shape."""
        if stencil is None:
            return
        rows, columns = stencil.window
        _add(self.light[:, rows, columns], colour, stencil.alpha * np.float32(strength))

    def rim(
        self, stencil: Stencil | None, colour: Field, toward: tuple[float, float], width: float
    ) -> None:
        """Lights the edge of a shape that faces `toward` (x, y), `width` units deep."""
        if stencil is None:
            return
        length = math.hypot(*toward) or 1.0
        reach = max(1.0, width * self.unit)
        dx, dy = -reach * toward[0] / length, -reach * toward[1] / length
        edge = shifted(stencil.alpha, round(dx), round(dy))
        edge += shifted(stencil.alpha, round(dx / 2), round(dy / 2))
        edge *= np.float32(-0.5)
        edge += np.float32(1)
        edge *= stencil.alpha
        rows, columns = stencil.window
        _add(self.light[:, rows, columns], colour, edge)

    def pen(self, margin: float = 0.0) -> Pen:
        """A pen in pixels; its stencil reaches `margin` units beyond its shapes."""
        return Pen(margin_px=2 + margin * self.unit)

    def sketch(
        self, x: float, y: float, size: float, *, flip: bool = False, margin: float = 0.006
    ) -> Pen:
        """A pen in a frame of its own: origin at a place, y upward, one step is `size` units."""
        scale = size * self.unit
        across = -scale if flip else scale
        return Pen(self.at(x, y), (across, -scale), margin_px=2 + margin * self.unit)

    def cut(self, pen: Pen) -> Stencil | None:
        """What a pen has drawn, cut to this picture."""
        return pen.stencil(self.width, self.height)


def _mix(window: Field, colour: Field, alpha: Field) -> None:
    """Blends `colour` into a window by `alpha`, plane by plane to stay in the cache."""
    for plane, own in zip(window, colour, strict=True):
        part = own - plane
        part *= alpha
        plane += part


def _add(window: Field, colour: Field, strength: Field) -> None:
    """Adds `colour` to a window by `strength`, plane by plane."""
    for plane, own in zip(window, colour, strict=True):
        plane += own * strength


def shifted(plane: Field, dx: int, dy: int) -> Field:
    """The plane moved by whole pixels; in the gap it stays as it was."""
    moved = plane.copy()
    height, width = plane.shape
    if abs(dx) < width and abs(dy) < height:
        source = plane[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
        moved[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)] = source
    return moved
