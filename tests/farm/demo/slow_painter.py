"""The stand-in, but every picture takes a tenth of a second."""

import time

from PIL import Image

from tests.farm.demo import standin
from tests.farm.demo.standin import enlarge, label, preview, repaint

__all__ = ["enlarge", "label", "paint", "preview", "repaint"]


def paint(prompt: str, negative: str, seed: int, width: int, height: int) -> Image.Image:
    time.sleep(0.1)
    return standin.paint(prompt, negative, seed, width, height)
