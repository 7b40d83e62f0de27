"""The small tag that marks a still as a demo picture."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

TAG = (14, 13, 12)
INK = (243, 241, 237)
OPACITY = 0.72


@lru_cache(maxsize=32)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size_px)


def _fitting(text: str, width: int, height: int) -> tuple[int, tuple[float, float, float, float]]:
    """Type size in pixels and text box: 11 for a small picture, 14 at 1024, never too wide."""
    size = max(11, round(min(width, height) / 73))
    box = _font(size).getbbox(text)
    while size > 5 and box[2] - box[0] > width * 0.9 - size:
        size -= 1
        box = _font(size).getbbox(text)
    return size, box


def label(picture: Image.Image, text: str) -> Image.Image:
    """A copy with `text` on a dark, translucent tag in the bottom right corner."""
    marked = picture.convert("RGB") if picture.mode != "RGB" else picture.copy()
    line = " ".join(text.split())
    if not line:
        return marked
    size, (left, top, right, bottom) = _fitting(line, *marked.size)
    pad_x, pad_y, gap = round(size * 0.55), round(size * 0.36), round(size * 0.6)
    wide, tall = round(right - left) + 2 * pad_x, round(bottom - top) + 2 * pad_y
    x, y = max(0, marked.width - wide - gap), max(0, marked.height - tall - gap)
    mask = Image.new("L", (wide, tall))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, wide - 1, tall - 1), size // 4, fill=255)
    mask = mask.point([round(value * OPACITY) for value in range(256)])
    marked.paste(TAG, (x, y, x + wide, y + tall), mask)
    at = (x + pad_x - left, y + pad_y - top)
    ImageDraw.Draw(marked).text(at, line, font=_font(size), fill=INK)
    return marked
