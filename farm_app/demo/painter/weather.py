"""Weather between the lens and the scene: rain, falling snow, fog and lightning."""

import numpy as np

from farm_app.demo.painter.film import light
from farm_app.demo.painter.noise import gather, tile
from farm_app.demo.painter.take import Take

INDOORS = frozenset({"window", "corridor", "hall", "stage", "table", "underwater", "planet"})

# Count, length and width in units, strength: far streaks first.
_STREAKS = ((420, 0.03, 0.0008, 0.2), (170, 0.06, 0.0012, 0.3), (34, 0.12, 0.002, 0.24))
# Count, radius in units, opacity.
_FLAKES = ((330, 0.0012, 0.75), (90, 0.0025, 0.5), (14, 0.007, 0.13))


def add_weather(take: Take) -> None:
    """Adds what the words ask for, and what fits the scene by chance."""
    brief = take.brief
    wet, cold = take.fine.random(2)
    if brief.scene in INDOORS:
        return
    if brief.wants("lightning", "thunder"):
        _lightning(take)
    if brief.wants("mist") and not brief.bans("fog"):
        _fog(take, 0.9 if brief.wants("fog") else 0.15)
    if brief.wants("rain"):
        _rain(take, 1.0)
    elif brief.scene == "street" and wet < 0.6 and not brief.bans("rain"):
        _rain(take, 0.6)
    snowing = brief.scene == "snow" and cold < 0.6 and not brief.bans("snowfall", "snow")
    if snowing or brief.wants("snowfall"):
        _snow(take)


def _rain(take: Take, amount: float) -> None:
    """Streaks in three depths, seen where light stands behind them."""
    canvas, rng = take.canvas, take.fine
    lean = rng.normal(0.06, 0.05)
    for count, length, thick, strength in _STREAKS:
        x, y, size = rng.random((3, round(count * amount)))
        px, py = (1.1 * x - 0.05) * canvas.width, (1.1 * y - 0.05) * canvas.height
        long = length * (0.6 + 0.8 * size) * canvas.unit
        wide = max(0.35, thick * canvas.unit)
        across = np.stack((px, px + wide, px + wide + lean * long, px + lean * long), axis=1)
        down = np.stack((py, py, py + long, py + long), axis=1)
        pen = canvas.pen()
        pen.quads(np.stack((across, down), axis=2))
        drops = canvas.cut(pen)
        if drops is not None:
            rows, columns = drops.window
            glow = np.minimum(canvas.light[1, rows, columns], 1.2) * 1.4 + 0.07
            canvas.light[:, rows, columns] += take.tones.horizon * (drops.alpha * glow * strength)


def _snow(take: Take) -> None:
    """Flakes: fine ones far off, a few large and soft before the lens."""
    canvas, rng = take.canvas, take.fine
    white = take.tones.horizon * 0.3 + take.tones.cloud * 0.3 + 0.25
    for count, size, opacity in _FLAKES:
        pen = canvas.pen()
        for x, y, grown in rng.random((count, 3)):
            radius = max(0.45, size * (0.6 + 0.9 * grown) * canvas.unit)
            pen.disc(*canvas.at(x, y), radius, squash=1.0 + 0.5 * grown)
        canvas.cover(canvas.cut(pen), white, opacity)


def _fog(take: Take, amount: float) -> None:
    """A veil that thickens toward the horizon and drifts."""
    canvas, (dx, dy) = take.canvas, take.drift()
    drift = gather(tile("cloud"), canvas.u * canvas.wide * 0.18 + dx, canvas.v * 0.5 + dy)
    bank = np.exp(-(((canvas.v - 0.6) / 0.34) ** 2)) * 0.42 + 0.12
    veil = np.clip(bank * amount * (1 + 0.32 * drift), 0, 0.85)
    canvas.veil(veil, take.tones.haze + take.tones.horizon * 0.12)


def _lightning(take: Take) -> None:
    """A forked bolt and the cloud it lights."""
    canvas, rng, bolt = take.canvas, take.fine, light("#dfe6ff")
    start, y = rng.uniform(0.15, 0.85), 0.0
    x, pen = start, canvas.pen()
    for step in range(22):
        nx, ny = x + rng.normal(0, 0.014), y + rng.uniform(0.015, 0.035)
        thick = (0.0028 - 0.0001 * step) * canvas.unit
        pen.limb((*canvas.at(x, y), thick), (*canvas.at(nx, ny), thick * 0.9))
        if rng.random() < 0.2:
            fork = canvas.at(nx + rng.normal(0, 0.05), ny + 0.06)
            pen.limb((*canvas.at(nx, ny), thick * 0.5), (*fork, thick * 0.15))
        x, y = nx, ny
    canvas.shine(canvas.cut(pen), bolt, 3)
    canvas.add(np.exp(-canvas.away(start, 0.12) * 3.2) * 0.4, bolt)
