"""From rows to plans: what waits is read by group and shape, what changes rarely is read rarely, and costs stay flat."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from farm_app import planning, speeds
from farm_app.models import Attempt, GpuNode, Job, JobGroup, LearnedSpeed, NodeBlock, NodeModel
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState, FailureClass, JobState
from farm_app.planning import stock
from farm_app.planning.queue import read_queue
from farm_app.seeding import seed_workflows
from gallery_app.models import Library
from sessions_app.models import Round, WorkSession
from sessions_app.order import Order, place_round
from tests.farm.rig import VALUES

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rows(data: Any) -> None:
    seed_workflows()
    Library.default()
    planning.forget_stock()


def node(slug: str, **facts: Any) -> GpuNode:
    """Make a node that was looked at and has dreamshaper."""
    usual = {"capabilities": ["sd15"], "health": Health.READY, "inventory_at": timezone.now()}
    place = GpuNode.objects.count()
    made = GpuNode.objects.create(
        slug=slug, host="127.0.0.1", port=9000 + place, **{**usual, **facts}
    )
    name = "dreamshaper_8.safetensors"
    NodeModel.objects.create(node=made, folder="checkpoints", name=name, key=name, family="sd15")
    return made


def ask(count: int = 1, **changes: Any) -> Round:
    order: dict[str, Any] = {"stage": 0, "stage_name": "Drafts", "family": "sd15", "work": "draft"}
    values = {**VALUES, **changes.pop("values", {})}
    order |= {"count": count, "values": values, **changes}
    return place_round(WorkSession.begin(title="Rows"), Order(**order))


def jobs(placed: Round) -> list[Job]:
    return list(Job.objects.filter(generation__round=placed).order_by("pk"))


def failed(job: Job, where: GpuNode, failure: FailureClass) -> Attempt:
    job.fence += 1
    job.save(update_fields=["fence"])
    return Attempt.objects.create(
        job=job,
        node=where,
        origin="",
        fence=job.fence,
        state=AttemptState.FAILED,
        failure=failure,
        ended=timezone.now(),
    )


def test_equal_jobs_are_one_batch_and_each_is_counted() -> None:
    placed, other = ask(400), ask(3, values={"steps": 30})
    first, second = planning.draw_plan().batches
    assert (first.size, len(first.job_ids)) == (400, 300)
    assert first.job_ids[0] == jobs(placed)[0].pk
    assert second.job_ids == tuple(job.pk for job in jobs(other))
    assert (second.cost.steps, first.cost.steps) == (30, 10)


def test_the_number_of_queries_does_not_grow_with_the_queue() -> None:
    for slug in "abc":
        node(slug)
    counts: list[int] = []
    for _ in range(3):
        ask(100, values={"steps": 10 + len(counts)})
        planning.forget_stock()  # what is read each few seconds is read now
        planning.draw_plan()
        with CaptureQueriesContext(connection) as seen:
            planning.draw_plan()
        counts.append(len(seen))
    assert counts[1] == counts[2] <= 6


def test_a_failed_job_does_not_go_there_again_until_somebody_asks() -> None:
    first, _ = node("a"), node("b")
    (job,) = jobs(ask(1))
    failed(job, first, FailureClass.EXECUTION)
    (batch,) = planning.draw_plan().batches
    assert batch.excluded == {job.pk: {first.pk}}
    Job.objects.update(forgiven=1)
    (batch,) = planning.draw_plan().batches
    assert batch.excluded == {}


def test_a_node_that_lacked_something_is_asked_once_more_when_it_was_read_again() -> None:
    lacking = node("a")
    (job,) = jobs(ask(1))
    for is_excluded in (False, True):
        failed(job, lacking, FailureClass.CAPABILITY)
        (batch,) = planning.draw_plan().batches
        assert batch.excluded[job.pk] == {lacking.pk}
        GpuNode.objects.update(inventory_at=timezone.now())
        (batch,) = planning.draw_plan().batches
        assert (job.pk in batch.excluded) == is_excluded


def test_a_new_inventory_counts_at_once() -> None:
    made = node("a")
    ask(1)
    assert made.pk in planning.draw_plan().now
    NodeModel.objects.all().delete()
    GpuNode.objects.update(inventory_at=timezone.now())
    assert planning.draw_plan().now == {}


def test_what_a_node_has_is_still_known_while_it_is_looked_at_anew() -> None:
    made = node("a", capabilities=[])
    ask(1)
    GpuNode.objects.update(inventory_at=None)
    drawn = planning.draw_plan()
    assert made.pk in drawn.now
    assert drawn.plan.impossible == {}


def test_a_block_counts_at_the_next_sweep() -> None:
    made = node("a")
    ask(1)
    assert made.pk in planning.draw_plan().now
    NodeBlock.objects.create(node=made, template="sd15_txt2img", is_active=True)
    planning.refresh_stock()
    assert planning.draw_plan().now == {}


def test_what_is_forgotten_while_it_is_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = node("a")
    ask(1)
    read, forgetting = stock._blocked, threading.Thread(target=planning.forget_stock)

    def read_too_early() -> Any:
        blocks = read()
        NodeBlock.objects.create(node=made, template="sd15_txt2img", is_active=True)
        forgetting.start()
        forgetting.join(0.1)  # it may have to wait for us
        return blocks

    with monkeypatch.context() as patch:
        patch.setattr(stock, "_blocked", read_too_early)
        planning.refresh_stock()
    forgetting.join()
    assert planning.draw_plan().now == {}


def test_speeds_that_another_process_learned_are_found() -> None:
    made = node("a")
    speeds.refresh()
    facts = {"family": "sd15", "fixed_s": 0.0, "rate_s": 10.0, "count": 8}
    row = LearnedSpeed.objects.create(node=made, template="sd15_txt2img", model="", **facts)
    speeds.refresh()
    ask(1)
    (turn,) = planning.draw_plan().now.values()
    assert turn.run_s == pytest.approx(10.0 * 10 * 0.262144)
    row.delete()
    speeds.refresh()
    (turn,) = planning.draw_plan().now.values()
    assert turn.run_s < 2


@pytest.mark.parametrize(
    ("policy", "work", "taker"),
    [
        ("fastest", "draft", "strong"),
        ("tiered", "draft", "weak"),
        ("tiered", "quality", "strong"),
    ],
)
def test_the_policy_of_the_settings_decides_who_draws_drafts(
    settings: LazySettings, policy: str, work: str, taker: str
) -> None:
    settings.ELIOT_POLICY = policy
    for slug, tier in (("strong", "premium"), ("weak", "draft")):
        node(slug, tier=tier)
    ask(1, work=work)
    (given,) = planning.draw_plan().now.values()
    assert GpuNode.objects.get(pk=given.node_id).slug == taker


@pytest.mark.parametrize(("overflow", "premium_helps"), [(1, True), (9, False)])
def test_how_much_may_wait_for_a_tier_before_others_help_is_a_setting(
    settings: LazySettings, overflow: int, premium_helps: bool
) -> None:
    settings.ELIOT_POLICY, settings.ELIOT_OVERFLOW = "tiered", overflow
    for slug, tier in (("strong", "premium"), ("weak", "draft")):
        node(slug, tier=tier)
    ask(3, work="draft")
    takers = {GpuNode.objects.get(pk=one.node_id).slug for one in planning.draw_plan().now.values()}
    assert takers == ({"strong", "weak"} if premium_helps else {"weak"})


def test_a_share_that_had_much_lets_others_go_first() -> None:
    node("a")
    greedy, modest = ask(4), ask(1)
    for job in jobs(greedy)[:2]:
        facts = {"state": JobState.FAILED, "started": timezone.now(), "seconds": 200.0}
        Job.objects.filter(pk=job.pk).update(**facts)
    (turn,) = planning.draw_plan().now.values()
    assert turn.job_id == jobs(modest)[0].pk


def started(job: Job, seconds: float, at: datetime) -> None:
    facts = {"state": JobState.FAILED, "started": at, "seconds": seconds}
    Job.objects.filter(pk=job.pk).update(**facts)


def test_what_one_had_before_another_came_is_not_made_up_for() -> None:
    node("a")
    first = ask(6)
    long_ago = timezone.now() - timedelta(minutes=5)
    JobGroup.objects.update(created=long_ago)
    for job in jobs(first)[:3]:
        started(job, 90.0, long_ago + timedelta(minutes=1))
    second = ask(6)
    assert set((read_queue().served or {}).values()) == {0.0}
    started(jobs(second)[0], 5.0, timezone.now())
    (turn,) = planning.draw_plan().now.values()
    assert turn.job_id == jobs(first)[3].pk


def test_what_runs_counts_as_what_is_expected_of_it() -> None:
    node("a")
    busy = node("b")
    greedy, modest = ask(3), ask(1)
    (job,) = jobs(greedy)[:1]
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, started=timezone.now())
    facts = {"state": AttemptState.RUNNING, "origin": busy.origin, "fence": 1, "expected_s": 50.0}
    Attempt.objects.create(job=job, node=busy, **facts)
    (turn,) = planning.draw_plan().now.values()
    assert turn.job_id == jobs(modest)[0].pk
    served = read_queue().served or {}
    assert served[job.group.share_key] == 50.0


def test_people_share_from_when_the_last_of_them_came(django_user_model: type[User]) -> None:
    node("a")
    ann, ben = (django_user_model.objects.create(username=name) for name in ("ann", "ben"))
    first, second = ask(4), ask(4)
    JobGroup.objects.filter(jobs__in=jobs(first)).update(
        owner=ann, created=timezone.now() - timedelta(minutes=5)
    )
    JobGroup.objects.filter(jobs__in=jobs(second)).update(owner=ben)
    had = jobs(first)[0]
    started(had, 200.0, timezone.now() - timedelta(minutes=4))
    attempt = {"origin": "", "fence": 1, "state": AttemptState.COMMITTED, "node_seconds": 200.0}
    done = Attempt.objects.create(job=had, node=GpuNode.objects.get(), **attempt)
    Attempt.objects.filter(pk=done.pk).update(reserved=timezone.now() - timedelta(minutes=4))
    assert not any((read_queue().served_people or {}).values())


def test_an_obstacle_and_its_end_move_a_thousand_jobs_with_one_event_each() -> None:
    first, second = ask(150), ask(50, values={"checkpoint": "rare.safetensors"})
    planning.sort_out_obstacles(planning.draw_plan())
    assert Job.objects.filter(state=JobState.WAITING).count() == 200
    node("a")
    planning.sort_out_obstacles(planning.draw_plan())
    assert {job.state for job in jobs(first)} == {JobState.QUEUED}
    assert {job.reason for job in jobs(second)} == {"a does not have rare.safetensors."}
    planning.sort_out_obstacles(planning.draw_plan())
    assert {job.events.count() for job in Job.objects.all()} == {3}


def test_what_failed_wherever_it_could_run_does_not_swing_to_and_fro() -> None:
    only = node("a")
    (job,) = jobs(ask(1))
    for _ in range(2):
        failed(job, only, FailureClass.CAPABILITY)
    for _ in range(4):
        planning.sort_out_obstacles(planning.draw_plan())
    job.refresh_from_db()
    assert job.state == JobState.WAITING
    assert job.events.count() == 2


def test_beforehand_it_says_what_no_node_could_ever_do() -> None:
    made = node("a", max_resolution=512)
    (job,) = jobs(ask(1))
    version = job.group.version
    asked = {"steps": 10, "width": 1024, "height": 1024}
    refusal = planning.refuse_beforehand("sd15", version, asked)
    assert refusal is not None
    assert refusal.fix == "512 px would fit."
    GpuNode.objects.filter(pk=made.pk).update(max_resolution=2048, health=Health.OFFLINE)
    assert planning.refuse_beforehand("sd15", version, asked) is None


def test_every_queued_job_can_say_why_it_waits() -> None:
    node("a")
    placed = ask(3)
    told = [planning.explain(job) for job in jobs(placed)]
    assert told[0].sentence == "It starts on a now."
    assert told[2].sentence.startswith("It starts on a in about ")
    assert told[2].sentence.endswith("after 2 that came first.")
    assert [one.position for one in told] == [1, 2, 3]
    GpuNode.objects.update(is_draining=True)
    sentence = planning.explain(jobs(placed)[0]).sentence
    assert sentence == "a is drained and takes nothing new."


def test_a_node_that_dies_while_the_plan_is_read_does_not_look_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = node("gpu-a")
    placed = ask(2)
    attempt = Attempt.objects.create(job=jobs(placed)[0], node=one, origin="", fence=1)
    defer = GpuNode.objects.defer

    def and_then_it_dies(*fields: str) -> Any:
        found = list(defer(*fields))
        attempt.move(AttemptState.LOST)  # between two reads of one plan, as another thread does
        return found

    monkeypatch.setattr(GpuNode.objects, "defer", and_then_it_dies)
    assert planning.draw_plan().now == {}
