"""Mountain ranges in the haze, and dunes."""

import numpy as np

from farm_app.demo.painter.figures import flock
from farm_app.demo.painter.ground import Land, land, lay, relief, skyline, texture, treetops
from farm_app.demo.painter.noise import Field, gather, profile, smoothstep, tile
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.sky import Sun, mist, paint_sky, pick_clouds, pick_sun
from farm_app.demo.painter.take import Take

SAND = np.array([1.3, 0.94, 0.58], np.float32).reshape(3, 1, 1)  # what it reflects of each colour


def mountains(take: Take) -> None:
    """Range behind range in the haze, the nearest with trees and perhaps a wanderer."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    horizon = take.horizon(0.62, 0.8)
    sun = pick_sun(take, horizon * 0.8)
    paint_sky(take, horizon, sun, pick_clouds(take))
    ranges, peaks = int(rng.integers(3, 7)), rng.uniform(0.16, 0.36)
    first, high = horizon - rng.uniform(0.12, 0.22), rng.random() < 0.6
    if high or take.brief.wants("snow", "peak", "alps", "himalaya", "summit"):
        _massif(take, first + 0.1, peaks * 1.3, sun)
    for index in range(ranges):
        near = (index + 1) / ranges
        _range(take, first + (1.0 - first) * near**1.25 * 0.8, peaks, near, ranges)
    _lookout(take, sun)
    x, y = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.5)
    if take.maybe("birds", 0.5):
        canvas.cover(flock(canvas, take.fine, x, y, 0.03, 8), tones.land, 0.75)


def _range(take: Take, level: float, peaks: float, near: float, ranges: int) -> None:
    """One range and the mist at its foot; the two nearest are wooded."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    height = peaks * (0.5 - 0.22 * near)
    line = skyline(take, level, height, cells=1.5 + 1.2 * near, rough=0.46)
    if near > 1 - 1.5 / ranges:
        line = treetops(take, line, 0.022 + 0.05 * near * rng.random(), 130)
    colour = tones.haze + (tones.land - tones.haze) * (0.06 + 0.9 * near**1.3)
    lay(canvas, land(canvas, line), colour)
    if near < 1:
        bank = mist(take, level + 0.09, 0.06, amount=rng.uniform(0.35, 0.85))
        canvas.veil(bank, tones.haze + tones.horizon * 0.12)


def _massif(take: Take, level: float, height: float, sun: Sun) -> None:
    """A high range: snow on the faces, light on the sun's side."""
    canvas, tones, x = take.canvas, take.tones, take.canvas.cols[0] * (take.canvas.wide / 1.5)
    jag = profile(take.rng, x, 2.2, octaves=8, rough=0.52, angular=True)
    ground = land(canvas, level - (0.45 + 0.75 * jag) * (height / canvas.high))
    below = np.maximum(ground.depth(canvas), 0)
    slopes = _faces(take, ground, below, 1.0 if sun.x > 0.5 else -1.0)
    lit = np.clip(0.4 + 0.5 * slopes, 0, 1)
    snow = smoothstep(0.42 * height, 0.02 * height, below - 0.12 * height * slopes)
    rock = (tones.haze * 0.62 + tones.shade * 0.25) * (0.7 + 0.5 * lit)
    bright = tones.cloud + tones.sun * (0.25 * sun.power)
    face = rock + (tones.shade + (bright - tones.shade) * lit - rock) * (snow * 0.85)
    haze = smoothstep(0.0, 0.75 * height, below) * 0.75 + 0.16
    lay(canvas, ground, face + (tones.haze - face) * haze)


def _faces(take: Take, ground: Land, below: Field, side: float) -> Field:
    """Which way the rock faces, -1..1 toward the light: ribs that run down from the crest."""
    canvas, (dx, dy) = take.canvas, take.drift()
    reach = max(1, round(canvas.unit / 90))
    crest = np.convolve(np.pad(ground.line, reach, mode="edge"), np.ones(reach) / reach, "same")
    facing = np.gradient(crest)[reach:-reach].astype(np.float32) * side
    facing = np.tanh(facing / max(1e-6, float(facing.std())))
    x, y = canvas.u * canvas.wide, canvas.v * canvas.high
    spurs = canvas.raised(gather(tile("rough"), x * 0.5 + dx, y * 0.4 + dy), smooth=True)[
        ground.top :
    ]
    slant = (0.45 * side * below + 0.012 * spurs) * canvas.unit
    columns = np.arange(canvas.width) + slant.astype(np.int32)
    faces: Field = facing[np.clip(columns, 0, canvas.width - 1)] + 0.35 * spurs
    return faces


def _lookout(take: Take, sun: Sun) -> None:
    """A dark outcrop in front, where somebody stands and looks."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    side, high, there = rng.uniform(0.12, 0.4), rng.uniform(0.74, 0.9), rng.random() < 0.75
    x = canvas.cols[0]
    jag = profile(rng, x * (canvas.wide / 1.5), 4, octaves=7, rough=0.58, angular=True)
    fall = np.clip((x - side) / rng.uniform(0.12, 0.4), 0, None)
    slope = rng.uniform(-0.1, 0.14) * (side - x)
    line = high + slope + fall * 0.4 + jag * 0.035 * (0.25 + fall)
    if not there:
        return
    ground, steps = land(canvas, line), max(1, round(canvas.unit / 300))
    crags = relief(texture(take, ground.top, 0.4), 1.0, steps=steps)
    lay(canvas, ground, tones.land * (0.55 + 0.9 * np.clip(crags, 0, 1)))
    x_at = side - rng.uniform(0.02, 0.1)
    foot, tall = float(line[canvas.column(x_at)]) + 0.004, rng.uniform(0.09, 0.17)
    place_person(take, x_at, foot, tall, sun=sun, chance=0.85)


def desert(take: Take) -> None:
    """Dunes under a low sun: knife-edge crests, one flank in light, one in shadow."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    horizon = take.horizon(0.4, 0.6)
    sun = pick_sun(take, horizon)
    paint_sky(take, horizon, sun, pick_clouds(take))
    far = land(canvas, skyline(take, horizon, 0.02, cells=2.2))
    lay(canvas, far, (tones.haze * 0.8 + tones.horizon * 0.12) * SAND)
    count = int(rng.integers(3, 6))
    walker = int(rng.integers(1, count))
    for index in range(count):
        near = (index + 1) / count
        level = horizon + (1.02 - horizon) * (0.06 + 0.8 * near**1.35)
        line, peak = _dune(take, level, near, sun)
        canvas.veil(mist(take, level + 0.05, 0.05, amount=0.22 * (1 - near)), tones.haze)
        if index == walker:
            x = float(np.clip(peak + rng.uniform(-0.12, 0.12), 0.05, 0.95))
            foot, tall = float(line[canvas.column(x)]) + 0.003, 0.035 + 0.075 * near
            place_person(take, x, foot, tall, sun=sun, chance=0.8, shadow=0.7)


def _dune(take: Take, level: float, near: float, sun: Sun) -> tuple[Field, float]:
    """One dune: its crest line and the place of its peak, as fractions."""
    canvas, rng, x = take.canvas, take.rng, take.canvas.cols[0]
    peak, bend = rng.uniform(0.12, 0.88), rng.uniform(-0.3, 0.3)
    lift = rng.uniform(0.05, 0.15) * (0.5 + near)
    roll = profile(rng, x * (canvas.wide / 1.5), 1.1, octaves=3, rough=0.3) * 0.05
    hump = np.exp(-(np.abs((x - peak) / (0.26 + 0.2 * near)) ** 1.3))
    line = level + 0.06 - lift * hump - roll * 0.7
    ground = land(canvas, line)
    drop = np.maximum((canvas.rows[ground.top :] - line.min()) / (1.05 - line.min()), 0)
    crest = peak + bend * np.sqrt(drop) + 0.06 * np.sin(drop * 7 + bend * 9) * drop
    flank = (canvas.cols - crest) * (1 if sun.x > peak else -1)
    lay(canvas, ground, _sand(take, ground, flank, near, sun))
    return line, peak


def _sand(take: Take, ground: Land, flank: Field, near: float, sun: Sun) -> Field:
    """Light on a dune, given how far (a fraction) each pixel is on the crest's sunny side."""
    canvas, tones = take.canvas, take.tones
    below, ripples = np.maximum(ground.depth(canvas), 0), _ripples(take, ground, near)
    sunny = smoothstep(-0.012 - 0.05 * near, 0.006, flank - 0.004)
    toward = 0.75 + 0.35 * np.exp(-np.abs(canvas.cols - sun.x) * 2)
    grazing = np.clip(0.78 - 0.9 * below, 0.2, 1) * toward
    lit = (tones.horizon * 0.5 + tones.sky * 0.35) * SAND * (grazing * (1 + 0.16 * ripples))
    dark = (tones.land * 1.4 + tones.shade * 0.32 * SAND) * (1 + 0.05 * ripples)
    face = dark + (lit - dark) * sunny
    sand: Field = face + (tones.haze - face) * (0.42 * (1 - near))
    return sand


def _ripples(take: Take, ground: Land, near: float) -> Field:
    """What the wind draws on a dune, finer the further away."""
    canvas, (dx, dy) = take.canvas, take.drift()
    fine = 0.5 / (0.25 + near)
    x, below = canvas.cols * (canvas.wide * fine), ground.depth(canvas) * fine
    swing = gather(tile("smooth"), x * 0.4 + dx, below + dy)
    lines = np.sin(below * 190 + swing * 5 + x * 14)
    mottle = gather(tile("rough"), x * 1.3 + dy, below * 2.6)
    ripples: Field = 0.55 * lines * np.clip(0.6 + 0.5 * swing, 0, 1) + 0.7 * mottle
    return ripples
