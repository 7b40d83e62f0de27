"""Close to somebody: a head in profile or from behind, the town out of focus."""

import math

import numpy as np

from farm_app.demo.painter.bokeh import backdrop, lights
from farm_app.demo.painter.film import smooth
from farm_app.demo.painter.noise import Field, gather, tile
from farm_app.demo.painter.pen import Pen, Points, Stencil
from farm_app.demo.painter.resample import resample
from farm_app.demo.painter.take import Take

# Head height is 1 from chin (y = 0) to crown, y upward, facing right.
_PROFILE: Points = (
    (0.95, -1.5), (0.72, -1.02), (0.47, -0.74), (0.3, -0.55), (0.235, -0.4), (0.215, -0.24), (0.235, -0.11),
    (0.33, -0.055), (0.43, -0.025), (0.505, -0.008), (0.552, 0.022), (0.572, 0.065), (0.562, 0.105), (0.548, 0.13),
    (0.572, 0.158), (0.585, 0.182), (0.566, 0.202), (0.592, 0.224), (0.594, 0.248), (0.575, 0.285), (0.578, 0.308),
    (0.635, 0.318), (0.684, 0.34), (0.688, 0.366), (0.662, 0.405), (0.622, 0.475), (0.582, 0.545), (0.568, 0.578),
    (0.584, 0.618), (0.592, 0.66), (0.584, 0.74), (0.555, 0.82), (0.495, 0.9), (0.39, 0.968), (0.25, 1.01), (0.09, 1.012),
    (-0.07, 0.975), (-0.2, 0.9), (-0.285, 0.79), (-0.318, 0.66), (-0.305, 0.53), (-0.26, 0.41), (-0.2, 0.31),
    (-0.165, 0.2), (-0.155, 0.06), (-0.17, -0.1), (-0.215, -0.25), (-0.36, -0.4), (-0.62, -0.54), (-0.86, -0.72),
    (-1.02, -1.0), (-1.1, -1.5),
)  # fmt: skip
_HAIR: dict[str, tuple[Points, ...]] = {
    "short": (
        ((0.5, 0.86), (0.57, 0.95), (0.45, 1.04), (0.25, 1.085), (0.02, 1.07), (-0.2, 0.99), (-0.34, 0.83),
         (-0.37, 0.62), (-0.32, 0.44), (-0.24, 0.36), (-0.1, 0.5), (0.1, 0.8), (0.3, 0.88)),
    ),
    "bun": (
        ((0.5, 0.87), (0.52, 0.94), (0.38, 1.03), (0.15, 1.06), (-0.12, 1.01), (-0.3, 0.86), (-0.35, 0.66),
         (-0.28, 0.45), (-0.17, 0.34), (0.05, 0.6), (0.3, 0.85)),
        ((-0.28, 0.86), (-0.36, 0.98), (-0.5, 0.99), (-0.58, 0.88), (-0.56, 0.74), (-0.45, 0.67), (-0.32, 0.72)),
        ((-0.13, 0.22), (-0.18, 0.14), (-0.2, 0.06), (-0.17, 0.16)),
    ),
    "long": (
        ((0.5, 0.86), (0.55, 0.94), (0.42, 1.05), (0.18, 1.09), (-0.12, 1.05), (-0.33, 0.9), (-0.43, 0.66),
         (-0.46, 0.36), (-0.5, 0.05), (-0.6, -0.3), (-0.62, -0.62), (-0.5, -0.82), (-0.3, -0.72), (-0.12, -0.5),
         (0.0, -0.2), (0.03, 0.1), (0.1, 0.36), (0.22, 0.6), (0.38, 0.8)),
    ),
    "back": (
        ((-0.385, 0.5), (-0.395, 0.7), (-0.33, 0.9), (-0.17, 1.03), (0.0, 1.06), (0.17, 1.03), (0.33, 0.9), (0.395, 0.7),
         (0.385, 0.5), (0.34, 0.33), (0.26, 0.2), (0.1, 0.13), (-0.1, 0.13), (-0.26, 0.2), (-0.34, 0.33)),
    ),
    "hat": (
        ((0.9, 0.72), (0.84, 0.79), (0.6, 0.82), (0.2, 0.86), (-0.2, 0.83), (-0.52, 0.72), (-0.6, 0.64),
         (-0.46, 0.64), (-0.1, 0.72), (0.3, 0.74), (0.62, 0.72)),
        ((0.5, 0.78), (0.5, 0.96), (0.44, 1.14), (0.3, 1.2), (0.12, 1.15), (-0.04, 1.2), (-0.2, 1.14), (-0.28, 0.95), (-0.3, 0.74)),
    ),
    "hood": (
        ((0.52, 0.84), (0.5, 1.0), (0.34, 1.12), (0.1, 1.14), (-0.18, 1.08), (-0.38, 0.92), (-0.48, 0.66), (-0.5, 0.34),
         (-0.56, 0.0), (-0.7, -0.3), (-0.4, -0.6), (0.1, -0.7), (0.34, -0.52), (0.26, -0.2), (0.16, 0.2), (0.24, 0.6), (0.4, 0.78)),
    ),
}  # fmt: skip
_BACK: Points = (
    (-1.25, -1.5), (-1.18, -0.98), (-0.98, -0.66), (-0.55, -0.45), (-0.27, -0.3), (-0.23, -0.05), (-0.3, 0.14),
    (-0.365, 0.3), (-0.42, 0.38), (-0.425, 0.52), (-0.385, 0.56), (-0.375, 0.72), (-0.3, 0.9), (-0.14, 1.005), (0.0, 1.025),
    (0.14, 1.005), (0.3, 0.9), (0.375, 0.72), (0.385, 0.56), (0.425, 0.52), (0.42, 0.38), (0.365, 0.3), (0.3, 0.14),
    (0.23, -0.05), (0.27, -0.3), (0.55, -0.45), (0.98, -0.66), (1.18, -0.98), (1.25, -1.5),
)  # fmt: skip


def portrait(take: Take) -> None:
    """A head edged by two lights, the town behind it a field of discs."""
    rng = take.rng
    backdrop(take, rng.uniform(0.55, 0.85))
    lights(take, int(rng.integers(26, 60)), rng.uniform(0.022, 0.06), strength=0.8)
    size, x = rng.uniform(0.5, 0.74), rng.uniform(0.26, 0.44)
    _sitter(take, x, 0.5 + size * rng.uniform(0.36, 0.48), size)
    if rng.random() < 0.4:
        lights(take, 5, 0.09, strength=0.16)


def _style(take: Take) -> str:
    """Whose head it is: a hair style, or "back" for one seen from behind."""
    rng, brief = take.rng, take.brief
    style = ("short", "short", "bun", "long", "hat", "hood", "back")[int(rng.integers(7))]
    woman = "bun" if rng.random() < 0.5 else "long"
    if brief.wants("woman", "girl", "she", "her", "lady", "actress"):
        return woman
    if brief.wants("detective", "hat", "fedora", "noir"):
        return "hat"
    if brief.wants("hood", "monk", "hooded"):
        return "hood"
    sided = brief.wants("profile", "face", "eye", "man", "he", "his", "boy")
    return "short" if sided and style in ("bun", "long", "back") else style


def _sitter(take: Take, x: float, chin: float, size: float) -> None:
    """Head, shoulders and hair as one body, the hair duller, loose strands in the back light."""
    canvas, tones, style = take.canvas, take.tones, _style(take)
    whole, hair, loose = (canvas.sketch(x, chin, size) for _ in range(3))
    whole.curve(_BACK if style == "back" else _PROFILE)
    for outline in _HAIR[style]:
        whole.curve(outline)
        hair.curve(outline)
    if style != "back":
        whole.limb((0.545, 0.5, 0.006), (0.605, 0.505, 0.0025))
        whole.limb((0.545, 0.5, 0.006), (0.6, 0.515, 0.0025))
    _wisps(loose, take.rng, many=style in ("long", "bun", "back"))
    covered = style in ("hat", "hood")
    if not covered:
        canvas.shine(canvas.cut(loose), tones.lamp * 0.3 + tones.sky * 0.3, 0.35)
    head = canvas.cut(whole)
    if head is not None:
        _model(take, head, _within(canvas.cut(hair), head), size, strands=not covered)


def _wisps(pen: Pen, rng: np.random.Generator, *, many: bool) -> None:
    """Loose hairs along the crown."""
    for _ in range(36 if many else 16):
        turn, radius = rng.uniform(0.3, 1.05) * math.pi, 0.46 + 0.05 * rng.random()
        part = np.linspace(0, 1, 10)
        angle = turn + rng.uniform(0.15, 0.4) * part
        out = radius + rng.uniform(0.0, 0.06) * part * part
        x, y = 0.11 + out * 0.98 * np.cos(angle), 0.56 + out * 1.1 * np.sin(angle)
        pen.chain(*((float(a), float(b), 0.0015) for a, b in zip(x, y, strict=True)))


def _within(part: Stencil | None, whole: Stencil) -> Field:
    """Coverage of a part in the window of the whole."""
    cover = np.zeros_like(whole.alpha)
    if part is not None:
        top, left = part.y - whole.y, part.x - whole.x
        cover[top : top + part.alpha.shape[0], left : left + part.alpha.shape[1]] = part.alpha
    return cover


def _form(head: Stencil, reach_px: float) -> tuple[Field, Field]:
    """How a rounded body over this outline would slope, down and across; a third the size."""
    height, width = head.alpha.shape
    small_w, small_h, reach = max(8, width // 3), max(8, height // 3), max(6.0, reach_px / 3)
    side = round(reach * 0.12)
    padded = np.pad(resample(head.alpha, small_w, small_h, "box"), ((side, 0), (side, side)))
    form = 0.55 * smooth(padded, max(1, round(reach * 0.09)))
    form += 0.45 * smooth(padded, max(1, round(reach * 0.03)))
    down, across = (part[side:, side : side + small_w] for part in np.gradient(form))
    return down * (reach * 0.34), across * (reach * 0.34)


def _model(take: Take, head: Stencil, hair: Field, size: float, *, strands: bool) -> None:
    """Gives a dark shape a body: warm light wraps the face, a cool one the nape."""
    canvas, tones = take.canvas, take.tones
    height, width = head.alpha.shape
    down, across = _form(head, size * canvas.unit)
    surface = _skin(take, head)
    dull = _strands(take, head) * 0.55 if strands else np.float32(0.35)
    surface += (dull - surface) * hair
    body = np.zeros((3, height, width), np.float32) + tones.land * 0.8 + tones.haze * 0.008
    for slope, power, colour in (
        (down * 0.25 - across * 0.95, 1.35, tones.lamp * 0.12 + tones.horizon * 0.26),
        (across * 0.9 + down * 0.3, 1.7, tones.accents[1] * 0.12 + tones.sky * 0.22),
        (down, 1.6, tones.haze * 0.07),
    ):
        lit = (np.clip(slope, 0, 1) ** power).astype(np.float32)
        body += colour * (resample(lit, width, height) * surface)
    canvas.cover(head, body)
    canvas.rim(head, tones.lamp * 0.35 + tones.horizon * 0.3, (1.0, -0.35), 0.0035)
    canvas.rim(head, tones.accents[1] * 0.2 + tones.sky * 0.25, (-1.0, -0.3), 0.003)


def _skin(take: Take, head: Stencil) -> Field:
    """Skin and cloth: fine mottling round 1."""
    canvas, (dx, dy), (rows, columns) = take.canvas, take.drift(), head.window
    x = canvas.cols[:, columns] * (canvas.wide * 0.9) + dx
    y = canvas.rows[rows] * (canvas.high * 0.9) + dy
    return 1 + 0.1 * gather(tile("fine"), x, y)


def _strands(take: Take, head: Stencil) -> Field:
    """Hair: fine bright and dark lines that run back over the skull."""
    canvas, (rows, columns) = take.canvas, head.window
    height, width = head.alpha.shape
    middle_x = (head.x + width * 0.55) / canvas.width
    middle_y = (head.y + height * 0.6) / canvas.height
    dx = (canvas.cols[:, columns] - middle_x) * canvas.wide
    dy = (canvas.rows[rows] - middle_y) * canvas.high
    turn, away = np.arctan2(dy, dx), np.sqrt(dx * dx + dy * dy)
    strands: Field = np.clip(
        1 + 0.5 * gather(tile("fine"), away * 0.9, turn * 0.035 + 0.4), 0.1, 2.4
    )
    return strands
