"""The PNG writer: any reader gets back exactly what went in."""

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from farm_app.demo.png import BAND_ROWS, png_bytes


@given(
    st.sampled_from(["L", "RGB", "RGBA"]),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
def test_pixels_survive(mode: str, width: int, height: int, seed: int) -> None:
    size = (height, width, len(mode)) if len(mode) > 1 else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    picture = Image.fromarray(pixels)
    with Image.open(io.BytesIO(png_bytes(picture, {}))) as read:
        assert (read.mode, read.size) == (picture.mode, picture.size)
        assert ImageChops.difference(read, picture).getbbox() is None


def test_bands_join_without_a_seam() -> None:
    picture = Image.linear_gradient("L").resize((3, BAND_ROWS * 2 + 7)).convert("RGB")
    with Image.open(io.BytesIO(png_bytes(picture, {}))) as read:
        read.verify()
    with Image.open(io.BytesIO(png_bytes(picture, {}))) as read:
        assert ImageChops.difference(read, picture).getbbox() is None


def test_text_chunks_are_json_whatever_the_script() -> None:
    chunks = {"prompt": {"text": "été 夜 🌙"}, "eliot": [1, None]}
    with Image.open(io.BytesIO(png_bytes(Image.new("RGB", (2, 2)), chunks))) as read:
        assert {key: json.loads(value) for key, value in read.info.items()} == chunks


@pytest.mark.parametrize("mode", ["P", "CMYK", "1"])
def test_other_modes_become_rgb(mode: str) -> None:
    with Image.open(io.BytesIO(png_bytes(Image.new(mode, (4, 4)), {}))) as read:
        assert read.mode == "RGB"
