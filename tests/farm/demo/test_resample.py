"""Planes at other sizes: as Pillow would make them, only faster, and only where there is something."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from farm_app.demo.painter.noise import gather, tile
from farm_app.demo.painter.resample import resample, resample_where

Plane = npt.NDArray[np.floating[Any]]

OPENBLAS_STAYS_ALONE = 2**18
"""Multiplications of one product up to which OpenBLAS uses the calling thread."""


def noise(height: int, width: int) -> Plane:
    return np.random.default_rng(height * 1000 + width).random((height, width), np.float32)


@given(
    st.sampled_from(["bilinear", "hamming", "bicubic"]),
    st.tuples(*[st.integers(1, 90)] * 4),
)
def test_a_plane_at_another_size_is_what_pillow_makes_of_it(
    kernel: str, sizes: tuple[int, int, int, int]
) -> None:
    from_w, from_h, width, height = sizes
    plane = noise(from_h, from_w)
    how = Image.Resampling[kernel.upper()]
    expected = np.asarray(Image.fromarray(plane).resize((width, height), how))
    assert resample(plane, width, height, kernel) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("width", "height"), [(16, 9), (31, 40), (64, 48)])
def test_a_box_averages_what_it_shrinks(width: int, height: int) -> None:
    plane = noise(48, 64)
    expected = Image.fromarray(plane).resize((width, height), Image.Resampling.BOX)
    made = resample(plane, width, height, "box")
    assert made == pytest.approx(np.asarray(expected), abs=1e-5)


@pytest.mark.parametrize("bank", [(0, 3), (20, 28), (37, 40), (0, 40)])
def test_parts_are_the_rows_of_the_whole_and_leave_out_only_what_is_empty(
    bank: tuple[int, int],
) -> None:
    plane = np.zeros((40, 30), np.float32)
    plane[slice(*bank)] = noise(bank[1] - bank[0], 30) + 0.1
    whole, put_together = resample(plane, 200, 700), np.zeros((700, 200), np.float32)
    for top, part in resample_where(plane, 200, 700, 1e-4):
        put_together[top : top + len(part)] += part
    assert put_together == pytest.approx(whole, abs=1e-6)


def test_a_plane_with_nothing_in_it_has_no_parts() -> None:
    assert list(resample_where(np.zeros((40, 30), np.float32), 200, 700, 1e-4)) == []


@pytest.mark.parametrize("side", [64, 512, 1024, 1549])
@pytest.mark.parametrize("other", [40, 96, 160, 320])
def test_no_product_is_so_large_that_it_would_be_shared_with_other_threads(
    monkeypatch: pytest.MonkeyPatch, side: int, other: int
) -> None:
    products: list[int] = []

    def matmul(one: Plane, two: Plane) -> Plane:
        products.append(one.shape[-2] * one.shape[-1] * two.shape[-1])
        return np.zeros((*one.shape[:-1], two.shape[-1]), np.float32)

    monkeypatch.setattr(np, "matmul", matmul)
    for source, made in ((side, other), (other, side)):
        for kernel in ("box", "bicubic"):
            resample(np.zeros((source, source), np.float32), made, made, kernel)
    assert max(products) <= OPENBLAS_STAYS_ALONE


def test_a_grid_of_places_in_the_noise_is_read_like_any_other_places() -> None:
    x, y = np.linspace(-1, 2, 50, dtype=np.float32)[None], np.linspace(-1, 2, 40)[:, None]
    scattered = gather(tile("rough"), *np.broadcast_arrays(x, y))
    assert np.array_equal(gather(tile("rough"), x, y), scattered)
