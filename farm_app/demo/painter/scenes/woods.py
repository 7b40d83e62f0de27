"""Among trees, trunks against the light."""

import math

import numpy as np

from farm_app.demo.painter.flora import bristle, grass
from farm_app.demo.painter.ground import land, lay, skyline, texture
from farm_app.demo.painter.noise import Field, gather, smoothstep, tile
from farm_app.demo.painter.pen import Pen, Stencil
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.resample import resample
from farm_app.demo.painter.sky import Sun, dusty, mist, sunbeams
from farm_app.demo.painter.take import Take


def forest(take: Take) -> None:
    """Trunk behind trunk into the bright mist, beams slanting down between them."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    ground, layers = take.horizon(0.72, 0.84), int(rng.integers(4, 6))
    sun = Sun(rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.5), 0.03, take.brief.palette.power)
    density, birches = rng.uniform(0.7, 1.3), rng.random() < 0.3
    _clearing(take, sun, ground)
    for index in range(layers):
        near = (index + 1) / layers
        level = ground - 0.05 + 0.2 * near**1.5
        _stand(take, near, level, density, sun, pale=birches and near < 1)
        _undergrowth(take, level, near, sun)
        if index == layers - 2:
            _beams(take, sun)
            x = float(np.clip(sun.x + rng.normal(0, 0.1), 0.15, 0.85))
            tall = rng.uniform(0.17, 0.27)
            place_person(take, x, level + 0.012, tall, sun=sun, chance=0.75, shadow=0.5)
        if near < 1:
            bank = mist(take, level, 0.12, amount=0.5 * (1 - near) + 0.1)
            canvas.veil(bank, tones.haze + tones.horizon * 0.25)
    _canopy(take, rng.uniform(0.05, 0.2))
    grass(take, 0.05)


def _clearing(take: Take, sun: Sun, ground: float) -> None:
    """The bright air at the end of the wood."""
    canvas, tones = take.canvas, take.tones
    away = canvas.away(sun.x, sun.y + 0.12)
    glow = np.clip(np.exp(-((away * 1.7) ** 2)) + 0.35 * np.exp(-away * 1.2), 0, 1)
    base = tones.sky * 0.5 + tones.haze * 0.4
    air = base + (tones.horizon * 0.95 - base) * glow
    air = air + tones.sun * (np.exp(-((away * 4.5) ** 2)) * (0.2 + 0.7 * sun.power))
    leaves = gather(tile("fine"), canvas.u * canvas.wide * 0.7, canvas.v * 0.7)
    crowns = smoothstep(ground * 0.75, 0.0, canvas.v) * np.clip(0.5 + 0.5 * leaves, 0, 1)
    canvas.fill(air * (1 - 0.35 * crowns))


def _stand(take: Take, near: float, level: float, density: float, sun: Sun, *, pale: bool) -> None:
    """The trunks of one layer with their bark; the nearest leave the view open."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    pen = canvas.pen(margin=0.006)
    for x in rng.uniform(-0.06, 1.06, max(2, round((26 - 20 * near) * density))):
        width = (0.006 + 0.034 * near**1.7) * rng.uniform(0.6, 1.5)
        if near == 1 and abs(x - sun.x) < 0.2:
            x = 0.02 if x < sun.x else 0.98
        _trunk(pen, take, float(x), level + rng.uniform(-0.012, 0.02), width, near)
    trees = canvas.cut(pen)
    if trees is None:
        return
    colour = tones.haze + (tones.land * 0.8 - tones.haze) * (0.22 + 0.76 * near**0.8)
    if near < 0.5:
        canvas.cover(trees, colour)
    else:
        canvas.cover(trees, colour * _bark(take, trees, near, pale=pale))
        edge = tones.sun * (0.2 * near * sun.power)
        canvas.rim(trees, edge, (sun.x - 0.5, -0.06), 0.0035 * near + 0.001)


def _bark(take: Take, trees: Stencil, near: float, *, pale: bool) -> Field:
    """Furrows along the trunks, round 1; a birch has white patches."""
    rows, columns = trees.window
    grain = texture(take, rows.start, 0.9 - 0.4 * near, kind="fine", flat=0.22)
    grain = grain[: trees.alpha.shape[0], columns]
    furrows = 1 + 0.32 * near * np.clip(grain, -1.5, 1.5)
    return furrows + 0.5 * smoothstep(0.35, 0.45, grain) if pale else furrows


def _trunk(pen: Pen, take: Take, x: float, level: float, width: float, near: float) -> None:
    """One trunk from the ground past the top, slightly bent, flaring at the root."""
    canvas, rng, t = take.canvas, take.rng, np.linspace(0, 1, 9)
    lean, bow = rng.normal(0, 0.012), rng.normal(0, 0.008)
    half = (width * (1 - 0.42 * t) + width * 0.55 * np.exp(-t * 30)) * canvas.unit * 0.5
    centre = (x + (lean * t + bow * np.sin(t * 3)) / canvas.wide) * canvas.width
    centre += rng.normal(0, 0.06, 9) * width * canvas.unit
    y = (level + 0.01 - (level + 0.06) * t) * canvas.height
    left, right = np.stack((centre - half, y), 1), np.stack((centre + half, y), 1)
    pen.polygon(np.concatenate((left, right[::-1])))
    for _ in range(int(rng.integers(0, 4)) if near > 0.35 else 0):
        at, side = int(rng.uniform(0.25, 0.85) * 8), rng.choice([-1.0, 1.0])
        length = rng.uniform(0.05, 0.17) * (0.4 + near * 0.6) * canvas.unit * side
        _bough(pen, rng, (centre[at], y[at], width * canvas.unit * 0.13), length)


def _bough(
    pen: Pen, rng: np.random.Generator, root: tuple[float, float, float], length: float
) -> None:
    """A dead branch with twigs; a negative length grows to the left."""
    (x, y, thick), angle, step = root, -rng.uniform(0.15, 0.75), length / 4
    for part in range(4):
        end = x + math.cos(angle) * step, y + math.sin(angle) * abs(step)
        pen.limb((x, y, thick * (1 - part * 0.2)), (*end, thick * (0.8 - part * 0.2)))
        if part > 0:
            twig = angle - rng.uniform(0.4, 0.9)
            tip = end[0] + math.cos(twig) * step, end[1] + math.sin(twig) * abs(step)
            pen.limb((*end, thick * 0.35), (*tip, 0.2))
        (x, y), angle = end, angle + rng.normal(-0.08, 0.2)


def _undergrowth(take: Take, level: float, near: float, sun: Sun) -> None:
    """The forest floor of one layer, tufted, lit where the clearing shines on it."""
    canvas, tones = take.canvas, take.tones
    line = skyline(take, level, 0.02, cells=4, rough=0.55)
    ground = land(canvas, bristle(take, line, 0.008 + 0.03 * near))
    below = np.maximum(ground.depth(canvas), 0)
    toward = np.exp(-(((canvas.cols - sun.x) * 2.1) ** 2)) * np.exp(-below * 8)
    litter = texture(take, ground.top, 1.4, kind="fine", flat=2.2)
    colour = tones.haze + (tones.land - tones.haze) * (0.35 + 0.63 * near)
    lit = (tones.horizon * 0.16 + tones.sun * (0.08 * sun.power)) * toward
    lay(canvas, ground, (colour + lit) * np.clip(1 + 0.3 * litter, 0.2, 2))


def _beams(take: Take, sun: Sun) -> None:
    """Shafts of light: the bright gaps smeared away from the sun."""
    canvas = take.canvas
    bright = resample(canvas.light[1], canvas.soft_w, canvas.soft_h, "box")
    rays = sunbeams(np.clip(bright - 0.55, 0, 1.2), sun.x, max(0.0, sun.y - 0.25), reach=0.8)
    amount = take.rng.uniform(0.25, 0.65) * (0.35 + 0.65 * sun.power)
    canvas.add(dusty(take, rays * amount, 0.3), take.tones.sun)


def _canopy(take: Take, reach: float) -> None:
    """Leaves hanging into the top of the frame, out of focus."""
    canvas, (dx, dy) = take.canvas, take.drift()
    x, y = canvas.u * canvas.wide, canvas.v
    leaves = 0.4 * gather(tile("rough"), x * 0.55 + dx, y * 0.55 + dy)
    leaves += 0.42 * gather(tile("fine"), x * 0.6 + dy, y * 0.6 + dx)
    hanging = smoothstep(0.5, -0.7, y / reach - 0.5 - leaves)
    canvas.veil(hanging * 0.94, take.tones.land + take.tones.haze * 0.04)
