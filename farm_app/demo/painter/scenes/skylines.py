"""The city at night, across the water or over the roofs."""

import math
from dataclasses import dataclass, replace

import numpy as np

from farm_app.demo.painter.ground import water
from farm_app.demo.painter.pen import Pen
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.sky import Sun, dusty, mist, paint_sky, pick_clouds, pick_sun
from farm_app.demo.painter.take import Take

WATER = ("water", "river", "harbour", "harbor", "bay", "reflection", "bridge")


@dataclass(frozen=True)
class Row:
    """A row of towers: where their feet are, how near (0..1), and round which place they rise."""

    level: float
    near: float
    centre: float


def skyline(take: Take) -> None:
    """The city at night: lit windows, haze, its lights in the water or roofs before it."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    level, centre = take.horizon(0.56, 0.7), rng.uniform(0.25, 0.75)
    sun = pick_sun(take, level)
    paint_sky(take, level, sun, pick_clouds(take))
    glow = dusty(take, np.exp(-np.abs(canvas.v - level) * 7) * 0.25 + 0 * canvas.u, 0.4)
    canvas.add(glow, tones.haze + tones.lamp * 0.12)
    for near in (0.2, 0.55, 1.0):
        _towers(take, Row(level, near, centre))
        canvas.veil(mist(take, level, 0.06, amount=0.5 * (1.15 - near)), tones.haze)
    ashore = rng.random() < 0.3 and not take.brief.wants(*WATER)
    if ashore or take.brief.wants("rooftop"):
        _nearer_blocks(take, level, centre)
        _rooftop(take, sun)
        return
    faint, rough = replace(sun, power=sun.power * 0.35), rng.uniform(0.12, 0.4)
    water(take, level, faint, rough=rough, deep=tones.zenith * 0.4)
    if rng.random() < 0.55:
        _quay(take, sun)


def _nearer_blocks(take: Take, level: float, centre: float) -> None:
    """The town goes on toward the viewer: lower roofs, darker each."""
    canvas = take.canvas
    for step in (0.11, 0.24):
        ground = canvas.pen()
        ground.box(-2, (level + step * 0.45) * canvas.height, canvas.width + 2, canvas.height + 2)
        canvas.cover(canvas.cut(ground), take.tones.land * 0.9, 0.92)
        _towers(take, Row(level + step, 1.0, 1 - centre))


def _towers(take: Take, row: Row) -> None:
    """One row of towers, highest round its centre, with windows and masts."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    blocks, warm, cool = canvas.pen(), canvas.pen(), canvas.pen()
    x = -0.03
    while x < 1.03:
        wide = rng.uniform(0.03, 0.084) * (0.7 + 0.6 * row.near) / canvas.wide
        rise = math.exp(-(((x - row.centre) / 0.24) ** 2)) * rng.uniform(0.05, 0.3)
        tall = (0.05 + rng.random() ** 1.7 * 0.16 + rise) * (1.12 - 0.45 * row.near)
        _tower(take, blocks, row, x, wide, tall)
        _windows(take, (warm, cool), row, x, wide, tall)
        x += wide * (rng.uniform(0.72, 1.02) if rng.random() < 0.86 else 1.5)
    far = tones.haze * 0.85
    canvas.cover(canvas.cut(blocks), far + (tones.land - far) * row.near**0.7)
    power = 0.35 + 0.65 * row.near
    canvas.shine(canvas.cut(warm), tones.lamp, power)
    canvas.shine(canvas.cut(cool), tones.haze * 0.5 + tones.accents[1] * 0.4 + 0.1, power)


def _tower(take: Take, pen: Pen, row: Row, x: float, wide: float, tall: float) -> None:
    """A block, perhaps with a set-back top, a slanting roof, a spire or a mast."""
    canvas, rng = take.canvas, take.rng
    left, foot = canvas.at(x, row.level)
    span, top, kind = wide * canvas.width, foot - tall * canvas.unit, rng.random()
    right = left + span
    pen.box(left, top, right, foot + 0.01 * canvas.height)
    if kind < 0.35:
        pen.box(left + span * 0.2, top - span * 0.3, right - span * 0.2, top + 1)
    elif kind < 0.42:
        pen.polygon(((left, top + 1), (right, top + 1), (right, top - span * 0.5)))
    elif kind < 0.47:
        middle, quarter = left + span / 2, span * 0.25
        pen.polygon(
            ((left + quarter, top + 1), (middle, top - span * 1.3), (right - quarter, top + 1))
        )
    if rng.random() < 0.25:
        middle = left + span * rng.uniform(0.3, 0.7)
        tip = top - tall * 0.25 * canvas.unit
        pen.limb((middle, top, span * 0.02), (middle, tip, span * 0.01))


def _windows(
    take: Take, pens: tuple[Pen, Pen], row: Row, x: float, wide: float, tall: float
) -> None:
    """The lit windows of one tower: most warm, some cool, a few bright."""
    canvas, rng, pitch = take.canvas, take.rng, 0.0088 * (0.75 + 0.5 * row.near)
    columns, rows = max(2, int(wide * canvas.wide / pitch)), max(2, int(tall / pitch))
    lit, share = rng.random((columns, rows)), rng.uniform(0.05, 0.3)
    i, j = np.nonzero(lit < share)
    step_x, step_y = wide * canvas.width / columns, tall * canvas.unit / rows
    left, foot = canvas.at(x, row.level)
    x1, y1 = left + (i + 0.25) * step_x, foot - tall * canvas.unit + (j + 0.3) * step_y
    x2, y2 = x1 + step_x * 0.5, y1 + step_y * 0.45
    panes = np.stack((np.stack((x1, x2, x2, x1), 1), np.stack((y1, y1, y2, y2), 1)), axis=2)
    strength = lit[i, j] / share
    for pen, chosen in zip(pens, (strength <= 0.72, strength > 0.72), strict=True):
        pen.quads(panes[chosen], 0.2 + 0.8 * strength[chosen] ** 2)


def _rooftop(take: Take, sun: Sun) -> None:
    """A dark roof in front with a parapet, a water tank, and somebody on the edge."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    edge, x = rng.uniform(0.8, 0.88), 0.12 if rng.random() < 0.5 else 0.88
    roof, tank = canvas.pen(margin=0.004), canvas.sketch(x, edge, 0.2)
    roof.box(-2, edge * canvas.height, canvas.width + 2, canvas.height + 2)
    roof.box(-2, (edge - 0.02) * canvas.height, canvas.width + 2, (edge - 0.008) * canvas.height)
    for leg in (-0.3, 0.3):
        tank.limb((leg, 0, 0.02), (leg, 0.5, 0.02))
    tank.box(-0.36, 0.45, 0.36, 1.0)
    tank.polygon(((-0.4, 1.0), (0, 1.26), (0.4, 1.0)))
    roof.join(tank)
    shape = canvas.cut(roof)
    canvas.cover(shape, tones.land * 0.8)
    canvas.rim(shape, tones.haze * 0.25, (0.0, -1.0), 0.003)
    stand, tall = rng.uniform(0.3, 0.7), rng.uniform(0.18, 0.26)
    place_person(take, stand, edge + 0.012, tall, sun=sun, chance=0.85)


def _quay(take: Take, sun: Sun) -> None:
    """The near quay with its railing, and who leans there."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    edge, x, height = rng.uniform(0.9, 0.95), rng.uniform(0.2, 0.8), rng.uniform(0.24, 0.32)
    place_person(take, x, edge + 0.05, height, sun=sun, chance=0.8)
    pen, foot = canvas.pen(), edge * canvas.height
    pen.box(-2, foot, canvas.width + 2, canvas.height + 2)
    for rail in (0.065, 0.1, 0.135):
        y = foot - rail * canvas.unit
        pen.box(-2, y, canvas.width + 2, y + max(1.0, 0.0045 * canvas.unit))
    for post in np.arange(-0.02, 1.05, 0.11 / canvas.wide) * canvas.width:
        pen.limb(
            (post, foot, 0.004 * canvas.unit),
            (post, foot - 0.14 * canvas.unit, 0.0035 * canvas.unit),
        )
    canvas.cover(canvas.cut(pen), tones.land * 0.6)
