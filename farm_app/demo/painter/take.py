"""One take of a still: the brief, the canvas and the chances that a scene is painted with."""

from dataclasses import dataclass, field

import numpy as np

from farm_app.demo.painter.brief import Brief
from farm_app.demo.painter.canvas import Canvas
from farm_app.demo.painter.noise import stream
from farm_app.demo.painter.palettes import Tones


@dataclass(eq=False)
class Take:
    """`rng` draws the composition (seed and scene), `fine` the details (all words as well)."""

    brief: Brief
    canvas: Canvas
    rng: np.random.Generator = field(init=False)
    fine: np.random.Generator = field(init=False)
    tones: Tones = field(init=False)

    def __post_init__(self) -> None:
        """Opens the two streams of chance."""
        self.rng = stream("take", self.brief.scene, self.brief.seed)
        self.fine = stream("fine", self.brief.words_key, self.brief.seed)
        brief = self.brief
        self.tones = brief.palette.tones.tinted(brief.second.tones, brief.tint)

    def horizon(self, low: float, high: float) -> float:
        """Where the horizon lies, a fraction of the height; the words may tilt the camera."""
        drawn = self.rng.random()
        if self.brief.wants("lowangle"):
            drawn = 0.85 + 0.15 * drawn
        if self.brief.wants("highangle", "aerial", "overhead", "drone"):
            drawn = 0.15 * drawn
        return low + (high - low) * drawn

    def maybe(self, word: str, chance: float) -> bool:
        """Whether a thing is in the picture: asked for, else by chance, never if unwanted."""
        drawn = bool(self.rng.random() < chance)
        return not self.brief.bans(word) and (drawn or self.brief.wants(word))

    def drift(self) -> tuple[float, float]:
        """A place in a noise tile, for a detail that should differ from take to take."""
        across, down = self.fine.random(2)
        return float(across), float(down)
