"""The queue's order: to the front, up and down, into another class; shares still take turns, and what renders stays."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm_app import cancelling, planning
from farm_app.models import Attempt, Job, JobEvent, Priority
from farm_app.models.states import AttemptState, JobState
from farm_app.planner import Cost, plan
from farm_app.queue import order, pausing
from farm_app.queue.entries import Entry, read_queue
from farm_app.queue.targets import find_target
from tests import factories
from tests.farm.planner_farm import batch, node, speeds_of
from tests.farm.test_planner_properties import any_queue, nodes, patiently, policies, speeds

TEN_S = speeds_of({(1, m): (10.0, 0.0) for m in "abc"})


def job(model: str = "a") -> Cost:
    return Cost("t", "sd15", model)


# The plan


@patiently
@given(any_queue, nodes(), speeds(), policies, st.data())
def test_what_is_at_the_front_by_hand_has_the_first_choice_of_its_class(
    queue: Any, farm: Any, known: Any, policy: str, data: Any
) -> None:
    front = data.draw(st.sampled_from(queue))
    ranked = [replace(one, rank=0) if one is front else one for one in queue]
    made = plan(ranked, farm, known, 0.0, policy=policy)
    better = [one for one in queue if one.priority < front.priority]
    alone = plan([*better, front], farm, known, 0.0, policy=policy)
    assert {pk: made.expected.get(pk) for pk in front.job_ids} == {
        pk: alone.expected.get(pk) for pk in front.job_ids
    }


@patiently
@given(any_queue, nodes(), speeds(), st.lists(st.integers(-9, 9), min_size=5, max_size=5))
def test_turns_begin_class_by_class_and_within_one_as_people_said(
    queue: Any, farm: Any, known: Any, ranks: list[int]
) -> None:
    ranked = [replace(one, rank=rank) for one, rank in zip(queue, ranks, strict=False)]
    made = plan(ranked, farm, known, 0.0)
    turns = {one.key: (one.priority, one.rank) for one in ranked}
    assert [turns[key] for key in made.order] == sorted(turns[key] for key in made.order)
    assert set(made.order) == made.batch_done_s.keys()


def test_equal_jobs_by_hand_start_one_after_the_other_before_any_other_share() -> None:
    mine = batch("mine", range(10, 13), cost=job(), rank=-1)
    others = [batch(name, [n], cost=job(), share_key=name) for n, name in enumerate("xyz")]
    made = plan([*others, mine], [node(1, warm="a")], TEN_S, 0.0)
    by_start = sorted(made.expected, key=lambda pk: made.expected[pk].start_s)
    assert by_start[:3] == [10, 11, 12]


def test_the_others_catch_up_on_what_somebody_took_by_hand() -> None:
    front = batch("front", range(100, 104), cost=job(), share_key="x", rank=-1)
    rest = batch("rest", range(200, 206), cost=job(), share_key="x")
    other = batch("other", range(300, 306), cost=job(), share_key="y")
    made = plan([front, rest, other], [node(1, warm="a")], TEN_S, 0.0)
    by_start = sorted(made.expected, key=lambda pk: made.expected[pk].start_s)
    assert by_start[:8] == [*range(100, 104), *range(300, 304)]
    assert [pk // 100 for pk in by_start[8:12]] in ([3, 2, 3, 2], [2, 3, 2, 3])


def test_a_warm_model_does_not_go_before_a_place_by_hand() -> None:
    loads = speeds_of({(1, m): (10.0, 5.0) for m in "ab"})
    front = batch("front", [1], cost=job("b"), rank=0)
    warm = batch("warm", [2], cost=job("a"), share_key="y")
    made = plan([warm, front], [node(1, warm="a")], loads, 0.0)
    assert made.now[1].job_id == 1


def test_a_long_queue_by_hand_is_planned_in_its_order_beyond_the_detail() -> None:
    queue = [batch(str(n), range(n * 50, n * 50 + 50), cost=job(), rank=-n) for n in range(60)]
    made = plan(queue, [node(1, warm="a")], TEN_S, 0.0)
    assert made.order == tuple(str(n) for n in reversed(range(60)))
    ends = [made.batch_done_s[key] for key in made.order]
    assert all(before <= after for before, after in pairwise(ends))


def test_what_rose_by_waiting_goes_before_what_stands_first_by_hand_in_its_old_class() -> None:
    old = batch("old", [1, 2], cost=job(), priority=2, placed_at_s=0.0)
    front = batch("front", [3], cost=job(), priority=2, placed_at_s=400.0, rank=-1)
    made = plan([old, front], [node(1, warm="a")], TEN_S, 400.0)
    by_start = sorted(made.expected, key=lambda pk: made.expected[pk].start_s)
    assert by_start == [1, 3, 2]


# The rows


@pytest.fixture
def farm_of_one(db: None) -> None:
    factories.workflows()
    planning.forget_stock()
    factories.node("gpu-a")


def labels() -> list[str]:
    return [entry.asked.label.partition(" ·")[0] for entry in read_queue().turns]


def ask(title: str, count: int = 2, **facts: Any) -> list[Job]:
    placed = factories.placed(count, of=factories.session(title), **facts)
    return list(Job.objects.filter(generation__round=placed).order_by("pk"))


def entry(title: str) -> Entry:
    return next(one for one in read_queue().entries if one.asked.label.startswith(title))


def starts() -> int:
    (turn,) = planning.draw_plan().now.values()
    return turn.job_id


def test_moved_to_the_front_it_is_the_next_to_start(farm_of_one: None) -> None:
    for title in "ABC":
        ask(title)
    assert order.to_front(entry("C").jobs().values_list("pk", flat=True), actor="Ada") == 2
    assert labels() == ["C", "A", "B"]
    assert starts() == entry("C").first
    told = JobEvent.objects.filter(job=entry("C").first).values_list("sentence", "actor")
    assert list(told)[-1] == (order.TO_FRONT, "Ada")
    order.to_front([entry("B").first])
    assert starts() == entry("B").first


def test_one_job_of_a_batch_can_go_to_the_front_alone(farm_of_one: None) -> None:
    first, *_, last = ask("A", 4)
    order.to_front([last.pk])
    assert starts() == last.pk
    assert [one.count for one in read_queue().turns] == [1, 3]
    assert read_queue().turns[1].first == first.pk


def test_the_front_is_before_better_classes_too_and_takes_no_worse_one(farm_of_one: None) -> None:
    ask("Drafts")
    bulk = ask("Bulk", 1)
    order.set_priority([one.pk for one in bulk], Priority.BULK)
    assert labels() == ["Drafts", "Bulk"]
    order.to_front([one.pk for one in bulk])
    assert labels() == ["Bulk", "Drafts"]
    assert entry("Bulk").priority == Priority.INTERACTIVE
    order.to_front([entry("Drafts").first])
    assert entry("Drafts").priority == Priority.INTERACTIVE


def test_without_better_ones_waiting_the_front_keeps_its_class(farm_of_one: None) -> None:
    for title in "AB":
        jobs = ask(title, 1)
        order.set_priority([one.pk for one in jobs], Priority.BULK)
    order.to_front([entry("B").first])
    assert labels() == ["B", "A"]
    assert entry("B").priority == Priority.BULK


def test_a_priority_changed_in_the_queue_reorders_it_and_leaves_alone_what_renders(
    farm_of_one: None,
) -> None:
    one, two = factories.takes(factories.placed(2, of=factories.session("A")))
    attempt = factories.running(one)
    ask("B", 1)
    order.set_priority([one.job_id, two.job_id], Priority.BACKGROUND)
    assert labels() == ["B", "A"]
    attempt.refresh_from_db()
    one.job.refresh_from_db()
    assert (attempt.state, one.job.state) == (AttemptState.RUNNING, JobState.RUNNING)
    assert Attempt.objects.count() == 1


def test_steps_up_and_down_change_places_with_the_neighbour(farm_of_one: None) -> None:
    for title in "ABCD":
        ask(title)
    assert order.step(entry("C"), read_queue().turns, -1) == 2
    assert labels() == ["A", "C", "B", "D"]
    assert order.step(entry("A"), read_queue().turns, 1) == 2
    assert labels() == ["C", "A", "B", "D"]
    assert order.step(entry("C"), read_queue().turns, -1) == 0
    assert order.step(entry("D"), read_queue().turns, 1) == 0


@pytest.mark.parametrize(
    ("moved", "before", "expected"),
    [("D", "A", "DABC"), ("A", None, "BCDA"), ("B", "D", "ACBD"), ("C", "C", "ABDC")],
)
def test_it_is_put_right_before_another(
    farm_of_one: None, moved: str, before: str | None, expected: str
) -> None:
    for title in "ABCD":
        ask(title)
    order.place(entry(moved), entry(before) if before else None, read_queue().turns)
    assert "".join(labels()) == expected


@settings(patiently, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=4))
def test_whatever_is_moved_where_the_queue_reads_as_a_list_would(
    farm_of_one: None, moves: list[tuple[int, int]]
) -> None:
    with transaction.atomic():
        for title in "ABCD":
            ask(title, 1)
        expected = labels()
        for which, where in moves:
            turns = read_queue().turns
            moving, others = expected[which], [one for one in expected if one != expected[which]]
            before = others[where] if where < len(others) else None
            order.place(entry(moving), entry(before) if before else None, turns)
            others.insert(where, moving)
            expected = others
            assert labels() == expected
        transaction.set_rollback(True)


def test_between_two_classes_it_takes_the_nearer_one(farm_of_one: None) -> None:
    ask("A", 1)
    order.set_priority([job.pk for job in ask("B", 1)], Priority.BULK)
    order.set_priority([job.pk for job in ask("C", 1)], Priority.BACKGROUND)
    order.place(entry("C"), entry("B"), read_queue().turns)
    assert (labels(), entry("C").priority) == (["A", "C", "B"], Priority.BULK)
    order.place(entry("A"), None, read_queue().turns)
    assert (labels(), entry("A").priority) == (["C", "B", "A"], Priority.BULK)


def test_a_job_that_is_asked_again_takes_its_turn_like_any_other(farm_of_one: None) -> None:
    (job,) = ask("A", 1)
    order.to_front([job.pk])
    cancelling.cancel([job.pk])
    ask("B", 1)
    cancelling.ask_again([job.pk])
    job.refresh_from_db()
    assert job.rank is None


def test_groups_by_hand_are_still_planned_as_one(farm_of_one: None) -> None:
    ask("A", 60)
    ask("B", 60)
    order.to_front(entry("B").jobs().values_list("pk", flat=True))
    assert [batch.size for batch in planning.draw_plan().batches] == [60, 60]


def test_one_job_of_a_batch_steps_out_of_it_and_on(farm_of_one: None) -> None:
    ask("A", 1)
    jobs = ask("B", 3)
    ask("C", 1)
    middle = jobs[1].pk

    def step(by: int) -> int:
        reading = read_queue()
        target = find_target(f"j{middle}", reading)
        assert target is not None
        assert target.entry is not None
        return order.step(target.entry, reading.turns, by, within=target.within)

    def place() -> int:
        return next(one.place for one in read_queue().turns if one.first == middle)

    assert step(-1) == 1  # before the others of its batch
    assert place() == 2
    assert sorted(one.count for one in read_queue().turns) == [1, 1, 1, 2]
    assert step(-1) == 1
    assert place() == 1
    assert step(-1) == 0
    for _ in range(3):
        assert step(1) == 1
    assert place() == 5
    assert step(1) == 0


def test_the_last_of_a_batch_steps_behind_the_next_row(farm_of_one: None) -> None:
    jobs = ask("A", 3)
    ask("B", 1)
    reading = read_queue()
    target = find_target(f"j{jobs[-1].pk}", reading)
    assert target is not None
    assert target.entry is not None
    assert target.entry.place == 3
    assert order.step(target.entry, reading.turns, 1, within=target.within) == 1
    assert [(one.asked.label[0], one.count) for one in read_queue().turns] == [
        ("A", 2),
        ("B", 1),
        ("A", 1),
    ]


def test_a_paused_queue_is_sorted_as_any_other(farm_of_one: None) -> None:
    for title in "ABC":
        ask(title)
    order.set_priority([job.pk for job in ask("D", 1)], Priority.BULK)
    pausing.pause_all()
    assert [one.place for one in read_queue().turns] == [1, 3, 5, 7]
    order.step(entry("C"), read_queue().turns, -1)
    order.to_front(entry("D").jobs().values_list("pk", flat=True))
    assert labels() == ["D", "A", "C", "B"]
    pausing.resume_all()
    assert labels() == ["D", "A", "C", "B"]
