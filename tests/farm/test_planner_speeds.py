"""What the planner believes about seconds, and how runs change it."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm_app.planner import Cost, Learned, Observation, Speeds
from tests.farm.planner_farm import DRAFT, REFINED, SD15, SDXL, node

HERE = node(1)


def after(*seconds, cost=DRAFT, speeds=None, **facts):
    """Return the speeds once these runs have been seen on node 1."""
    speeds = speeds or Speeds()
    for run_s in seconds:
        seen = Observation(1, "standard", cost, run_s, **facts)
        speeds = speeds.with_row(speeds.learn(seen))
    return speeds


def test_the_first_run_replaces_the_guess():
    assert not Speeds().estimate(HERE, DRAFT).known
    estimate = after(2.5).estimate(HERE, DRAFT)
    assert estimate.run_s == pytest.approx(2.5)
    assert estimate.known


def test_learning_changes_nothing_in_place():
    speeds = after(2.0)
    speeds.learn(Observation(1, "standard", DRAFT, 9.0))
    assert speeds.estimate(HERE, DRAFT).run_s == pytest.approx(2.0)


@pytest.mark.parametrize("before", [2, 3, 8, 30])
def test_one_freak_run_moves_the_figure_little(before):
    moved = after(*[1.0] * before, 10.0)
    assert moved.estimate(HERE, DRAFT).run_s < 1.25
    assert after(1.0, 1.0, speeds=moved).estimate(HERE, DRAFT).run_s == pytest.approx(1, rel=0.06)


@pytest.mark.parametrize("change", [0.1, 0.4, 0.75, 1.4, 2.0, 10.0])
def test_a_lasting_change_is_believed_within_four_runs(change):
    estimate = after(*[1.0] * 20, *[change] * 4).estimate(HERE, DRAFT)
    assert estimate.run_s == pytest.approx(change, rel=0.12)


def test_runs_of_different_size_settle_what_is_fixed_and_what_grows():
    big = replace(DRAFT, steps=50)
    speeds = Speeds()
    for _ in range(60):
        speeds = after(2.0 + 0.1 * DRAFT.work, cost=DRAFT, speeds=speeds)
        speeds = after(2.0 + 0.1 * big.work, cost=big, speeds=speeds)
    middle = replace(DRAFT, steps=30)
    expected = 2.0 + 0.1 * middle.work
    assert speeds.estimate(HERE, middle).run_s == pytest.approx(expected, rel=0.03)


def test_the_seconds_grow_with_steps_and_size():
    speeds = after(1.0)
    assert speeds.estimate(HERE, replace(DRAFT, steps=20)).run_s == pytest.approx(2.0)
    assert speeds.estimate(HERE, replace(DRAFT, megapixels=1.048576)).run_s == pytest.approx(4.0)


def test_another_template_of_the_family_starts_from_what_this_node_showed():
    estimate = after(2.0).estimate(HERE, replace(DRAFT, template="sd15_img2img"))
    assert estimate.run_s == pytest.approx(2.0)
    assert not estimate.known


def test_another_family_starts_from_how_the_node_does_against_its_tier():
    twice_as_slow = after(2.0)
    assert twice_as_slow.estimate(HERE, REFINED).run_s == pytest.approx(20.0)


def test_what_other_nodes_make_of_a_family_scales_the_guess():
    video = Cost("video", "unheard_of", "v", steps=20, megapixels=1.0)
    guess_s = Speeds().estimate(node(2, tier="premium"), video).run_s
    there = Speeds().estimate(HERE, video).run_s
    speeds = after(there * 5, cost=video)
    assert speeds.estimate(node(2, tier="premium"), video).run_s == pytest.approx(guess_s * 5)


def test_a_load_that_was_timed_is_believed_and_one_within_the_run_is_worked_out():
    speeds = after(1.0, load_s=6.0)
    assert speeds.estimate(HERE, DRAFT).load_s == pytest.approx(6.0)
    speeds = after(66.0, speeds=after(1.0), loaded_within=True)
    assert speeds.estimate(HERE, DRAFT).load_s == pytest.approx(65.0)
    assert speeds.estimate(HERE, DRAFT).run_s == pytest.approx(1.0)


def test_a_first_cold_run_that_is_as_short_as_a_warm_one_loaded_nothing():
    guess_s = Speeds().estimate(HERE, DRAFT).run_s
    speeds = after(guess_s, loaded_within=True)
    assert speeds.estimate(HERE, DRAFT).run_s == pytest.approx(guess_s)
    assert speeds.estimate(HERE, DRAFT).load_s == pytest.approx(0.0, abs=1e-3)


def test_what_a_first_cold_run_takes_over_the_guess_is_loading_up_to_the_usual_load():
    guess = Speeds().estimate(HERE, DRAFT)
    speeds = after(guess.run_s + guess.load_s / 2, loaded_within=True)
    assert speeds.estimate(HERE, DRAFT).run_s == pytest.approx(guess.run_s)
    assert speeds.estimate(HERE, DRAFT).load_s == pytest.approx(guess.load_s / 2)


def test_a_slow_disk_is_expected_to_be_slow_for_other_models_too():
    fast, slow = after(1.0, load_s=2.0), after(1.0, load_s=20.0)
    ratio = slow.estimate(HERE, REFINED).load_s / fast.estimate(HERE, REFINED).load_s
    assert ratio == pytest.approx(10.0)


def test_a_job_without_a_model_loads_nothing():
    assert Speeds().estimate(HERE, replace(DRAFT, model=None)).load_s == 0.0


@pytest.mark.parametrize("nonsense", [0.0, -1.0, math.nan, math.inf])
def test_nonsense_teaches_nothing(nonsense):
    speeds = after(1.0)
    row = speeds.learn(Observation(1, "standard", DRAFT, nonsense))
    assert row == speeds.learn(Observation(1, "standard", DRAFT, -2.0))
    assert row.count == 1


def test_a_row_from_the_past_is_trusted_by_its_count():
    row = Learned(1, "standard", "sd15_txt2img", "sd15", SD15, 1.0, 0.0, 3.0, count=40)
    assert after(10.0, speeds=Speeds([row])).estimate(HERE, DRAFT).run_s < 1.2
    row = Learned(1, "standard", "sdxl_txt2img", "sdxl", SDXL)
    assert not Speeds([row]).estimate(HERE, REFINED).known


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=30), st.integers(1, 60))
def test_figures_stay_positive_and_finite(seconds, steps):
    cost = replace(DRAFT, steps=steps)
    estimate = after(*seconds, cost=cost).estimate(HERE, replace(DRAFT, steps=7))
    assert 0 < estimate.run_s < 1e6
    assert min(seconds) * 0.99 <= after(*seconds, cost=cost).estimate(HERE, cost).run_s
    assert after(*seconds, cost=cost).estimate(HERE, cost).run_s <= max(seconds) * 1.01
