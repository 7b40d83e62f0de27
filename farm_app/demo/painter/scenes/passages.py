"""Seen down their length: the corridor, and the nave of a great hall."""

import math
from collections.abc import Callable

import numpy as np

from farm_app.demo.painter.canvas import Canvas
from farm_app.demo.painter.ground import texture
from farm_app.demo.painter.noise import Field, smoothstep
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.sky import Sun, cone, dusty
from farm_app.demo.painter.take import Take

BAYS = 7
FLOOR = 0.62  # below the eye, in units at depth 1
AISLE = 1.35  # from the middle to the outer wall


class Tube:
    """A rectangular tube seen along its axis: for each pixel its depth and which wall it is."""

    def __init__(self, canvas: Canvas, vx: float, vy: float, half_w: float, half_h: float) -> None:
        """The vanishing point as fractions, half width and height in units at depth 1."""
        x = (canvas.cols - vx) * (canvas.wide / half_w)
        y = (canvas.rows - vy) * (canvas.high / half_h)
        across, upright = np.abs(x), np.abs(y)
        self.depth = 1 / np.maximum(np.maximum(across, upright), 0.035)
        self.x, self.y = x * self.depth, y * self.depth
        pixel = 0.75 * (1 / half_w + 1 / half_h) / canvas.unit
        self.side = np.clip((across - upright) / pixel + 0.5, 0, 1)
        self.floor = (1 - self.side) * (y > 0)
        self.ceiling = (1 - self.side) * (y <= 0)
        self.row = int(np.clip(vy * canvas.height, 0, canvas.height - 1))


def corridor(take: Take) -> None:
    """A corridor to its vanishing point: repeating lights, a polished floor, a figure."""
    canvas, rng = take.canvas, take.rng
    vx, vy = rng.uniform(0.42, 0.58), rng.uniform(0.44, 0.56)
    half_w, half_h = rng.uniform(0.55, 0.95), rng.uniform(0.42, 0.6)
    tube, style, pitch = Tube(canvas, vx, vy, half_w, half_h), _style(take), rng.uniform(0.55, 0.9)
    _lamplight(take, tube, style, pitch)
    _polish(take, tube)
    away = canvas.away(vx, vy)
    glow = np.exp(-away * 9) * 0.9 + np.exp(-away * 3) * 0.16
    canvas.add(dusty(take, glow, 0.2), take.tones.horizon)
    near, off = rng.uniform(0.16, 0.34), rng.uniform(-0.3, 0.3)
    foot, tall = vy + half_h * near / canvas.high, half_h * near * rng.uniform(1.15, 1.4)
    x = vx + off * half_w * near / canvas.wide
    if place_person(take, x, foot, tall, sun=Sun(vx, vy - 0.2, 0, 0.7), chance=0.92):
        _long_shadow(take, x, foot, tall)


def _style(take: Take) -> str:
    """Which lamps: "panels", "rings" or "sconces"; the words may ask, else chance."""
    style = ("panels", "rings", "sconces")[int(take.rng.integers(3))]
    if take.brief.wants("hotel", "hallway", "tungsten", "palace"):
        return "sconces"
    if take.brief.wants("spaceship", "station", "tunnel", "futuristic", "subway", "scifi"):
        return "rings"
    return "panels" if take.brief.wants("hospital", "fluorescent", "office") else style


def _lamplight(take: Take, tube: Tube, style: str, pitch: float) -> None:
    """Walls, ceiling and floor with the lamps of one style, dimming into haze."""
    canvas, tones = take.canvas, take.tones
    turns = tube.depth * pitch + take.rng.random()
    beat = np.abs(turns - np.floor(turns) - 0.5) * 2
    reach = 0.35 + 0.65 * np.exp(-tube.depth * 0.05)
    shape = tube.side * (0.55 - 0.28 * tube.y) + tube.floor * 0.34 + tube.ceiling * 0.42
    seams = 1 - 0.45 * smoothstep(0.955, 0.97, beat) * (1 - tube.floor)
    grime = 1 + 0.06 * texture(take, 0, 0.6)
    wash = (0.22 + 0.55 * (1 - beat) ** 2) * shape * seams * grime * reach
    canvas.brighten(wash, tones.sky * 0.42 + tones.land)
    fog = 1 - np.exp(-(tube.depth**1.2) * 0.035)
    canvas.blend(fog, tones.haze * 0.45 + tones.horizon * 0.4)
    lamp = tones.lamp if style == "sconces" else tones.horizon * 0.6 + 0.5
    canvas.brighten(_LAMPS[style](tube, beat) * 3.4 * (0.3 + 0.7 * reach), lamp)


def _panels(tube: Tube, beat: Field) -> Field:
    """Rectangular luminaires down the middle of the ceiling."""
    middle = smoothstep(0.37, 0.355, np.abs(tube.x))
    panels: Field = tube.ceiling * middle * smoothstep(0.5, 0.44, beat)
    return panels


def _rings(tube: Tube, beat: Field) -> Field:
    """Bands of light round walls and ceiling."""
    bands: Field = (1 - tube.floor) * smoothstep(0.1, 0.06, beat) * 0.8
    return bands


def _sconces(tube: Tube, beat: Field) -> Field:
    """Wall lamps at head height that throw fans of light."""
    off = np.abs(tube.y + 0.3)
    lamp = smoothstep(0.085, 0.05, beat) * smoothstep(0.1, 0.085, off)
    fan = np.exp(-((beat / 0.5) ** 2)) * np.exp(-off * 2.6) * 0.17
    sconces: Field = tube.side * (lamp + fan)
    return sconces


_LAMPS: dict[str, Callable[[Tube, Field], Field]] = {
    "panels": _panels,
    "rings": _rings,
    "sconces": _sconces,
}


def _polish(take: Take, tube: Tube) -> None:
    """The floor mirrors the ceiling, roughened by wear."""
    canvas = take.canvas
    source = np.clip(tube.row - 1 - np.arange(canvas.height - tube.row), 0, canvas.height - 1)
    mirror = np.minimum(canvas.light[:, source], 3)
    worn = np.clip(0.26 + 0.08 * texture(take, tube.row, 0.9, flat=3), 0.04, 0.6)
    canvas.light[:, tube.row :] += mirror * (tube.floor[tube.row :] * worn)


def _long_shadow(take: Take, x: float, foot: float, tall: float) -> None:
    """A soft shadow toward the viewer from the light at the end."""
    canvas = take.canvas
    down = (canvas.v - foot) * canvas.high
    across = np.abs((canvas.u - x) * canvas.wide)
    wide = 0.09 * tall + np.maximum(down, 0) * 0.16
    shadow = smoothstep(1.0, 0.55, across / wide) * smoothstep(-0.004, 0.004, down)
    canvas.veil(shadow * np.exp(-np.maximum(down, 0) * 2.2) * 0.72, take.tones.land)


def hall(take: Take) -> None:
    """A nave of columns, sun from high windows slanting across it."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    vx, vy, side = rng.uniform(0.4, 0.6), rng.uniform(0.56, 0.66), -1 if rng.random() < 0.5 else 1
    away = canvas.away(vx, vy - 0.16)
    glow = tones.haze * (0.1 + 0.8 * np.exp(-away * 2.2))
    canvas.fill(tones.land * 1.3 + glow + tones.horizon * (np.exp(-away * 6) * 1.2))
    _paving(take, vx, vy)
    _aisles(take, vx, vy)
    middle = int(rng.integers(3, 5))
    for bay in range(BAYS):
        near, fog = 0.11 * 1.52**bay, math.exp(-bay * 0.42)
        for flank in (-1, 1):
            _column(take, (vx, vy), near * flank, fog, lit=flank != side)
        _arch(take, vx, vy, near, fog)
        if bay == middle - 1:
            x, tall = vx + rng.uniform(-0.25, 0.25) * near, near * rng.uniform(0.85, 1.0)
            light = Sun(vx + side * 0.3, 0.1, 0, 0.9)
            place_person(take, x, vy + near * FLOOR / canvas.high, tall, sun=light, chance=0.9)
        if bay == middle:
            _high_sun(take, vx, side)


def _paving(take: Take, vx: float, vy: float) -> None:
    """Stone flags, polished where the light of the far end lies on them."""
    canvas, tones, top = take.canvas, take.tones, int(vy * take.canvas.height)
    down = (canvas.rows[top:] - vy) * canvas.high + 0.004
    across = (canvas.cols - vx) * canvas.wide
    flags = (np.floor(across / down * 1.6) + np.floor(1.1 / down)) % 2
    shine = np.exp(-((across * 3.2) ** 2)) * np.exp(-down * 2.4)
    stone = tones.land * 1.1 + tones.haze * (0.07 + 0.24 * shine + 0.012 * flags)
    canvas.light[:, top:] = stone + tones.horizon * (0.6 * shine * shine)


def _aisles(take: Take, vx: float, vy: float) -> None:
    """The outer walls, lost in shadow behind the columns."""
    canvas, tones = take.canvas, take.tones
    across = np.abs(canvas.cols - vx) * canvas.wide
    foot = vy + across * (FLOOR / AISLE / canvas.high)
    above = np.clip((foot - canvas.rows) * canvas.height + 0.5, 0, 1)
    stone = tones.land * 1.1 + tones.haze * (0.3 * np.exp(-across * 3.2) + 0.03)
    canvas.blend(above * np.clip(across * 3.8, 0, 0.97), stone)


def _column(take: Take, vanish: tuple[float, float], near: float, fog: float, *, lit: bool) -> None:
    """One pillar with base and capital; a negative `near` stands on the left."""
    canvas, tones, size = take.canvas, take.tones, abs(near)
    x = vanish[0] + near * 0.82 / canvas.wide
    pen = canvas.sketch(x, vanish[1], size, margin=0)
    pen.box(-0.1, 2.3, 0.1, -FLOOR)
    pen.box(-0.14, 0.09 - FLOOR, 0.14, -FLOOR)
    pen.box(-0.135, 1.8, 0.135, 1.72)
    body = canvas.cut(pen)
    if body is None:
        return
    _, columns = body.window
    across = (canvas.cols[:, columns] - x) * (canvas.wide / (0.1 * near))
    light = np.clip(0.34 - 0.56 * across, 0.04, 1) * (1.0 if lit else 0.4)
    stone = tones.land + tones.haze * (0.5 * light)
    canvas.cover(body, stone + (tones.haze * 0.62 - stone) * (0.75 * fog))


def _arch(take: Take, vx: float, vy: float, near: float, fog: float) -> None:
    """The rib that joins a pair of columns over the nave."""
    canvas, tones = take.canvas, take.tones
    turn = np.linspace(0, math.pi, 25)
    bow = np.stack((np.cos(turn), 1.18 * np.sin(turn)), axis=1)
    pen = canvas.sketch(vx, vy, near)
    rib = np.concatenate((bow * 0.93, bow[::-1] * 0.72))
    pen.polygon(rib + np.array((0, 1.75)))
    stone = tones.land + tones.haze * 0.05
    canvas.cover(canvas.cut(pen), stone + (tones.haze * 0.55 - stone) * (0.7 * fog))


def _high_sun(take: Take, vx: float, side: int) -> None:
    """Sun from a window outside the frame, fanning down across the nave."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    total = np.zeros((canvas.soft_h, canvas.soft_w), np.float32)
    x = vx + side * rng.uniform(0.42, 0.6)
    for index in range(int(rng.integers(3, 6))):
        angle = 0.72 + 0.17 * index + rng.normal(0, 0.02)
        angle = math.pi - angle if side > 0 else angle
        total += cone(canvas, x, -0.22, angle, spread=rng.uniform(0.035, 0.075), reach=0.9)
    beams = dusty(take, total, 0.35) * rng.uniform(1.3, 2.2)
    canvas.add(beams, tones.horizon * 0.5 + tones.sun * 0.25)
