"""Putting people into a still: who is asked for, how they stand, and the light round them."""

import numpy as np

from farm_app.demo.painter.figures import POSES, UMBRELLA, draw
from farm_app.demo.painter.pen import Stencil
from farm_app.demo.painter.sky import Sun
from farm_app.demo.painter.take import Take

CHILD_HEIGHT = 0.62  # of an adult

# The first line whose words are asked for decides.
_ASKED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("walk", ("walking",)),
    ("child", ("child",)),
    ("dress", ("woman", "she", "her", "bride", "lady", "queen")),
    ("hat", ("detective", "hat", "fedora", "noir", "gangster", "cowboy")),
)


def pose_for(take: Take) -> str:
    """Who the words ask for, else anyone; draws once whatever they say."""
    chosen = ("coat", "walk", "stand", "hat", "dress")[int(take.rng.integers(5))]
    for pose, words in _ASKED:
        if take.brief.wants(*words):
            return pose
    if take.brief.wants("man", "he", "his") and chosen == "dress":
        return "coat"
    return chosen


def place_person(
    take: Take,
    x: float,
    y: float,
    height: float,
    *,
    sun: Sun,
    chance: float = 0.7,
    shadow: float = 0.0,
) -> Stencil | None:
    """A silhouette with its feet at a place, `height` in units, edged by the light.

    There by `chance` where the words leave it open. `shadow` 0..1 is how dark a shadow
    it throws toward the viewer. Returns its outline, None if nobody is there.
    """
    canvas, tones, flip = take.canvas, take.tones, bool(take.rng.random() < 0.5)
    pose = pose_for(take)
    if not take.maybe("person", chance):
        return None
    tall = height * (CHILD_HEIGHT if pose == "child" else 1.0)
    pen = canvas.sketch(x, y, tall, flip=flip, margin=0.01)
    draw(pen, POSES[pose])
    if take.brief.wants("umbrella"):
        draw(pen, UMBRELLA)
    if shadow > 0:
        _cast_shadow(take, x, y, tall, sun, shadow)
    body = canvas.cut(pen)
    canvas.cover(body, tones.land * 0.7)
    toward = (sun.x - x, sun.y - y + height * 0.5)
    canvas.rim(body, tones.sun * (0.24 * sun.power), toward, height * 0.013)
    return body


def _cast_shadow(take: Take, x: float, y: float, tall: float, sun: Sun, strength: float) -> None:
    """The long shadow of somebody who stands against a low light."""
    canvas = take.canvas
    lean = (x - sun.x) * canvas.wide * 2.06
    for wide, share in ((0.085, 0.5), (0.06, 0.5)):
        pen = canvas.sketch(x, y, tall)
        foot, end = wide * 1.0, wide * 1.5
        pen.polygon(((-foot, 0.02), (foot, 0.02), (lean + end, -1.5), (lean - end, -1.5)))
        shade = canvas.cut(pen)
        if shade is not None:
            fade = np.linspace(1, 0.1, shade.alpha.shape[0], dtype=np.float32)[:, None]
            faded = Stencil(shade.x, shade.y, shade.alpha * fade)
            canvas.cover(faded, take.tones.land, strength * share)
