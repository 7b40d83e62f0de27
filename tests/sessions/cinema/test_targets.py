"""The table of target models: whole, reachable by every name, and right about shapes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.cinema.targets import (
    TARGETS,
    UnknownTarget,
    find_target,
    ratio_words,
    size_for,
)

every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
ratios = st.floats(min_value=0.3, max_value=3.2)

EXPECTED = """
    sd15 sdxl pony illustrious sd35 flux1 flux2 flux_kontext qwen_image qwen_image_edit z_image wan_t2v
    wan_i2v ltx2 hunyuan_video cogvideox mochi midjourney dalle ideogram runway veo kling sora generic
""".split()


def test_the_menu_offers_every_model_in_order():
    assert list(TARGETS) == EXPECTED


@every_target
def test_a_target_is_found_by_each_of_its_names(target):
    for name in (target.id, target.label, target.label.upper(), *target.aliases):
        assert find_target(f" {name} ") is target


@every_target
def test_its_line_is_one_sentence_that_fits_the_menu(target):
    assert 35 <= len(target.line) <= 95
    assert target.line.endswith(".")
    assert "_" not in target.line + target.label


@every_target
def test_its_facts_agree_with_each_other(target):
    assert target.medium in ("image", "video")
    assert target.form in ("tags", "prose", "motion", "edit")
    assert target.certainty in ("high", "medium", "low")
    assert target.writes_weights == (target.weight_max > 1)
    assert target.escapes_parentheses == (target.weights in ("emphasis", "weak"))
    assert (target.budget.chunk == 75) == (target.encoder == "clip")
    assert target.form != "tags" or target.writes_weights
    assert target.sources


@every_target
def test_a_target_that_ignores_negatives_lists_none(target):
    negative = target.negative
    assert negative.strength in ("strong", "weak", "none")
    if negative.strength == "none":
        assert (negative.photographed, negative.drawn, negative.syntax) == ((), (), "")
    else:
        assert negative.photographed != negative.drawn or negative.syntax


@every_target
def test_it_says_its_shape_in_one_way_at_most(target):
    shapes = target.ratio
    told = [shapes.syntax, shapes.named, shapes.buckets or shapes.multiple]
    assert sum(map(bool, told)) == (target.id != "generic")
    assert all(side % (shapes.multiple or 8) == 0 for size in shapes.buckets for side in size)


def test_the_farms_families_are_named_by_their_ids():
    families = {target.family for target in TARGETS.values()} - {None}
    assert families == {"sd15", "sdxl", "pony", "illustrious", "flux"}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("flux", "flux1"),
        ("FLUX.1", "flux1"),
        ("wan", "wan_t2v"),
        ("NoobAI", "illustrious"),
        ("GPT-Image", "dalle"),
        ("hunyuan video", "hunyuan_video"),
    ],
)
def test_common_names_are_understood(name, target):
    assert find_target(name).id == target


def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(UnknownTarget, match=r"“sdlx”.*Did you mean .*sdxl"):
        find_target("sdlx")


def test_a_name_like_no_other_is_answered_with_all():
    with pytest.raises(UnknownTarget, match=r"There are sd15, .*generic\."):
        find_target("zzzzzzzz")


@pytest.mark.parametrize(
    ("target", "ratio", "size"),
    [
        ("sd15", 2.39, (912, 384)),
        ("sdxl", 2.39, (1536, 640)),
        ("pony", 1.85, (1408, 768)),
        ("flux1", 1.0, (1024, 1024)),
        ("flux_kontext", 2.39, (1568, 672)),
        ("qwen_image", 16 / 9, (1664, 928)),
        ("wan_t2v", 16 / 9, (1280, 720)),
        ("wan_t2v", 9 / 16, (720, 1280)),
        ("hunyuan_video", 1.33, (1104, 832)),
        ("mochi", 2.39, (848, 480)),
        ("dalle", 0.7, (1024, 1536)),
        ("midjourney", 2.39, None),
        ("generic", 2.39, None),
    ],
)
def test_it_proposes_the_nearest_size(target, ratio, size):
    assert size_for(TARGETS[target], ratio) == size


@every_target
@settings(max_examples=25)
@given(ratio=ratios)
def test_a_free_size_keeps_shape_and_area(target, ratio):
    shapes = target.ratio
    if not shapes.multiple or shapes.buckets:
        return
    width, height = size_for(target, ratio) or (0, 0)
    assert width % shapes.multiple == 0
    assert height % shapes.multiple == 0
    assert abs(width / height / ratio - 1) < 0.1
    assert 0.8 < width * height / shapes.pixels < 1.25


@pytest.mark.parametrize(
    ("target", "ratio", "words"),
    [
        ("midjourney", 2.39, "--ar 239:100"),
        ("midjourney", 1.78, "--ar 16:9"),
        ("midjourney", 16 / 9, "--ar 16:9"),
        ("midjourney", 1.85, "--ar 37:20"),
        ("midjourney", 1.33, "--ar 4:3"),
        ("midjourney", 9 / 16, "--ar 9:16"),
        ("midjourney", 1, "--ar 1:1"),
        ("veo", 2.39, "16:9"),
        ("kling", 1.1, "1:1"),
        ("ideogram", 1.37, "4:3"),
        ("flux1", 2.39, ""),
        ("generic", 2.39, ""),
    ],
)
def test_it_says_the_ratio_in_the_targets_words(target, ratio, words):
    assert ratio_words(TARGETS[target], ratio) == words


@pytest.mark.parametrize("ratio", [0, -1.5, float("inf"), float("nan")])
def test_a_ratio_must_be_positive(ratio):
    with pytest.raises(ValueError, match="positive"):
        size_for(TARGETS["sdxl"], ratio)
    with pytest.raises(ValueError, match="positive"):
        ratio_words(TARGETS["midjourney"], ratio)
