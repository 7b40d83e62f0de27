"""Node choice, tiers, late nodes, foreign work, and what people are told about the wait."""

import pytest

from farm_app.planner import Cost, Needs, Speeds, explain, plan, spell_s
from tests.farm.planner_farm import DRAFT, REFINED, SDXL, batch, four_cards, node, speeds_of

JOB = Cost("t", "sd15", "a")
FAST_AND_SLOW = speeds_of({(1, "a"): (1.0, 0.0), (2, "a"): (4.0, 0.0)})


def pair(first=None, second=None):
    return [node(1, warm="a", **(first or {})), node(2, warm="a", **(second or {}))]


def who_runs(asked, nodes, speeds=FAST_AND_SLOW, now=0.0, **options):
    made = plan([asked], nodes, speeds, now, **options)
    return {given.job_id: given.node_id for given in made.now.values()}


def test_only_means_only():
    asked = batch(jobs=6, cost=JOB, node_mode="only", node_id=2)
    made = plan([asked], pair(), FAST_AND_SLOW, 0.0)
    assert {one.node_id for one in made.expected.values()} == {2}
    assert made.done_s == pytest.approx(24.0)


@pytest.mark.parametrize(("busy_s", "chosen"), [(None, 1), (2.0, 1), (20.0, 2)])
def test_a_preferred_node_is_waited_for_unless_the_wait_is_far_longer(busy_s, chosen):
    speeds = speeds_of({(1, "a"): (3.0, 0.0), (2, "a"): (2.0, 0.0)})
    asked = batch(cost=JOB, node_mode="prefer", node_id=1)
    made = plan([asked], pair({"busy_until_s": busy_s}), speeds, 0.0)
    assert made.expected[0].node_id == chosen


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"state": "offline"}, "Not on the preferred node: gpu-1 is offline."),
        ({"busy_until_s": 90.0}, "The preferred gpu-1 would end it far later."),
    ],
)
def test_falling_back_from_the_preferred_node_says_why(facts, said):
    asked = batch(cost=JOB, node_mode="prefer", node_id=1)
    made = plan([asked], pair(facts), FAST_AND_SLOW, 0.0)
    assert made.now[2].reason.startswith(said)


def test_late_answers_and_foreign_work_count_in_the_end():
    same = speeds_of({(1, "a"): (1.0, 0.0), (2, "a"): (1.0, 0.0)})
    assert who_runs(batch(cost=JOB), pair({"delay_s": 0.5}), same) == {0: 2}
    assert who_runs(batch(cost=JOB), pair({}, {"queue_ahead_s": 5.0}), same) == {0: 1}
    made = plan([batch(cost=JOB)], [node(1, warm="a", delay_s=0.5, queue_ahead_s=2.0)], same, 10.0)
    assert (made.now[1].start_s, made.now[1].end_s) == (12.0, 13.5)


def test_a_slow_idle_card_waits_and_looks_again_when_the_fast_one_should_be_free():
    made = plan([batch(cost=JOB)], pair({"busy_until_s": 1.5}), FAST_AND_SLOW, 0.0)
    assert not made.now
    assert made.look_again_s == {2: 1.5}
    assert made.expected[0].node_id == 1


def test_a_slow_idle_card_takes_the_job_when_the_fast_one_is_far_too_late():
    late = pair({"busy_until_s": 1.5})
    assert who_runs(batch(cost=JOB), late, now=2.0) == {}
    assert who_runs(batch(cost=JOB), late, now=6.0) == {0: 2}


def test_of_two_cards_that_end_a_job_together_the_idle_slow_one_starts_it():
    speeds = speeds_of({(1, "a"): (1.0, 0.0), (2, "a"): (3.0, 0.0)})
    farm = [node(1, warm="a", busy_until_s=2.0, tier="premium"), node(2, warm="a", tier="draft")]
    assert who_runs(batch(cost=JOB), farm, speeds) == {0: 2}
    assert who_runs(batch(cost=JOB), farm[::-1], speeds) == {0: 2}


def test_a_very_slow_card_starts_now_what_would_be_far_down_the_queue():
    speeds = speeds_of({(1, "a"): (1.0, 0.0), (2, "a"): (500.0, 0.0)})
    assert who_runs(batch(jobs=499, cost=JOB), pair(), speeds) == {0: 1}
    assert who_runs(batch(jobs=501, cost=JOB), pair(), speeds) == {0: 1, 1: 2}


def test_an_idle_farm_looks_again_by_and_by():
    assert plan([], pair(), Speeds(), 100.0).look_again_s == {1: 130.0, 2: 130.0}


def tiers_used(asked, overflow, warm=None):
    made = plan([asked], four_cards(warm=warm), Speeds(), 0.0, policy="tiered", overflow=overflow)
    names = {one.id: one.tier for one in four_cards()}
    return [names[one.node_id] for one in made.expected.values()]


def test_tiered_drafts_spare_the_premium_card_until_they_overflow():
    assert set(tiers_used(batch(jobs=4, work="draft", cost=DRAFT), 4)) == {"draft"}
    used = tiers_used(batch(jobs=7, work="draft", cost=DRAFT), 2)
    assert {tier: used.count(tier) for tier in used} == {
        "draft": 2,
        "standard": 2,
        "quality": 2,
        "premium": 1,
    }


def test_a_start_says_why_it_is_on_that_node():
    cards, asked = four_cards(), batch(jobs=1, work="draft")
    fastest = plan([asked], cards, Speeds(), 0.0).now[4]
    assert fastest.reason == "gpu-premium should end it soonest, in 0.5 s."
    tiered = plan([asked], cards, Speeds(), 0.0, policy="tiered").now[1]
    assert tiered.reason.startswith("gpu-draft is next in line for draft work")


def test_tiered_quality_work_goes_to_the_high_tiers_first():
    asked = batch(jobs=4, work="quality", cost=REFINED)
    assert sorted(tiers_used(asked, 3, SDXL)) == ["premium"] * 3 + ["quality"]


def test_tiered_work_beyond_every_threshold_uses_the_whole_farm():
    asked = batch(jobs=1500, work="draft", cost=DRAFT)
    tiered = plan([asked], four_cards(), Speeds(), 0.0, policy="tiered", overflow=2)
    fastest = plan([asked], four_cards(), Speeds(), 0.0)
    assert tiered.done_s == pytest.approx(fastest.done_s, rel=0.02)
    assert tiered.now.keys() == {1, 2, 3, 4}


@pytest.mark.parametrize("wrong", [{"policy": "random"}, {"overflow": 0}])
def test_an_unknown_policy_is_refused(wrong):
    with pytest.raises(ValueError, match="policy"):
        plan([], [], Speeds(), 0.0, **wrong)


def test_why_a_job_waits_is_told_node_by_node():
    asked = batch(cost=JOB, needs=Needs("sd15"))
    farm = [
        node(1, name="fast", warm="a", busy_until_s=1.5),
        node(2, name="slow", warm="a"),
        node(3, name="other", families=frozenset({"flux"})),
    ]
    made = plan([asked], farm, FAST_AND_SLOW, 0.0)
    said = [(one.name, sentence) for one, sentence in explain(asked, farm, made, 0.0)]
    assert said[:2] == [
        ("fast", "fast starts it in about 1.5 s."),
        ("slow", "slow would have it done in 4.0 s; waiting has it done in 2.5 s."),
    ]
    assert said[2][1].startswith("other is not set up for sd15. Add sd15 to the capabilities")


def test_the_number_of_jobs_ahead_is_told():
    farm = [node(1, warm="a")]
    first, asked = batch("f", [1, 2, 3], cost=JOB, share_key="x"), batch("a", [9], priority=2)
    made = plan([first, asked], farm, FAST_AND_SLOW, 0.0)
    [(_, sentence)] = explain(asked, farm, made, 0.0)
    assert sentence == "gpu-1 starts it in about 3.0 s, after 3 others."


def test_paused_and_far_away_jobs_are_explained_too():
    farm = [node(1, warm="a")]
    paused = batch(cost=JOB, paused=True)
    [(_, sentence)] = explain(paused, farm, plan([paused], farm, Speeds(), 0.0), 0.0)
    assert sentence == "gpu-1 may take it when it goes on."
    long = batch(jobs=900, cost=JOB)
    made = plan([long], farm, FAST_AND_SLOW, 0.0)
    [(_, sentence)] = explain(long, farm, made, 0.0, job_id=899)
    assert sentence == "gpu-1 works on jobs that come first; all of it done in 15 min."


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0.0 s"), (0.52, "0.5 s"), (12, "12 s"), (200, "3 min"), (7500, "2 h 5 min")],
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert spell_s(seconds) == said
