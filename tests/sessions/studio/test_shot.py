"""A shot in its address: what is read, what is left out and said, and what a button makes of it."""

from random import Random
from urllib.parse import parse_qsl, urlencode

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.cinema import engine
from sessions_app.cinema.config import KINDS
from sessions_app.cinema.presets import apply_preset, presets
from sessions_app.studio.shot import LONGEST_SCENE, Shot, spell_changes

PRESETS = [one.id for one in presets()]


def shot(query: str) -> Shot:
    return Shot.asked(QueryDict(query))


def pressed(query: str, **button: str) -> Shot:
    """Return the shot after a press: the form sends all of it, and the button's own pair."""
    return shot(f"{shot(query).query}&{urlencode(button)}")


def test_an_address_without_anything_is_an_empty_shot_for_flux() -> None:
    found = shot("")
    assert found.config == KINDS["live_action"]()
    assert (found.target.id, found.query, found.faults) == ("flux1", "", ())


def test_a_preset_is_one_word_of_the_address() -> None:
    found = shot("preset=blade_runner")
    assert found.config == apply_preset("blade_runner")
    assert found.query == "preset=blade_runner"


def test_only_what_differs_from_the_preset_stands_in_the_address() -> None:
    found = shot("preset=blade_runner&body=panaflex_gold&lens=hawk_v_lite&stock=")
    assert found.query == "preset=blade_runner&lens=hawk_v_lite&stock="
    assert found.changed_fields == ("lens", "stock")


def test_all_of_a_shot_comes_back_from_its_address() -> None:
    query = (
        "preset=dune&moods=epic&moods=lonely&focal_mm=35&scene=Two+figures%0A%26+a+worm&target=wan_t2v"
        "&compare=sdxl&lock=lens&open=moods&session=dunes-3"
    )
    found = shot(query)
    assert shot(found.query) == found
    assert found.scene == "Two figures\n& a worm"
    assert found.compared is not None
    assert (found.target.id, found.compared.id) == ("wan_t2v", "sdxl")
    assert (found.locked, found.opened, found.session) == (("lens",), ("moods",), "dunes-3")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("preset=no_such_film", "no_such_film"),
        ("lens=cooke_s99", "cooke_s99"),
        ("focal_mm=much", "much"),
        ("focal_mm=9999999", "between"),
        ("target=no_model", "no_model"),
        ("moods=noir&moods=gloomy&moods=epic&moods=lonely", "at most 3"),
    ],
)
@pytest.mark.django_db
def test_what_an_address_says_wrongly_is_said_and_left_out(query: str, said: str) -> None:
    found = shot(f"preset=blade_runner&{query}" if "preset" not in query else query)
    assert any(said in fault for fault in found.faults)
    assert shot(found.query).faults == ()


def test_words_that_nobody_knows_are_no_fault() -> None:
    found = shot("utm_source=mail&lock=nothing&open=nowhere&flip=&toggle=x&kind=opera&apply=zz%3D1")
    assert (found.query, found.faults) == ("", ())


def test_another_preset_takes_the_place_of_all_that_is_not_locked() -> None:
    before = "preset=blade_runner&lens=hawk_v_lite&tone=sepia&lock=lens"
    after = pressed(before, pick="the_lighthouse")
    assert after.config.preset == "the_lighthouse"
    assert getattr(after.config, "lens") == "hawk_v_lite"  # noqa: B009 - of live action only
    assert after.config.tone == apply_preset("the_lighthouse").tone


def test_the_same_preset_again_goes_back_to_it() -> None:
    assert pressed("preset=blade_runner&tone=sepia", pick="blade_runner").changed_fields == ()


def test_a_look_after_a_film_is_a_drawn_shot_with_what_both_have_locked() -> None:
    after = pressed("preset=blade_runner&moods=epic&lock=mood&lock=camera", pick="ghibli_classic")
    assert after.config.KIND == "animation"
    assert after.config.moods == ("epic",)
    assert after.locked == ("mood", "camera"), "the camera's is there again with the next film"


def test_a_press_changes_what_it_says_and_no_more() -> None:
    before = shot("preset=blade_runner&scene=rain")
    after = pressed(before.query, apply="stock=&moods=noir,epic")
    assert spell_changes(before.config, after.config) == "stock=&moods=noir%2Cepic"
    assert after.scene == "rain"


def test_a_list_opens_closes_and_takes_the_place_of_another_of_its_panel() -> None:
    assert pressed("open=lens", toggle="body").opened == ("lens", "body")
    assert pressed("open=lens&open=body", toggle="lens").opened == ("body",)
    assert pressed("open=lens&open=body", toggle="focal_mm").opened == ("body", "focal_mm")


def test_a_lock_is_pressed_and_pressed_again() -> None:
    assert pressed("", flip="lens").locked == ("lens",)
    assert pressed("lock=lens&lock=mood", flip="lens").locked == ("mood",)


def test_a_shuffle_leaves_what_is_locked() -> None:
    before = shot("preset=blade_runner&lock=lens&lock=mood")
    after = before.shuffled(Random(1))
    same = {
        name
        for name, one in before.config.values().items()
        if after.config.values().get(name) == one
    }
    assert {"lens", "focal_mm", "moods", "tone", "year"} <= same
    assert before.config.values() != after.config.values()


@given(st.sampled_from(PRESETS), st.data())
def test_every_change_comes_through_its_address(preset: str, data: st.DataObject) -> None:
    begun = apply_preset(preset)
    name = data.draw(st.sampled_from(list(begun.FIELDS)))
    value = data.draw(st.sampled_from(list(engine.values_of(begun.FIELDS[name], begun))))
    wanted = engine.with_choice(begun, begun.FIELDS[name], value)
    after = pressed(f"preset={preset}", apply=spell_changes(begun, wanted))
    assert after.config == wanted
    assert after.faults == ()
    assert dict(parse_qsl(after.query))["preset"] == preset


@given(st.sampled_from(PRESETS), st.integers(0, 1000))
def test_a_shuffle_never_breaks_anything(preset: str, seed: int) -> None:
    found = shot(f"preset={preset}").shuffled(Random(seed))
    assert engine.is_valid(found.config)
    assert found.config.values().keys() <= apply_preset(preset).values().keys() | {"stock", "lens"}


@pytest.mark.parametrize("letter", ["a", "灯", "🏮", "é "])
def test_a_scene_is_as_long_as_an_address_can_tell(letter: str) -> None:
    found = shot(urlencode({"scene": letter * 3000, "preset": "blade_runner"}))
    assert 1000 < len(found.scene) <= LONGEST_SCENE
    assert len(found.query) < 14_000
    assert shot(found.query) == found
