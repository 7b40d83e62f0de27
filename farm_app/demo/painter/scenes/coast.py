"""The lighthouse on its rock."""

import math

import numpy as np

from farm_app.demo.painter.figures import flock
from farm_app.demo.painter.ground import land, lay, relief, skyline, texture, water
from farm_app.demo.painter.noise import Field, profile, smoothstep
from farm_app.demo.painter.pen import Pen, Stencil
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.sky import Sun, cone, dusty, mist, paint_sky, pick_clouds, pick_sun
from farm_app.demo.painter.take import Take

LANTERN = 0.95  # height of the lamp, of the tower's own


def lighthouse(take: Take) -> None:
    """A tower on a rock, its beam through haze, the sun's path on the water."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    horizon, tower_x = take.horizon(0.54, 0.78), rng.uniform(0.54, 0.84)
    sun = pick_sun(take, horizon, x=rng.uniform(0.08, 0.5))
    paint_sky(take, horizon, sun, pick_clouds(take))
    _far_coast(take, horizon)
    water(take, horizon, sun, rough=rng.uniform(0.35, 0.95), deep=tones.zenith * 0.5)
    canvas.veil(mist(take, horizon, rng.uniform(0.02, 0.06), amount=0.55), tones.haze)
    if rng.random() < 0.4:
        _rock(take, _skerries(take, horizon), sun)
    line = _headland(take, tower_x, horizon + rng.uniform(-0.1, 0.07))
    height, foot = rng.uniform(0.27, 0.5), float(line[canvas.column(tower_x)]) + 0.012
    _beam(take, tower_x, foot - LANTERN * height / canvas.high)
    _tower(take, sun, tower_x, foot, height)
    _rock(take, line, sun)
    _keepers_house(take, line, tower_x)
    _keeper(take, line, tower_x, sun)
    if take.maybe("birds", 0.45):
        birds = flock(canvas, take.fine, tower_x - 0.25, foot - 0.3, 0.03, 7)
        canvas.cover(birds, tones.land, 0.8)
    low = mist(take, min(0.97, horizon + 0.16), rng.uniform(0.04, 0.1), amount=rng.uniform(0, 0.4))
    canvas.veil(low, tones.haze)


def _far_coast(take: Take, horizon: float) -> None:
    """Land across the water, on one side, sinking into the sea before it reaches the other."""
    canvas, rng = take.canvas, take.rng
    hidden, side = rng.random() < 0.35, rng.random()
    line = np.minimum(skyline(take, horizon - 0.012, 0.04, cells=3), horizon)
    fall = smoothstep(0.0, 0.4, np.abs(canvas.cols[0] - side))
    ground = land(canvas, line * (1 - fall) + (horizon + 0.02) * fall)
    rows = int(horizon * canvas.height) - ground.top
    if not hidden and rows > 0:
        canvas.blend(ground.alpha[:rows] * 0.75, take.tones.haze * 0.75, ground.top)


def _headland(take: Take, tower_x: float, crown: float) -> Field:
    """The rock's outline: a flat crown under the tower, falling in steps on the sun's side."""
    canvas, rng = take.canvas, take.rng
    x = canvas.cols[0]
    reach, foot, steep = rng.uniform(0.16, 0.5), rng.uniform(0.9, 1.04), rng.uniform(0.6, 1.7)
    rise = np.clip((x - (tower_x - 0.07 - reach)) / reach, 0, 1) ** steep
    inland = np.clip((x - tower_x - 0.08) * 2.2, 0, 1) * rng.uniform(-0.05, 0.6)
    rugged = profile(rng, x * (canvas.wide / 1.5), 3.5, octaves=8, rough=0.5, angular=True)
    calm = 1 - 0.85 * np.exp(-(((x - tower_x) / 0.09) ** 2))
    outline: Field = foot + (crown - foot) * (rise - inland) + rugged * 0.075 * calm
    return outline


def _skerries(take: Take, horizon: float) -> Field:
    """Rocks awash in front of the headland: an outline mostly below the frame."""
    canvas, rng = take.canvas, take.rng
    x, middle = canvas.cols[0], rng.uniform(0.1, 0.6)
    jag = profile(rng, x * (canvas.wide / 1.5), 7, octaves=7, rough=0.5, angular=True)
    near = np.exp(-(((x - middle) / rng.uniform(0.06, 0.16)) ** 2))
    outline: Field = 1.02 - (0.1 + 0.12 * jag) * near * (1 - horizon) / 0.35
    return outline


def _rock(take: Take, line: Field, sun: Sun) -> None:
    """Dark crags that catch light on the faces toward the sun."""
    canvas, tones = take.canvas, take.tones
    ground = land(canvas, line)
    below = np.maximum(ground.depth(canvas), 0)
    side, steps = 1.0 if sun.x > 0.6 else -1.0, max(1, round(canvas.unit / 300))
    masses = texture(take, ground.top, 0.3, kind="smooth", flat=1.6)
    crags = relief(texture(take, ground.top, 0.36, flat=1.5), side, steps=steps) * 0.75
    crags += relief(masses, side, steps=4 * steps) * 0.45
    toward = np.exp(-np.abs(canvas.cols - sun.x) * 1.6)
    sheen = np.clip(0.12 + 2.2 * crags, 0, 2.5) * toward * (0.12 + np.exp(-below * 5))
    lit = (tones.sky * 0.6 + tones.sun * 0.4) * (0.05 + 0.16 * sun.power)
    lay(canvas, ground, tones.land)
    canvas.brighten(sheen * ground.alpha, lit, ground.top)
    edge = np.exp(-((below * 190) ** 2)) * ground.alpha * toward * np.clip(0.3 + 3 * crags, 0, 1)
    canvas.brighten(edge * (0.45 * sun.power), tones.sun, ground.top)


def _tower(take: Take, sun: Sun, x: float, foot: float, height: float) -> None:
    """A round tower: light on the sun's side, perhaps painted bands, a lantern on top."""
    canvas, tones, rng = take.canvas, take.tones, take.rng
    stout, banded = rng.uniform(0.85, 1.35), rng.random() < 0.3
    wide, thin = 0.062 * stout, 0.037 * stout
    pen = canvas.sketch(x, foot, height)
    pen.polygon(((-wide, -0.08), (-thin, 0.9), (thin, 0.9), (wide, -0.08)))
    shaft = canvas.cut(pen)
    if shaft is not None:
        middle = x * canvas.width, wide * height * canvas.unit
        canvas.cover(shaft, _round_shade(take, shaft, *middle, sun, banded=banded))
    slits, iron = canvas.sketch(x, foot, height), canvas.sketch(x, foot, height)
    for level in (0.2, 0.42, 0.64):
        slits.box(-0.006, level, 0.006, level + 0.03)
    canvas.cover(canvas.cut(slits), tones.land, 0.8)
    _lantern(iron, thin)
    canvas.cover(canvas.cut(iron), tones.land * 0.8 + tones.haze * 0.02)
    glass, flame = canvas.sketch(x, foot, height), canvas.sketch(x, foot, height)
    glass.box(-thin * 0.58, 0.9, thin * 0.58, 0.998)
    canvas.cover(canvas.cut(glass), tones.lamp * 1.2)
    flame.disc(0, LANTERN, thin * 0.62)
    canvas.shine(canvas.cut(flame), tones.lamp, 9)


def _lantern(pen: Pen, thin: float) -> None:
    """Gallery, railing, the lantern's posts and its dome."""
    pen.box(-thin * 1.75, 0.885, thin * 1.75, 0.905)
    pen.box(-thin * 1.5, 0.94, thin * 1.5, 0.945)
    for post in (-1.45, -0.75, 0.0, 0.75, 1.45):
        pen.limb((post * thin, 0.9, 0.002), (post * thin, 0.945, 0.002))
    dome = ((-1.1, 1.0), (-0.75, 1.03), (0.0, 1.06), (0.75, 1.03), (1.1, 1.0))
    pen.polygon(tuple((across * thin, up) for across, up in dome))
    pen.limb((0, 1.05, 0.003), (0, 1.1, 0.002))
    for side in (-1, 1):
        pen.box(side * thin * 0.7, 0.9, side * thin * 0.58, 1.0)


def _round_shade(
    take: Take, shaft: Stencil, middle_px: float, wide_px: float, sun: Sun, *, banded: bool
) -> Field:
    """Light across a cylinder, darker toward the rock; a banded one has two dark stripes."""
    tones, (height, width) = take.tones, shaft.alpha.shape
    across = (np.arange(width, dtype=np.float32)[None] + (shaft.x + 0.5 - middle_px)) / wide_px
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    side = -1 if sun.x * take.canvas.width < middle_px else 1
    lambert = np.clip(0.5 + 0.5 * side * across, 0.16, 1) * (1 - 0.42 * down)
    stripe = smoothstep(0.3, 0.36, np.abs((down * 2.6) % 1 - 0.5)) if banded else 1.0
    paint = tones.haze * 0.5 + tones.sun * (0.34 * sun.power)
    shaded: Field = tones.land + paint * (lambert * (0.3 + 0.7 * stripe))
    return shaded


def _beam(take: Take, x: float, y: float) -> None:
    """The turning light: one long cone, its weaker twin, and the glow round the lantern."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    angle, spread = math.pi + rng.uniform(-0.2, 0.12), rng.uniform(0.035, 0.07)
    strength = rng.uniform(0.5, 1.0) * (1.0 if take.brief.palette.night else 0.75)
    back = angle + math.pi - rng.uniform(-0.1, 0.1)
    ray = cone(canvas, x, y, angle, spread=spread, reach=0.75)
    ray += 0.7 * cone(canvas, x, y, back, spread=spread * 1.5, reach=0.5)
    canvas.add(dusty(take, ray * strength, 0.3), tones.lamp * 0.35 + 0.5)
    away = canvas.away(x, y)
    canvas.add((np.exp(-away * 16) * 0.8 + np.exp(-away * 5) * 0.12) * strength, tones.lamp)


def _keepers_house(take: Take, line: Field, tower_x: float) -> None:
    """A small house beside the tower, one window lit."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    there, side, size = rng.random() < 0.7, rng.uniform(0.05, 0.085), rng.uniform(0.045, 0.062)
    x = tower_x + side * (1 if rng.random() < 0.6 else -1)
    if not there or take.brief.bans("house", "building"):
        return
    foot = float(line[canvas.column(x)]) + 0.008
    walls, roof, window = (canvas.sketch(x, foot, size) for _ in range(3))
    walls.box(-0.8, -0.3, 0.8, 0.62)
    roof.polygon(((-0.95, 0.58), (-0.62, 1.12), (0.62, 1.12), (0.95, 0.58)))
    roof.box(0.3, 1.0, 0.48, 1.36)
    window.box(-0.42, 0.12, -0.18, 0.44)
    canvas.cover(canvas.cut(walls), tones.land + tones.haze * 0.16)
    canvas.cover(canvas.cut(roof), tones.land * 0.9)
    canvas.cover(canvas.cut(window), tones.lamp * 2.6)


def _keeper(take: Take, line: Field, tower_x: float, sun: Sun) -> None:
    """Somebody on the path near the tower."""
    canvas, rng = take.canvas, take.rng
    x = tower_x + rng.uniform(0.09, 0.17) * (-1 if rng.random() < 0.7 else 1)
    size, foot = rng.uniform(0.062, 0.085), float(line[canvas.column(x)]) + 0.005
    place_person(take, x, foot, size, sun=sun, chance=0.6)
