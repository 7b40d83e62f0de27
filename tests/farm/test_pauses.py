"""Pauses: what a job costs beside its run is learned from a node's own clock, and counted when jobs are shared out."""

from collections import Counter
from collections.abc import Iterator

import pytest

from farm_app import gaps, pauses
from farm_app.models import GpuNode
from farm_app.planner import Cost, NodeView, plan
from farm_app.planning.nodes import read_nodes
from tests.farm.planner_farm import batch, node, speeds_of
from tests.farm.rig import Farm

JOB = Cost("t", "sd15", "a")


@pytest.fixture(autouse=True)
def nothing_seen() -> Iterator[None]:
    pauses.forget()
    yield
    pauses.forget()


def test_the_usual_pause_is_not_moved_by_a_single_late_one() -> None:
    for pause_ms in (10, 12, 400, 11):
        pauses.note(1, 5_000, 5_000 + pause_ms)
    assert pauses.usual_s(1) == pytest.approx(0.0115)
    assert pauses.usual_s(2) == pauses.FIRST_GUESS_S


@pytest.mark.parametrize(("ended", "started"), [(None, 1), (1, None), (10, 9), (0, 5_000)])
def test_what_is_no_pause_of_ours_is_not_learned(ended: int | None, started: int | None) -> None:
    pauses.note(1, ended, started)
    assert pauses.usual_s(1) == pauses.FIRST_GUESS_S


def test_a_node_learns_its_pause_from_the_jobs_that_follow_each_other(farm: Farm) -> None:
    farm.node()
    farm.render(4)
    node_id = GpuNode.objects.get().pk
    assert len(pauses._seen[node_id]) == 3
    assert 0 <= pauses.usual_s(node_id) < pauses.LONGEST_S


def test_a_plan_counts_the_pause_unless_answers_take_longer(farm: Farm) -> None:
    farm.node()
    row = GpuNode.objects.get()
    for latency_ms, counted_s in ((2.0, 0.04), (3_000.0, 3.0)):
        GpuNode.objects.update(latency_ms=latency_ms)
        for _ in range(pauses.KEPT):
            pauses.note(row.pk, 1_000, 1_040)
        _, (view,) = read_nodes()
        assert view.delay_s == pytest.approx(counted_s)


def shares(*cards: NodeView, jobs: int) -> dict[int, int]:
    """Return how many jobs each node is expected to run when runs are as uneven as true ones."""
    runs = {
        (1, "a"): (0.499, 0.0),
        (2, "a"): (0.8, 0.0),
        (3, "a"): (1.0, 0.0),
        (4, "a"): (1.51, 0.0),
    }
    asked = batch(jobs=jobs, cost=JOB)
    made = plan([asked], cards, speeds_of(runs), 0.0)
    return dict(Counter(one.node_id for one in made.expected.values()))


def test_of_two_ways_that_end_together_the_one_with_fewer_pauses_is_taken() -> None:
    bare = [node(number, warm="a") for number in (1, 2, 3, 4)]
    paused = [node(number, warm="a", delay_s=0.015) for number in (1, 2, 3, 4)]
    assert shares(*bare, jobs=20) == {1: 9, 2: 5, 3: 4, 4: 2}
    assert shares(*paused, jobs=20) == {1: 8, 2: 5, 3: 4, 4: 3}


def test_who_stores_lets_a_pause_by_and_never_waits_for_one_that_broke_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []

    def wait(left_s: float) -> None:
        waits.append(left_s)
        gaps.closed(1)

    monkeypatch.setattr(gaps._changed, "wait", wait)
    gaps.let_by()
    assert waits == []
    assert not gaps.is_any_open()
    gaps.opened(1)
    assert gaps.is_any_open()
    gaps.let_by()
    assert len(waits) == 1
    assert 0 < waits[0] <= gaps.OPEN_S
    monkeypatch.setitem(gaps._open, 2, 0.0)  # opened long ago, and never closed
    assert not gaps.is_any_open()
    gaps.let_by()
    assert len(waits) == 1
