"""Seeded randomness and the few noise textures that every scene samples."""

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Field = npt.NDArray[np.floating[Any]]
"""A plane or stack of planes; float32 wherever speed counts."""

TILE_PX = 1024
GRAIN_PX = 1280


def stream(*keys: object) -> np.random.Generator:
    """A generator that depends only on the text of its keys: equal in every process."""
    digest = hashlib.sha256("\x1f".join(map(str, keys)).encode("utf-8", "replace")).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def smoothstep(low: float, high: float, x: Field) -> Field:
    """0 below `low`, 1 above `high`, an S between; `low` may be the larger one."""
    t: Field = (x - low) * (1 / (high - low))
    np.clip(t, 0, 1, out=t)
    eased: Field = t * -2
    eased += 3
    eased *= t
    eased *= t
    return eased


def _octave(cells: int) -> Field:
    """Periodic value noise of `cells` lattice cells per side, TILE_PX wide."""
    lattice = stream("octave", cells).random((cells, cells), dtype=np.float32)
    padded = Image.fromarray(np.pad(lattice, 3, mode="wrap"))
    box = (3.0, 3.0, cells + 3.0, cells + 3.0)
    size = (TILE_PX, TILE_PX)
    return np.asarray(padded.resize(size, Image.Resampling.BICUBIC, box=box), np.float32)


# Name: coarsest and finest cells per tile, and the weight of each octave beside the one before.
TILES: dict[str, tuple[int, int, float]] = {
    "smooth": (4, 32, 0.55),
    "cloud": (4, 128, 0.55),
    "rough": (8, 256, 0.66),
    "fine": (16, 256, 0.76),
}


@lru_cache(maxsize=len(TILES))
def tile(name: str) -> Field:
    """Periodic fractal noise, mean 0 and deviation 1; one of TILES."""
    cells, last, persistence = TILES[name]
    total, weight = np.zeros((TILE_PX, TILE_PX), np.float32), 1.0
    while cells <= last:
        total += weight * (_octave(cells) - 0.5)
        cells, weight = cells * 2, weight * persistence
    total -= total.mean()
    total /= total.std()
    total.setflags(write=False)
    return total


@lru_cache(maxsize=1)
def grain_tile() -> Field:
    """White noise with the slight clumping of film emulsion, deviation 1; GRAIN_PX a side."""
    white = stream("grain").standard_normal((GRAIN_PX, GRAIN_PX), dtype=np.float32)
    soft = white + 0.6 * (np.roll(white, 1, 0) + np.roll(white, 1, 1))
    soft /= soft.std()
    soft.setflags(write=False)
    return soft


def gather(texture: Field, x: Field, y: Field) -> Field:
    """The tile's values at `x`, `y` in tile widths (broadcast together), wrapped round."""
    columns = (x * TILE_PX).astype(np.int32) & (TILE_PX - 1)
    rows = (y * TILE_PX).astype(np.int32) & (TILE_PX - 1)
    if len(columns) == 1 and rows.shape[1] == 1:
        return np.asarray(texture.take(rows[:, 0], axis=0).take(columns[0], axis=1))
    return np.asarray(texture.ravel().take(rows * TILE_PX + columns))


def profile(
    rng: np.random.Generator,
    x: Field,
    cells: float,
    *,
    octaves: int = 5,
    rough: float = 0.5,
    angular: bool = False,
) -> Field:
    """Fractal noise along a line: mean 0, roughly -1..1; `cells` bumps over x = 0..1.

    `angular` joins the knots by straight lines: rock rather than hills.
    """
    total = np.zeros_like(x)
    weight = 1.0
    for octave in range(octaves):
        knots = rng.random(int(cells * 2**octave * 4) + 3) * 2 - 1
        at = np.clip(x + 1, 0, 3) * cells * 2**octave
        base = np.minimum(at.astype(np.int32), len(knots) - 2)
        t = at - base
        blend = t if angular else t * t * (3 - 2 * t)
        total += (weight * (knots[base] * (1 - blend) + knots[base + 1] * blend)).astype(np.float32)
        weight *= rough
    return total
