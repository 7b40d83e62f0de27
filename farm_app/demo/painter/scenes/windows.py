"""A room and its window."""

import math
from dataclasses import dataclass

import numpy as np

from farm_app.demo.painter.ground import texture
from farm_app.demo.painter.noise import gather, smoothstep, tile
from farm_app.demo.painter.pen import Pen
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.sky import Sun, dusty
from farm_app.demo.painter.take import Take

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as fractions."""

SLATS = 13
SHAFT_STEPS = 26
_VASE = (
    (-0.03, 0.66), (-0.07, 0.76), (-0.05, 0.86), (-0.025, 0.92), (-0.04, 0.95),
    (0.04, 0.95), (0.025, 0.92), (0.05, 0.86), (0.07, 0.76), (0.03, 0.66),
)  # fmt: skip


@dataclass(frozen=True)
class Opening:
    """A window as fractions of the picture, and its panes across and down."""

    left: float
    top: float
    right: float
    bottom: float
    across: int
    down: int

    @property
    def x(self) -> float:
        """Its middle."""
        return (self.left + self.right) / 2

    @property
    def y(self) -> float:
        """Its middle."""
        return (self.top + self.bottom) / 2

    def panes(self, bar: float) -> list[Box]:
        """The glass between the glazing bars; `bar` is half a bar's width."""
        wide = (self.right - self.left) / self.across
        tall = (self.bottom - self.top) / self.down
        corners = [
            (self.left + i * wide, self.top + j * tall)
            for i in range(self.across)
            for j in range(self.down)
        ]
        return [(x + bar, y + bar, x + wide - bar, y + tall - bar) for x, y in corners]


def window(take: Take) -> None:
    """Somebody at a window: blown-out panes, a shaft of light, its patch on the floor."""
    canvas, rng = take.canvas, take.rng
    skirting, opening, slant = rng.uniform(0.78, 0.88), _opening(take), rng.uniform(-1.35, -0.65)
    _room(take, skirting, opening)
    _patch(take, opening, skirting, slant)
    _glass(take, opening)
    _shaft(take, opening, slant)
    _curtains(take, opening)
    _furniture(take, skirting, opening)
    _motes(take, opening, slant)
    x, foot = opening.x - rng.uniform(0.1, 0.34), skirting + rng.uniform(0.04, 0.09)
    height = (skirting + 0.05 - opening.top) * canvas.high * rng.uniform(0.62, 0.78)
    sun = Sun(opening.x, opening.y, 0.0, 0.9)
    place_person(take, x, foot, height, sun=sun, chance=0.92, shadow=0.5)


def _opening(take: Take) -> Opening:
    canvas, rng = take.canvas, take.rng
    tall, middle, top = rng.uniform(0.34, 0.52), rng.uniform(0.6, 0.74), rng.uniform(0.1, 0.2)
    half = tall * rng.uniform(0.55, 1.05) / canvas.wide * canvas.high / 2
    across, down = int(rng.integers(2, 4)), int(rng.integers(2, 5))
    if take.maybe("blinds", 0.16) or take.brief.wants("blind", "noir"):
        across, down = 1, SLATS
    return Opening(middle - half, top, middle + half, top + tall, across, down)


def _room(take: Take, skirting: float, opening: Opening) -> None:
    """Wall and floor: plaster, falling off with distance from the window."""
    canvas, tones = take.canvas, take.tones
    away = canvas.away(opening.x, opening.y)
    fall = np.exp(-away * 1.9) * 0.5 + np.exp(-away * 6) * 0.25
    canvas.fill(tones.land * 1.2 + tones.haze * (0.045 + 0.55 * fall))
    canvas.light *= 1 + 0.055 * texture(take, 0, 0.5)
    top = int(skirting * canvas.height)
    below = (canvas.rows[top:] - skirting) * canvas.high
    boards = np.sin((canvas.cols - 0.5) * canvas.wide / (0.2 + below * 2.2) * 18)
    wood = 1 + 0.05 * texture(take, top, 0.8, flat=4)
    gaps = 1 - 0.28 * smoothstep(0.975, 0.99, boards)
    canvas.light[:, top:] *= np.clip(0.55 + 0.5 * below, 0, 1) * wood * gaps
    board = canvas.pen()
    edge = skirting * canvas.height
    board.box(-2, edge - 0.03 * canvas.unit, canvas.width + 2, edge)
    canvas.cover(canvas.cut(board), tones.land + tones.haze * 0.02, 0.55)


def _patch(take: Take, opening: Opening, skirting: float, slant: float) -> None:
    """The window's light on the floor, sheared along the sun."""
    canvas, tones, pen = take.canvas, take.tones, take.canvas.pen()
    near, tall = skirting + 0.035, opening.bottom - opening.top

    def fallen(x: float, y: float) -> tuple[float, float]:
        deep = (opening.bottom - y) / tall
        lean = (opening.bottom + 0.25 - y) * slant * canvas.high / canvas.wide * 0.85
        across = opening.x + (x - opening.x) * (1 + 0.5 * deep) + lean
        return canvas.at(across, near + deep * (1.035 - near))

    for left, top, right, bottom in opening.panes(0.006):
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        pen.polygon(tuple(fallen(x, y) for x, y in corners))
    light = tones.horizon * 0.35 + tones.sun * 0.22
    canvas.shine(canvas.cut(pen), light, 0.5 * take.rng.uniform(0.5, 1.0))


def _glass(take: Take, opening: Opening) -> None:
    """Frame, sill, and burnt-out panes with a hint of the world outside."""
    canvas, tones = take.canvas, take.tones
    frame, glass = canvas.pen(), canvas.pen()
    edge, sill = 0.014 / canvas.wide, 0.03 / canvas.wide
    below = opening.bottom + 0.014
    frame.box(
        *canvas.at(opening.left - edge, opening.top - 0.014),
        *canvas.at(opening.right + edge, below),
    )
    frame.box(
        *canvas.at(opening.left - sill, below), *canvas.at(opening.right + sill, below + 0.02)
    )
    canvas.cover(canvas.cut(frame), tones.land + tones.haze * 0.1)
    for left, top, right, bottom in opening.panes(0.0045):
        glass.box(*canvas.at(left, top), *canvas.at(right, bottom))
    panes = canvas.cut(glass)
    if panes is None:
        return
    height, width = panes.alpha.shape
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    far = gather(tile("smooth"), np.linspace(0.1, 0.3, width, dtype=np.float32), 0.15 * down + 0.4)
    hills = smoothstep(0.0, 0.03, down - 0.72 - 0.05 * far) * 0.6
    view = tones.horizon * 0.7 + tones.sun * (0.4 * (1 - 0.5 * down))
    bright = 0.7 if take.brief.palette.night else 1.5
    canvas.cover(panes, (view + (tones.haze * 0.8 - view) * hills) * bright)


def _shaft(take: Take, opening: Opening, slant: float) -> None:
    """Light in the dusty air: the opening smeared down along the sun's direction."""
    canvas, tones = take.canvas, take.tones
    total = np.zeros((canvas.soft_h, canvas.soft_w), np.float32)
    for step in range(SHAFT_STEPS):
        t = (step + 0.5) / SHAFT_STEPS
        x, y = canvas.u - slant * t * 0.8 / canvas.wide * canvas.high, canvas.v - t * 0.8
        soft = 0.02 + 0.02 * t
        across = smoothstep(opening.left - soft, opening.left + soft, x)
        across = across * smoothstep(opening.right + soft, opening.right - soft, x)
        upright = smoothstep(opening.top - soft, opening.top + soft, y)
        upright = upright * smoothstep(opening.bottom + soft, opening.bottom - soft, y)
        total += across * upright * ((1 - t) / SHAFT_STEPS)
    smoke = dusty(take, total, 0.45) * take.rng.uniform(0.5, 1.3)
    canvas.add(smoke, tones.horizon * 0.5 + tones.sun * 0.15)
    canvas.add(np.exp(-canvas.away(opening.x, opening.y) * 5) * 0.16, tones.horizon)


def _curtains(take: Take, opening: Opening) -> None:
    """Drapes at both sides, the light showing through their folds."""
    canvas, tones = take.canvas, take.tones
    wide = (opening.right - opening.left) * take.rng.uniform(0.2, 0.36)
    if not take.maybe("curtain", 0.45) or opening.down == SLATS:
        return
    top, bottom = (round(y * canvas.height) for y in (opening.top - 0.05, opening.bottom + 0.13))
    down = (canvas.rows[top:bottom] - opening.top) / (opening.bottom - opening.top)
    for edge, outward in ((opening.left, -wide), (opening.right, wide)):
        inner, outer = edge - outward * 0.45, edge + outward
        t = (canvas.cols - outer) / (inner - outer)
        cloth = t * (1 + 0.16 * np.sin(np.clip(down, 0, 1) * 2.6))
        inside = smoothstep(-0.03, 0.02, cloth) * smoothstep(1.02, 0.96, cloth)
        folds = 0.55 + 0.3 * np.sin(cloth * 21 + 0.5 * np.sin(down * 5)) + 0.12 * np.sin(cloth * 47)
        glow = np.clip(t, 0, 1) ** 2 * (0.5 + 0.3 * np.clip(1 - np.abs(down - 0.4), 0, 1))
        colour = tones.land * 1.1 + tones.horizon * (folds * (0.05 + 0.5 * glow))
        canvas.blend(inside * 0.93, colour, top)


def _furniture(take: Take, skirting: float, opening: Opening) -> None:
    """A chair, a table with flowers or a standing lamp, out of the light."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    kind, x = int(rng.integers(4)), rng.uniform(0.06, 0.3)
    if x + 0.1 > opening.left or kind == 3:
        x = 0.93
    pen = canvas.sketch(x, skirting + 0.03, 0.34, margin=0.01)
    (_chair, _flower_table, _floor_lamp, _chair)[kind](pen)
    piece = canvas.cut(pen)
    canvas.cover(piece, tones.land * 0.85 + tones.haze * 0.012)
    canvas.rim(piece, tones.horizon * 0.16, (opening.x - x, -0.4), 0.005)
    if kind == 2 and take.brief.wants("lamp", "tungsten", "practical", "evening", "night"):
        canvas.add(np.exp(-canvas.away(x, skirting - 0.36) * 6) * 0.5, tones.lamp)


def _chair(pen: Pen) -> None:
    for leg in (-0.2, -0.16, 0.16, 0.2):
        pen.limb((leg, 0, 0.011), (leg * 0.94, 0.42, 0.013))
    pen.box(-0.22, 0.42, 0.21, 0.46)
    for post in (-0.2, 0.19):
        pen.limb((post, 0.42, 0.014), (post - 0.02, 0.95, 0.012))
    for rung in (0.6, 0.74, 0.9):
        pen.limb((-0.21, rung, 0.016), (0.17, rung, 0.016))


def _flower_table(pen: Pen) -> None:
    pen.box(-0.5, 0.62, 0.5, 0.66)
    for leg in (-0.44, 0.44):
        pen.limb((leg, 0, 0.015), (leg, 0.64, 0.022))
    pen.polygon(tuple((x + 0.12, y) for x, y in _VASE))
    for lean, tall in ((-0.5, 0.34), (-0.2, 0.42), (0.1, 0.38), (0.42, 0.3)):
        x, y = 0.12 + lean * 0.4, 0.94 + tall
        pen.limb((0.12, 0.94, 0.006), (x, y, 0.004))
        for turn in np.linspace(0, 2 * math.pi, 5, endpoint=False):
            pen.disc(x + 0.022 * math.cos(turn), y + 0.018 * math.sin(turn), 0.024)


def _floor_lamp(pen: Pen) -> None:
    pen.box(-0.11, 0, 0.11, 0.02)
    pen.limb((0, 0, 0.012), (0, 1.15, 0.01))
    pen.polygon(((-0.11, 1.4), (0.11, 1.4), (0.19, 1.1), (-0.19, 1.1)))


def _motes(take: Take, opening: Opening, slant: float) -> None:
    """Dust that drifts through the shaft."""
    canvas, pen = take.canvas, take.canvas.pen()
    for t, across, lift, size in take.fine.random((70, 4)):
        x = opening.x + (across - 0.5) * (opening.right - opening.left)
        y = opening.y + (lift - 0.5) * (opening.bottom - opening.top) + t * 0.6
        x += slant * t * 0.6 / canvas.wide * canvas.high
        pen.disc(*canvas.at(x, y), max(0.5, canvas.unit * 0.0011 * (0.4 + 1.1 * size)))
    canvas.shine(canvas.cut(pen), take.tones.sun, 0.14)
