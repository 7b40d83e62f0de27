"""How light becomes a film still: the response curve, bloom, grade, vignette and grain."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from farm_app.demo.painter.noise import GRAIN_PX, Field, grain_tile
from farm_app.demo.painter.resample import resample

LUMA = np.array([0.2627, 0.678, 0.0593], np.float32)

BAND_PX = 64_000  # worked on at a time: what is made of one plane of it stays in the cache
BLOOM_ABOVE = 0.55
BLINDING = 50.0  # light beyond which nothing gets whiter
HALOS = ((96, 0.45), (40, 0.32), (14, 0.23))  # cells on the longer side, and weight


@lru_cache(maxsize=512)
def light(colour: str) -> Field:
    """The scene light, shape (3, 1, 1), that the film shows as this `#rrggbb`."""
    shown = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    amount = -np.log1p(-np.minimum(shown * shown, 0.98))
    amount = amount.reshape(3, 1, 1)
    amount.setflags(write=False)
    return amount


def response(exposed: Field) -> Field:
    """Film response in place: a soft shoulder, so that strong light burns to white."""
    np.clip(exposed, 0, BLINDING, out=exposed)  # three times as fast as a maximum of one side
    np.negative(exposed, out=exposed)
    np.expm1(exposed, out=exposed)
    np.negative(exposed, out=exposed)
    np.sqrt(exposed, out=exposed)
    return exposed


@dataclass(frozen=True)
class Look:
    """What the laboratory does to the negative."""

    exposure: float = 1.0
    bloom: float = 0.3
    contrast: float = 0.35
    saturation: float = 0.88
    vignette: float = 0.34
    grain: float = 0.017
    shadows: str = "#7f7f7f"  # tint of the darks, mid grey is none
    highlights: str = "#7f7f7f"
    streak: float = 0.0  # anamorphic flare
    streak_colour: str = "#6f9dff"


def cells(plane: Field, count: int, kernel: str = "hamming") -> Field:
    """The plane with only `count` pixels on its longer side."""
    height, width = plane.shape
    scale = count / max(height, width)
    return resample(plane, max(2, round(width * scale)), max(2, round(height * scale)), kernel)


def blurred(plane: Field, count: int) -> Field:
    """A wide blur: the plane as smooth as if it had only `count` pixels on its longer side."""
    height, width = plane.shape
    return resample(cells(plane, count), width, height, "bicubic")


def smooth(plane: Field, radius: int) -> Field:
    """A Gaussian-like blur of a small plane: three box blurs, edges repeated."""
    for axis in (0, 1) * 3:
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(plane, pad, mode="edge"), axis=axis, dtype=np.float64)
        width = 2 * radius + 1
        ahead, behind = (
            (total[width:], total[:-width]) if axis == 0 else (total[:, width:], total[:, :-width])
        )
        plane = np.asarray((ahead - behind) / width, np.float32)
    return plane


def _halo(strong: Field) -> Field:
    """Light spilled near and far, in the cells of the nearest: a sum of ever wider blurs."""
    layers = [strong]
    for count, _ in HALOS[1:]:
        layers.append(cells(layers[-1], count))
    halo = layers[-1] * HALOS[-1][1]
    for layer, (_, weight) in zip(layers[-2::-1], HALOS[-2::-1], strict=True):
        halo = resample(halo, layer.shape[1], layer.shape[0], "bicubic")
        halo += layer * weight
    return np.asarray(np.clip(halo, 0, BLINDING))


def _streak(plane: Field) -> Field:
    """Strong light drawn out sideways into a thin line, as a cylindrical front element does."""
    height, width = plane.shape
    strong = np.maximum(plane - 2.5, 0)
    reach = max(1, height // 70)  # only the middle of a large source draws a line
    strong = np.minimum(strong, np.minimum(np.roll(strong, reach, 0), np.roll(strong, -reach, 0)))
    drawn = np.zeros_like(plane)
    for count, weight in ((6, 1.0), (20, 0.4)):
        rows = resample(strong, count, height, "hamming")
        drawn += weight * resample(rows, width, height, "bicubic")
    return np.maximum(drawn, 0)


def add_bloom(exposed: Field, look: Look, soft_w: int, soft_h: int) -> None:
    """Lets strong light spill over its surroundings; the red layer spills furthest."""
    height, width = exposed.shape[1:]
    drawn = None
    if look.streak > 0:
        soft = resample(exposed[1], soft_w, soft_h, "box")
        drawn = _streak(np.minimum(soft, 60)) * look.streak
    for plane, layer in zip(exposed, (1.0, 0.86, 0.78), strict=True):
        strong = cells(np.clip(plane, BLOOM_ABOVE, BLINDING), HALOS[0][0], "box")
        strong = (strong - BLOOM_ABOVE) * (look.bloom * layer)
        plane += resample(_halo(strong), width, height, "bicubic")
    if drawn is not None:
        exposed += light(look.streak_colour) * resample(drawn, width, height)


@lru_cache(maxsize=128)
def _tint(colour: str) -> tuple[float, ...]:
    """What a colour adds to each channel, over grey of its brightness."""
    channels = [int(colour[i : i + 2], 16) / 127.5 - 1 for i in (1, 3, 5)]
    return tuple(round(channel - sum(channels) / 3, 6) for channel in channels)


def graded(shown: Field, look: Look) -> Field:
    """Contrast, saturation and split tone on a shown (0..1) picture, in place."""
    for plane in shown:
        _bend(plane, look.contrast)
    luma = luma_of(shown)
    room = 1 - luma
    tone = luma * room
    tone *= 1.6
    grey = luma * (1 - look.saturation)
    for plane, low, high in zip(shown, _tint(look.shadows), _tint(look.highlights), strict=True):
        plane *= look.saturation
        plane += grey
        if low or high:
            lean = luma * (high - low)
            lean += low
            lean *= tone
            plane += lean
    return shown


def _bend(plane: Field, amount: float) -> None:
    """An S curve in place: plane + amount * (3p^2 - 2p^3 - p)."""
    curve = plane * (-2 * amount)
    curve += 3 * amount
    curve *= plane
    curve += 1 - amount
    plane *= curve


def luma_of(shown: Field) -> Field:
    """Brightness of a shown picture, one plane."""
    luma = shown[0] * LUMA[0]
    luma += shown[1] * LUMA[1]
    luma += shown[2] * LUMA[2]
    return np.asarray(luma, np.float32)


def _bands(height: int, width: int) -> Iterator[slice]:
    """The rows of a picture in portions."""
    rows = max(1, BAND_PX // width)
    for top in range(0, height, rows):
        yield slice(top, min(height, top + rows))


@lru_cache(maxsize=4)
def _shade(width: int, height: int, amount: float) -> Field:
    """What is left of the light toward the corners."""
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    away = x * x + y * y
    shade = np.asarray(1 / (1 + amount * away * away), np.float32)
    shade.setflags(write=False)
    return shade


def _grain(width: int, height: int, x: int, y: int) -> Field:
    """A window of the grain tile, which is repeated where the window is larger."""
    texture = grain_tile()
    if x + width > GRAIN_PX or y + height > GRAIN_PX:
        texture = np.tile(texture, (1 + (y + height) // GRAIN_PX, 1 + (x + width) // GRAIN_PX))
    return texture[y : y + height, x : x + width]


def _add_grain(shown: Field, common: Field, coloured: Field, strength: float) -> None:
    """Emulsion grain in place: strongest in the mid tones, a little of it coloured."""
    weight = 1 - shown[1]
    weight *= shown[1]
    weight *= 1.9 * strength
    weight += 0.42 * strength
    shown += common * weight
    weight *= 0.4
    weight *= coloured
    shown[0] += weight
    shown[2] -= weight


def printed(shown: Field, rng: np.random.Generator, grain: float) -> Image.Image:
    """A shown picture, planes first and 0..1, as an RGB image with film grain. Consumes its input."""
    height, width = shown.shape[1:]
    x, y, dx, dy = (int(n) for n in rng.integers(0, 256, 4))
    common, coloured = _grain(width, height, x, y), _grain(width, height, dx, dy)
    pixels = np.empty(shown.shape, np.uint8)
    for rows in _bands(height, width):
        band = shown[:, rows]
        _add_grain(band, common[rows], coloured[rows], grain)
        band *= 255
        band += 0.5
        np.clip(band, 0, 255, out=band)
        pixels[:, rows] = band
    return Image.merge("RGB", [Image.fromarray(plane) for plane in pixels])


def develop(
    exposed: Field, look: Look, rng: np.random.Generator, soft_size: tuple[int, int]
) -> Image.Image:
    """Scene light, shape (3, height, width), to a finished still. Consumes its input."""
    height, width = exposed.shape[1:]
    add_bloom(exposed, look, *soft_size)
    shade = _shade(width, height, look.vignette)
    for rows in _bands(height, width):
        band = exposed[:, rows]
        band *= shade[rows] * look.exposure
        graded(response(band), look)
    return printed(exposed, rng, look.grain)
