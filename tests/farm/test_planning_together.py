"""Ten thousand groups of one job each are planned as few batches, and nobody who reads the plan can tell."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm_app.planner import Batch, Cost, Expectation, Needs, Plan, Speeds, plan
from farm_app.planning import together
from farm_app.planning.together import Together, put_together, tell_apart
from tests.farm.planner_farm import four_cards

SMALL, LARGE = (Cost("t", "sd15", "m", steps=steps) for steps in (10, 40))
NEEDS = {cost: Needs("sd15", template="t") for cost in (SMALL, LARGE)}


def one_by_one(
    costs: list[Cost], *, share: str = "api", first: int = 0, **facts: object
) -> list[Batch]:
    """Batches of one job each, as a script asks for them."""
    return [
        Batch(f"{share}{n}", (first + n,), NEEDS[cost], cost, share_key=share, **facts)  # type: ignore[arg-type]
        for n, cost in enumerate(costs)
    ]


def planned_together(batches: list[Batch]) -> tuple[Plan, list[Together]]:
    found = put_together(batches)
    made = plan([one.whole for one in found], four_cards(), Speeds(), 0.0)
    return tell_apart(made, found), found


def _slot(one: Expectation) -> tuple[float, float, int]:
    return one.start_s, one.end_s, one.node_id


@settings(deadline=None, max_examples=60)
@given(
    costs=st.lists(st.sampled_from([SMALL, LARGE]), max_size=40),
    others=st.lists(st.sampled_from([SMALL, LARGE]), max_size=40),
    priority=st.integers(0, 3),
)
def test_the_plan_is_the_same_as_one_by_one(
    costs: list[Cost], others: list[Cost], priority: int
) -> None:
    batches = one_by_one(costs) + one_by_one(others, share="page", first=1000, priority=priority)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(together, "FEW", 0)
        found, _ = planned_together(batches)
    alone = plan(batches, four_cards(), Speeds(), 0.0)
    kind = {job: (one.share_key, one.cost) for one in batches for job in one.job_ids}
    assert {pk: kind[one.job_id] for pk, one in found.now.items()} == {
        pk: kind[one.job_id] for pk, one in alone.now.items()
    }
    # Equal jobs start in queue order; one by one, the first asked for ends first.
    assert found.expected.keys() == alone.expected.keys()
    assert sorted(map(_slot, found.expected.values())) == sorted(
        map(_slot, alone.expected.values())
    )
    assert sorted(found.batch_done_s.values()) == pytest.approx(sorted(alone.batch_done_s.values()))
    assert found.done_s == pytest.approx(alone.done_s)
    assert set(found.order) == set(alone.order)
    assert found.offers.keys() == alone.offers.keys()


def test_ten_thousand_are_one_batch_with_all_of_them_in_order() -> None:
    batches = one_by_one([SMALL] * 10_000)
    found, (one,) = planned_together(batches)
    assert (one.whole.size, len(one.whole.job_ids)) == (10_000, together.HEAD)
    assert list(found.order) == [batch.key for batch in batches]
    ends = [found.batch_done_s[batch.key] for batch in batches]
    assert ends[-1] == max(ends) == found.done_s
    steps = [after - before for before, after in pairwise(ends[together.HEAD :])]
    assert max(steps) == pytest.approx(min(steps))


def test_what_no_node_can_do_is_said_of_each() -> None:
    impossible = Needs("flux", template="t", vram_gb=80)
    batches = [replace(one, needs=impossible) for one in one_by_one([SMALL] * 500)]
    found, together_ = planned_together(batches)
    assert len(together_) == 1
    assert found.impossible.keys() == {batch.key for batch in batches}


@pytest.mark.parametrize(
    "facts",
    [
        {"priority": 2},
        {"owner": "ben"},
        {"share_key": "page"},
        {"node_mode": "only", "node_id": 1},
        {"work": "draft"},
        {"rank": 3},
        {"excluded": {250: frozenset({1})}},
        {"needs": Needs("sdxl", template="t")},
    ],
)
def test_what_differs_in_more_than_age_is_planned_apart(facts: dict[str, object]) -> None:
    batches = one_by_one([SMALL] * 500)
    batches[250] = replace(batches[250], **facts)  # type: ignore[arg-type]
    _, found = planned_together(batches)
    assert (250,) in [one.whole.job_ids for one in found]


def test_the_oldest_wait_and_the_latest_start_count_for_all() -> None:
    batches = one_by_one([SMALL] * 400)
    batches[7] = replace(batches[7], placed_at_s=-900.0)
    batches[9] = replace(batches[9], last_start_s=-30.0)
    ((whole),) = [one.whole for one in put_together(batches)]
    assert (whole.placed_at_s, whole.last_start_s) == (-900.0, -30.0)


def test_a_few_are_left_as_they_are() -> None:
    batches = one_by_one([SMALL] * together.FEW)
    assert [one.whole for one in put_together(batches)] == batches
