"""Snow to the horizon, a cabin, spruces."""

import numpy as np

from farm_app.demo.painter.flora import conifer
from farm_app.demo.painter.ground import land, lay, plain, ripple, skyline, treetops
from farm_app.demo.painter.noise import gather, smoothstep, tile
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.sky import Sun, mist, paint_sky, pick_clouds, pick_sun
from farm_app.demo.painter.take import Take

# Outlines in cabin heights to the eaves' left corner, gable first.
_GABLE = ((-0.5, -0.06), (-0.5, 0.62), (0.0, 1.12), (0.5, 0.62), (0.5, -0.06))
_ROOF = ((-0.04, 1.2), (0.44, 0.58), (1.74, 0.56), (1.3, 1.2))
_EAVES = ((-0.04, 1.2), (-0.66, 0.52), (-0.62, 0.42), (0.0, 1.04), (0.5, 0.5), (0.5, 0.62))
_PANES = ((-0.2, 0.14, 0.2, 0.52), (0.72, 0.98, 0.22, 0.48), (1.16, 1.42, 0.22, 0.48))


def snow(take: Take) -> None:
    """Snow to the horizon, spruces, a cabin with somebody at home."""
    rng = take.rng
    horizon, side = take.horizon(0.5, 0.64), -1 if rng.random() < 0.5 else 1
    sun = pick_sun(take, horizon)
    paint_sky(take, horizon, sun, pick_clouds(take))
    _distance(take, horizon)
    _snowfield(take, horizon, sun)
    _spruces(take, horizon, 0.35, 9, 0.5 - side * 0.3)
    x, y = 0.5 + side * rng.uniform(0.06, 0.26), horizon + rng.uniform(0.05, 0.14)
    size = rng.uniform(0.075, 0.12)
    if take.maybe("cabin", 0.8) and not take.brief.bans("house", "building"):
        _cabin(take, x, y, size, flip=side > 0)
    _spruces(take, horizon + 0.06, 0.7, 6, 0.5 - side * 0.34)
    beside, foot = x - side * rng.uniform(0.18, 0.36), y + rng.uniform(0.05, 0.12)
    tall = rng.uniform(0.09, 0.14)
    place_person(take, beside, foot, tall, sun=sun, chance=0.5, shadow=0.45)
    if rng.random() < 0.45:
        _spruces(take, horizon + 0.3, 1.0, 3, 0.5 - side * 0.55)


def _distance(take: Take, horizon: float) -> None:
    """Hills, and a wood before them, both half lost in the air."""
    canvas, tones = take.canvas, take.tones
    for index, near in enumerate((0.15, 0.4)):
        line = skyline(take, horizon - 0.01 + 0.012 * index, 0.09 - 0.04 * index, cells=1.6 + index)
        if index:
            line = treetops(take, line, 0.05, 120)
        colour = tones.haze + (tones.land - tones.haze) * near
        lay(canvas, land(canvas, np.minimum(line, horizon + 0.02)), colour)
        canvas.veil(mist(take, horizon, 0.05, amount=0.55), tones.haze)


def _snowfield(take: Take, horizon: float, sun: Sun) -> None:
    """Drifts: lit crests and blue hollows, soft near and smooth far."""
    canvas, tones = take.canvas, take.tones
    ground = land(canvas, skyline(take, horizon + 0.015, 0.012, cells=2.4, rough=0.4))
    _, down = plain(take, ground.top / canvas.height)
    drifts, crust = ripple(take, down, 0.35, stretch=2.4), ripple(take, down, 4.5)
    toward = np.exp(-np.abs(canvas.cols - sun.x) * 1.3)
    lit = np.clip(0.62 + 0.2 * drifts + 0.3 * toward - 0.32 * down, 0.05, 1.3)
    white, blue = tones.horizon * 0.55 + tones.cloud * 0.25, tones.shade * 0.55 + tones.sky * 0.18
    lay(canvas, ground, (blue + (white - blue) * lit) * (1 + 0.035 * crust))


def _spruces(take: Take, level: float, near: float, count: int, centre: float) -> None:
    """A stand of spruces with snow on their boughs."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    pen = canvas.pen(margin=0.004)
    for _ in range(count):
        x, y = centre + rng.normal(0, 0.2), level + rng.uniform(0.0, 0.06) * (0.5 + near)
        tall = (0.1 + 0.42 * near**1.6) * rng.uniform(0.6, 1.15) * canvas.unit
        conifer(pen, rng, *canvas.at(x, y), tall)
    trees = canvas.cut(pen)
    canvas.cover(trees, tones.haze + (tones.land * 0.9 - tones.haze) * (0.3 + 0.68 * near))
    laden = tones.horizon * 0.22 + tones.cloud * 0.1
    canvas.rim(trees, laden, (0.25, -1), 0.006 * (0.4 + near))


def _cabin(take: Take, x: float, y: float, size: float, *, flip: bool) -> None:
    """A log cabin: gable wall and long wall, thick snow on the roof, light on the drifts."""
    canvas, tones = take.canvas, take.tones
    gable, wall, roof, eaves, chimney, panes = (
        canvas.sketch(x, y, size, flip=flip) for _ in range(6)
    )
    gable.polygon(_GABLE)
    wall.box(0.5, -0.06, 1.6, 0.62)
    roof.polygon(_ROOF)
    eaves.polygon(_EAVES)
    chimney.box(1.0, 1.1, 1.2, 1.5)
    for left, right, low, high in _PANES:
        middle = (left + right) / 2
        panes.box(left, low, middle - 0.012, high)
        panes.box(middle + 0.012, low, right, high)
    wood = tones.land + tones.lamp * 0.012 + tones.haze * 0.05
    laden = tones.horizon * 0.55 + tones.cloud * 0.2
    for pen, colour in (
        (gable, wood),
        (wall, wood * 0.6),
        (roof, laden),
        (eaves, laden * 0.8),
        (chimney, tones.land),
        (panes, tones.lamp * 1.5),
    ):
        canvas.cover(canvas.cut(pen), colour)
    spill = np.exp(-((canvas.away(x, y + 0.01) / (size * 1.3)) ** 2))
    spill *= smoothstep(y - 0.02, y + 0.02, canvas.v)
    canvas.add(spill * (0.1 if take.brief.palette.power > 0.6 else 0.22), tones.lamp)
    _smoke(take, x + (-1.1 if flip else 1.1) * size / canvas.wide, y - 1.5 * size / canvas.high)


def _smoke(take: Take, x: float, y: float) -> None:
    """A thin plume that leans with the wind and frays."""
    canvas, (dx, dy) = take.canvas, take.drift()
    up = np.maximum(y - canvas.v, 0) * canvas.high
    curl = gather(tile("cloud"), canvas.u * 0.1 + dx, canvas.v * 0.6 + dy)
    off = ((canvas.u - x) * canvas.wide - up * 0.35 - curl * up * 0.12) / (0.006 + 0.09 * up)
    plume = np.exp(-(off**2)) * np.exp(-up * 4.5) * (up > 0)
    canvas.veil(plume * 0.5, take.tones.haze + take.tones.horizon * 0.2)
