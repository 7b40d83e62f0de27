"""`manage.py bench farm`: the ways on paper do what they say, and the verdict is read from them."""

import json
from dataclasses import replace
from itertools import product
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eliot.bench import farm
from eliot.bench.farm import Table, measure
from eliot.bench.paper.cards import Card, clairvoyant, even, list_order, shortest_queue
from eliot.bench.paper.planned import PaperFarm
from eliot.bench.paper.rounds import (
    FUNNEL,
    WAYS,
    death_round,
    eliot,
    flapping_round,
    stage_round,
    warm_round,
)
from farm_app.planner import Batch, Cost, Needs, NodeView

SEEDS = [Card(0.5), Card(0.8), Card(1.0), Card(1.5)]
KEYS = {
    "drafts_s", "funnel_s", "funnel_pixels_s", "seeds_mean", "seeds_p95", "random_mean", "random_p95",
    "death_s",
}  # fmt: skip

runs = st.floats(0.1, 5.0)
outages = st.lists(st.tuples(st.floats(0.0, 10.0), st.floats(0.1, 3.0)), max_size=2)


@st.composite
def cards(draw: st.DrawFn) -> Card:
    at_s, away = 0.0, []
    for pause_s, length_s in draw(outages):
        away.append((at_s + pause_s, at_s + pause_s + length_s))
        at_s += pause_s + length_s
    return Card(draw(runs), draw(st.sampled_from((0.0, 2.0))), tuple(away))


def test_each_way_takes_what_is_known_of_the_seeds_cards() -> None:
    assert even(SEEDS, 20) == 7.5
    assert shortest_queue(SEEDS, 20) == 7.5
    assert list_order(SEEDS, 20) == 6.0
    assert clairvoyant(SEEDS, 20) == pytest.approx(4.5)
    assert sum(WAYS["clairvoyant"](stage_round(stage)) for stage in FUNNEL) == pytest.approx(
        59.2, abs=0.05
    )


def test_jobs_that_do_not_divide_go_to_the_first_cards() -> None:
    assert even([Card(1.0), Card(10.0)], 3) == 10.0
    assert even([Card(1.0), Card(10.0), Card(10.0)], 1) == 1.0


def test_a_job_that_an_outage_meets_begins_anew_when_the_card_is_back() -> None:
    card = Card(1.0, outages=((1.5, 2.0),))
    ends = card.ends()
    assert [next(ends) for _ in range(3)] == [1.0, 3.0, 4.0]
    assert Card(1.0, load_s=4.0).end_of(0.0, is_first=True) == 5.0


def test_a_job_may_end_just_as_the_card_goes() -> None:
    assert Card(1.0, outages=((1.0, 2.0),)).end_of(0.0) == 1.0


def test_who_gives_jobs_to_a_card_that_dies_never_ends() -> None:
    dying = [Card(0.5, outages=((1.25, inf),)), *SEEDS[1:]]
    assert even(dying, 20) == shortest_queue(dying, 20) == list_order(dying, 20) == inf
    assert clairvoyant(dying, 20) == pytest.approx(6.4)


@settings(deadline=None)
@given(st.lists(cards(), min_size=1, max_size=3), st.integers(1, 5))
def test_nobody_is_faster_than_the_clairvoyant_who_is_as_fast_as_any_schedule(
    farm_: list[Card], jobs: int
) -> None:
    best_s = clairvoyant(farm_, jobs)
    for way in (even, shortest_queue, list_order):
        assert way(farm_, jobs) >= best_s - 1e-9
    schedules = product(range(len(farm_)), repeat=jobs)
    assert best_s == pytest.approx(min(_lasts(farm_, schedule) for schedule in schedules))


def _lasts(farm_: list[Card], schedule: tuple[int, ...]) -> float:
    streams = [card.ends() for card in farm_]
    return max(next(streams[place]) for place in schedule)


def test_eliot_goes_on_elsewhere_when_a_card_dies_or_flaps() -> None:
    assert eliot(death_round()) <= farm.TARGETS["death_s"]
    assert eliot(flapping_round()) == pytest.approx(WAYS["clairvoyant"](flapping_round()), rel=0.05)


def test_eliot_knows_what_loading_a_model_costs() -> None:
    asked = warm_round(65.0)
    best_s = WAYS["clairvoyant"](asked)
    assert eliot(asked) == pytest.approx(best_s)
    assert even(asked.cards(), asked.jobs) > 1.2 * best_s
    knows_nothing = replace(warm_round(0.0), load_s=65.0)
    assert eliot(knows_nothing) > 1.2 * best_s


def test_what_is_lost_in_an_outage_is_done_once_and_by_somebody_else() -> None:
    cost = Cost("t", "sd15", None)
    nodes = [NodeView(number, f"gpu-{number}", "draft") for number in (1, 2)]
    asked = Batch("a", (1, 2, 3), Needs(), cost)
    paper = PaperFarm(nodes, [asked], lambda *_: 1.0, outages={1: ((0.5, 1.7),)})
    paper.run()
    assert sorted(job for _, _, job in paper.log) == [1, 2, 3]
    assert all(end_s >= 2.7 for end_s, number, _ in paper.log if number == 1)


def test_a_farm_that_is_gone_for_good_says_so_instead_of_an_end() -> None:
    asked = Batch("a", (1,), Needs(), Cost("t", "sd15", None))
    paper = PaperFarm(
        [NodeView(1, "gpu", "draft")], [asked], lambda *_: 1.0, outages={1: ((0.5, inf),)}
    )
    with pytest.raises(RuntimeError, match="stopped too early"):
        paper.run()


def test_the_whole_table_has_every_figure_of_every_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farm, "PLANS", 2)
    table = measure(lambda _: None, draws=4, real_rounds=0)
    found = json.loads(table.as_json())
    assert found.keys() == {*WAYS}
    for way in WAYS:
        assert found[way].keys() >= KEYS
        assert found[way]["random_mean"] >= 1.0
    assert found["even"]["death_s"] is None
    assert found["eliot"]["plan_ms_p95"] > 0
    assert [line.split()[3] for line in table.lines() if "`drafts_s`" in line] == ["4.5"]
    assert measure(lambda _: None, draws=4, real_rounds=0).rows["even"] == table.rows["even"]


def test_only_what_eliot_promises_is_held_against_it() -> None:
    table = Table({"eliot": {"drafts_s": 4.9, "cold_65_s": 1e6}, "even": {"drafts_s": 7.5}})
    assert table.missed() == ["drafts_s: 4.9 is over 4.8"]
    table.real.spoiling_overruns, table.real.worst_overrun_ms = 2, 40.0
    assert "the run is invalid" in table.missed()[0]
