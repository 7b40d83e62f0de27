"""Whose job is next: classes, aging, turns between shares, and warm models."""

from itertools import pairwise

import pytest

from eliot.bench.paper.planned import PaperFarm, believed
from farm_app.planner import CLIMB_S, Cost, Speeds, plan
from farm_app.planner.turns import CREDIT_S, PATIENCE_S
from tests.farm.planner_farm import batch, four_cards, node, speeds_of

TEN_S = speeds_of({(1, m): (10.0, 0.0) for m in "abc"})


def job(model="a"):
    return Cost("t", "sd15", model)


def first_started(*queue, now=0.0, served=None, speeds=TEN_S, **facts):
    facts.setdefault("warm", "a")
    made = plan(queue, [node(1, **facts)], speeds, now, served=served or {})
    return made.now[1].job_id


def test_interactive_goes_before_refine_before_bulk_before_background():
    queue = [batch(str(p), range(p * 10, p * 10 + 2), priority=p, cost=job()) for p in (3, 1, 0, 2)]
    made = plan(queue, [node(1)], TEN_S, 0.0)
    order = sorted(made.expected, key=lambda job_id: made.expected[job_id].start_s)
    assert order == [0, 1, 10, 11, 20, 21, 30, 31]


@pytest.mark.parametrize(("waited", "first"), [(0.9 * CLIMB_S, 2), (1.1 * CLIMB_S, 1)])
def test_a_job_that_waited_long_climbs_a_class(waited, first):
    old = batch("old", [1], priority=2, cost=job(), placed_at_s=0.0)
    fresh = batch("fresh", [2], priority=1, cost=job(), placed_at_s=waited)
    assert first_started(fresh, old, now=waited) == first


def test_only_the_first_job_of_a_batch_climbs_and_a_start_begins_the_wait_anew():
    old = batch("old", range(10, 20), priority=1, cost=job())
    fresh = batch("fresh", range(5), cost=job(), placed_at_s=400.0)
    made = plan([fresh, old], [node(1)], TEN_S, 400.0)
    order = sorted(made.expected, key=lambda job_id: made.expected[job_id].start_s)
    assert order == [10, 0, 1, 2, 3, 4, *range(11, 20)]
    worked_on = batch("old", [1], priority=1, cost=job(), last_start_s=300.0)
    assert first_started(fresh, worked_on, now=400.0) == 0


@pytest.mark.parametrize("share", ["one", "other"])
def test_background_work_starts_in_bounded_time_on_a_full_farm(share):
    flood = batch("flood", range(1000, 1200), cost=job(), share_key="one")
    patient = batch("patient", [1], priority=3, cost=job(), share_key=share)
    farm = PaperFarm([node(1, warm="a")], [flood, patient], believed(TEN_S), TEN_S)
    farm.run()
    ended = next(end for end, _, job_id in farm.log if job_id == 1)
    assert 3 * CLIMB_S <= ended <= 3 * CLIMB_S + CREDIT_S + 2 * 10


def test_a_thousand_queued_do_not_starve_another_session():
    many = batch("many", range(1000, 2000), share_key="x")
    few = batch("few", range(8), share_key="y", placed_at_s=1.0)
    made = plan([many, few], [node(1, warm=many.cost.model)], Speeds(), 1.0)
    order = sorted(made.expected, key=lambda job_id: made.expected[job_id].start_s)
    assert set(range(8)) <= set(order[:17])


def test_eight_pictures_take_about_twice_as_long_beside_a_thousand():
    many = batch("many", range(1000, 1200), share_key="x")
    few = batch("few", range(8), share_key="y")
    farm = PaperFarm(four_cards(), [many, few], believed(Speeds()))
    farm.run()
    alone_s = plan([few], four_cards(), Speeds(), 0.0).batch_done_s["few"]
    ended = max(end for end, _, job_id in farm.log if job_id < 8)
    assert ended <= 2 * alone_s + 1.5


def test_the_share_that_had_least_comes_first():
    x, y = batch("x", [1], cost=job()), batch("y", [2], cost=job())
    assert first_started(x, y, served={"x": 20.0, "y": 5.0}) == 2
    assert first_started(x, y, served={"x": 5.0, "y": 20.0}) == 1


def test_equal_shares_go_by_who_waited_longest():
    x = batch("x", [1], cost=job(), last_start_s=5.0)
    y = batch("y", [2], cost=job(), last_start_s=3.0)
    assert first_started(x, y, now=6.0) == 2


def test_nobody_banks_more_credit_than_the_limit():
    x, y = batch("x", range(10), cost=job()), batch("y", range(10, 40), cost=job())
    made = plan([x, y], [node(1)], TEN_S, 0.0, served={"x": 5000.0})
    order = sorted(made.expected, key=lambda job_id: made.expected[job_id].start_s)
    assert order.index(0) <= CREDIT_S / 10 + 1


def test_within_a_share_the_queue_order_counts():
    first, second = batch("2", [2], cost=job()), batch("1", [1], cost=job())
    assert first_started(first, second) == 2


def run_two_models(**facts):
    """Two shares with a model each on one card that takes 10 s to load and 1 s to run."""
    speeds = speeds_of({(1, "a"): (1.0, 10.0), (1, "b"): (1.0, 10.0)})
    x = batch("x", range(30), cost=job("a"), **facts)
    y = batch("y", range(100, 130), cost=job("b"), **facts)
    farm = PaperFarm([node(1, warm="a")], [x, y], believed(speeds), speeds, true_load_s=10.0)
    farm.run()
    order = [job_id >= 100 for _, _, job_id in sorted(farm.log)]
    return order, sum(a != b for a, b in pairwise(order))


def test_a_warm_model_is_used_before_another_share_loads_its_own_but_not_for_long():
    order, switches = run_two_models()
    assert switches <= 5
    assert order.index(True) <= 12


@pytest.mark.parametrize(("waited_s", "first"), [(PATIENCE_S - 1, 2), (PATIENCE_S + 1, 1)])
def test_who_waited_out_their_patience_is_not_overtaken_by_a_warm_model(waited_s, first):
    speeds = speeds_of({(1, "a"): (1.0, 10.0), (1, "b"): (1.0, 10.0)})
    cold = batch("cold", [1], cost=job("b"))
    warm = batch("warm", [2], cost=job("a"), placed_at_s=waited_s)
    assert first_started(cold, warm, now=waited_s, speeds=speeds) == first


def test_paused_batches_wait_and_the_rest_goes_on():
    made = plan([batch("x", [1], paused=True), batch("y", [2])], [node(1)], Speeds(), 0.0)
    assert made.expected.keys() == {2}
    assert not made.impossible


def test_who_has_many_sessions_gets_no_more_than_who_has_one():
    many = [batch(f"m{k}", range(k * 100, k * 100 + 20), owner="ann") for k in range(1, 11)]
    one = batch("one", range(20), owner="bob", placed_at_s=1.0)
    made = plan([*many, one], [node(1, warm=one.cost.model)], Speeds(), 1.0)
    order = sorted(made.expected, key=lambda job_id: made.expected[job_id].start_s)
    of_bob = [place for place, job_id in enumerate(order) if job_id < 20]
    assert of_bob == [*range(1, 40, 2)]


def test_the_person_that_had_least_comes_first_whatever_the_shares_had():
    x, y = batch("x", [1], cost=job(), owner="ann"), batch("y", [2], cost=job(), owner="bob")
    people = {"ann": 50.0, "bob": 10.0}
    shares = {"x": 0.0, "y": 50.0}
    made = plan([x, y], [node(1, warm="a")], TEN_S, 0.0, served=shares, served_people=people)
    assert made.now[1].job_id == 2


def test_the_shares_of_one_person_take_turns_among_themselves():
    first = [batch(f"a{k}", range(k * 10, k * 10 + 3), cost=job(), owner="ann") for k in (1, 2)]
    other = batch("b", range(90, 96), cost=job(), owner="bob")
    made = plan([*first, other], [node(1, warm="a")], TEN_S, 0.0)
    order = sorted(made.expected, key=lambda job_id: made.expected[job_id].start_s)
    assert [job_id for job_id in order if job_id < 90] == [10, 20, 11, 21, 12, 22]
    assert [order.index(job_id) % 2 for job_id in range(90, 96)] == [1] * 6
