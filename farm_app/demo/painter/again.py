"""Working over a finished picture: another pass at some denoise, or a crisp enlargement."""

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from farm_app.demo.painter.brief import Brief, read
from farm_app.demo.painter.film import luma_of, printed
from farm_app.demo.painter.noise import Field, gather, stream, tile
from farm_app.demo.painter.resample import resample
from farm_app.demo.painter.still import paint

MESH_CELLS = 12
NOTHING_LEFT = 0.97  # of the source, as on a real sampler

LARGE_PIXELS = 4_000_000


def repaint(
    source: Image.Image,
    prompt: str,
    negative: str,
    seed: int,
    denoise: float,
    width: int,
    height: int,
) -> Image.Image:
    """Another pass over `source`, RGB, exactly `width` x `height` pixels.

    Composition and palette stay; `denoise` 0..1 decides how far forms, light and
    texture move. Near 1 nothing of the source is left, as with a real sampler.
    """
    amount = min(1.0, max(0.0, denoise))
    if amount >= NOTHING_LEFT:
        return paint(prompt, negative, seed, width, height)
    chance = stream("again", prompt, seed)
    base = ImageOps.fit(source.convert("RGB"), (width, height), Image.Resampling.BICUBIC)
    if amount > 0.02:
        base = _warped(base, amount, chance)
    shown = _planes(base)
    busy = _crisp(shown, scale=max(1.0, width / source.width), strength=0.5 + 0.5 * amount)
    _relight(shown, amount, chance)
    _regrade(shown, amount, read(prompt, negative, seed), chance)
    _retexture(shown, amount, busy, chance)
    return printed(shown, chance, 0.006 + 0.012 * amount)


def _planes(picture: Image.Image) -> Field:
    """An RGB picture as planes, 0..1."""
    pixels = np.asarray(picture, np.uint8).transpose(2, 0, 1)
    return np.multiply(pixels, 1 / 255, dtype=np.float32)


def _warped(picture: Image.Image, amount: float, chance: np.random.Generator) -> Image.Image:
    """The picture on a sheet of rubber: inner knots of a mesh move, the frame stays."""
    knots = MESH_CELLS + 1
    loose = chance.normal(0, 1, (2, 4, 4)).astype(np.float32)
    shift = np.stack([resample(plane, knots, knots, "bicubic") for plane in loose])
    inner = np.zeros((knots, knots), np.float32)
    inner[1:-1, 1:-1] = 1
    shift *= inner * (0.018 * amount**1.2 * min(picture.size))
    x = np.linspace(0, picture.width, knots)
    y = np.linspace(0, picture.height, knots)
    from_x, from_y = x[None] + shift[0], y[:, None] + shift[1]
    mesh = []
    for row in range(MESH_CELLS):
        for column in range(MESH_CELLS):
            box = (round(x[column]), round(y[row]), round(x[column + 1]), round(y[row + 1]))
            corners = ((row, column), (row + 1, column), (row + 1, column + 1), (row, column + 1))
            quad = tuple(float(n) for at in corners for n in (from_x[at], from_y[at]))
            if box[2] > box[0] and box[3] > box[1]:
                mesh.append((box, quad))
    return picture.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def _crisp(shown: Field, *, scale: float, strength: float) -> Field:
    """Sharpens edges in place and lets old grain go: small differences are cored away.

    Returns how much structure there is around each pixel, 0..1.
    """
    height, width = shown.shape[1:]
    luma = luma_of(shown)
    step = 1.6 * scale
    small = max(1, round(width / step)), max(1, round(height / step))
    detail = luma - resample(resample(luma, *small), width, height, "bicubic")
    size = np.abs(detail)
    keep = np.clip((size - 0.018) / 0.03, 0, 1)
    shown += detail * (keep * (1 + strength) - 0.7)
    coarse = max(1, width // 12), max(1, height // 12)
    busy = resample(resample(size, *coarse), width, height)
    structure: Field = np.clip((busy - 0.006) * 60, 0, 1)
    return structure


def _relight(shown: Field, amount: float, chance: np.random.Generator) -> None:
    """Moves the light a little: one side gains, the other loses."""
    height, width = shown.shape[1:]
    turn, at = chance.uniform(0, 2 * np.pi), chance.random(2)
    u = np.linspace(-0.5, 0.5, 48, dtype=np.float32)[None]
    v = np.linspace(-0.5, 0.5, 48, dtype=np.float32)[:, None]
    slope = u * np.cos(turn) + v * np.sin(turn)
    clouds = gather(
        tile("smooth"),
        u * 0.3 + (at[0] + 1),
        v * 0.3 + (at[1] + 1),
    )
    gain = 1 + amount * (0.3 * slope + 0.05 * clouds)
    shown *= resample(gain, width, height, "bicubic")


def _regrade(shown: Field, amount: float, brief: Brief, chance: np.random.Generator) -> None:
    """Leans the colours toward what the words ask, and a little where the seed says."""
    lean = chance.normal(0, 0.035, 3) * amount
    shown *= (1 + lean).astype(np.float32).reshape(3, 1, 1)
    hint = [int(brief.palette.sky[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    tint = np.array(hint, np.float32).reshape(3, 1, 1)
    tint = tint / max(0.05, float(tint.mean())) - 1
    shown += tint * (shown.mean(axis=0) * (0.10 * amount))
    shown += (0.25 * amount) * (shown * (1 - shown)) * (shown - 0.42)


def _retexture(shown: Field, amount: float, busy: Field, chance: np.random.Generator) -> None:
    """New fine structure where there is structure; skies and walls stay clean."""
    height, width = shown.shape[1:]
    at = chance.random(2).astype(np.float32)
    unit = 0.8 / min(width, height)
    x = np.arange(width, dtype=np.float32)[None] * unit + at[0]
    y = np.arange(height, dtype=np.float32)[:, None] * unit + at[1]
    fine = gather(tile("fine"), x, y)
    fine *= 0.13 * amount
    fine *= busy
    shown *= 1 + fine


def enlarge(picture: Image.Image, factor: float) -> Image.Image:
    """The picture `factor` times as large, RGB, with crisp edges and no new forms."""
    width = max(1, round(picture.width * factor))
    height = max(1, round(picture.height * factor))
    large = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    if factor <= 1:
        return large
    if width * height > LARGE_PIXELS:
        # In float planes sixteen megapixels would take longer than the upscale that they stand for.
        return large.filter(ImageFilter.UnsharpMask(radius=factor / 2, percent=70, threshold=2))
    shown = _planes(large)
    _crisp(shown, scale=factor, strength=0.6)
    return printed(shown, stream("enlarge", width, height), 0.006)
