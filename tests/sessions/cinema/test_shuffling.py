"""Shuffle: others in place of what is chosen, never a contradiction, and what is locked stays."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sessions_app.cinema import engine
from sessions_app.cinema.config import LiveAction
from sessions_app.cinema.presets import apply_preset, presets
from sessions_app.cinema.rules import HARD
from sessions_app.cinema.shuffling import shuffle

PRESETS = [one.id for one in presets()]


@given(st.sampled_from(PRESETS), st.integers(0, 10_000), st.data())
def test_nothing_breaks_and_what_is_locked_stays(
    preset: str, seed: int, data: st.DataObject
) -> None:
    config = apply_preset(preset)
    locked = data.draw(st.sets(st.sampled_from(list(config.FIELDS))))
    found = shuffle(config, Random(seed), locked=locked)
    assert engine.is_valid(found)
    assert all(getattr(found, name) == getattr(config, name) for name in locked)
    assert found.preset == preset


def test_it_gives_other_choices_and_the_same_for_the_same_dice() -> None:
    config = apply_preset("blade_runner")
    found = [shuffle(config, Random(seed)) for seed in (1, 1, 2, 3)]
    assert found[0] == found[1]
    assert len({one.values()["body"] for one in found} | {one.tone for one in found}) > 3
    assert all(one.values()["year"] == 1982 for one in found)


def test_an_empty_shot_has_nothing_to_shuffle() -> None:
    assert shuffle(LiveAction(), Random(1)) == LiveAction()


def test_a_shot_that_was_broken_is_no_worse_afterwards() -> None:
    config = apply_preset("blade_runner", {"body": "alexa_mini"})
    before = {one.rule for one in engine.validate(config) if one.severity == HARD}
    for seed in range(20):
        found = shuffle(config, Random(seed), locked=("body", "stock"))
        after = {one.rule for one in engine.validate(found) if one.severity == HARD}
        assert after <= before
