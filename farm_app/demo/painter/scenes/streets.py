"""A street in the rain at night."""

import math

import numpy as np

from farm_app.demo.painter.canvas import Canvas
from farm_app.demo.painter.figures import POSES, UMBRELLA, draw
from farm_app.demo.painter.noise import Field, gather, smoothstep, tile
from farm_app.demo.painter.pen import Outline, Pen
from farm_app.demo.painter.people import pose_for
from farm_app.demo.painter.sky import dusty
from farm_app.demo.painter.take import Take

STOREY = 0.1  # in units at depth 1
ADULT = 0.27


class Street:
    """One-point perspective between two rows of houses; depth 1 is near, 10 is far."""

    def __init__(self, canvas: Canvas, vx: float, vy: float, half: float, eye: float) -> None:
        """`half` is half the street's width and `eye` the camera's height, in units at depth 1."""
        self.unit, self.half, self.eye = canvas.unit, half, eye
        self.px, self.py = canvas.at(vx, vy)
        self.vx, self.vy = vx, vy

    def point(self, side: float, up: float, depth: float) -> tuple[float, float]:
        """The pixel of a place: `side` -1..1 across the street, `up` from the ground."""
        scale = self.unit / depth
        return self.px + side * self.half * scale, self.py + (self.eye - up) * scale

    def wall(self, side: float, low: float, high: float, near: float, far: float) -> Outline:
        """An upright rectangle along one side of the street."""
        corners = ((low, near), (high, near), (high, far), (low, far))
        return np.array([self.point(side, up, depth) for up, depth in corners])

    def panes(self, side: float, low: Field, high: Field, near: Field, far: Field) -> Outline:
        """Many upright rectangles along one side, shape (n, 4, 2)."""
        depth, up = np.stack((near, near, far, far), 1), np.stack((low, high, high, low), 1)
        x = self.px + side * self.half * self.unit / depth
        return np.stack((x, self.py + (self.eye - up) * self.unit / depth), axis=2)


def street(take: Take) -> None:
    """A street in the rain: lit windows, signs, people with umbrellas, all twice over."""
    canvas, rng = take.canvas, take.rng
    vx, vy = rng.uniform(0.36, 0.64), take.horizon(0.5, 0.6)
    way = Street(canvas, vx, vy, rng.uniform(0.36, 0.62), rng.uniform(0.13, 0.2))
    _lit_sky(take, way)
    depths = np.cumsum((0.12, 0.2, 0.32, *rng.uniform(0.35, 1.0, 9) * np.linspace(0.5, 1.9, 9)))
    for near, far in zip(depths[-2::-1], depths[:0:-1], strict=True):
        for side in (-1, 1):
            _house(take, way, side, float(near), float(far))
    _far_end(take, way)
    _signs(take, way)
    _traffic(take, way)
    _wet_asphalt(take, way)
    _passers_by(take, way)


def _lit_sky(take: Take, way: Street) -> None:
    """Night sky lit from below by the town."""
    canvas, tones, (dx, dy) = take.canvas, take.tones, take.drift()
    height = np.clip(1 - canvas.v / way.vy, 0, 1)
    cloud = gather(tile("cloud"), canvas.u * canvas.wide * 0.3 + dx, canvas.v * 0.4 + dy)
    glow = np.exp(-((height / 0.5) ** 2)) * (0.75 + 0.2 * cloud)
    canvas.fill(tones.zenith + (tones.haze * 1.1 - tones.zenith) * glow)


def _house(take: Take, way: Street, side: int, near: float, far: float) -> None:
    """One front with its end wall, windows and perhaps a shop, paler with distance."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    high, fog = rng.uniform(0.55, 1.5) * (0.8 + 0.12 * near), 1 - math.exp(-(near - 0.5) * 0.22)
    pen = canvas.pen()
    pen.polygon(way.wall(side, -0.02, high, near, far))
    pen.box(*way.point(side, high, far), *way.point(side * 3, 0, far))
    shade = tones.land * 0.8 + tones.shade * 0.12
    canvas.cover(canvas.cut(pen), shade + (tones.haze * 0.9 - shade) * fog)
    _windows(take, way, side, near, far, high)
    if rng.random() < 0.75:
        _shop(take, way, side, near, far)


def _clear(depth: float) -> float:
    """How much of a light comes through the wet air, 0..1."""
    return math.exp(-max(0.0, depth - 0.5) * 0.22)


def _windows(take: Take, way: Street, side: int, near: float, far: float, high: float) -> None:
    """Rows of windows: dark, lit warm, lit cool."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    columns, rows = (
        max(2, min(9, round((far - near) / 0.075))),
        max(1, round((high - 0.24) / STOREY)),
    )
    share, lit = rng.uniform(0.12, 0.42), rng.random(columns * rows)
    step = (far - near) / columns
    depth = np.repeat(near + step * (np.arange(columns) + 0.22), rows)
    low = np.tile(0.25 + STOREY * np.arange(rows), columns)
    panes = way.panes(side, low, low + 0.062, depth, depth + step * 0.56)
    strength = 0.25 + 0.75 * np.minimum(lit / share, 1)
    warm, cool, dark = canvas.pen(), canvas.pen(), canvas.pen()
    for pen, chosen in (
        (warm, lit < share * 0.7),
        (cool, (lit >= share * 0.7) & (lit < share)),
        (dark, lit >= share),
    ):
        pen.quads(panes[chosen], strength[chosen])
    clear = _clear(near)
    canvas.cover(canvas.cut(dark), tones.land * 0.5, 0.4 * clear)
    canvas.shine(canvas.cut(warm), tones.lamp, 0.42 * (0.2 + 0.8 * clear))
    pale = tones.haze + tones.accents[1] * 0.25
    canvas.shine(canvas.cut(cool), pale, 0.4 * (0.2 + 0.8 * clear))


def _shop(take: Take, way: Street, side: int, near: float, far: float) -> None:
    """A lit shop front with an awning."""
    canvas, rng, tones = take.canvas, take.rng, take.tones
    hue = tones.lamp if rng.random() < 0.6 else tones.accents[int(rng.integers(3))]
    pane, bars, awning, span = canvas.pen(), canvas.pen(), canvas.pen(), far - near
    pane.polygon(way.wall(side, 0.015, 0.13, near + span * 0.12, far - span * 0.12))
    canvas.shine(canvas.cut(pane), hue, 0.5 * (0.3 + 0.7 * _clear(near)))
    for t in (0.35, 0.6, 0.8):
        bars.polygon(way.wall(side, 0.0, 0.15, near + span * t, near + span * (t + 0.025)))
    canvas.cover(canvas.cut(bars), tones.land)
    back, front = (way.point(side, 0.175, near), way.point(side, 0.175, far)), side * 0.88
    awning.polygon((*back, way.point(front, 0.14, far), way.point(front, 0.14, near)))
    canvas.cover(canvas.cut(awning), tones.land + hue * 0.03)


def _far_end(take: Take, way: Street) -> None:
    """Light and vapour where the street ends."""
    canvas, tones = take.canvas, take.tones
    away = canvas.away(way.vx, way.vy - 0.02)
    glow = np.exp(-away * 6.5) * 0.5 + np.exp(-away * 2.4) * 0.15
    accent = tones.accents[int(take.rng.integers(3))]
    canvas.add(dusty(take, glow, 0.4), tones.haze * 0.7 + accent * 0.22 + tones.lamp * 0.14)


def _signs(take: Take, way: Street) -> None:
    """Upright neon signs standing out from the fronts, far ones first."""
    rng, count = take.rng, int(take.rng.integers(5, 10))
    if take.brief.bans("neon"):
        return
    for index in range(count):
        side = -1 if rng.random() < 0.5 else 1
        depth = 0.85 + 3.6 * (1 - index / count) ** 1.6 + rng.uniform(0, 0.2)
        _sign(take, way, side, depth, take.tones.accents[int(rng.integers(3))])


def _sign(take: Take, way: Street, side: int, depth: float, hue: Field) -> None:
    """One board: a tube round its edge and strokes like writing inside."""
    canvas, rng = take.canvas, take.rng
    low, tall, wide = rng.uniform(0.2, 0.5), rng.uniform(0.14, 0.38), rng.uniform(0.05, 0.085)
    x1, top = way.point(side * 0.97, low + tall, depth)
    x2, bottom = x1 - side * wide * canvas.unit / depth, way.point(side, low, depth)[1]
    left, right = min(x1, x2), max(x1, x2)
    board, tubes, thick = canvas.pen(), canvas.pen(), max(0.35, (right - left) * 0.045)
    board.box(left, top, right, bottom)
    canvas.cover(canvas.cut(board), take.tones.land + hue * 0.05, 0.9)
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    tubes.chain(*((x, y, thick * 0.7) for x, y in corners))
    span = right - left
    cells = max(2, round((bottom - top) / max(span, 1)))
    pitch = (bottom - top) / cells
    for cell in range(cells):
        at = left + span * 0.2, top + pitch * (cell + 0.15)
        _glyph(tubes, rng, at, (span * 0.6, pitch * 0.7), thick)
    canvas.shine(canvas.cut(tubes), hue + 0.25, 2.3 * math.exp(-(depth - 0.6) * 0.16))


def _glyph(
    pen: Pen,
    rng: np.random.Generator,
    at: tuple[float, float],
    size: tuple[float, float],
    thick: float,
) -> None:
    """Strokes on a grid, like a character in no language."""
    for _ in range(int(rng.integers(3, 6))):
        start, end = rng.integers(0, 3, 2) / 2, rng.integers(0, 3, 2) / 2
        if rng.random() < 0.75:
            end[int(rng.integers(2))] = start[int(rng.integers(2))]
        (x1, y1), (x2, y2) = start * size + at, end * size + at
        pen.limb((x1, y1, thick), (x2, y2, thick))


def _traffic(take: Take, way: Street) -> None:
    """Head and tail lamps down the street, soft with distance."""
    canvas, rng = take.canvas, take.rng
    heads, tails = canvas.pen(), canvas.pen()
    for _ in range(int(rng.integers(2, 6))):
        depth, side = rng.uniform(2.0, 6.0), rng.uniform(0.15, 0.6)
        for offset in (-0.1, 0.1):
            for pen, lane in ((heads, -side), (tails, side)):
                x, y = way.point(lane + offset, 0.05, depth)
                pen.disc(x, y, max(0.8, 0.016 * canvas.unit / depth))
    if not take.brief.bans("car"):
        canvas.shine(canvas.cut(heads), take.tones.sun, 1.8)
        canvas.shine(canvas.cut(tails), take.tones.accents[0], 1.2)


def _wet_asphalt(take: Take, way: Street) -> None:
    """The street mirrors each column about its own foot line, smeared where it is rough."""
    canvas, tones, (dx, dy) = take.canvas, take.tones, take.drift()
    across = np.abs(np.arange(canvas.width, dtype=np.float32) + (0.5 - way.px))
    foot, top = way.py + across * (way.eye / way.half), int(np.clip(way.py, 0, canvas.height - 1))
    rows = np.arange(top, canvas.height, dtype=np.float32)[:, None]
    reach = np.maximum(rows - way.py, 1) / canvas.unit + 0.03
    x = (canvas.cols - way.vx) * (canvas.wide * 0.125) / reach + 9
    rough = gather(tile("rough"), x + dx, 0.12 / reach + dy)
    puddle = smoothstep(-0.7, 0.7, gather(tile("smooth"), x * 0.5 + dy, 0.06 / reach + dx))
    below = np.maximum(rows - foot, 0)
    calm = np.minimum(below / (0.05 * canvas.unit), 1)
    smear = rough * (0.0145 + 0.05 * reach) * (1.1 - 0.75 * puddle) * calm * canvas.unit
    mirror = _mirror(canvas, foot - below * 1.05 + smear)
    wet = 1.0 if take.brief.wants("rain") else 0.75
    amount = np.clip((0.3 + 0.5 * puddle) * wet, 0, 0.9) * smoothstep(-0.5, 1.5, below)
    dry = tones.land * 0.9 + tones.haze * (0.06 + 0.024 * rough)
    canvas.blend(np.clip(rows - foot + 0.5, 0, 1), dry + mirror * amount, top)


def _mirror(canvas: Canvas, rows: Field) -> Field:
    """The light at these rows of each column, the brightest lamps held back."""
    source = np.clip(rows, 0, canvas.height - 1).astype(np.int32)
    index = source * canvas.width + np.arange(canvas.width, dtype=np.int32)
    mirror: Field = np.minimum(np.stack([plane.ravel().take(index) for plane in canvas.light]), 5)
    return mirror


def _passers_by(take: Take, way: Street) -> None:
    """People down the street and one near us, with their reflections."""
    rng, brief = take.rng, take.brief
    for _ in range(int(rng.integers(1, 5)) + 4 * brief.wants("crowd")):
        depth, side, dry = rng.uniform(1.9, 4.5), rng.uniform(-0.75, 0.75), rng.random() < 0.5
        if not brief.bans("person", "crowd"):
            _walker(take, way, side, depth, "coat", umbrella=dry)
    depth, side, dry = rng.uniform(0.72, 1.05), rng.uniform(-0.42, 0.42), rng.random() < 0.55
    pose = pose_for(take)
    if take.maybe("person", 0.85):
        umbrella = brief.wants("umbrella") or (dry and pose != "hat")
        _walker(take, way, side, depth, pose, umbrella=umbrella and not brief.bans("umbrella"))


def _walker(
    take: Take, way: Street, side: float, depth: float, pose: str, *, umbrella: bool
) -> None:
    """Somebody on the street, and their image in it; edged by the signs on both sides."""
    canvas, tones, at = take.canvas, take.tones, way.point(side, 0, depth)
    tall = ADULT * canvas.unit / depth * (0.66 if pose == "child" else 1.0)
    body_pen = Pen(at, (tall, -tall), margin_px=2 + 0.006 * canvas.unit)
    image_pen = Pen(at, (tall, tall * 0.9))
    for pen in (body_pen, image_pen):
        draw(pen, POSES[pose])
    if umbrella:
        draw(body_pen, UMBRELLA)
    fog = 1 - math.exp(-max(0.0, depth - 0.8) * 0.25)
    canvas.cover(canvas.cut(image_pen), tones.land * 0.7, 0.6)
    body = canvas.cut(body_pen)
    canvas.cover(body, tones.land * 0.6 + tones.haze * (0.55 * fog))
    for hue, toward in (
        (tones.accents[0], (-1.0, -0.5)),
        (tones.accents[1], (1.0, -0.5)),
        (tones.haze, (0.2, -1.0)),
    ):
        canvas.rim(body, hue * 0.3, toward, 0.004 / depth)
