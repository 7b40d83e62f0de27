"""Trees and grass, grown from a few random numbers."""

import math
from dataclasses import dataclass, field

import numpy as np

from farm_app.demo.painter.ground import land, lay, texture
from farm_app.demo.painter.noise import Field
from farm_app.demo.painter.pen import Pen
from farm_app.demo.painter.sky import Sun
from farm_app.demo.painter.take import Take

FORKS = 5
LEAF_CLUSTERS = 260
TIERS = 19


def leafy(pen: Pen, rng: np.random.Generator, *, bare: bool = False) -> None:
    """A broad-leaved tree one step high in the pen's frame; `bare` has branches only."""
    tree = _Tree(pen, rng)
    tree.branch(0.0, 0.0, math.pi / 2 + rng.normal(0, 0.06), 0.34, 0.032)
    if bare:
        return
    for x, y in tree.tips:
        for _ in range(max(2, LEAF_CLUSTERS // len(tree.tips))):
            dx, dy = rng.normal(0, 0.04, 2)
            pen.polygon(_leaves(rng, x + dx, y + dy, rng.uniform(0.01, 0.034)))


@dataclass
class _Tree:
    """A tree while it grows."""

    pen: Pen
    rng: np.random.Generator
    tips: list[tuple[float, float]] = field(default_factory=list)

    def branch(
        self, x: float, y: float, angle: float, length: float, thick: float, level: int = 0
    ) -> None:
        """One limb and everything that grows from it."""
        for _ in range(3):
            angle += self.rng.normal(0, 0.13)
            end = x + math.cos(angle) * length / 3, y + math.sin(angle) * length / 3
            self.pen.limb((x, y, thick), (*end, thick * 0.88))
            (x, y), thick = end, thick * 0.88
        if level == FORKS:
            self.tips.append((x, y))
            return
        for turn in self._forks(level):
            lean = angle + turn
            lean += 0.16 * (math.pi / 2 - lean) * (level < 2)
            shorter = length * self.rng.uniform(0.66, 0.84)
            self.branch(x, y, lean, shorter, thick * 0.68, level + 1)

    def _forks(self, level: int) -> list[float]:
        """Angles at which a limb divides."""
        turns = [self.rng.uniform(0.3, 0.62), -self.rng.uniform(0.3, 0.62)]
        if level < 2 and self.rng.random() < 0.75:
            turns.append(self.rng.normal(0, 0.12))
        return turns


def _leaves(rng: np.random.Generator, x: float, y: float, size: float) -> Field:
    """A ragged blot of foliage."""
    turn = np.linspace(0, 2 * math.pi, 12, endpoint=False) + rng.uniform(0, 1)
    radius = size * rng.uniform(0.35, 1.25, 12)
    return np.stack((x + radius * np.cos(turn) * 1.2, y + radius * np.sin(turn) * 0.85), axis=1)


def conifer(pen: Pen, rng: np.random.Generator, x: float, y: float, height: float) -> None:
    """A spruce with its foot at a pixel: drooping ragged boughs, thinning to a spire."""
    pen.limb((x, y, height * 0.014), (x, y - height * 0.98, height * 0.003))
    x += rng.normal(0, 0.004) * height
    t = np.arange(TIERS) / TIERS
    level = y - height * (1 - t * 0.96)
    sides = []
    for side in (1, -1):
        out = height * (0.012 + 0.19 * t**0.85) * rng.uniform(0.62, 1.08, TIERS)
        droop = height * (0.012 + 0.035 * t) * rng.uniform(0.8, 1.7, TIERS)
        inner = np.stack((x + side * out * 0.34, level), axis=1)
        outer = np.stack((x + side * out, level + droop), axis=1)
        sides.append(np.stack((inner, outer), axis=1).reshape(-1, 2))
    pen.polygon(np.concatenate(([(x, y - height * 1.02)], sides[0], sides[1][::-1])))


def bristle(take: Take, line: Field, height: float) -> Field:
    """A ground line (fractions of the height) with blades of grass standing on it."""
    canvas = take.canvas
    blades = take.fine.random(int(420 * canvas.wide)).astype(np.float32)
    at = canvas.cols[0] * len(blades)
    index = np.clip(at.astype(np.int32), 0, len(blades) - 1)
    tooth = 1 - np.abs((at % 1) * 2 - 1)
    grown: Field = line - blades[index] ** 2 * tooth * (height / canvas.high)
    return grown


def grass(take: Take, height: float) -> None:
    """Blades at the lower edge, near the lens; `height` in units."""
    canvas, rng = take.canvas, take.fine
    count = round(150 * canvas.wide)
    x = rng.uniform(-0.02, 1.02, count) * canvas.width
    tall = height * rng.uniform(0.3, 1.5, count) * canvas.unit
    lean = rng.normal(0.1, 0.25, count) * tall
    foot, wide = np.full(count, canvas.height + 2.0), 0.0016 * canvas.unit
    across = np.stack((x - wide, x + lean * 0.35, x + lean, x + lean * 0.35 + wide, x + wide), 1)
    down = np.stack((foot, foot - tall * 0.6, foot - tall, foot - tall * 0.58, foot), axis=1)
    pen = canvas.pen()
    for blade in np.stack((across, down), axis=2):
        pen.polygon(blade)
    canvas.cover(canvas.cut(pen), take.tones.land * 0.5, 0.95)


def meadow(take: Take, line: Field, sun: Sun) -> None:
    """A grassy slope below a line: blades against the sky, light combing through."""
    canvas, tones = take.canvas, take.tones
    ground = land(canvas, bristle(take, line, 0.012))
    below = np.maximum(ground.depth(canvas), 0)
    clumps = texture(take, ground.top, 0.5, kind="fine", flat=2.6)
    blades = texture(take, ground.top, 2.6, kind="fine", flat=0.22)
    toward = np.exp(-np.abs(canvas.cols - sun.x) * 2)
    comb = np.clip(0.5 + 0.2 * blades + 0.2 * clumps, 0.08, 1.5)
    glow = np.exp(-below * 8) * toward * (0.05 + 0.16 * sun.power)
    body = (tones.land + tones.haze * 0.025) * (0.5 + 0.8 * comb)
    lay(canvas, ground, body + (tones.sun * 0.6 + tones.horizon * 0.4) * (glow * comb))
