"""What a half-sampled picture looks like: its latent shown as colours, still full of noise."""

import numpy as np
from PIL import Image

from farm_app.demo.painter.noise import GRAIN_PX, Field, grain_tile, stream

LATENT_CELL_PX = 8
LONGEST_PX = 256
GREY = 112  # what a latent of nothing looks like


def preview(picture: Image.Image, fraction: float, seed: int) -> Image.Image:
    """The picture after `fraction` 0..1 of its sampling steps, at most 256 pixels a side.

    One cell per eight pixels, as a latent has: first coloured noise, then a soft
    guess at the picture, at the end nearly the picture itself.
    """
    done = min(1.0, max(0.0, fraction))
    width, height = _latent(picture.size)
    cells = picture if picture.mode == "RGB" else picture.convert("RGB")
    shrink = min(cells.width // width, cells.height // height)
    if shrink > 1:
        cells = cells.reduce(shrink)
    cells = _guess(cells.resize((width, height), Image.Resampling.BOX), done)
    faded = GREY + (np.asarray(cells, np.float32) - GREY) * (0.3 + 0.7 * done)
    left = 62 * (1 - done) ** 1.25
    shown = faded + left * _noise(stream("preview", seed, round(done * 1000)), width, height)
    blocks = Image.fromarray(np.clip(shown, 0, 255).astype(np.uint8))
    scale = max(1, LONGEST_PX // max(width, height))
    return blocks.resize((width * scale, height * scale), Image.Resampling.NEAREST)


def _latent(size: tuple[int, int]) -> tuple[int, int]:
    """Cells across and down; never more than 256."""
    scale = min(1 / LATENT_CELL_PX, LONGEST_PX / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _guess(cells: Image.Image, done: float) -> Image.Image:
    """Early guesses know only the large forms."""
    if done >= 0.85:
        return cells
    share = 0.12 + 0.88 * (done / 0.85) ** 1.3
    small = max(1, round(cells.width * share)), max(1, round(cells.height * share))
    return cells.resize(small, Image.Resampling.BOX).resize(cells.size, Image.Resampling.BICUBIC)


def _noise(chance: np.random.Generator, width: int, height: int) -> Field:
    """Coloured noise in single cells and in patches of four, from anywhere in the film's grain."""
    texture, places = grain_tile(), chance.integers(0, GRAIN_PX - LONGEST_PX, (3, 4))
    noise = np.empty((height, width, 3), np.float32)
    for channel, (x, y, patch_x, patch_y) in enumerate(places.tolist()):
        patch = texture[patch_y : patch_y + height // 2 + 1, patch_x : patch_x + width // 2 + 1]
        noise[..., channel] = patch.repeat(2, 0).repeat(2, 1)[:height, :width]
        noise[..., channel] += texture[y : y + height, x : x + width]
    return noise
