"""What somebody who lights, edits or prompts for a living would strike out of a prompt."""

import pytest

from sessions_app.cinema.clauses import count_tag
from sessions_app.cinema.config import Animation, Configuration, LiveAction
from sessions_app.cinema.films import FILMS
from sessions_app.cinema.negatives import _WANTED
from sessions_app.cinema.presets import apply_preset
from sessions_app.cinema.prompt import Prompt, compile_prompt
from sessions_app.cinema.targets import TARGETS, find_target
from sessions_app.cinema.vocabulary import vocabularies

films = pytest.mark.parametrize("name", FILMS)


def made(target: str, config: Configuration, scene: str = "Somebody waits.") -> Prompt:
    return compile_prompt(find_target(target), config, scene)


def film(name: str) -> LiveAction:
    config = apply_preset(name)
    assert isinstance(config, LiveAction)
    return config


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
