"""A boat on a lake among hills; the open sea and its shore."""

from itertools import pairwise

import numpy as np

from farm_app.demo.painter.figures import POSES, draw, flock
from farm_app.demo.painter.ground import (
    land,
    lay,
    mirrored,
    plain,
    ripple,
    skyline,
    streaks,
    treetops,
    water,
)
from farm_app.demo.painter.noise import Field, smoothstep
from farm_app.demo.painter.pen import Pen
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.sky import Sun, mist, paint_sky, pick_clouds, pick_sun
from farm_app.demo.painter.take import Take

_HULL = (
    (-0.5, 0.1), (-0.3, 0.062), (0.0, 0.05), (0.28, 0.066), (0.5, 0.118),
    (0.44, 0.02), (0.36, -0.022), (-0.36, -0.024), (-0.44, 0.01),
)  # fmt: skip
_SLOOP = (
    ((0.02, 0.96), (0.04, 0.12), (0.42, 0.1), (0.2, 0.5)),
    ((-0.03, 0.84), (-0.03, 0.14), (-0.32, 0.12)),
)


def lake(take: Take) -> None:
    """A boat on still water between hills, mist along the far shore."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    horizon = take.horizon(0.42, 0.62)
    sun = pick_sun(take, horizon)
    paint_sky(take, horizon, sun, pick_clouds(take))
    _hills(take, horizon)
    canvas.veil(mist(take, horizon - 0.01, 0.035, amount=rng.uniform(0.3, 0.9)), tones.haze)
    deep = tones.zenith * 0.35 + tones.land * 0.3
    water(take, horizon, sun, rough=rng.uniform(0.03, 0.2), deep=deep)
    streaks(take, horizon, 0.035)
    canvas.veil(mist(take, horizon + 0.02, 0.03, amount=rng.uniform(0.1, 0.6)), tones.haze)
    _afloat(take, horizon, sun)
    foreground = rng.random()
    if foreground < 0.3 or take.brief.wants("jetty", "pier"):
        _jetty(take, horizon, sun)
    elif foreground < 0.75:
        _reeds(take)
    _birds(take, horizon)


def _birds(take: Take, horizon: float) -> None:
    rng = take.rng
    x, y = rng.uniform(0.2, 0.8), horizon * rng.uniform(0.3, 0.6)
    if take.maybe("birds", 0.4):
        take.canvas.cover(flock(take.canvas, take.fine, x, y, 0.03, 9), take.tones.land, 0.75)


def _hills(take: Take, horizon: float) -> None:
    """Two to four ranges, each nearer one darker, the last one wooded."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    ranges, height = int(rng.integers(2, 5)), rng.uniform(0.1, 0.26)
    for index in range(ranges):
        near = (index + 1) / ranges
        size = height * (1 - 0.75 * near) + 0.018
        level = horizon - size * 0.55 / canvas.high
        line = skyline(take, level, size * 0.75, cells=1.3 + 1.6 * near)
        if near == 1:
            line = treetops(take, line, rng.uniform(0.015, 0.04), 150)
        colour = tones.haze + (tones.land - tones.haze) * (0.1 + 0.62 * near)
        lay(canvas, land(canvas, np.minimum(line, horizon + 0.003)), colour)
        canvas.veil(mist(take, horizon, 0.03 + 0.02 * (1 - near), amount=0.5), tones.haze)


def _afloat(take: Take, horizon: float, sun: Sun) -> None:
    """A rowing boat with its image in the water, somebody at the oars or with a rod."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    x, y = rng.uniform(0.25, 0.72), horizon + (1 - horizon) * rng.uniform(0.25, 0.55)
    size, flip, oars = rng.uniform(0.1, 0.2), rng.random() < 0.5, rng.random() < 0.6
    if not take.maybe("boat", 0.85):
        return
    pen = canvas.sketch(x, y, size, flip=flip, margin=0.01)
    pen.polygon(_HULL)
    if take.maybe("person", 0.85):
        seat = canvas.sketch(
            x + (0.06 if flip else -0.06) * size / canvas.wide, y, size * 0.58, flip=flip
        )
        draw(seat, POSES["sit"])
        pen.join(seat)
        _oars(pen) if oars else _rod(pen)
    boat = canvas.cut(pen)
    mirrored(take, boat, (y + 0.02 * size / canvas.high) * canvas.height, tones.land * 0.9, 0.72)
    canvas.cover(boat, tones.land * 0.75)
    canvas.rim(boat, tones.sun * (0.24 * sun.power), (sun.x - x, sun.y - y), size * 0.012)
    _wake(take, x, y + 0.02 * size / canvas.high, size)


def _oars(pen: Pen) -> None:
    pen.limb((0.04, 0.19, 0.008), (0.46, -0.03, 0.008))
    pen.limb((0.4, -0.008, 0.008), (0.5, -0.05, 0.019))


def _rod(pen: Pen) -> None:
    pen.limb((0.04, 0.2, 0.006), (0.62, 0.42, 0.0035))


def _wake(take: Take, x: float, y: float, size: float) -> None:
    """Rings of light on the water round the hull."""
    canvas = take.canvas
    top = max(0, int((y - 0.02) * canvas.height))
    dx = (canvas.cols - x) * (canvas.wide / size)
    dy = (canvas.rows[top:] - y) * (canvas.high * 7 / size)
    away = np.sqrt(dx * dx + dy * dy)
    rings = np.cos(away * 20) * np.exp(-(((away - 0.75) / 0.32) ** 2))
    canvas.light[:, top:] *= 1 + 0.1 * rings


def _jetty(take: Take, horizon: float, sun: Sun) -> None:
    """A plank jetty that runs out from the near shore, perhaps somebody at its end."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    foot, tip = rng.uniform(0.1, 0.9), rng.uniform(0.3, 0.7)
    far = horizon + (1 - horizon) * rng.uniform(0.3, 0.5)
    deck, posts = canvas.pen(), canvas.pen()

    def edge(t: float, side: float) -> tuple[float, float]:
        x, y = canvas.at(tip + (foot - tip) * t, far + (1.06 - far) * t)
        return x + side * (0.022 + 0.2 * t) * canvas.unit, y

    planks = np.linspace(0, 1, 26) ** 1.8
    for start, after in pairwise(planks):
        end = start + (after - start) * 0.86
        deck.polygon((edge(start, -1), edge(start, 1), edge(end, 1), edge(end, -1)))
    for t in (0.0, 0.06, 0.2, 0.45):
        for side in (-1.04, 1.04):
            (x, y), thick = edge(t, side), (0.012 + 0.09 * t) * canvas.unit
            posts.limb((x, y + thick * 2.2, thick * 0.16), (x, y - thick * 1.5, thick * 0.14))
    canvas.cover(canvas.cut(posts), tones.land * 0.8)
    canvas.cover(canvas.cut(deck), tones.land + tones.horizon * (0.035 + 0.05 * sun.power))
    place_person(take, tip, far + 0.006, 0.13, sun=sun, chance=0.55)


def _reeds(take: Take) -> None:
    """Grass and rushes at the near edge, out of the focal plane."""
    canvas, rng = take.canvas, take.rng
    pen = canvas.pen()
    for clump in rng.uniform(-0.05, 1.05, 4):
        for _ in range(38):
            x, foot = (clump + rng.normal(0, 0.07)) * canvas.width, canvas.height * 1.02
            tall = rng.uniform(0.06, 0.26) * canvas.unit
            lean, wide = rng.normal(0, 0.16) * tall, 0.0022 * canvas.unit
            middle, bend = foot - tall * 0.6, x + lean * 0.3
            left, right = (bend - wide * 0.7, middle), (bend + wide * 0.7, middle)
            pen.polygon(((x - wide, foot), left, (x + lean, foot - tall), right, (x + wide, foot)))
    canvas.cover(canvas.cut(pen), take.tones.land * 0.6, 0.96)


def sea(take: Take) -> None:
    """Open water or a beach: surf on wet sand, a ship far out."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    horizon = take.horizon(0.34, 0.6)
    sun = pick_sun(take, horizon)
    paint_sky(take, horizon, sun, pick_clouds(take))
    rough = max(rng.uniform(0.35, 0.8), 0.95 * take.brief.wants("storm", "wave"))
    water(take, horizon, sun, rough=rough, deep=tones.zenith * 0.4 + tones.shade * 0.15)
    canvas.veil(mist(take, horizon, 0.02, amount=0.5), tones.haze)
    _ship(take, horizon, sun)
    if rng.random() < 0.6 or take.brief.wants("beach"):
        _shore(take, horizon, sun)
    _birds(take, horizon)


def _ship(take: Take, horizon: float, sun: Sun) -> None:
    """A sloop, or a three-master, hull down on the horizon."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    x, size, tall = rng.uniform(0.15, 0.85), rng.uniform(0.06, 0.15), rng.random() < 0.4
    tall = tall or take.brief.wants("pirate", "tall", "galleon", "schooner")
    if take.brief.bans("boat") or not take.maybe("ship", 0.55):
        return
    y = horizon + 0.006
    pen = canvas.sketch(x, y, size, flip=rng.random() < 0.5, margin=0.005)
    _three_master(pen) if tall else _sloop(pen)
    ship = canvas.cut(pen)
    mirrored(take, ship, y * canvas.height, tones.land, 0.35)
    canvas.cover(ship, tones.haze + (tones.land - tones.haze) * 0.8)
    canvas.rim(ship, tones.sun * (0.15 * sun.power), (sun.x - x, sun.y - y), size * 0.012)


def _sloop(pen: Pen) -> None:
    pen.polygon(((-0.28, 0.05), (0.3, 0.055), (0.24, -0.005), (-0.23, -0.005)))
    pen.limb((0, 0, 0.008), (0, 1.0, 0.005))
    for sail in _SLOOP:
        pen.polygon(sail)


def _three_master(pen: Pen) -> None:
    pen.polygon(((-0.5, 0.1), (0.62, 0.13), (0.44, -0.01), (-0.42, -0.01)))
    pen.limb((0.5, 0.1, 0.008), (0.86, 0.24, 0.004))
    for at, high in ((-0.3, 0.75), (0.02, 0.95), (0.33, 0.76)):
        pen.limb((at, 0, 0.009), (at, high, 0.005))
        for low, top, half in ((0.2, 0.42, 0.135), (0.46, 0.66, 0.105), (0.7, 0.86, 0.075)):
            belly = at + 0.03
            pen.curve(
                (
                    (at - half, low * high), (belly, (low + 0.03) * high), (at + half, low * high),
                    (at + half * 0.8, top * high), (at, top * high), (at - half * 0.8, top * high),
                )
            )  # fmt: skip


def _shore(take: Take, horizon: float, sun: Sun) -> None:
    """Wet sand that mirrors the sky, the lace of a spent wave, somebody walking."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    edge, tilt = rng.uniform(0.72, 0.86), rng.uniform(-0.12, 0.12)
    line = skyline(take, edge, 0.035, cells=1.6, rough=0.42) + (canvas.cols[0] - 0.5) * tilt
    beach = land(canvas, line)
    below = np.maximum(beach.depth(canvas), 0)
    _, down = plain(take, horizon)
    grains = ripple(take, down, 3.0)
    # In a picture of a few rows the beach may begin above the plain.
    short = max(0, len(below) - len(grains))
    grains = np.pad(grains, ((short, 0), (0, 0)), mode="edge")[-len(below) :]
    dry = (tones.land + tones.haze * 0.16) * (1 + 0.14 * grains)
    shine = canvas.light[:, beach.top :] * 0.5 + tones.horizon * 0.06
    lay(canvas, beach, dry + (shine - dry) * (np.exp(-below * 9) * 0.75))
    for offset, strength in ((0.0, 0.85), (-0.03, 0.5), (-0.055, 0.3)):
        _foam(take, line + offset, horizon, strength)
    x = rng.uniform(0.2, 0.8)
    foot, tall = float(line[canvas.column(x)]) + rng.uniform(0.03, 0.08), rng.uniform(0.14, 0.22)
    place_person(take, x, foot, tall, sun=sun, chance=0.6, shadow=0.6)


def _foam(take: Take, line: Field, horizon: float, strength: float) -> None:
    """A broken white line along the water's edge, lace trailing seaward."""
    canvas, tones = take.canvas, take.tones
    top, down = plain(take, horizon)
    pixels = line * canvas.height
    start = max(top, int(pixels.min() - 0.03 * canvas.height))
    stop = min(canvas.height, int(pixels.max()) + 2)
    if stop <= start:
        return
    broken = ripple(take, down, 2.2)[start - top : stop - top]
    off = (np.arange(start, stop, dtype=np.float32)[:, None] - pixels) / canvas.unit
    crest = np.exp(-((off / 0.004) ** 2)) + 0.45 * np.exp(-np.maximum(-off, 0) * 60) * (off < 0)
    lace = smoothstep(-0.3, 1.1, broken + crest)
    foam = tones.horizon + tones.cloud * 0.25
    canvas.blend(np.clip(crest * lace * strength, 0, 0.9), foam, start)
