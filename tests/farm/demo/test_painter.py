"""The demo farm's pictures follow words, seed, size and denoise, always in the same way."""

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from farm_app.demo.painter import enlarge, label, paint, preview, repaint
from farm_app.demo.painter.brief import read
from farm_app.demo.painter.canvas import Canvas
from farm_app.demo.painter.palettes import PALETTES
from farm_app.demo.painter.scenes import SCENES
from farm_app.demo.painter.take import Take
from farm_app.demo.painter.words import SCENE_PALETTES, SUBJECTS

KEEPER = "a lighthouse on a black rock at first light, the keeper walking home"

Pixels = npt.NDArray[np.float64]

gently = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@lru_cache(maxsize=64)
def still(prompt: str = KEEPER, seed: int = 7, width: int = 256, height: int = 176) -> Image.Image:
    return paint(prompt, "", seed, width, height)


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture.convert("RGB"), np.float64)


def distance(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(pixels(one) - pixels(other)).mean())


def correlation(one: Image.Image, other: Image.Image) -> float:
    """How alike two pictures are once shrunk to 48 x 32."""
    a, b = (pixels(picture.resize((48, 32), Image.Resampling.BOX)) for picture in (one, other))
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def average(prompt: str, negative: str = "") -> Pixels:
    """Mean red, green and blue over several seeds."""
    takes = [pixels(paint(prompt, negative, seed, 96, 64)).mean(axis=(0, 1)) for seed in range(8)]
    mean: Pixels = np.mean(takes, axis=0)
    return mean


def darkness(prompt: str, negative: str) -> float:
    """Share of nearly black pixels over several seeds."""
    takes = [pixels(paint(prompt, negative, seed, 128, 96)).max(axis=2) < 26 for seed in range(12)]
    return float(np.mean(takes))


SCRIPT = """
import hashlib
from farm_app.demo.painter import enlarge, paint, preview, repaint
first = paint("neon street in the rain", "cars", 2**63 + 5, 200, 120)
again = repaint(first, "neon street", "", 3, 0.5, 240, 144)
for picture in (first, again, preview(first, 0.4, 9), enlarge(first, 1.5)):
    print(hashlib.sha256(picture.tobytes()).hexdigest())
"""


def test_it_paints_the_same_pixels_in_every_process() -> None:
    runs = []
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        runs.append(done.stdout.split())
    here = paint("neon street in the rain", "cars", 2**63 + 5, 200, 120)
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 4
    assert runs[0][0] == hashlib.sha256(here.tobytes()).hexdigest()


def test_it_paints_the_same_pixels_on_several_threads_at_once() -> None:
    jobs = [(scene, seed) for seed, scene in enumerate(list(SCENES)[:8])]
    alone = [paint(scene, "", seed, 96, 64).tobytes() for scene, seed in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda job: paint(job[0], "", job[1], 96, 64).tobytes(), jobs))
    assert together == alone


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (64, 64),
        (64, 192),
        (192, 64),
        (333, 111),
        (512, 512),
        (768, 512),
        (1024, 1024),
        (2048, 1536),
    ],
)
def test_a_still_has_exactly_the_asked_size(width: int, height: int) -> None:
    picture = paint(KEEPER, "", 3, width, height)
    assert (picture.size, picture.mode) == ((width, height), "RGB")


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_another_size_shows_the_same_composition(scene: str) -> None:
    prompt = next(iter(SUBJECTS[scene]))
    assert correlation(still(prompt, 5, 144, 96), still(prompt, 5, 432, 288)) > 0.97


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_every_scene_has_colour_in_the_middle_and_is_no_flat_field(scene: str) -> None:
    shown = pixels(still(next(iter(SUBJECTS[scene])), 11, 192, 128))
    assert 12 < shown.mean() < 235
    assert shown.std() > 14


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_words_that_name_a_subject_choose_its_scene(scene: str) -> None:
    sure = max(SUBJECTS[scene], key=lambda word: SUBJECTS[scene][word])
    assert read(f"a {sure}", "", 1).scene == scene


@pytest.mark.parametrize(
    ("prompt", "scene"),
    [
        (KEEPER, "lighthouse"),
        (
            "a tired investigator under a noodle bar awning in heavy rain, neon in the street",
            "street",
        ),
        ("the keeper stands at the west window, dust in the beam, bare plaster room", "window"),
        ("woman at a window, tungsten light", "window"),
        ("portrait of a woman against city lights", "portrait"),
        ("a boat on a still lake between hills", "lake"),
        ("child with a red balloon", "balloon"),
        ("two dogs on a hill", "animals"),
        ("spaceship corridor", "corridor"),
        ("Blade Runner city at night", "street"),
    ],
)
def test_whole_sentences_choose_the_scene_they_speak_of(prompt: str, scene: str) -> None:
    assert read(prompt, "", 1).scene == scene


def test_words_that_name_nothing_still_choose_always_the_same_scene() -> None:
    chosen = [
        read(words, "", 1).scene for words in ("qwertz", "zuiop", "asdfg", "hjkl", "yxcvb", "")
    ]
    assert chosen == [
        read(words, "", 9).scene for words in ("qwertz", "zuiop", "asdfg", "hjkl", "yxcvb", "")
    ]
    assert len(set(chosen)) > 2


def test_words_and_palettes_name_only_what_exists() -> None:
    names = {palette.name for palette in PALETTES}
    assert set(SUBJECTS) == set(SCENES) == set(SCENE_PALETTES)
    assert {name for own in SCENE_PALETTES.values() for name in own.split()} <= names


def test_night_is_darker_than_noon() -> None:
    assert average("a lake at night").mean() < 0.6 * average("a lake at noon").mean()


def test_red_light_makes_a_redder_picture() -> None:
    plain, red = average("a desert"), average("a desert in red light")
    assert red[0] / red[1:].mean() > 1.2 * plain[0] / plain[1:].mean()


def test_blue_light_makes_a_bluer_picture() -> None:
    plain, blue = average("a road"), average("a road in blue light")
    assert blue[2] / blue[0] > 1.3 * plain[2] / plain[0]


def test_the_colour_of_a_thing_does_not_colour_the_light() -> None:
    plain, coat = read("a forest", "", 4), read("a forest, a man in a red coat", "", 4)
    assert coat.palette == plain.palette


def test_snow_is_brighter_than_the_forest_without_it() -> None:
    assert average("white snow, day").mean() > 1.2 * average("a forest at dusk").mean()


def test_monochrome_has_no_colour_to_speak_of() -> None:
    shown = pixels(paint("a lighthouse, black and white", "", 2, 192, 128))
    assert np.abs(shown[..., 0] - shown[..., 2]).mean() < 10
    assert np.abs(pixels(still())[..., 0] - pixels(still())[..., 2]).mean() > 10


def test_an_anamorphic_lens_draws_a_streak_through_the_lamp() -> None:
    plain, wide = (
        pixels(paint(words, "", 3, 256, 176)) for words in ("lighthouse", "lighthouse anamorphic")
    )
    assert read("lighthouse", "", 3).palette == read("lighthouse anamorphic", "", 3).palette
    assert wide[..., 2].max(axis=1).mean() >= plain[..., 2].max(axis=1).mean()
    assert distance(still("lighthouse", 3), still("lighthouse anamorphic", 3)) > 0.5


def test_a_low_angle_has_a_lower_horizon_than_a_high_one() -> None:
    low, plain, high = (
        np.mean([Take(read(words, "", seed), Canvas(8, 8)).horizon(0, 1) for seed in range(30)])
        for words in ("sea, low angle", "sea", "sea, high angle")
    )
    assert high < plain - 0.2 < plain + 0.2 < low


def test_twenty_seeds_are_twenty_takes() -> None:
    takes = [paint(KEEPER, "", seed, 72, 48) for seed in range(20)]
    closest = min(distance(one, other) for one, other in combinations(takes, 2))
    assert closest > 6
    assert len({read(KEEPER, "", seed).palette.name for seed in range(20)}) >= 4


def test_neighbouring_seeds_go_through_all_fitting_palettes() -> None:
    names = [read("a boat on a lake", "", seed).palette.name for seed in range(100)]
    count = len(set(names))
    start = -(-50 // count) * count
    assert len(set(names[start : start + count])) == count


@pytest.mark.parametrize(
    "scene", ["a man in the desert", "a woman at a window", "a wanderer in snow"]
)
def test_nobody_is_there_when_people_are_unwanted(scene: str) -> None:
    assert darkness(scene, "people") < darkness(scene, "")


def test_unwanted_rain_does_not_fall() -> None:
    asked, refused = read("a street in the rain", "", 1), read("a street in the rain", "rain", 1)
    assert asked.wants("rain")
    assert not refused.wants("rain")
    assert (
        distance(
            paint("street in the rain", "", 1, 160, 120),
            paint("street in the rain", "rain", 1, 160, 120),
        )
        > 1
    )


def test_an_unwanted_subject_gives_way_to_another_scene() -> None:
    assert read("a lighthouse by the sea", "lighthouse", 1).scene == "sea"


def test_an_unwanted_colour_is_not_in_the_palette() -> None:
    assert not any(
        "blue" in read("a lake at night", "blue", seed).palette.tags for seed in range(20)
    )


def test_an_unwanted_crowd_leaves_the_one_person() -> None:
    brief = read(KEEPER, "text, watermark, crowd, boats", 1)
    assert brief.wants("person")
    assert brief.bans("boat", "crowd")


def test_repainting_moves_further_from_the_source_with_more_denoise() -> None:
    source = still()
    steps = [
        repaint(source, KEEPER, "", 5, denoise, 256, 176) for denoise in (0.1, 0.3, 0.5, 0.7, 0.9)
    ]
    moved = [distance(source, step) for step in steps]
    assert moved == sorted(moved)
    assert moved[-1] > 1.5 * moved[0]


def test_a_light_repaint_keeps_the_picture_and_a_middling_one_its_composition() -> None:
    source = still()
    small = source.resize((384, 264), Image.Resampling.BICUBIC)
    assert correlation(small, repaint(source, KEEPER, "", 5, 0.2, 384, 264)) > 0.99
    assert correlation(small, repaint(source, KEEPER, "", 5, 0.55, 384, 264)) > 0.93
    assert correlation(small, still("a forest", 5)) < 0.8


def test_a_repaint_at_full_denoise_is_a_new_picture() -> None:
    assert repaint(still(), "a forest", "", 5, 1.0, 128, 96) == paint("a forest", "", 5, 128, 96)


def test_repaints_with_other_seeds_differ() -> None:
    one, other = (repaint(still(), KEEPER, "", seed, 0.5, 256, 176) for seed in (1, 2))
    assert distance(one, other) > 3


def test_a_repaint_of_another_shape_fills_it_without_stretching() -> None:
    square = repaint(still(), KEEPER, "", 5, 0.1, 176, 176)
    middle = still().crop((40, 0, 216, 176))
    assert square.size == (176, 176)
    assert correlation(square, middle) > 0.98


@pytest.mark.parametrize("factor", [1.5, 2.0, 4.0])
def test_an_enlargement_keeps_the_picture_and_has_crisper_edges(factor: float) -> None:
    source = still()
    large = enlarge(source, factor)
    plain = source.resize(large.size, Image.Resampling.BICUBIC)
    edges, blurry = (
        np.sort(np.abs(np.diff(pixels(p), axis=1)).ravel())[-2000:].mean() for p in (large, plain)
    )
    assert large.size == (round(256 * factor), round(176 * factor))
    assert edges > blurry
    assert correlation(large, source) > 0.995


def test_a_preview_clears_into_the_picture() -> None:
    picture = still(width=512, height=352)
    errors = []
    for fraction in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        shown = preview(picture, fraction, 3)
        errors.append(distance(shown, picture.resize(shown.size, Image.Resampling.BOX)))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 5 * errors[-1]


@pytest.mark.parametrize("size", [(512, 512), (1024, 1024), (2048, 683), (96, 64), (768, 1344)])
def test_a_preview_is_small_and_keeps_its_shape(size: tuple[int, int]) -> None:
    shown = preview(Image.new("RGB", size, "teal"), 0.5, 1)
    assert max(shown.size) <= 256
    assert shown.width / shown.height == pytest.approx(size[0] / size[1], rel=0.12)


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_a_label_changes_only_the_bottom_right_corner(side: int) -> None:
    picture = Image.new("RGB", (side, side), (120, 130, 140))
    marked = label(picture, "demo picture")
    changed = np.argwhere((pixels(picture) != pixels(marked)).any(axis=2))
    top, left = changed.min(axis=0)
    assert picture.getpixel((side - 20, side - 20)) == (120, 130, 140), "the original is untouched"
    assert top > 0.85 * side
    assert left > 0.5 * side
    assert len(changed) < 0.06 * side * side


def test_a_label_is_legible_on_white_and_on_black() -> None:
    for ground in ("white", "black"):
        tag = pixels(label(Image.new("RGB", (512, 512), ground), "demo picture"))[480:505, 420:500]
        letters, around = np.percentile(tag, 97), np.percentile(tag, 40)
        assert letters > 200
        assert around < 110


def test_a_label_without_words_changes_nothing() -> None:
    assert label(still(), "  ") == still()


# A beach that begins above the plain.
@example(prompt="O1425T050", negative="", seed=2**64 - 2, width=8, height=8)
@gently
@given(
    prompt=st.text(max_size=60)
    | st.lists(st.sampled_from(sorted(SCENES)), max_size=4).map(" ".join),
    negative=st.text(max_size=30),
    seed=st.integers(0, 2**64 - 1),
    width=st.integers(8, 96),
    height=st.integers(8, 96),
)
def test_any_words_seed_and_size_give_a_picture(
    prompt: str, negative: str, seed: int, width: int, height: int
) -> None:
    picture = paint(prompt, negative, seed, width, height)
    assert (picture.size, picture.mode) == ((width, height), "RGB")


@gently
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    to=st.tuples(st.integers(8, 90), st.integers(8, 90)),
    denoise=st.floats(-1, 2),
    words=st.text(max_size=40),
)
def test_any_picture_can_be_worked_over(
    size: tuple[int, int], to: tuple[int, int], denoise: float, words: str
) -> None:
    source = Image.effect_noise(size, 60)
    assert repaint(source, words, words, 1, denoise, *to).size == to
    assert max(preview(source, denoise, 1).size) <= 256
    assert label(source, words).size == size
    assert enlarge(source, 2).size == (2 * size[0], 2 * size[1])
