"""A planet over mountains, with or without rings."""

import math
from dataclasses import dataclass

import numpy as np

from farm_app.demo.painter.ground import land, lay, relief, texture
from farm_app.demo.painter.noise import Field, gather, profile, smoothstep, tile
from farm_app.demo.painter.pen import Stencil
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.sky import Sun, mist, paint_stars
from farm_app.demo.painter.take import Take

RING = (1.28, 1.36, 2.1, 2.25)  # where it begins and ends, softly, in radii
GAP = 1.82
RING_TILT = 0.24  # height over width of the ellipse we see


@dataclass(frozen=True)
class Globe:
    """A world in the sky: place as fractions, radius in units, lean and light in radians."""

    x: float
    y: float
    radius: float
    lean: float
    sunward: float

    def lit(self, across: Field, down: Field) -> Field:
        """How far toward its sun a place lies, in the measure of the place."""
        return across * math.cos(self.sunward) - down * math.sin(self.sunward)


def planet(take: Take) -> None:
    """A banded world low in the sky, its night side in shadow; ranges and a small figure."""
    rng, level = take.rng, take.horizon(0.74, 0.86)
    x, y, radius = rng.uniform(0.3, 0.7), rng.uniform(0.28, 0.5), rng.uniform(0.2, 0.36)
    lean, sunward = rng.uniform(-0.5, 0.5), rng.uniform(-0.9, 0.9) + math.pi * rng.integers(2)
    globe = Globe(x, y, radius, lean, float(sunward))
    _deep_sky(take, level)
    paint_stars(take, level, 1.25)
    ringed = take.maybe("rings", 0.5)
    if ringed:
        _ring(take, globe, behind=True)
    _world(take, globe)
    if ringed:
        _ring(take, globe, behind=False)
    beside = x + rng.uniform(0.2, 0.4) * (1 if x < 0.5 else -1)
    small, high = rng.uniform(0.012, 0.04), rng.uniform(0.1, 0.5)
    _moon(take, Globe(float(np.clip(beside, 0.06, 0.94)), high, small, 0.0, globe.sunward))
    dx, dy = 0.9 * math.cos(sunward), 0.5 * abs(math.sin(sunward))
    _surface(take, level, Sun(x + dx, y - dy, 0.0, 0.7))


def _deep_sky(take: Take, level: float) -> None:
    """Night above, the last light along the ranges, and faint nebulae."""
    canvas, tones, (dx, dy) = take.canvas, take.tones, take.drift()
    height = np.clip(1 - canvas.v / (level + 0.1), 0, 1)
    cloud = gather(tile("cloud"), canvas.u * canvas.wide * 0.22 + dx, canvas.v * 0.22 + dy)
    night = tones.zenith + (tones.sky - tones.zenith) * np.exp(-((height / 0.36) ** 2))
    dusk = tones.horizon * (np.exp(-((height / 0.13) ** 2)) * 0.4)
    canvas.fill(night * 0.75 + dusk + tones.cloud * (0.12 * smoothstep(0.0, 2.2, cloud)))


def _world(take: Take, globe: Globe) -> None:
    """A sphere: its bands, terminator, bright limb and a breath of air round it."""
    canvas, tones = take.canvas, take.tones
    dx, dy = (canvas.u - globe.x) * canvas.wide, (canvas.v - globe.y) * canvas.high
    above = np.maximum(np.sqrt(dx * dx + dy * dy) / globe.radius - 1, 0)
    halo = np.exp(-above * 9) * np.clip(0.25 + 0.75 * globe.lit(dx, dy) / globe.radius, 0, 1)
    canvas.add(halo * 0.16, tones.sun * 0.5 + tones.cloud * 0.5)
    pen = canvas.sketch(globe.x, globe.y, globe.radius)
    pen.disc(0, 0, 1)
    disc = canvas.cut(pen)
    if disc is None:
        return
    nx, ny, nz = _normals(take, disc, globe)
    day = smoothstep(-0.12, 0.75, globe.lit(nx, ny) + 0.28 * nz) * (0.5 + 0.5 * nz)
    pale, deep = tones.cloud * 0.6 + tones.sun * 0.16, tones.shade * 0.7 + tones.sky * 0.4
    body = (deep + (pale - deep) * _bands(take, nx, ny, nz, globe.lean)) * day
    body += tones.horizon * (0.35 * (1 - nz) ** 3 * np.clip(day * 3, 0, 1))
    rows, columns = disc.window
    air = np.minimum(canvas.light[:, rows, columns] * 0.55 + tones.zenith * 0.2, tones.sky)
    canvas.cover(disc, air + body)


def _normals(take: Take, disc: Stencil, globe: Globe) -> tuple[Field, Field, Field]:
    """The directions in which a sphere's visible side faces: right, down, toward us."""
    canvas, (rows, columns) = take.canvas, disc.window
    nx = (canvas.cols[:, columns] - globe.x) * (canvas.wide / globe.radius)
    ny = (canvas.rows[rows] - globe.y) * (canvas.high / globe.radius)
    return nx, ny, np.sqrt(np.clip(1 - nx * nx - ny * ny, 0, 1))


def _bands(take: Take, nx: Field, ny: Field, nz: Field, lean: float) -> Field:
    """Cloud belts over latitude, torn by turbulence; rocky worlds get continents instead."""
    (a, b), (c, d), rocky = take.drift(), take.drift(), take.rng.random() < 0.25
    latitude = ny * math.cos(lean) - nx * math.sin(lean)
    longitude = (nx * math.cos(lean) + ny * math.sin(lean)) / (0.35 + 0.65 * nz) * 0.16
    if rocky:
        lands = gather(tile("cloud"), longitude * 1.6 + a, latitude * 0.26 + b)
        lit: Field = np.clip(0.4 + 0.36 * lands, 0, 1)
        return lit
    swirl = gather(tile("rough"), longitude * 1.2 + a, latitude * 0.5 + b)
    belt = latitude * 0.33 + swirl * 0.0065 + c
    stripes = gather(tile("rough"), np.full_like(belt, d), belt)
    wisps = gather(tile("fine"), longitude * 0.8 + c, belt * 3)
    belts: Field = np.clip(0.52 + 0.3 * stripes + 0.1 * wisps + 0.06 * swirl, 0, 1)
    return belts


def _ring(take: Take, globe: Globe, *, behind: bool) -> None:
    """Thin rings with a gap; the half behind the globe, or the half before it."""
    canvas, tones = take.canvas, take.tones
    dx = (canvas.cols - globe.x) * (canvas.wide / globe.radius)
    dy = (canvas.rows - globe.y) * (canvas.high / globe.radius)
    along = dx * math.cos(globe.lean) + dy * math.sin(globe.lean)
    across = (dy * math.cos(globe.lean) - dx * math.sin(globe.lean)) / RING_TILT
    away = np.sqrt(along * along + across * across)
    grooves = gather(tile("fine"), np.full_like(away, 0.37), away * 0.21)
    body = smoothstep(RING[0], RING[1], away) * smoothstep(RING[3], RING[2], away)
    body *= np.clip(0.5 + 0.32 * grooves, 0.04, 1)
    body *= 1 - 0.85 * np.exp(-(((away - GAP) / 0.035) ** 2))
    body *= (across < 0) == behind
    dust = tones.cloud * 0.55 + tones.sun * 0.2
    if behind:
        shadow = smoothstep(-0.35, -1.0, along * math.cos(globe.sunward - globe.lean))
        shadow *= smoothstep(1.0, 0.8, np.abs(across * RING_TILT))
        dust = dust * (1 - 0.85 * shadow)
    canvas.blend(body * 0.8, dust)


def _moon(take: Take, globe: Globe) -> None:
    canvas, tones = take.canvas, take.tones
    pen = canvas.sketch(globe.x, globe.y, globe.radius)
    pen.disc(0, 0, 1)
    disc = canvas.cut(pen)
    if disc is None:
        return
    nx, ny, nz = _normals(take, disc, globe)
    day = np.clip(globe.lit(nx, ny) + 0.3 * nz, 0, 1)
    pits = np.clip(0.8 + 0.25 * gather(tile("cloud"), nx * 0.1 + 0.2, ny * 0.1 + 0.6), 0, 2)
    canvas.cover(disc, tones.zenith + tones.sun * (0.4 * day * pits))


def _surface(take: Take, level: float, sun: Sun) -> None:
    """Ranges of another world, and who came to see it."""
    canvas, rng = take.canvas, take.rng
    line = canvas.cols[0]
    for near in (0.3, 0.62, 1.0):
        line = _range(take, level, near, 1.0 if sun.x > 0.5 else -1.0)
    x = rng.uniform(0.2, 0.8)
    foot, tall = float(line[canvas.column(x)]) + 0.004, rng.uniform(0.06, 0.1)
    place_person(take, x, foot, tall, sun=sun, chance=0.8)


def _range(take: Take, level: float, near: float, side: float) -> Field:
    """One range of bare rock lit from a side; returns its line."""
    canvas, tones, x = take.canvas, take.tones, take.canvas.cols[0] * (take.canvas.wide / 1.5)
    jag = profile(take.rng, x, 2.4 + near, octaves=7, rough=0.47, angular=True)
    line = level + (1 - level) * 1.07 * (near - 0.3) - jag * (0.11 - 0.06 * near)
    ground, steps = land(canvas, line), max(1, round(canvas.unit / 300))
    slopes = relief(texture(take, ground.top, 0.4, kind="cloud", flat=1.3), side, steps=2 * steps)
    far = tones.haze * 0.7
    colour = (far + (tones.land - far) * near) * np.clip(1 + 0.3 * slopes, 0.4, 2)
    lit = tones.sun * (np.clip(slopes, 0, 1.5) * (0.1 - 0.05 * near))
    lay(canvas, ground, colour + lit)
    bank = mist(take, float(line.mean()) + 0.06, 0.05, amount=0.4 * (1 - near))
    canvas.veil(bank, tones.haze)
    return line
