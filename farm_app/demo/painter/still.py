"""One still from first word to finished picture."""

import math
from collections.abc import Callable

from PIL import Image, ImageOps

from farm_app.demo.painter.brief import look_of, read
from farm_app.demo.painter.canvas import Canvas
from farm_app.demo.painter.film import develop
from farm_app.demo.painter.noise import stream
from farm_app.demo.painter.scenes import SCENES
from farm_app.demo.painter.take import Take
from farm_app.demo.painter.weather import add_weather

MOST_PIXELS = (
    2_400_000  # beyond this the still is painted smaller and enlarged: memory stays modest
)

Scene = Callable[[Take], None]


def paint(prompt: str, negative: str, seed: int, width: int, height: int) -> Image.Image:
    """A film still for these words, RGB, exactly `width` x `height` pixels.

    Equal arguments give equal pixels in every process. Another size gives the same
    composition; another seed gives another take on the same words.
    """
    brief = read(prompt, negative, seed)
    scale = min(1.0, math.sqrt(MOST_PIXELS / (width * height)))
    canvas = Canvas(max(1, round(width * scale)), max(1, round(height * scale)))
    take = Take(brief, canvas)
    mirrored = stream("mirror", brief.scene, seed).random() < 0.5
    SCENES[brief.scene](take)
    add_weather(take)
    grain = stream("grain", brief.words_key, seed)
    still = develop(canvas.light, look_of(brief), grain, (canvas.soft_w, canvas.soft_h))
    if mirrored:
        still = ImageOps.mirror(still)
    if still.size != (width, height):
        still = still.resize((width, height), Image.Resampling.LANCZOS)
    return still
