"""How light becomes a film still: the response curve, bloom, grade, vignette and grain."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from farm_app.demo.painter.noise import GRAIN_PX, Field, grain_tile, resized

LUMA = np.array([0.2627, 0.678, 0.0593], np.float32)


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
    np.maximum(exposed, 0, out=exposed)
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


def shrunk(plane: Field, width: int, height: int) -> Field:
    """A plane averaged down; cheap for large factors."""
    picture = Image.fromarray(plane)
    factor = min(plane.shape[1] // width, plane.shape[0] // height)
    if factor > 1:
        picture = picture.reduce(factor)
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX), np.float32)


def blurred(plane: Field, cells: int) -> Field:
    """A wide blur: the plane as smooth as if it had only `cells` pixels on its longer side."""
    height, width = plane.shape
    scale = cells / max(height, width)
    small_w, small_h = max(2, round(width * scale)), max(2, round(height * scale))
    picture = Image.fromarray(plane).resize((small_w, small_h), Image.Resampling.HAMMING)
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), np.float32)


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


def _halo(plane: Field) -> Field:
    return np.asarray(
        0.45 * blurred(plane, 96) + 0.32 * blurred(plane, 40) + 0.23 * blurred(plane, 14),
        np.float32,
    )


def _streak(plane: Field) -> Field:
    """Strong light drawn out sideways into a thin line, as a cylindrical front element does."""
    height, width = plane.shape
    strong = np.maximum(plane - 2.5, 0)
    reach = max(1, height // 70)  # only the middle of a large source draws a line
    strong = np.minimum(strong, np.minimum(np.roll(strong, reach, 0), np.roll(strong, -reach, 0)))
    drawn = np.zeros_like(plane)
    for cells, weight in ((6, 1.0), (20, 0.4)):
        rows = Image.fromarray(strong).resize((cells, height), Image.Resampling.HAMMING)
        long = rows.resize((width, height), Image.Resampling.BICUBIC)
        drawn += weight * np.asarray(long, np.float32)
    return np.maximum(drawn, 0)


def add_bloom(exposed: Field, look: Look, soft_w: int, soft_h: int) -> None:
    """Lets strong light spill over its surroundings; the red layer spills furthest."""
    height, width = exposed.shape[1:]
    halation = np.array([1.0, 0.86, 0.78], np.float32) * look.bloom
    small = [shrunk(plane, soft_w, soft_h) for plane in exposed]
    for plane, source, spill in zip(exposed, small, halation, strict=True):
        strong = np.maximum(source - 0.55, 0)
        halo = _halo(np.minimum(strong, 40)) * spill
        plane += resized(np.asarray(np.maximum(halo, 0), np.float32), width, height)
    if look.streak > 0:
        drawn = _streak(np.minimum(small[1], 60)) * look.streak
        exposed += light(look.streak_colour) * resized(drawn, width, height)


def _tint(colour: str) -> Field:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 127.5 - 1
    return np.asarray(channels - channels.mean(), np.float32)


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


def _shade(width: int, height: int, amount: float) -> Field:
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    away = x * x + y * y
    return np.asarray(1 / (1 + amount * away * away), np.float32)


def _grain(width: int, height: int, x: int, y: int) -> Field:
    """A window of the grain tile, which is repeated where the window is larger."""
    texture = grain_tile()
    if x + width > GRAIN_PX or y + height > GRAIN_PX:
        texture = np.tile(texture, (1 + (y + height) // GRAIN_PX, 1 + (x + width) // GRAIN_PX))
    return texture[y : y + height, x : x + width]


def add_grain(shown: Field, rng: np.random.Generator, strength: float) -> None:
    """Emulsion grain in place: strongest in the mid tones, a little of it coloured."""
    height, width = shown.shape[1:]
    x, y, dx, dy = (int(n) for n in rng.integers(0, 256, 4))
    weight = 1 - shown[1]
    weight *= shown[1]
    weight *= 1.9 * strength
    weight += 0.42 * strength
    common = _grain(width, height, x, y) * weight
    weight *= 0.4
    weight *= _grain(width, height, dx, dy)
    shown += common
    shown[0] += weight
    shown[2] -= weight


def to_picture(shown: Field) -> Image.Image:
    """A shown picture, planes first and 0..1, as an RGB image."""
    np.clip(shown, 0, 1, out=shown)
    shown *= 255
    shown += 0.5
    planes = [Image.fromarray(plane) for plane in shown.astype(np.uint8)]
    return Image.merge("RGB", planes)


def develop(
    exposed: Field, look: Look, rng: np.random.Generator, soft_size: tuple[int, int]
) -> Image.Image:
    """Scene light, shape (3, height, width), to a finished still. Consumes its input."""
    height, width = exposed.shape[1:]
    add_bloom(exposed, look, *soft_size)
    exposed *= _shade(width, height, look.vignette) * look.exposure
    shown = graded(response(exposed), look)
    add_grain(shown, rng, look.grain)
    return to_picture(shown)
