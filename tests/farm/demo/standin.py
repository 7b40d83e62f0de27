"""A painter that takes no time: flat colours by seed, so that tests see which picture is which."""

import zlib

from PIL import Image, ImageEnhance


def _colour(text: str) -> tuple[int, int, int]:
    value = zlib.crc32(text.encode())
    return value & 255, value >> 8 & 255, value >> 16 & 255


def paint(prompt: str, negative: str, seed: int, width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), _colour(f"{prompt}|{negative}|{seed}"))


def repaint(
    source: Image.Image,
    prompt: str,
    negative: str,
    seed: int,
    denoise: float,
    width: int,
    height: int,
) -> Image.Image:
    painted = paint(prompt, negative, seed, width, height)
    return Image.blend(source.convert("RGB").resize((width, height)), painted, denoise)


def preview(picture: Image.Image, fraction: float, seed: int) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(fraction)


def enlarge(picture: Image.Image, factor: float) -> Image.Image:
    return picture.resize((round(picture.width * factor), round(picture.height * factor)))


def label(picture: Image.Image, text: str) -> Image.Image:
    return picture
