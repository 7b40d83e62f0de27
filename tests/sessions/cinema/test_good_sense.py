"""What somebody who lights, edits or prompts for a living would strike out of a prompt."""

import pytest

from sessions_app.cinema.clauses import count_tag
from sessions_app.cinema.config import LiveAction
from sessions_app.cinema.films import FILMS
from sessions_app.cinema.presets import apply_preset
from sessions_app.cinema.vocabulary import vocabularies

films = pytest.mark.parametrize("name", FILMS)


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
