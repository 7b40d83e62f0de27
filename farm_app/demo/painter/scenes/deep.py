"""Under the sea."""

import math

import numpy as np

from farm_app.demo.painter.noise import gather, smoothstep, tile
from farm_app.demo.painter.pen import Pen, rounded
from farm_app.demo.painter.sky import dusty
from farm_app.demo.painter.take import Take

_WHALE = (
    (1.0, 0.02), (0.9, 0.16), (0.62, 0.22), (0.2, 0.2), (-0.3, 0.12), (-0.7, 0.06), (-0.86, 0.1),
    (-1.06, 0.3), (-1.0, 0.08), (-0.97, 0.0), (-1.02, -0.12), (-0.82, 0.0), (-0.4, -0.06), (0.0, -0.14),
    (0.24, -0.18), (0.12, -0.42), (0.02, -0.5), (0.2, -0.46), (0.42, -0.2), (0.7, -0.16), (0.94, -0.08),
)  # fmt: skip
_FISH = np.array(
    ((0.5, 0), (0.2, 0.13), (-0.25, 0.05), (-0.5, 0.16), (-0.44, 0), (-0.5, -0.16), (-0.25, -0.05), (0.2, -0.13)),
    np.float32,
)  # fmt: skip


def underwater(take: Take) -> None:
    """Below the surface: light falling in shafts, a whale or a shoal, a small diver."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    source, shoal = rng.uniform(0.25, 0.75), rng.random() < 0.4
    deep = smoothstep(0.0, 1.1, canvas.v) ** 0.7
    surface = tones.horizon * 0.55 + tones.sky * 0.5
    body = surface + (tones.zenith * 0.75 - surface) * deep
    canvas.fill(body + tones.sun * (np.exp(-canvas.away(source, -0.1) * 3.2) * 0.7))
    _shafts(take, source)
    _shoal(take) if shoal or take.brief.wants("fish", "shoal", "reef") else _whale(take)
    _diver(take, source)
    specks = canvas.pen()
    for x, y, size in take.fine.random((110, 3)):
        specks.disc(*canvas.at(x, y), max(0.5, canvas.unit * 0.0016 * (0.3 + size)))
    canvas.shine(canvas.cut(specks), tones.horizon, 0.14)


def _shafts(take: Take, source: float) -> None:
    """Rays that the swell above lets through, fanning out from over the frame."""
    canvas, (a, b) = take.canvas, take.drift()
    dx, dy = (canvas.u - source) * canvas.wide, (canvas.v + 0.25) * canvas.high
    turn = np.arctan2(dx, dy)
    rays = gather(tile("rough"), turn * 0.3 + (a + 1), np.full_like(turn, b))
    rays += 0.4 * gather(tile("fine"), turn * 0.5 + (b + 1), dy * 0.01 + a)
    shafts = smoothstep(-0.2, 2.0, rays) * np.exp(-dy * 1.5) * np.exp(-((turn / 0.7) ** 2))
    canvas.add(dusty(take, shafts, 0.25) * 1.3, take.tones.sun)


def _whale(take: Take) -> None:
    canvas, rng, tones = take.canvas, take.rng, take.tones
    x, y, size = rng.uniform(0.3, 0.7), rng.uniform(0.35, 0.6), rng.uniform(0.28, 0.5)
    pen = canvas.sketch(x, y, size, flip=bool(rng.random() < 0.5), margin=0.01)
    tilt = rng.uniform(-0.3, 0.3)
    cos, sin = math.cos(tilt), math.sin(tilt)
    pen.polygon(rounded(_WHALE) @ np.array(((cos, sin), (-sin, cos)), np.float32))
    body = canvas.cut(pen)
    canvas.cover(body, tones.zenith * 0.5 + tones.land * 0.6, 0.92)
    canvas.rim(body, tones.horizon * 0.22, (0.1, -1.0), 0.02)
    canvas.rim(body, tones.sun * 0.12, (0.1, -1.0), 0.008)


def _shoal(take: Take) -> None:
    """Some ninety fish, half of them a little further off."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    near, far = canvas.pen(), canvas.pen()
    x, y, flip = rng.uniform(0.3, 0.7), rng.uniform(0.35, 0.65), rng.choice([-1.0, 1.0])
    for index in range(90):
        turn, away = rng.uniform(0, 2 * math.pi), abs(rng.normal(0, 1))
        fx = x + 0.16 * away * math.cos(turn)
        fy = y + 0.1 * away * math.sin(turn) + 0.03 * math.sin(turn * 3)
        size = rng.uniform(0.014, 0.034) * canvas.unit
        (near if index % 2 else far).polygon(_FISH * (size * flip, size) + canvas.at(fx, fy))
    canvas.cover(canvas.cut(far), tones.sky * 0.4 + tones.zenith * 0.4, 0.8)
    canvas.cover(canvas.cut(near), tones.land + tones.zenith * 0.3, 0.95)


def _diver(take: Take, source: float) -> None:
    """A small figure swimming up toward the light."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    x, y = source + rng.uniform(-0.2, 0.2), rng.uniform(0.62, 0.8)
    if not take.maybe("person", 0.7):
        return
    pen = canvas.sketch(float(np.clip(x, 0.1, 0.9)), y, 0.13)
    _swimmer(pen)
    body = canvas.cut(pen)
    canvas.cover(body, tones.land * 0.7)
    canvas.rim(body, tones.horizon * 0.3, (0.0, -1.0), 0.004)


def _swimmer(pen: Pen) -> None:
    """Head, tank, arm, and two legs that end in fins."""
    pen.disc(0.3, 0.3, 0.075)
    pen.limb((0, 0, 0.1), (0.24, 0.22, 0.09))
    pen.limb((0, 0.1, 0.07), (0.16, 0.3, 0.07))
    pen.limb((0.22, 0.16, 0.035), (0.34, -0.1, 0.026))
    for bend in (0.0, 0.16):
        pen.chain((0, 0, 0.06), (-0.3, -0.2 - bend, 0.04), (-0.56, -0.3 - bend, 0.02))
        pen.polygon(((-0.54, -0.28 - bend), (-0.82, -0.34 - bend), (-0.78, -0.44 - bend)))
