"""Offers: what a plan gave a node a moment ago is claimed without another plan, if it still can be."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from eliot.writing import written
from farm_app import claiming, health, nudges, planning
from farm_app.models import Attempt, GpuNode, Job, NodeModel
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState, JobState
from farm_app.queue.pausing import pause, pause_all
from farm_app.seeding import seed_workflows
from farm_app.tending import drain
from gallery_app.models import Library
from sessions_app.models import WorkSession
from sessions_app.order import Order, place_round
from tests.farm.rig import VALUES

pytestmark = pytest.mark.django_db(transaction=True)
CLIENT = "eliot-test"


@pytest.fixture(autouse=True)
def rows(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seed_workflows()
    Library.default()
    planning.forget_stock()
    monkeypatch.setattr(nudges, "_send", lambda *_: None)  # nobody else claims
    monkeypatch.setattr(claiming, "_offers", {})


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[planning.Drawn]:
    """The plans that are drawn from here on."""
    drawn: list[planning.Drawn] = []
    draw = planning.draw_plan

    def drawing(**how: Any) -> planning.Drawn:
        drawn.append(draw(**how))
        return drawn[-1]

    monkeypatch.setattr(planning, "draw_plan", drawing)
    return drawn


def node(slug: str) -> GpuNode:
    port = 9000 + GpuNode.objects.count()
    made = GpuNode.objects.create(
        slug=slug,
        host="127.0.0.1",
        port=port,
        capabilities=["sd15"],
        health=Health.READY,
        inventory_at=timezone.now(),
    )
    name = "dreamshaper_8.safetensors"
    NodeModel.objects.create(node=made, folder="checkpoints", name=name, key=name, family="sd15")
    return made


def ask(count: int) -> list[Job]:
    values = dict(VALUES)
    order = Order(
        stage=0, stage_name="Drafts", family="sd15", work="draft", count=count, values=values
    )
    placed = place_round(WorkSession.begin(title="Offers"), order)
    return list(Job.objects.filter(generation__round=placed).order_by("pk"))


def rendering(on: GpuNode) -> Attempt:
    attempt = claiming.claim(on, client_id=CLIENT)
    assert attempt is not None
    return attempt


def end(attempt: Attempt) -> None:
    with written():
        attempt.move(AttemptState.PRODUCED, produced=timezone.now())


def test_all_idle_nodes_start_by_the_one_plan_that_woke_them(plans: list[planning.Drawn]) -> None:
    nodes = [node(name) for name in "abc"]
    ask(6)
    claiming.wake_idle()
    taken = [claiming.claim(one) for one in nodes]
    assert len({one.job_id for one in taken if one}) == 3
    assert len(plans) == 1


def test_a_node_that_looked_ahead_claims_without_a_plan_in_its_pause(
    plans: list[planning.Drawn],
) -> None:
    only = node("a")
    ask(2)
    now = rendering(only)
    claiming.look_ahead(only, client_id=CLIENT)
    plans.clear()
    following = claiming.claim_after(only, lambda: end(now), client_id=CLIENT)
    assert following is not None
    assert following.state == AttemptState.SUBMITTING
    assert following.sent
    assert Job.objects.get(pk=following.job_id).state == JobState.RUNNING
    assert plans == []


def test_two_that_end_together_are_promised_different_jobs(plans: list[planning.Drawn]) -> None:
    first, second = node("a"), node("b")
    ask(4)
    ends = [rendering(first), rendering(second)]
    for one in (first, second):
        claiming.look_ahead(one, client_id=CLIENT)
    plans.clear()
    found = [
        claiming.claim_after(one, lambda done=done: end(done), client_id=CLIENT)  # type: ignore[misc]
        for one, done in zip((first, second), ends, strict=True)
    ]
    assert len({one.job_id for one in found if one}) == 2
    assert plans == []


def test_a_promised_job_that_was_cancelled_is_not_sent_and_the_next_one_is() -> None:
    only = node("a")
    jobs = ask(3)
    now = rendering(only)
    claiming.look_ahead(only, client_id=CLIENT)
    Job.objects.get(pk=jobs[1].pk).move(JobState.CANCELLED, "Cancelled.")
    following = claiming.claim_after(only, lambda: end(now), client_id=CLIENT)
    assert following is not None
    assert following.job_id == jobs[2].pk
    assert not Attempt.objects.filter(job=jobs[1]).exists()
    now.refresh_from_db()
    assert now.state == AttemptState.PRODUCED


def _reserve() -> None:
    GpuNode.objects.update(reserved_until=timezone.now() + timedelta(hours=1))


def _dies() -> None:
    health.note_gone(GpuNode.objects.get(), "Nothing listens there.")


@pytest.mark.parametrize("hold", [pause_all, lambda: drain(GpuNode.objects.get()), _reserve, _dies])
def test_what_was_promised_is_not_sent_when_all_or_the_node_was_held_back_since(
    hold: Callable[[], object],
) -> None:
    only = node("a")
    ask(2)
    now = rendering(only)
    claiming.look_ahead(only, client_id=CLIENT)
    hold()
    assert claiming.claim_after(only, lambda: end(now), client_id=CLIENT) is None
    now.refresh_from_db()
    assert now.state == AttemptState.PRODUCED


def test_a_promised_job_that_was_paused_since_waits_and_the_next_one_is_sent() -> None:
    only = node("a")
    jobs = ask(3)
    now = rendering(only)
    claiming.look_ahead(only, client_id=CLIENT)
    assert pause([jobs[1].pk]) == 1
    following = claiming.claim_after(only, lambda: end(now), client_id=CLIENT)
    assert following is not None
    assert following.job_id == jobs[2].pk


def test_a_node_that_died_gets_nothing_of_what_an_earlier_plan_promised_it() -> None:
    only = node("a")
    ask(2)
    lost = rendering(only)
    with written():
        lost.move(AttemptState.LOST)
    claiming.wake_idle()
    health.note_gone(only, "Nothing listens there.")
    assert claiming.claim(only, client_id=CLIENT) is None
    assert not Attempt.objects.holding().exists()


def test_an_old_offer_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, plans: list[planning.Drawn]
) -> None:
    only = node("a")
    ask(2)
    claiming.wake_idle()
    monkeypatch.setattr(claiming, "OFFER_S", 0.0)
    plans.clear()
    assert claiming.claim(only) is not None
    assert len(plans) == 1


def test_what_was_bound_for_another_socket_is_bound_again() -> None:
    only = node("a")
    ask(2)
    now = rendering(only)
    claiming.look_ahead(only, client_id=CLIENT)
    following = claiming.claim_after(only, lambda: end(now), client_id="eliot-new")
    assert following is not None
    assert following.client_id == "eliot-new"
