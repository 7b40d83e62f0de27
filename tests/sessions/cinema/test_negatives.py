"""What is kept out of the picture, per target and medium."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.cinema.negatives import negative_for
from sessions_app.cinema.targets import TARGETS

every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
words = st.lists(st.text("abc ,()D\n", max_size=8), max_size=5)


@pytest.mark.parametrize(
    "target", ["flux1", "flux2", "dalle", "runway", "hunyuan_video", "z_image"]
)
def test_a_target_that_ignores_negatives_gets_none(target):
    assert negative_for(TARGETS[target], drawn=False, avoid=["blur", "text"]) == ""


def test_photographs_and_drawings_avoid_different_things():
    photographed = negative_for(TARGETS["sdxl"], drawn=False, avoid=[])
    drawn = negative_for(TARGETS["sdxl"], drawn=True, avoid=[])
    assert "illustration" in photographed
    assert "illustration" not in drawn
    assert "photograph" in drawn


def test_what_the_user_avoids_comes_first():
    assert negative_for(TARGETS["mochi"], drawn=False, avoid=["rain", "neon, fog"]) == (
        "rain, neon, fog, warping, frozen frame, blurred motion"
    )


def test_nothing_is_said_twice():
    found = negative_for(TARGETS["sd15"], drawn=False, avoid=["Blurry", "blurry", "text overlay"])
    assert found.split(", ")[:2] == ["Blurry", "text overlay"]
    assert found.casefold().count("blurry") == 1
    assert found.split(", ").count("text") == 1


def test_midjourney_takes_it_as_a_parameter():
    assert (
        negative_for(TARGETS["midjourney"], drawn=False, avoid=["fog", "text"]) == "--no fog, text"
    )
    assert negative_for(TARGETS["midjourney"], drawn=False, avoid=[]) == ""


def test_a_parenthesis_in_a_name_is_not_read_as_a_weight():
    assert negative_for(TARGETS["pony"], drawn=True, avoid=["saber (fate)"]).startswith(
        "saber \\(fate\\), score_6"
    )


@every_target
@settings(max_examples=25)
@given(avoid=words, drawn=st.booleans())
def test_it_is_clean_and_always_the_same(target, avoid, drawn):
    found = negative_for(target, drawn, avoid)
    assert found == negative_for(target, drawn, avoid)
    assert ", ," not in found
    assert found == found.strip(" ,")
    heard = [word.casefold() for word in found.removeprefix("--no ").split(", ")]
    assert len(set(heard)) == len(heard)
