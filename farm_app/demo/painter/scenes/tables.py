"""Things on a table."""

import math
from itertools import islice

import numpy as np

from farm_app.demo.painter.bokeh import backdrop, lights
from farm_app.demo.painter.noise import gather, smoothstep, tile
from farm_app.demo.painter.pen import Pen, Points, rounded
from farm_app.demo.painter.sky import dusty
from farm_app.demo.painter.take import Take

SIZE = 0.48  # of one step in the outlines, in units

# Right halves, from the table up.
_HALVES: dict[str, Points] = {
    "bottle": (
        (0.13, 0.0), (0.14, 0.1), (0.14, 0.5), (0.12, 0.62), (0.055, 0.72), (0.048, 0.8), (0.048, 0.96), (0.058, 1.0),
    ),
    "cup": ((0.1, 0.0), (0.15, 0.08), (0.17, 0.26), (0.17, 0.3)),
    "glass": (
        (0.09, 0.0), (0.09, 0.02), (0.015, 0.035), (0.012, 0.24), (0.07, 0.3), (0.12, 0.42), (0.1, 0.58),
    ),
    "fruit": ((0.1, 0.01), (0.15, 0.1), (0.13, 0.2), (0.06, 0.25), (0.0, 0.235)),
    "candle": ((0.05, 0.0), (0.05, 0.39)),
    "books": ((0.3, 0.0), (0.3, 0.07), (0.27, 0.08), (0.27, 0.14), (0.2, 0.15), (0.2, 0.21)),
    "vase": ((0.08, 0.0), (0.15, 0.12), (0.16, 0.26), (0.1, 0.4), (0.06, 0.48), (0.08, 0.54)),
}  # fmt: skip
_ROUND = frozenset({"fruit", "vase", "glass"})
_MEANT: dict[str, tuple[str, ...]] = {
    "bottle": ("bottle", "wine", "whisky"),
    "cup": ("cup", "coffee", "tea", "breakfast"),
    "glass": ("glass", "wine"),
    "fruit": ("fruit", "apple", "orange", "food"),
    "candle": ("candle", "candlelight"),
    "books": ("book", "books", "study"),
    "vase": ("vase", "flower", "flowers"),
}


def table(take: Take) -> None:
    """Things on a table before a bright window: bottle, cup, glass, fruit, a candle."""
    canvas, rng = take.canvas, take.rng
    key, edge = rng.uniform(0.3, 0.7), rng.uniform(0.7, 0.8)
    backdrop(take, key)
    glow = np.exp(-((canvas.away(key, 0.4) / 0.3) ** 2)) * 0.5
    canvas.light *= 0.55
    canvas.add(dusty(take, glow, 0.3), take.tones.horizon)
    lights(take, int(rng.integers(22, 44)), 0.042, strength=0.9)
    _board(take, edge, key)
    for index, kind in enumerate(_chosen(take)):
        x = 0.5 + (index - 1) * 0.2 / max(0.6, canvas.wide) + rng.normal(0, 0.02)
        _thing(take, kind, x, edge + rng.uniform(0.05, 0.12), key)


def _chosen(take: Take) -> list[str]:
    """What is on the table: what the words name, filled up to three by chance."""
    kinds = [str(kind) for kind in take.rng.permutation(list(_HALVES))]
    wanted = [kind for kind in kinds if take.brief.wants(*_MEANT[kind])]
    others = (kind for kind in kinds if kind not in wanted and not take.brief.bans(*_MEANT[kind]))
    return wanted + list(islice(others, max(0, 3 - len(wanted))))


def _board(take: Take, edge: float, key: float) -> None:
    """The table top, the window lying on its polish."""
    canvas, tones, (dx, dy) = take.canvas, take.tones, take.drift()
    top = int(edge * canvas.height)
    down = (canvas.rows[top:] - edge) * canvas.high
    across = (canvas.cols - key) * canvas.wide / (0.22 + down)
    shine = np.exp(-(across**2)) * np.exp(-down * 3.2)
    grain = gather(tile("rough"), canvas.cols * 0.25 + dx, down * 2.4 + dy)
    wood = (tones.land * 1.1 + tones.haze * 0.05) * np.clip(1 + 0.22 * grain, 0.3, 2)
    canvas.light[:, top:] = wood + tones.horizon * (shine * (0.32 + 0.06 * grain))


def _thing(take: Take, kind: str, x: float, foot: float, key: float) -> None:
    """One thing, dark against the light, with its image in the polish."""
    canvas, tones = take.canvas, take.tones
    body_pen, image_pen = canvas.sketch(x, foot, SIZE), canvas.sketch(x, foot, SIZE)
    half = np.array(_HALVES[kind], np.float32)
    outline = np.concatenate((half, half[::-1] * (-1, 1)))
    if kind in _ROUND:
        outline = rounded(outline)
    body_pen.polygon(outline)
    image_pen.polygon(outline * (1, -0.8))
    if kind == "cup":
        _handle(body_pen)
    if kind == "vase":
        _flowers(body_pen)
    canvas.cover(canvas.cut(image_pen), tones.land * 0.7, 0.5)
    body = canvas.cut(body_pen)
    solid = 0.86 if kind in ("glass", "bottle") else 0.97
    canvas.cover(body, tones.land * 0.8 + tones.haze * 0.012, solid)
    canvas.rim(body, tones.horizon * 0.4, (key - x, -0.25), 0.006)
    canvas.rim(body, tones.horizon * 0.16, (x - key, -0.1), 0.0035)
    if kind == "candle":
        _flame(take, x, foot - 0.42 * SIZE / canvas.high)
    if kind == "cup" and take.rng.random() < 0.8:
        _steam(take, x, foot - 0.32 * SIZE / canvas.high)


def _handle(pen: Pen) -> None:
    turn = np.linspace(-1.4, 1.4, 9)
    x, y = 0.16 + 0.08 * np.cos(turn), 0.16 + 0.085 * np.sin(turn)
    pen.chain(*((float(a), float(b), 0.016) for a, b in zip(x, y, strict=True)))


def _flowers(pen: Pen) -> None:
    for lean in (-0.22, -0.08, 0.07, 0.24):
        x, y = lean, 0.95 - abs(lean) * 0.7
        pen.limb((0, 0.5, 0.008), (x, y, 0.006))
        for turn in np.linspace(0, 2 * math.pi, 6, endpoint=False):
            pen.disc(x + 0.032 * math.cos(turn), y + 0.032 * math.sin(turn), 0.03)


def _flame(take: Take, x: float, y: float) -> None:
    canvas = take.canvas
    pen = canvas.sketch(x, y, 0.045)
    pen.curve(((0.0, 0.0), (-0.22, 0.35), (0.0, 1.15), (0.22, 0.35)))
    canvas.shine(canvas.cut(pen), take.tones.lamp, 4)
    canvas.add(np.exp(-canvas.away(x, y - 0.02) * 6) * 0.4, take.tones.lamp)


def _steam(take: Take, x: float, y: float) -> None:
    canvas, (dx, dy) = take.canvas, take.drift()
    up = np.maximum(y - canvas.v, 0) * canvas.high
    curl = gather(tile("cloud"), canvas.u * 0.12 + dx, canvas.v * 0.5 + dy)
    off = ((canvas.u - x) * canvas.wide - curl * up * 0.25) / (0.012 + 0.16 * up)
    plume = np.exp(-(off**2)) * np.exp(-up * 7) * smoothstep(0.0, 0.03, up)
    canvas.add(plume * 0.22, take.tones.horizon)
