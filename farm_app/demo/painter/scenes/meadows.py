"""A grassy rise under a great sky: a tree, a child with a balloon, animals, a house."""

import numpy as np

from farm_app.demo.painter.canvas import Canvas
from farm_app.demo.painter.figures import POSES, draw, flock
from farm_app.demo.painter.flora import grass, leafy, meadow
from farm_app.demo.painter.ground import land, lay, skyline
from farm_app.demo.painter.noise import Field, profile, smoothstep
from farm_app.demo.painter.pen import Stencil
from farm_app.demo.painter.people import place_person, pose_for
from farm_app.demo.painter.sky import Sun, mist, paint_sky, pick_clouds, pick_sun
from farm_app.demo.painter.take import Take

_BALLOON = (
    (0, -1.04), (0.05, -1.1), (-0.05, -1.1), (0, -1.02), (-0.42, -0.72), (-0.72, -0.2), (-0.76, 0.3),
    (-0.5, 0.78), (0, 0.98), (0.5, 0.78), (0.76, 0.3), (0.72, -0.2), (0.42, -0.72),
)  # fmt: skip
_HAND = (0.21, 0.88)  # where the child's raised hand is
_GABLE = ((-0.62, 0), (-0.62, 0.92), (-0.3, 1.38), (0.02, 0.92), (0.02, 0))
_ROOFS = (
    ((-0.7, 0.86), (-0.3, 1.46), (0.1, 0.86), (0.04, 0.84), (-0.3, 1.34), (-0.64, 0.84)),
    ((-0.02, 0.7), (0.06, 1.04), (0.72, 1.04), (0.84, 0.7)),
    ((0.44, 1.0), (0.44, 1.34), (0.56, 1.34), (0.56, 1.0)),
    ((0.0, 0.46), (0.02, 0.5), (1.0, 0.44), (1.0, 0.4)),
)
_WINDOWS = ((-0.48, 0.56), (-0.24, 0.56), (-0.48, 0.18), (-0.24, 0.18), (0.14, 0.14), (0.44, 0.14))


class Rise:
    """Sky, far hills and the crest where things stand."""

    def __init__(self, take: Take, low: float, high: float, *, swell: float) -> None:
        """Paints what lies behind; the crest's level is between `low` and `high`."""
        canvas, rng, tones = take.canvas, take.rng, take.tones
        level, self.x = take.horizon(low, high), rng.uniform(0.28, 0.72)
        beside = float(np.clip(1 - self.x + rng.normal(0, 0.18), 0.08, 0.92))
        self.sun = pick_sun(take, level, x=beside)
        paint_sky(take, level, self.sun, pick_clouds(take))
        for near in (0.22, 0.5):
            hills = skyline(take, level - 0.02 + 0.05 * near, 0.07, cells=1.2 + near)
            lay(canvas, land(canvas, hills), tones.haze + (tones.land - tones.haze) * near)
            canvas.veil(mist(take, level + 0.04, 0.05, amount=0.4), tones.haze)
        bulge = np.exp(-(((canvas.cols[0] - self.x) / 0.36) ** 2))
        rough = profile(rng, canvas.cols[0], 3) * 0.008
        self.line: Field = level + 0.06 - swell * bulge + rough
        self.canvas: Canvas = canvas

    def foot(self, x: float) -> float:
        """Where something stands that has its feet in the grass at `x`."""
        return float(self.line[self.canvas.column(x)]) + 0.008


def _foreground(take: Take, rise: Rise) -> None:
    """The slope in front, grass near the lens, birds above."""
    meadow(take, rise.line, rise.sun)
    grass(take, 0.06)
    x, y = take.rng.uniform(0.15, 0.85), take.rng.uniform(0.15, 0.45)
    if take.maybe("birds", 0.45):
        take.canvas.cover(flock(take.canvas, take.fine, x, y, 0.03, 9), take.tones.land, 0.7)


def _against_light(take: Take, body: Stencil | None, rise: Rise, strength: float) -> None:
    """A dark shape on the crest, its edge caught by the sun."""
    canvas, tones = take.canvas, take.tones
    canvas.cover(body, tones.land * 0.65)
    edge = tones.sun * (strength * rise.sun.power)
    canvas.rim(body, edge, (rise.sun.x - rise.x, -0.25), 0.003)


def tree(take: Take) -> None:
    """One tree on a hill with the light behind it, perhaps somebody beside it."""
    canvas, rng = take.canvas, take.rng
    rise = Rise(take, 0.68, 0.82, swell=0.11)
    pen = canvas.sketch(rise.x, rise.foot(rise.x), rng.uniform(0.36, 0.54))
    leafy(pen, rng, bare=rng.random() < 0.3 or take.brief.wants("bare"))
    _against_light(take, canvas.cut(pen), rise, 0.12)
    x = float(np.clip(rise.x + rng.choice([-1, 1]) * rng.uniform(0.1, 0.22), 0.05, 0.95))
    place_person(take, x, rise.foot(x), rng.uniform(0.09, 0.13), sun=rise.sun, chance=0.6)
    _foreground(take, rise)


def balloon(take: Take) -> None:
    """A small child on a grassy rise, a balloon on a string, a great deal of sky."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    rise = Rise(take, 0.76, 0.86, swell=0.09)
    tall, flip = rng.uniform(0.17, 0.26), bool(rng.random() < 0.5)
    pen = canvas.sketch(rise.x, rise.foot(rise.x), tall, flip=flip)
    if not take.brief.bans("person", "child"):
        draw(pen, POSES["child"])
    top = _HAND[0] + rng.uniform(-0.25, 0.9), _HAND[1] + rng.uniform(0.9, 1.5)
    t = np.linspace(0, 1, 13)
    x = _HAND[0] + (top[0] - _HAND[0]) * t + 0.05 * np.sin(t * 5)
    y = _HAND[1] + (top[1] - _HAND[1]) * t
    pen.chain(*((float(a), float(b), 0.006) for a, b in zip(x, y, strict=True)))
    _against_light(take, canvas.cut(pen), rise, 0.22)
    side = -tall / canvas.wide if flip else tall / canvas.wide
    for index in range(3 if take.brief.wants("balloons") else 1):
        apart = (0.0, 0.3, -0.28)[index]
        at = (
            rise.x + side * (top[0] + apart),
            rise.foot(rise.x) - tall / canvas.high * (top[1] + 0.25 + 0.1 * index),
        )
        _inflated(take, *at, 0.27 * tall, tones.accents[index], rise.sun)
    _foreground(take, rise)


def _inflated(take: Take, x: float, y: float, size: float, hue: Field, sun: Sun) -> None:
    """A balloon lit through by the sky: bright toward the sun, with a small highlight."""
    canvas, tones = take.canvas, take.tones
    pen = canvas.sketch(x, y, size)
    pen.curve(_BALLOON)
    shape = canvas.cut(pen)
    if shape is None:
        return
    rows, columns = shape.window
    nx = (canvas.cols[:, columns] - x) * (canvas.wide / size) * (1 if sun.x > x else -1)
    ny = (canvas.rows[rows] - y) * (canvas.high / size)
    lit = np.clip(0.34 + 0.3 * nx - 0.22 * ny, 0.05, 1)
    edge = np.clip(nx * nx + ny * ny - 0.35, 0, 1) * 0.3
    spark = np.exp(-(((nx - 0.3) / 0.13) ** 2 + ((ny + 0.5) / 0.2) ** 2)) * 0.5
    canvas.cover(shape, hue * (lit + edge) + tones.sun * spark, 0.97)


def animals(take: Take) -> None:
    """Horses or a dog on the crest of a hill, perhaps with somebody."""
    canvas, rng = take.canvas, take.rng
    rise = Rise(take, 0.74, 0.84, swell=0.08)
    dog, flip, grown = rng.random() < 0.45, bool(rng.random() < 0.5), rng.uniform(0.2, 0.28)
    if take.brief.wants("dog", "wolf", "fox", "horse"):
        dog = not take.brief.wants("horse")
    herd = [rise.x, rise.x + rng.uniform(0.26, 0.36), rise.x - rng.uniform(0.3, 0.42)]
    count, herd_pen = 1 if dog else int(rng.integers(1, 4)), canvas.pen(margin=0.006)
    for index, x in enumerate(herd[:count]):
        x = float(np.clip(x, 0.08, 0.92))
        size = grown * (0.3 if dog else 0.86) * (1 - 0.12 * index)
        pen = canvas.sketch(x, rise.foot(x), size, flip=flip ^ (index == 1))
        draw(pen, POSES["dog" if dog else "horse"])
        herd_pen.join(pen)
    away, pose = (0.12 if dog else 0.23) / canvas.wide, pose_for(take)
    if take.maybe("person", 0.7):
        x = float(np.clip(rise.x + (away if flip else -away), 0.05, 0.95))
        pen = canvas.sketch(x, rise.foot(x), grown, flip=flip)
        draw(pen, POSES[pose])
        herd_pen.join(pen)
    _against_light(take, canvas.cut(herd_pen), rise, 0.22)
    _foreground(take, rise)


def house(take: Take) -> None:
    """A house alone on the plain at dusk, lamps lit, a tree beside it."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    rise = Rise(take, 0.68, 0.8, swell=0.035)
    left, size = bool(rng.random() < 0.5), rng.uniform(0.13, 0.2)
    side = (-1 if left else 1) / canvas.wide
    tree_x = rise.x + side * size * 1.3
    pen = canvas.sketch(tree_x, rise.foot(tree_x), rng.uniform(0.2, 0.32))
    leafy(pen, rng, bare=rng.random() < 0.4 or take.brief.wants("bare"))
    canvas.cover(canvas.cut(pen), tones.land * 0.75)
    _farmhouse(take, rise.x, rise.foot(rise.x), size, flip=left)
    x = float(np.clip(rise.x - side * rng.uniform(0.2, 0.42), 0.05, 0.95))
    place_person(take, x, rise.foot(x), rng.uniform(0.1, 0.13), sun=rise.sun, chance=0.55)
    _foreground(take, rise)
    foot = rise.foot(rise.x)
    below = smoothstep(foot - 0.01, foot + 0.02, canvas.v)
    spill = np.exp(-((canvas.away(rise.x, foot + 0.03) / 0.16) ** 2)) * below
    canvas.add(spill * 0.1, tones.lamp)


def _farmhouse(take: Take, x: float, y: float, size: float, *, flip: bool) -> None:
    """Two storeys, gable, porch and chimney, some windows lit."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    walls, roofs, panes = (canvas.sketch(x, y, size, flip=flip) for _ in range(3))
    walls.polygon(_GABLE)
    walls.box(0, 0, 0.75, 0.72)
    for outline in _ROOFS:
        roofs.polygon(outline)
    for post in (0.3, 0.62, 0.96):
        roofs.box(post, 0, post + 0.025, 0.44)
    for left, low in _WINDOWS:
        if rng.random() < 0.6:
            panes.box(left, low, left + 0.13, low + 0.2)
    canvas.cover(canvas.cut(walls), tones.land + tones.haze * 0.1)
    canvas.cover(canvas.cut(roofs), tones.land * 0.75)
    canvas.cover(canvas.cut(panes), tones.lamp * 1.6)
