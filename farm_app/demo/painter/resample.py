"""Planes at other sizes: each pass of a kernel as small matrix products, which float planes get in no imaging library."""

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from farm_app.demo.painter.noise import Field

Taps = npt.NDArray[np.int_]

BAND: Final = 16
"""Lines that are made together, from a window of the source that serves them all."""
PART_ROWS: Final = 128
MOST_MULTIPLICATIONS: Final = 200_000
"""Per product: above 2**18 OpenBLAS would call in threads of its own, which nobody told to step back."""


def _box(away: Field) -> Field:
    return np.asarray(away <= 0.5, np.float64)


def _bilinear(away: Field) -> Field:
    return np.maximum(1 - away, 0)


def _hamming(away: Field) -> Field:
    bell = np.sinc(away) * (0.54 + 0.46 * np.cos(np.pi * away))
    return np.where(away < 1, bell, 0)


def _bicubic(away: Field) -> Field:
    near = (1.5 * away - 2.5) * away * away + 1
    far = ((-0.5 * away + 2.5) * away - 4) * away + 2
    return np.where(away < 1, near, np.where(away < 2, far, 0))


KERNELS: Final[dict[str, tuple[float, Callable[[Field], Field]]]] = {
    "box": (0.5, _box),
    "bilinear": (1.0, _bilinear),
    "hamming": (1.0, _hamming),
    "bicubic": (2.0, _bicubic),
}
"""By Pillow's names: how far each reaches, and its weight by distance."""


def resample(plane: Field, width: int, height: int, kernel: str = "bilinear") -> Field:
    """One plane at another size, with one of KERNELS; what Pillow's ``resize`` would give."""
    plane = np.asarray(plane, np.float32)
    if height < plane.shape[0]:  # the fewer lines, the less work is left for the second pass
        return _across(_down(plane, height, kernel), width, kernel)
    return _down(_across(plane, width, kernel), height, kernel)


def resample_where(
    plane: Field, width: int, height: int, least: float
) -> Iterator[tuple[int, Field]]:
    """The parts of a plane at another size that hold more than `least`: top row, and rows.

    Most mist lies in a narrow bank, and where there is none there is nothing to work on.
    """
    plane = np.asarray(plane, np.float32)
    seen = np.flatnonzero(plane.max(axis=1) > least)
    if len(seen) == 0:
        return
    scale = height / plane.shape[0]
    first, last = (seen[0] - 1) * scale, (seen[-1] + 2) * scale
    wide = _across(plane, width, "bilinear")
    top, stop = max(0, math.floor(first)), min(height, math.ceil(last))
    for at in range(top, stop, PART_ROWS):
        yield at, _down(wide, height, "bilinear", at, min(stop, at + PART_ROWS))


def _down(plane: Field, height: int, kernel: str, top: int = 0, stop: int | None = None) -> Field:
    """Rows `top` to `stop` of a plane that is `height` rows high."""
    source, width = plane.shape
    if height == source:
        return plane[top:stop]
    band = _band(source, height, width, kernel)
    taps, weights = _windows(source, height, kernel, band)
    first, stop = top // band, height if stop is None else stop
    bands = slice(first, math.ceil(stop / band))
    made: Field = np.matmul(weights[bands], plane.take(taps[bands], axis=0))
    return made.reshape(-1, width)[top - first * band : stop - first * band]


def _across(plane: Field, width: int, kernel: str) -> Field:
    height, source = plane.shape
    if width == source:
        return plane
    taps, weights = _windows(source, width, kernel, _band(source, width, height, kernel))
    windows = plane.take(taps, axis=1).transpose(1, 0, 2)
    made: Field = np.matmul(windows, weights.transpose(0, 2, 1))
    return made.transpose(1, 0, 2).reshape(height, -1)[:, :width]


def _band(source: int, made: int, breadth: int, kernel: str) -> int:
    """How many lines to make together: fewer where their common window is wide."""
    scale, band = source / made, BAND
    reach = 2 * KERNELS[kernel][0] * max(1.0, scale) + 2
    while band > 1 and band * (band * scale + reach) * breadth > MOST_MULTIPLICATIONS:
        band //= 2
    return band


@lru_cache(maxsize=128)
def _windows(source: int, made: int, kernel: str, band: int) -> tuple[Taps, Field]:
    """For each band its source lines, shape (bands, k), and their weights, (bands, band, k)."""
    reach, weigh = KERNELS[kernel]
    scale = source / made
    stretch = max(1.0, scale)
    bands = math.ceil(made / band)
    lines = np.minimum(np.arange(bands * band), made - 1)
    centres = ((lines + 0.5) * scale).reshape(bands, band, 1)
    count = min(source, math.ceil((band - 1) * scale + 2 * reach * stretch) + 1)
    first = np.floor(centres[:, 0] - reach * stretch).astype(int)
    taps = np.clip(first, 0, source - count) + np.arange(count)
    weights = weigh(np.abs(taps[:, None] + 0.5 - centres) / stretch)
    weights /= weights.sum(axis=2, keepdims=True)
    return taps, weights.astype(np.float32)
