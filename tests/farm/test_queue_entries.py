"""What the queue is read as: batches of equal jobs in order, with place, times, and a reason; few queries for many."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from farm_app import planning
from farm_app.models import GpuNode, Job
from farm_app.models.states import AttemptState, JobState
from farm_app.queue import order, pausing
from farm_app.queue.entries import NEEDS, PAUSED, TURN, WORK, Entry, read_queue
from farm_app.queue.rows import (
    Row,
    clock_range,
    inner_rows,
    rows_of,
    spell_wait,
    timed_singles,
)
from farm_app.queue.shown import View, window_of
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def farm() -> None:
    factories.workflows()
    planning.forget_stock()
    factories.four_cards()


def ask(title: str, count: int = 1, **facts: object) -> list[Job]:
    placed = factories.placed(count, of=factories.session(title), **facts)
    return list(Job.objects.filter(generation__round=placed).order_by("pk"))


def rows() -> list[Row]:
    reading = read_queue()
    return rows_of(reading.entries, reading)


def sections() -> list[tuple[str, int]]:
    return [(entry.section, entry.count) for entry in read_queue().entries]


def test_what_renders_stands_alone_and_equal_jobs_that_wait_stand_as_one() -> None:
    takes = factories.takes(factories.placed(6))
    for take in takes[:2]:
        factories.running(take, on=GpuNode.objects.exclude(attempts__isnull=False).first())
    assert sections() == [(WORK, 1), (WORK, 1), (TURN, 4)]
    assert read_queue().counts == {WORK: 2, TURN: 4, NEEDS: 0, PAUSED: 0}


@pytest.mark.parametrize("is_paused", [False, True])
def test_each_of_its_jobs_is_in_exactly_one_entry(is_paused: bool) -> None:
    placed = factories.placed(12)
    takes = factories.takes(placed)
    factories.running(takes[0])
    factories.running(takes[1], state=AttemptState.PRODUCED)
    takes[2].job.move(JobState.WAITING, "No node.", reason="No node.")
    pausing.pause([takes[3].job_id, takes[4].job_id])
    for take in takes[7:10]:
        take.job.move(JobState.WAITING, "No node.", reason="No node.")
    pausing.pause([takes[7].job_id, takes[8].job_id])
    order.to_front([takes[5].job_id, takes[6].job_id])
    ask("other", 3)
    if is_paused:
        pausing.pause_all()
    found = [
        pk for entry in read_queue().entries for pk in entry.jobs().values_list("pk", flat=True)
    ]
    assert sorted(found) == list(Job.objects.open().order_by("pk").values_list("pk", flat=True))


def test_places_count_jobs_in_the_order_of_the_plan() -> None:
    ask("A", 5)
    ask("B", 1)
    ask("C", 3)
    assert [row.place for row in rows()] == ["1–5", "6", "7–9"]


def test_a_batch_can_be_opened_and_each_of_its_jobs_has_its_own_place_and_time() -> None:
    jobs = ask("A", 5)
    reading = read_queue()
    found, has_more = inner_rows(reading.entries[0], reading, 0, 3)
    assert ([row.job_id for row in found], has_more) == ([job.pk for job in jobs[:3]], True)
    assert [row.place for row in found] == ["1", "2", "3"]
    assert [row.number for row in found] == ["1", "2", "3"]
    assert all(row.starts and row.done for row in found)
    assert inner_rows(reading.entries[0], reading, 3, 3)[1] is False


def test_a_waiting_row_says_where_it_is_next_and_after_how_many() -> None:
    GpuNode.objects.exclude(slug="gpu-premium").update(is_enabled=False)
    ask("A", 3)
    ask("B", 1, values={"steps": 20})
    assert [row.sentence for row in rows()] == [
        "Next on gpu-premium",
        "On gpu-premium, after 1 other",
    ]


def test_a_row_says_why_no_node_takes_it_now() -> None:
    GpuNode.objects.update(is_draining=True)
    ask("A", 2)
    (row,) = rows()
    assert row.sentence.endswith("is drained and takes nothing new.")
    assert (row.starts, row.done) == ("", "")


def test_a_row_that_needs_somebody_says_what_would_do_in_its_first_words() -> None:
    ask("A", 1, values={"width": 4096, "height": 4096})
    planning.sort_out_obstacles(planning.draw_plan())
    (row,) = rows()
    assert (row.look, row.can_retry) == ("attention", True)
    assert row.sentence.startswith("gpu-")
    assert "would fit" in row.sentence


def test_a_job_that_is_tried_again_later_says_so() -> None:
    (job,) = ask("A", 1)
    later = timezone.now() + timedelta(minutes=1)
    Job.objects.filter(pk=job.pk).update(not_before=later, reason="gpu-a went away.")
    (row,) = rows()
    assert row.sentence == "gpu-a went away. It is tried again in a moment."


def test_done_is_a_range_that_is_wider_as_long_as_speeds_are_guesses() -> None:
    ask("A", 60, values={"steps": 150})
    guessed = read_queue().entries[0]
    assert guessed.doubt == pytest.approx(0.5)
    (row,) = rows()
    assert row.done == clock_range(
        *(
            guessed.end_s + sign * guessed.doubt * (guessed.end_s - read_queue().at)  # type: ignore[operator]
            for sign in (-1, 1)
        )
    )


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "now"), (4.2, "4 s"), (63, "1:05"), (400, "6:30"), (7000, "1 h 55")],
)
def test_waits_are_the_coarser_the_longer_they_are(seconds: float, expected: str) -> None:
    assert spell_wait(seconds) == expected


def test_paused_rows_say_by_whom_and_since_when() -> None:
    ask("A", 2)
    entry = read_queue().entries[0]
    pausing.pause(entry.jobs().values_list("pk", flat=True), actor="Ada")
    (row,) = rows()
    at = timezone.localtime(Job.objects.first().paused_at)  # type: ignore[union-attr]
    assert (row.look, row.sentence) == ("paused", f"Paused by Ada at {at:%H:%M}.")


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View("rendering"), ["Running"]),
        (View("waiting"), ["Alpha", "Beta"]),
        (View("paused"), ["Held"]),
        (View(find="beta"), ["Beta"]),
        (View(find="sdxl"), ["Beta"]),
        (View("waiting", "alpha drafts"), ["Alpha"]),
        (View(find="gpu-draft"), ["Running"]),
        (View(find="nobody"), []),
    ],
)
def test_filters_and_search_by_session_model_and_node(view: View, expected: list[str]) -> None:
    running = factories.takes(factories.placed(1, of=factories.session("Running")))[0]
    factories.running(running, on=GpuNode.objects.get(slug="gpu-draft"))
    ask("Alpha", 2)
    GpuNode.objects.filter(slug="gpu-draft").update(is_draining=True)
    ask("Beta", 2, family="sdxl")
    pausing.pause([job.pk for job in ask("Held", 1)])
    found = window_of(view, read_queue()).rows
    assert [row.label.partition(" ·")[0] for row in found] == expected


def test_the_number_of_queries_does_not_grow_with_the_queue() -> None:
    counts = []
    for count in (5, 50, 300):
        ask("A", count)
        planning.forget_stock()  # else it depends on the clock whether it is read anew
        with CaptureQueriesContext(connection) as seen:
            reading = read_queue(planning.draw_plan())
            window_of(View(), reading)
        counts.append(len(seen))
    assert counts[1] == counts[2] <= 16


def test_a_window_is_at_most_two_hundred_rows_and_names_the_next() -> None:
    for number in range(205):
        ask(f"S{number}")
    first = window_of(View(), read_queue())
    assert (len(first.rows), "first=200" in first.next_url) == (200, True)
    rest = window_of(View(), read_queue(), 200)
    assert (len(rest.rows), rest.next_url) == (5, "")
    assert not {row.key for row in first.rows} & {row.key for row in rest.rows}


def test_a_key_names_the_same_batch_while_its_jobs_start() -> None:
    takes = factories.takes(factories.placed(5))
    before = read_queue().entries[-1].key
    factories.running(takes[0])
    after: Entry = read_queue().entries[-1]
    assert (after.key, after.count) == (before, 4)


def test_what_is_beyond_the_plans_detail_has_a_time_too_and_later_ones_are_later() -> None:
    ask("A", 1500)
    reading = read_queue(planning.recent_plan())
    found, _ = inner_rows(reading.entries[0], reading, 1300, 200)
    assert all(row.starts and row.done for row in found)
    singles = timed_singles(
        reading.entries[0], list(reading.entries[0].jobs().values_list("pk", flat=True)), 0
    )
    ends = [
        one.end_s or 0.0 for one in singles if one.first not in planning.recent_plan().plan.expected
    ]
    assert len(ends) > 500
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(reading.entries[0].end_s)


def test_rows_of_a_paused_queue_keep_grip_and_place_and_those_paused_apart_have_none() -> None:
    (apart,) = ask("A")
    ask("B", 2)
    pausing.pause([apart.pk])
    pausing.pause_all()
    found = {row.label[0]: row for row in rows()}
    assert (found["A"].can_move, found["A"].place) == (False, "")
    assert (found["B"].can_move, found["B"].place) == (True, "1–2")
