"""The long road."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from farm_app.demo.painter.film import light
from farm_app.demo.painter.ground import land, lay, lit_plain, plain, ripple, skyline
from farm_app.demo.painter.noise import Field, smoothstep
from farm_app.demo.painter.pen import Joint, Pen
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.sky import Sun, mist, paint_sky, pick_clouds, pick_sun
from farm_app.demo.painter.take import Take

_SALOON = (
    (-1, 0.14), (-1, 0.64), (-0.92, 0.76), (-0.72, 0.82), (-0.56, 1.22), (0.56, 1.22),
    (0.72, 0.82), (0.92, 0.76), (1, 0.64), (1, 0.14),
)  # fmt: skip


@dataclass(frozen=True)
class Way:
    """A straight carriageway: horizon, vanishing point, and half its width in units at our feet."""

    horizon: float
    vanish: float
    half: float


def road(take: Take) -> None:
    """A straight road to the horizon, poles along it, the light where it ends."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    way = Way(take.horizon(0.44, 0.62), rng.uniform(0.36, 0.64), rng.uniform(0.5, 0.85))
    sun = pick_sun(take, way.horizon, x=way.vanish + rng.uniform(-0.16, 0.16))
    paint_sky(take, way.horizon, sun, pick_clouds(take))
    _far_hills(take, way.horizon)
    field, lit = tones.land + tones.haze * 0.1, tones.haze * 0.6 + tones.sun * 0.1
    lit_plain(take, way.horizon, field, lit, sun, scale=2.6, relief=0.13)
    canvas.veil(mist(take, way.horizon, 0.03, amount=0.6), tones.haze + tones.horizon * 0.3)
    _carriageway(take, way, sun)
    side, traffic, coming = 1 if rng.random() < 0.5 else -1, rng.random(), rng.random() < 0.5
    if take.maybe("poles", 0.7):
        _poles(take, way, side)
    if (traffic < 0.4 or take.brief.wants("car")) and not take.brief.bans("car"):
        _car(take, way, coming=coming)
    else:
        x, tall = way.vanish - 0.012 * side, rng.uniform(0.13, 0.2)
        place_person(take, x, way.horizon + 0.085, tall, sun=sun, chance=0.65, shadow=0.6)


def _far_hills(take: Take, horizon: float) -> None:
    canvas, tones = take.canvas, take.tones
    for index in range(int(take.rng.integers(1, 4))):
        line = skyline(take, horizon - 0.004, 0.075 - 0.02 * index, cells=1.6 + index)
        shade = tones.haze + (tones.land - tones.haze) * (0.2 + 0.22 * index)
        lay(canvas, land(canvas, np.minimum(line, horizon + 0.004)), shade)


def _carriageway(take: Take, way: Way, sun: Sun) -> None:
    """Tar with the sheen of the sky on it, and its worn paint."""
    canvas, tones = take.canvas, take.tones
    top, down = plain(take, way.horizon)
    across = (canvas.cols - way.vanish) * canvas.wide
    lane = across / (down * way.half + 1e-4)
    soft = 2.5 / np.maximum(down * way.half * canvas.unit, 1)  # a pixel, in lanes
    grit = ripple(take, down, 4.0)
    on_road = np.clip((1 - np.abs(lane)) / soft + 0.5, 0, 1)
    wet = 0.9 if take.brief.wants("rain") else 0.35
    sheen = np.exp(-down * 3.4) * np.exp(-((across / (0.09 + 0.5 * down)) ** 2)) * wet
    tar = (tones.land * 0.9 + tones.haze * 0.05) * (1 + 0.16 * grit)
    canvas.blend(on_road, tar + (tones.horizon + tones.sun * 0.4) * sheen, top)
    paint = np.clip(_paint(lane, down, soft) * (0.75 + 0.25 * grit), 0, 1) * on_road
    white = tones.haze * 0.5 + tones.horizon * (0.35 + 0.2 * sun.power)
    canvas.blend(paint * 0.8, white, top)


def _paint(lane: Field, down: Field, soft: Field) -> Field:
    """The dashed line in the middle and the two along the edges."""
    away = 1 / (down + 0.012)
    dash = smoothstep(0.42, 0.5, np.abs((away * 1.15) % 1 - 0.5) * 2)
    dash = np.where(away > 22, 0.55, dash)
    middle = np.clip((0.022 - np.abs(lane)) / soft + 0.5, 0, 1) * dash
    sides = np.clip((0.013 - np.abs(np.abs(lane) - 0.92)) / soft + 0.5, 0, 1)
    return middle + 0.7 * sides


def _poles(take: Take, way: Way, side: int) -> None:
    """Telegraph poles in perspective, wires sagging between them."""
    canvas, pen = take.canvas, take.canvas.pen()
    tips: list[Joint] = []
    for index in range(11):
        near = 1 / (0.62 + index * 0.62)
        x = way.vanish * canvas.width + side * near * way.half * 0.71 * canvas.unit
        y = (way.horizon + (1 - way.horizon) * near * 0.62) * canvas.height
        tall = near * 0.62 * canvas.unit
        thick, arm = 0.008 * tall, 0.12 * tall
        pen.limb((x, y, thick * 1.25), (x, y - tall, thick))
        pen.limb((x - arm, y - tall * 0.93, thick * 0.8), (x + arm, y - tall * 0.93, thick * 0.8))
        tips.append((x, y - tall * 0.95, tall))
    for near_tip, far_tip in pairwise(tips):
        for offset in (-0.11, 0.11):
            _wire(pen, near_tip, far_tip, offset)
    canvas.cover(canvas.cut(pen), take.tones.land * 0.8, 0.92)


def _wire(pen: Pen, start: Joint, end: Joint, offset: float) -> None:
    """A wire between two cross-arms, each given by its middle and the pole's height."""
    t = np.linspace(0, 1, 9)
    first, last = start[0] + offset * start[2], end[0] + offset * end[2]
    x = first + (last - first) * t
    y = start[1] + (end[1] - start[1]) * t + 0.28 * end[2] * t * (1 - t)
    thick = 0.0016 * end[2]
    pen.chain(*((float(a), float(b), thick) for a, b in zip(x, y, strict=True)))


def _car(take: Take, way: Way, *, coming: bool) -> None:
    """A car on the road: head lamps toward us, or tail lamps away."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    near = rng.uniform(0.14, 0.3)
    lane = near * way.half * 0.46 / canvas.wide
    x, y = way.vanish + (-lane if coming else lane), way.horizon + (1 - way.horizon) * near
    body, lamps, pool = (canvas.sketch(x, y, near * way.half * 0.34) for _ in range(3))
    body.polygon(_SALOON)
    for side in (-0.77, 0.77):
        body.box(side - 0.15, -0.02, side + 0.15, 0.2)
        lamps.disc(side, 0.5, 0.14, squash=0.75 if coming else 0.5)
        pool.limb((side, -0.1, 0.1), (side, -1.7, 0.2))
    glow = tones.sun * 6 if coming else light("#ff4030") * 2.4
    canvas.cover(canvas.cut(body), tones.land * 0.7)
    canvas.shine(canvas.cut(lamps), glow, 1.6)
    canvas.shine(canvas.cut(pool), glow, 0.035)
