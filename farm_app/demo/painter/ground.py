"""Land and water: ridges against the light, textured earth, and broken reflections."""

from dataclasses import dataclass

import numpy as np

from farm_app.demo.painter.canvas import Canvas, shifted
from farm_app.demo.painter.noise import Field, gather, profile, smoothstep, tile
from farm_app.demo.painter.pen import Stencil
from farm_app.demo.painter.sky import Sun
from farm_app.demo.painter.take import Take


@dataclass(frozen=True, eq=False)
class Land:
    """Ground below a line: `line` in pixels per column, opacity from row `top` down."""

    line: Field
    top: int
    alpha: Field

    def depth(self, canvas: Canvas) -> Field:
        """How far below the line each pixel lies, in units; negative above."""
        rows = np.arange(self.top, canvas.height, dtype=np.float32)[:, None]
        return (rows - self.line) / canvas.unit


def land(canvas: Canvas, line: Field, *, edge_px: float = 1.0) -> Land:
    """The ground below a skyline; `line` as fractions of the height, one per column."""
    pixels = (line * canvas.height).reshape(-1)
    top = int(np.clip(np.floor(pixels.min()) - edge_px, 0, canvas.height - 1))
    rows = np.arange(top, canvas.height, dtype=np.float32)[:, None]
    alpha = np.clip((rows - pixels) / edge_px + 0.5, 0, 1)
    return Land(pixels, top, alpha)


def lay(canvas: Canvas, ground: Land, colour: Field) -> None:
    """Paints ground in one colour, or in one given per pixel from its top row down."""
    canvas.blend(ground.alpha, colour, ground.top)


def skyline(
    take: Take, level: float, height: float, *, cells: float = 2.5, rough: float = 0.5
) -> Field:
    """A line of hills as fractions of the height: around `level`, `height` units high."""
    canvas = take.canvas
    wave = profile(take.rng, canvas.cols[0] * (canvas.wide / 1.5), cells, octaves=6, rough=rough)
    return level - wave * (height / canvas.high)


def treetops(take: Take, line: Field, height: float, count: int) -> Field:
    """A hill line grown over with conifers up to `height` units high."""
    canvas, rng = take.canvas, take.rng
    at = np.sort(rng.random(count)).astype(np.float32)
    tall = (0.35 + 0.65 * rng.random(count) ** 1.5).astype(np.float32)
    x = canvas.cols[0]
    grown = np.zeros_like(x)
    after = np.clip(np.searchsorted(at, x), 0, count - 1)
    for offset in (-2, -1, 0, 1):
        index = np.clip(after + offset, 0, count - 1)
        size = tall[index] * height
        away = np.abs(x - at[index]) * canvas.wide
        shape = 1 - away / (size * 0.24)
        tooth = 0.12 * np.abs(((away * 90 / height * 0.06) % 1) - 0.5)
        grown = np.maximum(grown, size * np.clip(shape - tooth * (shape < 0.85), 0, 1))
    wooded: Field = line - grown / canvas.high
    return wooded


def texture(take: Take, top: int, scale: float, *, kind: str = "rough", flat: float = 1.0) -> Field:
    """Fractal noise over the rows from `top`; `scale` tiles per unit, `flat` squashes it."""
    canvas = take.canvas
    at = take.drift()
    x = canvas.cols * (canvas.wide * scale) + at[0]
    y = canvas.rows[top:] * (canvas.high * scale * flat) + at[1]
    return gather(tile(kind), x, y)


def relief(noise: Field, side: float, *, steps: int = 1) -> Field:
    """Light raking over bumps from the left (`side` -1) or right (1): about -1..1."""
    ahead = shifted(noise, -steps if side > 0 else steps, 0)
    above = shifted(noise, 0, steps)
    return (noise - ahead) * 1.1 + (noise - above) * 0.7


def plain(take: Take, horizon: float) -> tuple[int, Field]:
    """A level plane: the row of its horizon, and for each row below how far down it is, 0..1."""
    canvas = take.canvas
    top = min(canvas.height - 1, max(0, round(horizon * canvas.height)))
    down = (canvas.rows[top:] - horizon) / max(0.05, 1 - horizon)
    return top, np.maximum(down, 0)


def ripple(
    take: Take, down: Field, scale: float, *, near: float = 0.07, stretch: float = 1.0
) -> Field:
    """Noise that lies on a plain: coarse at our feet, fine and dense toward the horizon.

    `scale` is its fineness, `stretch` draws it out sideways, as wind does with waves.
    """
    canvas, (dx, dy) = take.canvas, take.drift()
    away = 1 / (down + near)
    x = (canvas.cols - 0.5) * (canvas.wide * scale / stretch) * away
    return gather(tile("rough"), x + (dx + 9), away * scale + dy)


def water(take: Take, horizon: float, sun: Sun, *, rough: float, deep: Field) -> None:
    """Lays water over everything below the horizon.

    It mirrors what stands above, broken by waves (`rough` 0 is a mirror, 1 an open sea),
    shows its own `deep` colour toward the viewer, and carries the path of the sun.
    """
    canvas = take.canvas
    top, down = plain(take, horizon)
    wave = ripple(take, down, 0.9, stretch=2.2)
    chop = wave + 0.5 * ripple(take, down, 2.9, stretch=2.6)
    mirror = _mirror(canvas, top, chop * (0.055 * rough * canvas.unit) * (0.12 + down), rough)
    glance = np.clip(0.94 - (0.35 + 0.4 * rough) * down + rough * 0.1 * wave, 0.06, 1)
    for plane, shown, own in zip(canvas.light[:, top:], mirror, deep, strict=True):
        shown *= 0.92
        shown -= own
        shown *= glance
        np.add(shown, own, out=plane)
    if sun.power > 0:
        _sun_path(take, sun, top, down, chop * 1.3, rough)


def _mirror(canvas: Canvas, top: int, sway: Field, rough: float) -> Field:
    """The picture above row `top` upside down, each pixel looking `sway` pixels off."""
    depth = np.arange(canvas.height - top, dtype=np.float32)[:, None]
    source = top - 1 - depth * (1 - 0.3 * rough) - np.abs(sway) * 1.4 - sway
    rows = np.clip(source, 0, max(0, top - 1)).astype(np.int32)
    index = rows * canvas.width + np.arange(canvas.width, dtype=np.int32)
    mirror = np.stack([plane.ravel().take(index) for plane in canvas.light])
    limit = 6 - 4.4 * min(1.0, rough * 4)  # waves scatter the sun's disc, a calm lake keeps it
    mirror *= np.minimum(1, limit / np.maximum(mirror.max(axis=0), 0.01))
    return mirror


def _sun_path(take: Take, sun: Sun, top: int, down: Field, chop: Field, rough: float) -> None:
    """Glints under the sun, dense at the horizon and scattered toward the viewer."""
    canvas = take.canvas
    spread = sun.radius * 1.1 + (0.03 + 0.16 * rough) * down
    across = (canvas.cols - sun.x) * canvas.wide
    path = np.exp(-((across / spread) ** 2))
    glint = smoothstep(0.2, 1.5, chop + path * 0.8)
    strength = path * glint * (0.35 + 2.4 * np.exp(-down * 2.2))
    scale = sun.power * (1.6 if sun.seen else 0.5)
    canvas.brighten(strength * scale, take.tones.sun, top)


def streaks(take: Take, horizon: float, strength: float) -> None:
    """Thin bright and dark streaks that give a calm surface its plane."""
    top, down = plain(take, horizon)
    lines = np.clip(ripple(take, down, 1.1), -1.5, 1.5)
    take.canvas.light[:, top:] *= 1 + strength * lines


def mirrored(
    take: Take, thing: Stencil | None, waterline_px: float, colour: Field, strength: float
) -> None:
    """The reflection of a thing that floats: upside down, swaying more the further down."""
    if thing is None:
        return
    canvas, (rows, width) = take.canvas, thing.alpha.shape
    top = round(2 * waterline_px) - thing.y - rows
    depth = np.arange(rows, dtype=np.float32)
    sway = profile(take.fine, depth / canvas.unit, 60, octaves=2)
    reach = np.minimum((depth + max(0, top - round(waterline_px))) * 0.1, 0.012 * canvas.unit)
    columns = np.arange(width)[None] + np.round(sway * reach).astype(np.int32)[:, None]
    picked = thing.alpha[::-1][np.arange(rows)[:, None], np.clip(columns, 0, width - 1)]
    start = max(0, round(waterline_px) - top)
    stop = min(rows, canvas.height - top)
    if stop <= start:
        return
    fade = np.linspace(1, 0.5, rows, dtype=np.float32)[:, None]
    canvas.cover(Stencil(thing.x, top + start, (picked * fade)[start:stop]), colour, strength)


def lit_plain(
    take: Take, horizon: float, base: Field, lit: Field, sun: Sun, *, scale: float, relief: float
) -> None:
    """A textured plain to the horizon: darker toward the viewer, bright below the sun."""
    canvas = take.canvas
    top, down = plain(take, horizon)
    across = (canvas.cols - sun.x) * canvas.wide
    shine = np.exp(-((across / (0.25 + 0.5 * down)) ** 2)) * np.exp(-down * 2.6) * (0.4 + sun.power)
    shade = np.clip(1 + relief * ripple(take, down, scale), 0.15, 2.4)
    canvas.light[:, top:] = (base + (lit - base) * np.clip(shine, 0, 1)) * shade
