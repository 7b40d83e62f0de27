"""A concert, seen from the crowd."""

import math

import numpy as np

from farm_app.demo.painter.noise import Field
from farm_app.demo.painter.pen import Pen
from farm_app.demo.painter.people import place_person
from farm_app.demo.painter.sky import Sun, cone, dusty
from farm_app.demo.painter.take import Take

Hues = tuple[Field, Field]


def stage(take: Take) -> None:
    """Beams from the rig through haze, somebody in the middle, hands in the air in front."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    floor, middle, count = (
        take.horizon(0.64, 0.74),
        rng.uniform(0.42, 0.58),
        int(rng.integers(5, 10)),
    )
    back = np.exp(-((canvas.away(middle, floor - 0.1) / 0.42) ** 2))
    canvas.fill(tones.land + tones.zenith * 0.5 + tones.haze * (0.32 * back))
    palette = (tones.accents[0], tones.accents[1], tones.lamp, tones.horizon)
    first, second = rng.choice(4, 2, replace=False)
    hues = palette[int(first)], palette[int(second)]
    _beams(take, count, hues)
    _rig(take, count, hues)
    _performer(take, middle, floor)
    if not take.brief.bans("crowd", "person"):
        for near in (0.3, 0.6, 1.0):
            _audience(take, floor, near, hues[0])


def _beams(take: Take, count: int, hues: Hues) -> None:
    """A fan of cones from the rig, two colours in turn."""
    canvas, rng, swing = take.canvas, take.rng, take.rng.uniform(-0.25, 0.25)
    total = np.zeros((2, canvas.soft_h, canvas.soft_w), np.float32)
    for index in range(count):
        x = (index + 0.5) / count
        angle = math.pi / 2 + (x - 0.5) * rng.uniform(-1.6, 0.4) + swing
        total[index % 2] += cone(canvas, x, 0.03, angle, spread=rng.uniform(0.06, 0.13), reach=0.9)
    for beams, hue in zip(total, hues, strict=True):
        canvas.add(dusty(take, beams, 0.55) * 1.15, hue * 0.7 + 0.06)


def _rig(take: Take, count: int, hues: Hues) -> None:
    """The truss and its lamps."""
    canvas, truss = take.canvas, take.canvas.pen()
    for y in (0.018, 0.05):
        truss.box(-2, y * canvas.height, canvas.width + 2, (y + 0.006) * canvas.height)
    thick = 0.0022 * canvas.unit
    for x in np.arange(0, 1.02, 0.035):
        top, bottom = canvas.at(x, 0.02), canvas.at(x + 0.0175, 0.053)
        truss.limb((*top, thick), (*bottom, thick))
    canvas.cover(canvas.cut(truss), take.tones.land)
    for start, hue in enumerate(hues):
        lamps = canvas.pen()
        for index in range(start, count, 2):
            lamps.disc(*canvas.at((index + 0.5) / count, 0.045), 0.011 * canvas.unit)
        canvas.shine(canvas.cut(lamps), hue + 0.8, 4)


def _performer(take: Take, x: float, floor: float) -> None:
    """The deck, somebody on it, and a microphone on its stand."""
    canvas, tones, height = take.canvas, take.tones, take.rng.uniform(0.26, 0.36)
    deck = canvas.pen()
    deck.box(-2, floor * canvas.height, canvas.width + 2, canvas.height + 2)
    canvas.cover(canvas.cut(deck), tones.land + tones.haze * 0.06)
    light = Sun(x + 0.1, 0.0, 0, 1.0)
    if place_person(take, x, floor + 0.006, height, sun=light, chance=0.95) is None:
        return
    stand = canvas.sketch(x, floor, height)
    stand.chain((0.2, 0, 0.006), (0.16, 0.78, 0.005), (0.08, 0.88, 0.009))
    stand.limb((0.12, 0.005, 0.006), (0.28, 0.005, 0.006))
    canvas.cover(canvas.cut(stand), tones.land * 0.6)


def _audience(take: Take, floor: float, near: float, hue: Field) -> None:
    """One row of heads and raised arms; nearer ones are larger and darker."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    level, size = floor + 0.04 + 0.2 * near, 0.022 + 0.04 * near
    row, spacing = canvas.pen(margin=0.004), size * 2.3 / canvas.wide
    for index in range(int(1 / spacing) + 2):
        x = (index + rng.uniform(-0.3, 0.3)) * spacing
        head = canvas.sketch(x, level + rng.normal(0, size * 0.4) / canvas.high, size)
        head.disc(0, 0, 0.62, squash=1.25)
        head.polygon(((-1.2, -9), (-1.15, -1.7), (-0.4, -1), (0.4, -1), (1.15, -1.7), (1.2, -9)))
        if rng.random() < 0.26:
            _raised_arm(head, rng)
        row.join(head)
    people = canvas.cut(row)
    canvas.cover(people, tones.land * 0.55 + (hue * 0.05 + tones.haze * 0.12) * (1 - near))
    canvas.rim(people, hue * 0.13 + tones.haze * 0.03, (0.1, -1.0), 0.007 * near)


def _raised_arm(pen: Pen, rng: np.random.Generator) -> None:
    """An arm in the air beside a head of which one step is the size."""
    side = 1 if rng.random() < 0.5 else -1
    elbow = side * rng.uniform(0.9, 1.3), rng.uniform(0.2, 0.7)
    hand = elbow[0] + rng.uniform(-0.5, 0.4), elbow[1] + rng.uniform(1.2, 1.9)
    pen.chain((side * 0.9, -1.7, 0.32), (*elbow, 0.24), (*hand, 0.18))
    pen.disc(hand[0], hand[1] + 0.12, 0.24, squash=1.2)
