"""The timeline: what attempts, health and plan put on it, as a picture and as a table, in few queries."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from eliot.live import forget_what_is_kept
from farm_app import planning
from farm_app.models import Attempt, GpuNode, HealthSpan, Job, LearnedSpeed
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState
from farm_app.timeline.drawing import Lane, draw_timeline
from farm_app.timeline.layout import DONE, FAILED, LOAD, OFFLINE, PLANNED, RENDERING
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def farm() -> None:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # pages look for it
    factories.workflows()
    planning.forget_stock()
    planning.forget_recent_plan()
    factories.four_cards()


def attempts(
    count: int, *, on: str = "gpu-premium", took_s: float = 2.0, ago_s: float = 600.0, **facts: Any
) -> list[Attempt]:
    """Let a node have rendered so many one after the other, the first some time ago."""
    node = GpuNode.objects.get(slug=on)
    jobs = Job.objects.filter(generation__round=factories.placed(count)).order_by("pk")
    begin = timezone.now() - timedelta(seconds=ago_s)
    facts = {"state": AttemptState.COMMITTED, **facts}
    made = []
    for place, job in enumerate(jobs):
        start = begin + timedelta(seconds=place * took_s)
        end = start + timedelta(seconds=took_s)
        times = {"reserved": start, "submitted": start, "started": start, "ended": end}
        if facts["state"] == AttemptState.COMMITTED:
            times["produced"] = end
        made.append(Attempt(job=job, node=node, origin="", fence=1, **times, **facts))
    found = Attempt.objects.bulk_create(made)
    Job.objects.filter(pk__in=jobs).update(state="cancelled")
    return found


def spans(node: str, minutes: int = 36) -> list[tuple[str, str, int]]:
    planning.forget_recent_plan()
    (lane,) = [one for one in draw_timeline(minutes).lanes if one.name == node]
    return [(box.bar.kind, box.bar.span.label, box.bar.span.count) for box in lane.boxes]


def test_equal_pictures_one_after_the_other_are_one_bar() -> None:
    attempts(9)
    assert spans("gpu-premium") == [(DONE, "SD 1.5", 9)]
    assert spans("gpu-quality") == []


def test_failures_are_marked_between_what_went_well() -> None:
    attempts(3, ago_s=600)
    attempts(1, ago_s=500, state=AttemptState.FAILED)
    attempts(3, ago_s=400)
    assert [kind for kind, *_ in spans("gpu-premium")] == [DONE, FAILED, DONE]


def test_a_cold_start_shows_its_model_load() -> None:
    node = GpuNode.objects.get(slug="gpu-premium")
    facts = {"template": "sd15_txt2img", "family": "sd15", "model": "m", "load_s": 40.0}
    LearnedSpeed.objects.create(node=node, count=5, **facts)
    attempts(1, took_s=60, was_cold=True)
    assert spans("gpu-premium") == [(LOAD, "", 1), (DONE, "SD 1.5", 1)]


def test_what_renders_now_reaches_from_its_start_to_its_expected_end() -> None:
    one = factories.running(
        factories.takes(factories.placed(1))[0], on=GpuNode.objects.get(slug="gpu-draft")
    )
    Attempt.objects.filter(pk=one.pk).update(
        reserved=timezone.now() - timedelta(seconds=30), started=timezone.now(), expected_s=120
    )
    planning.forget_recent_plan()
    lane = next(one for one in draw_timeline(36).lanes if one.name == "gpu-draft")
    (box,) = lane.boxes
    assert box.bar.kind == RENDERING
    assert 149 <= box.bar.span.end_s - box.bar.span.start_s <= 151
    assert "rendering now" in lane.sum


def test_the_plan_is_the_other_half() -> None:
    factories.placed(12, values={"steps": 150})
    planned = [one for name in factories.FOUR_CARDS for one in spans(name)]
    assert {kind for kind, *_ in planned} <= {PLANNED, "planned-load"}
    assert sum(count for kind, _, count in planned if kind == PLANNED) == 12


def test_beyond_the_detail_of_the_plan_the_rest_is_one_bar_per_node() -> None:
    factories.placed(500, values={"steps": 20})
    planning.forget_recent_plan()
    titles = [box.title for lane in draw_timeline(1440).lanes for box in lane.boxes]
    assert any("some of 300 more" in title or "mixed" in title for title in titles)


def test_times_without_an_answer_are_marked() -> None:
    node = GpuNode.objects.get(slug="gpu-draft")
    now = timezone.now()
    HealthSpan.objects.create(
        node=node,
        kind=HealthSpan.Kind.LOST,
        since=now - timedelta(minutes=15),
        until=now - timedelta(minutes=10),
    )
    assert spans("gpu-draft") == [(OFFLINE, "Offline", 1)]
    gone = now - timedelta(minutes=5)
    GpuNode.objects.filter(pk=node.pk).update(health=Health.OFFLINE, unseen_since=gone)
    said = f"Offline since {timezone.localtime(gone):%H:%M}"
    assert spans("gpu-draft")[-1] == (OFFLINE, said, 1)


def test_what_began_before_the_axis_is_cut_at_its_edge() -> None:
    attempts(1, ago_s=1800, took_s=600)
    assert spans("gpu-premium") == [(DONE, "SD 1.5", 1)]
    assert spans("gpu-premium", 1440) == [(DONE, "SD 1.5", 1)]


def lane_of(name: str, minutes: int = 36) -> Lane:
    planning.forget_recent_plan()
    return next(one for one in draw_timeline(minutes).lanes if one.name == name)


@pytest.mark.parametrize(
    ("facts", "note", "state"),
    [
        ({"is_draining": True}, "Draining", "draining"),
        ({"health": "offline"}, "Offline", "offline"),
    ],
)
def test_a_node_that_takes_nothing_says_so_in_its_lane(
    client: Client, facts: dict[str, Any], note: str, state: str
) -> None:
    GpuNode.objects.filter(slug="gpu-standard").update(**facts)
    lane = lane_of("gpu-standard")
    assert (lane.note, lane.state) == (note, state)
    page = client.get("/farm/").content.decode()
    assert f'class="t-note is-{state}" x="{lane.note_place[:3]}' in page


def test_the_word_stands_behind_what_still_renders_and_only_where_it_fits() -> None:
    node = GpuNode.objects.get(slug="gpu-draft")
    GpuNode.objects.filter(pk=node.pk).update(is_draining=True)
    one = factories.running(factories.takes(factories.placed(1))[0], on=node)
    Attempt.objects.filter(pk=one.pk).update(started=timezone.now(), expected_s=240)
    lane = lane_of("gpu-draft")
    assert float(lane.note_place.rstrip("%")) == pytest.approx(100 * 28 / 36, abs=0.5)
    assert lane_of("gpu-draft", 1440).is_note_wide
    Attempt.objects.filter(pk=one.pk).update(expected_s=3600)
    assert lane_of("gpu-draft").note_place == ""


def test_an_hour_is_the_last_hour_and_what_is_planned_then() -> None:
    attempts(1, ago_s=3500)
    assert spans("gpu-premium", 60) == [(DONE, "SD 1.5", 1)]
    axis = draw_timeline(60).axis
    assert axis.now_s - axis.start_s == pytest.approx(3600)
    assert axis.end_s > axis.now_s


def test_the_table_says_seconds_and_which_model_was_loaded() -> None:
    node = GpuNode.objects.get(slug="gpu-premium")
    facts = {"template": "sd15_txt2img", "family": "sd15", "model": "m", "load_s": 40.0}
    LearnedSpeed.objects.create(node=node, count=5, **facts)
    (one,) = attempts(1, took_s=60, was_cold=True)
    Job.objects.filter(pk=one.job_id).update(values={"checkpoint": "a/photon.safetensors"})
    load, done = (row for row in draw_timeline(36).rows if row[0] == "gpu-premium")
    assert load[1:4] == ("photon", "loading a model", "")
    assert done[1:4] == ("SD 1.5", "done", 1)
    began = timezone.localtime(one.reserved)
    assert load[4].startswith(f"{began:%H:%M:%S} – ")
    LearnedSpeed.objects.update(load_s=3.8e-05)
    forget_what_is_kept()
    assert [row[2] for row in draw_timeline(36).rows if row[0] == "gpu-premium"] == ["done"]


def test_a_busy_past_is_read_in_as_many_queries_as_a_quiet_one() -> None:
    counts = []
    for count in (1, 400):
        attempts(count, took_s=1.0)
        planning.forget_stock()  # what is read each few seconds is read now
        planning.draw_plan()
        draw_timeline(60)
        forget_what_is_kept()
        planning.forget_recent_plan()
        with CaptureQueriesContext(connection) as seen:
            draw_timeline(60)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 12


@pytest.mark.parametrize(("asked", "words"), [("60", "1 h"), ("1440", "1 day"), ("x", "36 min")])
def test_its_length_is_in_the_address(client: Client, asked: str, words: str) -> None:
    page = client.get(f"/farm/?span={asked}").content.decode()
    assert f"The farm over {words}" in page


def test_the_same_is_there_as_a_table(client: Client) -> None:
    attempts(9)
    table = client.get("/farm/timeline/?span=36", headers={"HX-Request": "true"})
    text = table.content.decode()
    assert "<td>SD 1.5</td><td>done</td>" in text
    assert "<title>" in client.get("/farm/timeline/").content.decode()
