"""What somebody who lights, edits or prompts for a living would strike out of a prompt."""

import re

import pytest

from sessions_app.cinema.clauses import count_tag
from sessions_app.cinema.config import Animation, Configuration, LiveAction
from sessions_app.cinema.english import items, listed
from sessions_app.cinema.films import FILMS
from sessions_app.cinema.gray import is_gray, uncolored
from sessions_app.cinema.negatives import _WANTED
from sessions_app.cinema.phrases import light, picture
from sessions_app.cinema.presets import apply_preset, presets
from sessions_app.cinema.prompt import Prompt, compile_prompt
from sessions_app.cinema.targets import TARGETS, find_target
from sessions_app.cinema.vocabulary import vocabularies

COLORS = re.compile(
    r"\b(warm|amber|orange|greenish|\w*saturat\w+|color casts|blue streak|rosy)\b", re.I
)
NAMES = re.compile(r"panavision|zeiss|kodak|eastman|cooke|arri\b|fuji|baltar|mitchell", re.I)
films = pytest.mark.parametrize("name", FILMS)


def made(target: str, config: Configuration, scene: str = "Somebody waits.") -> Prompt:
    return compile_prompt(find_target(target), config, scene)


def film(name: str) -> LiveAction:
    config = apply_preset(name)
    assert isinstance(config, LiveAction)
    return config


@pytest.mark.parametrize("target", ["flux1", "sd15", "wan_t2v"])
def test_nothing_has_a_color_where_there_is_none(target: str) -> None:
    gray = [one for one in map(apply_preset, FILMS) if is_gray(one)]
    assert len(gray) > 10
    for config in gray:
        assert not COLORS.search(made(target, config).text), config.preset


def test_a_lamp_without_its_color_is_still_that_lamp() -> None:
    assert uncolored("warm tungsten bulbs") == "tungsten bulbs"
    assert uncolored("the open blue sky") == "the open sky"
    assert uncolored("an overcast sky") == "an overcast sky"


@films
def test_the_tone_tells_the_colors_and_the_stock_does_not_gainsay_it(name: str) -> None:
    config = film(name)
    said = [one.text for one in picture(config) if one.fields == ("stock",)]
    assert config.tone
    assert not re.search(r"\bcolou?r|saturat|gray scale|primaries", " ".join(said)), said


@films
def test_contrast_is_told_once(name: str) -> None:
    told = " ".join(one.text for one in (*light(film(name)), *picture(film(name))))
    assert told.count("contrast") <= 1, told


@films
def test_a_film_is_lit_by_what_there_is_then_and_there(name: str) -> None:
    config = film(name)
    found = set(config.sources)
    assert found
    assert not {"sun", "overcast"} <= found
    if config.time == "night":
        assert not {"sun", "overcast", "skylight", "window"} & found
    if config.place == "interior":
        assert not {"overcast", "skylight"} & found
    if config.place == "exterior":
        assert "window" not in found


@films
def test_in_full_daylight_outdoors_no_lamp_lights_the_scene(name: str) -> None:
    config = film(name)
    if config.place == "exterior" and config.time in ("morning", "midday", "afternoon"):
        kinds = {vocabularies().sources[one].kind for one in config.sources}
        assert not {"electric", "practical"} & kinds


def test_when_and_where_stand_before_the_light() -> None:
    config = LiveAction(time="night", place="interior", sources=("candlelight",), styles=("soft",))
    assert "Indoors at night, soft light comes from candles, wrapping" in made("flux1", config).text
    only = LiveAction(time="night", place="interior")
    assert made("flux1", only).text == "Somebody waits. The scene is indoors at night."


@pytest.mark.parametrize(
    ("carrier", "said"),
    [
        ("static", "The camera holds still."),
        ("dolly", "The camera holds still."),
        ("drone", "The camera holds still."),
        ("handheld", "The camera holds still, with the small sways"),
    ],
)
def test_a_camera_that_holds_still_does_not_glide(carrier: str, said: str) -> None:
    config = LiveAction(equipment=carrier, movement="static")
    assert said in made("wan_t2v", config).text


def test_what_is_drawn_moves_in_a_sentence_of_its_own() -> None:
    config = Animation(camera="parallax", motion="twos")
    for target in ("wan_t2v", "wan_i2v"):
        text = made(target, config).text
        assert "The camera drifts over layered planes. Animation on twos, crisp" in text


def test_an_edit_that_redraws_does_not_ask_to_keep_everything() -> None:
    text = made("qwen_image_edit", apply_preset("warm_rounded_3d")).text
    assert "Remake it as warm computer animation" in text
    assert text.endswith("Keep each subject recognizable, in the same pose and the same clothes.")
    assert "Redraw the picture with clean" in made(
        "qwen_image_edit", Animation(line="clean", medium="2d", domain=None)
    ).text.replace("as hand-drawn 2D animation, ", "")


@pytest.mark.parametrize("target", [one for one in TARGETS.values() if one.form == "tags"])
def test_names_of_equipment_are_told_to_those_who_know_them(target: object) -> None:
    for name in FILMS:
        made_for = compile_prompt(target, film(name), "Somebody waits.")  # type: ignore[arg-type]
        assert bool(NAMES.search(made_for.text)) <= made_for.target.names_gear, name


def test_looks_are_lists_that_can_be_taken_apart() -> None:
    words = vocabularies()
    lenses, stocks = words.lenses.values(), words.stocks.values()
    for look in (*(one.look for one in lenses), *(one.look for one in stocks)):
        assert listed(items(look)) == look
        assert all(len(item.split()) > 1 for item in items(look)), look


def test_a_list_ends_with_and_whatever_was_left_out_of_it() -> None:
    scene = "A teenager falls backward off a skyscraper, laughing."
    text = made("midjourney", apply_preset("living_comic_print"), scene).text
    assert "lines that swell and taper, and a limited palette of a few repeated colors." in text


def test_what_is_still_told_is_not_said_to_be_left_out() -> None:
    for preset in presets():
        written = made("midjourney", apply_preset(preset.id), "A crowd waits in the rain.")
        told = {field for one in written.pieces for field in one.fields}
        labels = {apply_preset(preset.id).FIELDS[one].label.lower() for one in told}
        for note in written.notes:
            names = re.split(r", | and ", note.partition("its length: ")[2].rstrip("."))
            assert not labels & set(names), note


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (LiveAction(composition="negative_space"), "The shot has wide empty space around"),
        (LiveAction(composition="centered"), "The shot is centered in the frame."),
        (LiveAction(height="low", direction="left"), "The shot is from a low angle, in left"),
        (LiveAction(size="cu", height="low", direction="left"), "A close-up from a low angle, in"),
    ],
)
def test_a_shot_without_a_size_is_a_sentence_too(config: LiveAction, said: str) -> None:
    assert said in made("flux1", config).text


def test_what_is_wanted_is_what_some_target_keeps_out() -> None:
    kept_out = {
        word
        for one in TARGETS.values()
        for word in (*one.negative.photographed, *one.negative.drawn)
    }
    for field, ids, words in _WANTED:
        kind = LiveAction if field in LiveAction.FIELDS else Animation
        assert set(ids) <= set(kind.FIELDS[field].vocabulary), field
        assert set(words) <= kept_out, words


def test_a_negative_does_not_fight_the_prompt() -> None:
    assert "oversaturated" not in made("qwen_image", LiveAction(tone="warm_saturated")).negative
    assert "photograph" not in made("sdxl", apply_preset("handmade_stop_motion")).negative
    assert "shaky" not in made("ltx2", LiveAction(equipment="handheld")).negative
    own = compile_prompt(
        find_target("ltx2"), LiveAction(equipment="handheld"), "A.", negative=["shaky"]
    )
    assert own.negative.startswith("shaky, ")


@pytest.mark.parametrize(
    ("scene", "counted"),
    [
        ("A girl and her grandmother run.", "2girls"),
        ("Two men and their old father argue.", "3boys"),
        ("A boy looks at his sister's hair.", "1boy"),
        ("A woman and her husband wait.", None),
    ],
)
def test_kin_are_counted(scene: str, counted: str | None) -> None:
    assert count_tag(scene) == counted
