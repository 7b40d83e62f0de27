"""Reading a prompt: which scene, in which colours and weather, with whom, and what to leave out."""

from dataclasses import dataclass, field

from farm_app.demo.painter.film import Look
from farm_app.demo.painter.noise import stream
from farm_app.demo.painter.palettes import BY_NAME, PALETTES, Palette
from farm_app.demo.painter.words import (
    COLOURS,
    SCENE_PALETTES,
    SUBJECTS,
    TAGS,
    THINGS,
    meanings,
    tokens,
)


@dataclass(frozen=True)
class Brief:
    """What is to be painted; equal for equal words and seed, whatever the size."""

    scene: str
    seed: int
    palette: Palette
    second: Palette  # the palette that tints the first
    tint: float
    words: frozenset[str] = field(repr=False)
    banned: frozenset[str] = field(repr=False)
    words_key: str = field(repr=False)

    def wants(self, *words: str) -> bool:
        """Whether the prompt asks for any of these and the negative does not forbid it."""
        return any(word in self.words and word not in self.banned for word in words)

    def bans(self, *words: str) -> bool:
        """Whether the negative prompt forbids any of these."""
        return any(word in self.banned for word in words)


def read(prompt: str, negative: str, seed: int) -> Brief:
    """The brief that a prompt, a negative prompt and a seed amount to."""
    asked, unwanted = tokens(prompt), tokens(negative)
    words, banned = meanings(asked), meanings(unwanted)
    if "nobody" in words:
        banned |= {"person", "crowd"}
    scene = choose_scene(asked, banned)
    allowed = choose_palettes(scene, asked, banned)
    chance = stream("palette", scene, seed)
    index = _turn(scene, seed, len(allowed))
    second = allowed[int(chance.integers(len(allowed)))]
    return Brief(
        scene=scene,
        seed=seed,
        palette=allowed[index],
        second=second,
        tint=float(chance.uniform(0, 0.4)),
        words=words,
        banned=banned,
        words_key=" ".join(asked),
    )


def _turn(scene: str, seed: int, count: int) -> int:
    """Which palette this seed gets: every run of `count` seeds uses each of them once."""
    order = stream("order", scene, seed // count, count).permutation(count)
    return int(order[seed % count])


def choose_scene(asked: list[str], banned: frozenset[str]) -> str:
    """The scene that the words speak of most, earlier words a little louder.

    Words that name no scene at all choose one by their own hash, so that any text gives a
    picture and the same text always the same scene.
    """
    scores = {scene: _score(weights, asked) for scene, weights in SUBJECTS.items()}
    for scene, weights in SUBJECTS.items():
        if scene in banned or any(word in banned and weights[word] >= 3 for word in weights):
            scores[scene] = -1.0
    best = max(scores, key=lambda scene: scores[scene])
    if scores[best] > 0:
        return best
    left = [scene for scene in SUBJECTS if scores[scene] >= 0] or list(SUBJECTS)
    return left[int(stream("scene", " ".join(asked)).integers(len(left)))]


def _score(weights: dict[str, float], asked: list[str]) -> float:
    heard: set[str] = set()
    total = 0.0
    for position, word in enumerate(asked):
        if word in weights and word not in heard:
            heard.add(word)
            total += weights[word] * (1.0 + 0.35 / (1 + position * 0.25))
    return total


def _colour_tags(asked: list[str]) -> set[str]:
    """Palette tags of colour words that speak of the light rather than of a thing."""
    following = [*asked[1:], ""] if asked else []
    pairs = zip(asked, following, strict=True)
    return {COLOURS[word] for word, thing in pairs if word in COLOURS and thing not in THINGS}


def choose_palettes(scene: str, asked: list[str], banned: frozenset[str]) -> list[Palette]:
    """The palettes that fit the words best, the scene's own where the words are silent."""
    colours = _colour_tags(asked)
    times = {TAGS[word] for word in asked if word in TAGS}
    own = SCENE_PALETTES[scene].split()
    scores: dict[str, float] = {}
    for palette in PALETTES:
        if palette.mono and not (times | colours) & {"mono", "silver", "sepia"}:
            continue
        if palette.tags & banned:
            continue
        fit = 3.0 * len(palette.tags & colours) + 2.0 * len(palette.tags & times)
        fit += 4.0 if palette.mono and "mono" in times else 0.0
        scores[palette.name] = fit + (1.5 if palette.name in own else 0.0)
    best = max(scores.values(), default=0.0)
    fitting = [BY_NAME[name] for name, fit in scores.items() if fit >= best - 0.75]
    return fitting or [BY_NAME[own[0]]]


def look_of(brief: Brief) -> Look:
    """How the laboratory should treat this still."""
    chance = stream("look", brief.scene, brief.seed)
    exposure, softness = chance.uniform(-0.12, 0.12), chance.random()
    contrast = brief.palette.contrast + (0.16 if brief.wants("noir", "contrast", "harsh") else 0.0)
    saturation = 0.9 - (0.1 if brief.wants("restrained", "muted", "desaturated", "pale") else 0.0)
    saturation += 0.12 * brief.wants("vivid", "saturated", "colourful", "colorful")
    saturation -= 0.08 * brief.bans("oversaturated", "saturated")
    if brief.palette.mono and brief.palette.name != "sepia":
        saturation = 0.12
    dark = 0.25 * brief.wants("lowkey", "dark", "noir") - 0.18 * brief.wants("bright", "highkey")
    return Look(
        exposure=1.0 + exposure - dark,
        bloom=0.24 + 0.16 * softness + 0.1 * brief.wants("dreamy", "soft", "fog", "neon"),
        contrast=contrast,
        saturation=saturation,
        grain=0.013 * (1.9 if brief.wants("grain", "grainy", "16mm", "vintage") else 1.0),
        shadows=brief.palette.shadows,
        highlights=brief.palette.highlights,
        streak=0.5 if brief.wants("anamorphic") else 0.0,
    )
