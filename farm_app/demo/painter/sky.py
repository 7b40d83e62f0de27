"""Skies: graded light, clouds lit from where the sun stands, sun, moon, stars and beams."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from farm_app.demo.painter.canvas import Canvas
from farm_app.demo.painter.film import blurred, light
from farm_app.demo.painter.noise import Field, gather, smoothstep, tile
from farm_app.demo.painter.take import Take

STARS = 420


@dataclass(frozen=True)
class Sun:
    """The main light: its place as fractions, radius in units, strength 0..1.

    One that is not `seen` stands behind cloud: its glow is there, its disc is not.
    """

    x: float
    y: float
    radius: float
    power: float
    seen: bool = True


@dataclass(frozen=True)
class Clouds:
    """Cover 0..1 of the sky, thickness 0..1, and how drawn out they are."""

    cover: float
    thickness: float
    stretch: float


def pick_sun(take: Take, horizon: float, *, low: bool = True, x: float | None = None) -> Sun:
    """A sun or moon for this take: low over the horizon, or anywhere in the sky."""
    rng, palette = take.rng, take.brief.palette
    side, height, size = rng.uniform(0.12, 0.88), rng.random(), rng.random()
    lift = (0.03 + 0.2 * height) if low else (0.15 + 0.6 * height)
    if palette.night:
        lift = 0.25 + 0.55 * height
    y = horizon * (1 - lift)
    radius = 0.016 + 0.014 * size if palette.night else 0.02 + 0.02 * size
    seen = palette.power > 0.3 and not take.brief.wants("rain", "storm", "fog", "overcast")
    return Sun(side if x is None else x, y, radius, palette.power, seen)


def pick_clouds(take: Take) -> Clouds:
    """Clouds for this take: what the words ask, else anything from clear to heavy."""
    cover, thick, stretch = (float(n) for n in take.rng.random(3))
    if take.brief.wants("storm", "rain", "overcast", "dramatic"):
        cover = 0.75 + 0.25 * cover
    if take.brief.wants("clear") or take.brief.bans("clouds", "cloud"):
        cover = 0.1
    return Clouds(0.15 + 0.7 * cover, 0.35 + 0.6 * thick, 1.2 + 3.2 * stretch)


def gradient(take: Take, horizon: float) -> Field:
    """Zenith to horizon, shape (3, soft_h, 1); below the horizon it stays."""
    tones, canvas = take.tones, take.canvas
    height = np.clip(1 - canvas.v / horizon, 0, 1)
    lower, upper = np.exp(-((height / 0.3) ** 2)), smoothstep(0.3, 1.0, height)
    middle = tones.sky + (tones.horizon - tones.sky) * lower
    graded: Field = middle + (tones.zenith - middle) * upper
    return graded


def _vault(canvas: Canvas, horizon: float) -> tuple[Field, Field]:
    """Where on a flat ceiling of cloud each soft pixel looks: x across, y away."""
    height = np.maximum(horizon - canvas.v, 0.002) * canvas.high
    away = 1 / (height + 0.16)
    return (canvas.u - 0.5) * canvas.wide * away, away


def _cloud_density(
    canvas: Canvas, horizon: float, stretch: float, at: tuple[float, float]
) -> Field:
    """Noise on the ceiling of cloud, deviation 1; `at` is the place in the noise."""
    x, away = _vault(canvas, horizon)
    across, deep = x * (0.176 / stretch) + at[0], away * 0.1 + at[1]
    warp = gather(tile("smooth"), across * 0.7, deep * 0.7 + 0.3) * 0.012
    return gather(tile("cloud"), across + warp, deep + warp)


def paint_clouds(take: Take, sky: Field, horizon: float, sun: Sun, clouds: Clouds) -> None:
    """Lays clouds over soft sky light in place: sunward edges glow, far sides are in shade."""
    canvas, tones, (x, y) = take.canvas, take.tones, take.drift()
    sunward = x + math.copysign(0.004, sun.x - 0.5), y + 0.006
    density = _cloud_density(canvas, horizon, clouds.stretch, (x, y))
    before = _cloud_density(canvas, horizon, clouds.stretch, sunward)
    edge = 0.9 - 2.0 * clouds.cover
    body = smoothstep(edge, edge + 1.3, density)
    near = np.exp(-canvas.away(sun.x, sun.y) * 2.4)
    lit = np.clip(0.42 + 1.5 * (density - before), 0, 1)
    lit = np.clip(lit * (0.55 + 0.9 * near) * (1.15 - 0.55 * body), 0, 1.4)
    colour = tones.shade + (tones.cloud - tones.shade) * lit
    colour = colour + tones.sun * (near * near * (0.5 * sun.power) * (1 - body))
    fade = smoothstep(0.0, 0.22, (horizon - canvas.v) / horizon)
    sky += (colour - sky) * (body * clouds.thickness * (0.25 + 0.75 * fade))


def sun_glow(take: Take, sun: Sun, horizon: float) -> Field:
    """Soft light that the sun spreads in the air, strongest along the horizon; (3, h, w)."""
    canvas, tones = take.canvas, take.tones
    away = canvas.away(sun.x, sun.y)
    core = np.exp(-away * 10) * 0.55 + np.exp(-away * 3.4) * 0.2
    near = (canvas.v - horizon) * canvas.high
    across = (canvas.u - sun.x) * canvas.wide
    low = np.exp(-((near * 7) ** 2)) * np.exp(-((across * 1.5) ** 2)) * 0.18
    strength = (core + low * (0 if take.brief.palette.night else 1)) * sun.power
    glow: Field = tones.sun * strength
    return glow


def paint_sky(take: Take, horizon: float, sun: Sun, clouds: Clouds) -> None:
    """Fills the whole picture with sky; `horizon` is a fraction of the height."""
    canvas = take.canvas
    sky = np.repeat(gradient(take, horizon), canvas.soft_w, axis=2)
    sky += sun_glow(take, sun, horizon)
    paint_clouds(take, sky, horizon, sun, clouds)
    if take.maybe("aurora", 0.0):
        paint_aurora(take, sky, horizon)
    canvas.fill(sky)
    if take.brief.palette.night or take.brief.wants("stars"):
        paint_stars(take, horizon, 1.1 - clouds.cover)
    if sun.seen:
        paint_disc(take, sun)


def paint_disc(take: Take, sun: Sun) -> None:
    """The sun's white-hot disc, or the moon with its seas."""
    canvas = take.canvas
    pen = canvas.sketch(sun.x, sun.y, sun.radius)
    pen.disc(0, 0, 1)
    disc = canvas.cut(pen)
    if disc is None:
        return
    if not take.brief.palette.night:
        canvas.cover(disc, take.tones.sun * (2 + 7 * sun.power), 0.96)
        return
    height, width = disc.alpha.shape
    u = np.linspace(0.37, 0.48, width, dtype=np.float32)[None]
    v = np.linspace(0.11, 0.22, height, dtype=np.float32)[:, None]
    seas = np.clip(1.15 + 0.28 * gather(tile("cloud"), u, v), 0.5, 1.5)
    canvas.cover(disc, take.tones.sun * seas, 0.97)


def paint_stars(take: Take, horizon: float, clarity: float) -> None:
    """Stars of very unequal brightness, thinning toward the horizon."""
    canvas, rng = take.canvas, take.fine
    u, v = rng.random(STARS), rng.random(STARS) * horizon
    strength = (0.08 + 1.6 * rng.random(STARS) ** 7) * max(0.0, clarity)
    strength *= min(1.0, canvas.unit / 300)  # a star is never smaller than a pixel
    strength *= np.clip((horizon - v) / horizon * 2.2, 0, 1)
    tint = 1 + rng.normal(0, 0.12, STARS) * np.array([[1], [0], [-1]])
    size = max(1.0, canvas.unit / 720)
    reach = range(-math.ceil(size), math.ceil(size) + 1)
    px, py = u * canvas.width, v * canvas.height
    for dy in reach:
        for dx in reach:
            x, y = np.floor(px).astype(int) + dx, np.floor(py).astype(int) + dy
            inside = (x >= 0) & (y >= 0) & (x < canvas.width) & (y < canvas.height)
            off = ((x + 0.5 - px) ** 2 + (y + 0.5 - py) ** 2) / (0.45 * size * size)
            spot = strength * np.exp(-off) * tint
            for plane, value in zip(canvas.light, spot, strict=True):
                np.add.at(plane, (y[inside], x[inside]), value[inside])


def paint_aurora(take: Take, sky: Field, horizon: float) -> None:
    """Curtains of green light, with a violet hem, over soft sky light in place."""
    canvas, rng = take.canvas, take.fine
    shift = [float(n) for n in rng.random(3)]
    sway = gather(tile("smooth"), canvas.u * 0.35 + shift[0], canvas.v * 0.04 + shift[1])
    foot = horizon * (0.62 + 0.13 * sway)
    above = (foot - canvas.v) / horizon
    rays = gather(tile("rough"), canvas.u * 0.5 + sway * 0.03 + shift[2], canvas.v * 0.015)
    curtain = smoothstep(-0.01, 0.05, above) * np.exp(-np.maximum(above, 0) * 3.4)
    curtain = curtain * np.clip(0.75 + 0.5 * rays, 0.1, 2)
    sky += light("#3ce08e") * curtain * 1.1
    sky += light("#7a4fd0") * (curtain * np.clip(above * 3, 0, 1))


def sunbeams(mask: Field, x: float, y: float, *, reach: float = 0.75) -> Field:
    """Crepuscular rays: a soft brightness field smeared away from a place, same size."""
    height, width = mask.shape
    smeared = mask
    for power in range(5):
        keep = 1 - reach * 0.5 / 2**power
        box = (x * width * (1 - keep), y * height * (1 - keep))
        smeared = 0.5 * (smeared + _zoomed(smeared, box, keep))
    return blurred(smeared, 160)


def _zoomed(plane: Field, corner: tuple[float, float], keep: float) -> Field:
    """The part of a plane from `corner`, `keep` of its size, stretched over all of it."""
    height, width = plane.shape
    left = min(max(0.0, corner[0]), width * (1 - keep))
    top = min(max(0.0, corner[1]), height * (1 - keep))
    box = (left, top, left + width * keep, top + height * keep)
    picture = Image.fromarray(plane)
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=box))


def cone(canvas: Canvas, x: float, y: float, angle: float, *, spread: float, reach: float) -> Field:
    """A beam of light from a lamp as a soft field; `angle` in radians, `reach` in units."""
    dx, dy = (canvas.u - x) * canvas.wide, (canvas.v - y) * canvas.high
    along = dx * math.cos(angle) + dy * math.sin(angle)
    across = dy * math.cos(angle) - dx * math.sin(angle)
    width = 0.006 + np.maximum(along, 0) * spread
    body = np.exp(-((across / width) ** 2)) * (0.012 / (width + 0.006))
    fade = np.exp(-np.maximum(along, 0) / reach) * smoothstep(-0.01, 0.02, along)
    return body * fade


def dusty(take: Take, field: Field, amount: float = 0.5) -> Field:
    """A soft field broken up by drifting smoke."""
    canvas = take.canvas
    at = take.drift()
    smoke = gather(tile("cloud"), canvas.u * canvas.wide * 0.2 + at[0], canvas.v * 0.25 + at[1])
    broken: Field = field * np.clip(1 + amount * smoke, 0.05, 2.2)
    return broken


def mist(
    take: Take, level: float, depth: float, *, amount: float = 0.8, patchy: float = 0.6
) -> Field:
    """A bank of mist as a soft opacity: centred on `level`, `depth` thick (fractions)."""
    canvas = take.canvas
    at = take.drift()
    noise = gather(tile("cloud"), canvas.u * canvas.wide * 0.16 + at[0], canvas.v * 0.7 + at[1])
    off = (canvas.v - level - (0.3 * depth * patchy) * noise) / depth
    bank = np.exp(-(off**2)) * np.clip(0.8 + patchy * 0.45 * noise, 0, 1.3)
    opacity: Field = np.clip(bank * amount, 0, 1)
    return opacity
