"""Lights out of focus, and the dark they hang in."""

import numpy as np

from farm_app.demo.painter.canvas import Canvas
from farm_app.demo.painter.noise import Field, gather, smoothstep, tile
from farm_app.demo.painter.take import Take


def backdrop(take: Take, key: float) -> None:
    """The dark behind a close subject: a warm glow round `key` (a fraction), a cool one opposite."""
    canvas, tones, (dx, dy) = take.canvas, take.tones, take.drift()
    warm = np.exp(-((canvas.away(key, take.rng.uniform(0.25, 0.6)) / 0.55) ** 2))
    cool = np.exp(-((canvas.away(1 - key, 0.7) / 0.5) ** 2))
    smoke = gather(tile("smooth"), canvas.u * 0.3 + dx, canvas.v * 0.3 + dy)
    drift = np.clip(1 + 0.2 * smoke, 0.3, 1.8)
    field = tones.zenith * 0.8 + tones.land + tones.haze * (0.42 * warm * drift)
    canvas.fill(field + tones.sky * (0.22 * cool * drift))


def lights(take: Take, count: int, size: float, *, strength: float) -> None:
    """Lamps far out of focus, about `size` units in radius."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    hues = (tones.lamp, tones.lamp, *tones.accents, tones.horizon)
    for _ in range(count):
        x, y = rng.random(), rng.beta(2, 2.4)
        radius = max(1.5, size * rng.uniform(0.45, 1.35) * canvas.unit)
        hue, power = hues[int(rng.integers(len(hues)))], rng.uniform(0.12, 0.8) ** 1.4
        _disc(canvas, *canvas.at(x, y), radius, hue * (strength * power))


def _disc(canvas: Canvas, x: float, y: float, radius: float, colour: Field) -> None:
    """One lamp: a disc with a brighter rim, clipped to lens shape toward the frame's edge."""
    left, top = max(0, int(x - radius - 2)), max(0, int(y - radius - 2))
    right, bottom = min(canvas.width, int(x + radius + 3)), min(canvas.height, int(y + radius + 3))
    if right <= left or bottom <= top:
        return
    dx = np.arange(left, right, dtype=np.float32)[None] + (0.5 - x)
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] + (0.5 - y)
    away = np.sqrt(dx * dx + dy * dy)
    off_x, off_y = (0.5 - x / canvas.width) * radius, (0.5 - y / canvas.height) * radius
    eye = np.sqrt((dx - 0.5 * off_x) ** 2 + (dy - 0.5 * off_y) ** 2)
    inside = np.clip(radius - away + 0.5, 0, 1) * np.clip(radius * 1.08 - eye + 0.5, 0, 1)
    rim = 0.62 + 0.38 * smoothstep(0.72, 0.98, away / radius)
    canvas.light[:, top:bottom, left:right] += colour * (inside * rim)
