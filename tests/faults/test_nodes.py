"""Nodes that die, hang, lie about what they can do, or are somebody else's too."""

import re
import signal
import sys
import threading
import time
import traceback
from statistics import median
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from farm_app import binding, dispatch, health, patience, rests
from farm_app.demo.features import VERSIONS
from farm_app.demo.spec import Profile
from farm_app.models import Attempt, GpuNode, Job, JobEvent
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState, JobState
from farm_app.sweep import Sweeper
from gallery_app.models import MediaFile
from tests.farm.rig import (
    Farm,
    NodeProcess,
    Rule,
    attempts,
    on_event,
    on_request,
    story,
    wait_until,
)
from tests.farm.test_listening import post_foreign
from tests.faults.conftest import Lines

pytestmark = pytest.mark.drill
SLOW: dict[str, Any] = {"seconds": {"sd15": 3.0}}
NO_PICTURE = on_request("/history/*", {"set": {"*.outputs": {}}}, method="GET")


def preferred(slug: str = "gpu-a") -> dict[str, Any]:
    return {"node_mode": "prefer", "node": GpuNode.objects.get(slug=slug)}


def ended(node: NodeProcess, status: str) -> list[Any]:
    return [line for line in node.told("end") if line["status"] == status]


@pytest.mark.fault("N04")
def test_a_node_that_restarts_after_the_last_step_makes_it_again(farm: Farm) -> None:
    node = farm.node("gpu-a", rules=[on_event("execution_success", {"exit": 1})])
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: not node.is_alive)
    assert list(node.folder.rglob("output/**/*.png"))
    node.restart()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "lost"), ("gpu-a", "committed")]
    assert (job.failures, MediaFile.objects.count()) == (0, 1)


def test_a_node_that_restarts_before_the_fetch_still_has_the_file(farm: Farm) -> None:
    node = farm.node("gpu-a", rules=[on_request("/view", {"exit": 1}, method="GET")])
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: not node.is_alive)
    node.restart()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    assert len(node.executions()) == 1


@pytest.mark.fault("N05")
def test_a_node_that_hangs_holds_up_nobody(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds, others = timed_rounds(monkeypatch), feeding()
    hung, well = farm.two({"seconds": {"sd15": 90.0}})
    first = farm.ask(1, **preferred())
    farm.work()
    wait_until(hung.executions)
    hung.signal(signal.SIGSTOP)
    rest = farm.ask(10)
    farm.done(rest)
    (job,) = farm.done(first)
    assert attempts(job) == [("gpu-a", "superseded"), ("gpu-b", "committed")]
    assert any(said.endswith("gpu-b renders a copy.") for said in story(job))
    assert len(well.executions()) == 11
    assert rounds
    assert median(rounds) < 0.5  # nor any round of the sweep
    wait_until(lambda: not feeding() - others)  # while the node still hangs
    hung.signal(signal.SIGCONT)
    wait_until(lambda: ended(hung, "interrupted"))


def feeding() -> set[int]:
    """Return the threads that are feeding a node now."""
    return {
        ident
        for ident, frame in sys._current_frames().items()
        if any(one.f_code is dispatch.feed.__code__ for one, _ in traceback.walk_stack(frame))
    }


def timed_rounds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have the seconds of each sweep noted."""
    found: list[float] = []
    real = Sweeper.do_round

    def timed(self: Sweeper) -> None:
        began = time.monotonic()
        real(self)
        found.append(time.monotonic() - began)

    monkeypatch.setattr(Sweeper, "do_round", timed)
    return found


@pytest.mark.fault("N06", profile="honours_id")
def test_a_stuck_picture_is_stopped_and_the_others_behind_it_are_not(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "STALLED_S", 0.6)
    stuck, _ = farm.two(
        {"rules": [on_event("progress", {"stop_progress": True}, value=3, count=1)]}
    )
    placed = farm.ask(1, **preferred())
    farm.work()
    wait_until(stuck.executions)
    theirs = post_foreign(stuck.url)
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "failed"), ("gpu-b", "committed")]
    wait_until(lambda: theirs in [line["prompt_id"] for line in ended(stuck, "success")])


@pytest.mark.fault("N07")
def test_a_late_result_is_dropped(farm: Farm) -> None:
    late_word = on_event("executed", {"latency_ms": 1500})
    late = farm.node("gpu-a", rules=[late_word])
    placed = farm.ask(1)
    farm.work()
    wait_until(late.hits)  # past its last step, where no interrupt stops it
    late.signal(signal.SIGSTOP)
    farm.node("gpu-b")
    (job,) = farm.done(placed)
    late.signal(signal.SIGCONT)
    wait_until(lambda: ended(late, "success"))
    wait_until(lambda: GpuNode.objects.get(slug="gpu-a").health == Health.READY)
    assert attempts(job) == [("gpu-a", "superseded"), ("gpu-b", "committed")]
    assert job.attempts.get(fence=1).reason in (
        "gpu-b was first.",
        "gpu-a stopped answering; the picture goes to another node.",  # if the copy took long
    )
    late_one = wait_until(lambda: Attempt.objects.late().first())
    assert late_one == job.attempts.get(fence=1)
    assert Attempt.objects.late().count() == 1
    assert not Attempt.objects.adoptable().exists()
    assert any("gpu-a finished it after all" in said for said in story(job))
    assert (MediaFile.objects.count(), job.outputs.count()) == (1, 1)


@pytest.mark.usefixtures("copies")
@pytest.mark.fault("N08")
def test_a_slow_node_takes_less_and_its_estimate_is_corrected(farm: Farm) -> None:
    quick, slow = farm.two({"seconds": {"sd15": 0.1}}, {"seconds": {"sd15": 1.2}})
    jobs = farm.done(work_with(farm, 12))
    assert len(quick.executions()) > len(slow.executions()) > 0
    assert {(job.failures, job.deaths) for job in jobs} == {(0, 0)}
    placed = farm.ask(2, node_mode="only", node=GpuNode.objects.get(slug="gpu-b"))
    farm.done(placed)
    expected = Attempt.objects.filter(job__generation__round=placed).latest("reserved").expected_s
    assert (expected or 0) > 0.7


def work_with(farm: Farm, count: int) -> Any:
    placed = farm.ask(count)
    farm.work()
    return placed


@pytest.mark.fault("N09")
def test_a_node_that_goes_up_and_down_gets_longer_and_longer_rests(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rests, "REST_FIRST_S", 1.5)
    flapping, _ = farm.two(
        {"rules": [on_event("progress", {"exit": 1}, value=3)]}, {"seconds": {"sd15": 0.6}}
    )
    over = threading.Event()
    reviver = threading.Thread(target=revive, args=(flapping, over))
    reviver.start()
    try:
        jobs = farm.done(work_with(farm, 11))
    finally:
        over.set()
        reviver.join()
    assert {job.failures for job in jobs} == {0}
    said = JobEvent.objects.filter(node__slug="gpu-a", sentence__contains="gets a rest")
    rests_taken = []
    for event in said.order_by("pk"):
        deaths = int(re.findall(r"(\d+) times in a row", event.sentence)[0])
        tries = Attempt.objects.filter(node__slug="gpu-a").order_by("reserved")
        died = tries.filter(reserved__lt=event.at).last()
        later = tries.filter(reserved__gt=event.at).first()
        if died and died.ended and later:
            rests_taken.append((deaths, (later.reserved - died.ended).total_seconds()))
    assert said.exists()
    # Others may have made all the rest meanwhile. A rest begins with the death, which is written down a moment later.
    assert all(pause > 0.8 * 1.5 * 2 ** (deaths - 2) for deaths, pause in rests_taken), rests_taken


def revive(node: NodeProcess, over: threading.Event) -> None:
    """Start a node again whenever it is dead."""
    while not over.wait(0.05):
        if not node.is_alive:
            node.start()


@pytest.mark.fault("N16")
def test_success_without_a_picture_is_tried_once_more_and_then_said(farm: Farm) -> None:
    nodes = farm.two({"rules": [NO_PICTURE]}, {"rules": [NO_PICTURE]})
    (job,) = farm.settled(work_with(farm, 1))
    assert job.state == JobState.FAILED
    assert job.reason == "It finished without a picture. Tried on gpu-a, gpu-b."
    assert [len(node.executions()) for node in nodes] == [1, 1]
    prefixes = {binding.prefix_of(one) for one in job.attempts.all()}
    assert prefixes == {
        one.sent and one.sent["9"]["inputs"]["filename_prefix"] for one in job.attempts.all()
    }
    assert len(prefixes) == 2


@pytest.mark.fault("N19")
def test_other_peoples_pictures_are_counted_and_routed_around(farm: Farm) -> None:
    theirs, ours = farm.two({"seconds": {"sd15": 1.5}})
    ids = [post_foreign(theirs.url) for _ in range(4)]
    health.probe(GpuNode.objects.get(slug="gpu-a").pk)
    assert GpuNode.objects.get(slug="gpu-a").foreign_queue == 4
    farm.done(work_with(farm, 3))
    assert len(ours.executions()) == 3
    wait_until(lambda: len(ended(theirs, "success")) == 4)
    assert [line["prompt_id"] for line in theirs.told("end")] == ids


@pytest.mark.fault("N20")
def test_a_node_that_is_switched_off_finishes_and_cannot_be_deleted(farm: Farm) -> None:
    off, _ = farm.two({"seconds": {"sd15": 1.0}})
    first = farm.ask(1, **preferred())
    farm.work()
    wait_until(off.executions)
    GpuNode.objects.filter(slug="gpu-a").update(is_enabled=False)
    with pytest.raises(ProtectedError):
        GpuNode.objects.get(slug="gpu-a").delete()
    rest = farm.done(farm.ask(3, **preferred()))
    assert [attempts(job) for job in rest] == [[("gpu-b", "committed")]] * 3
    (job,) = farm.done(first)
    assert attempts(job) == [("gpu-a", "committed")]


@pytest.mark.fault("N22")
def test_one_machine_under_two_names_is_found_out(farm: Farm, line: Lines) -> None:
    real, other = farm.two({"seconds": {"sd15": 1.5}})
    with pytest.raises(IntegrityError), transaction.atomic():
        GpuNode.objects.create(slug="gpu-c", host="127.0.0.1", port=real.port)
    alias = line(other)
    alias.node_port = real.port
    placed = farm.ask(4, node_mode="only", node=GpuNode.objects.get(slug="gpu-a"))
    farm.work()
    wait_until(real.executions)
    GpuNode.objects.filter(slug="gpu-b").update(health_checked_at=None)
    wait_until(lambda: not GpuNode.objects.get(slug="gpu-b").is_enabled)
    assert "gpu-b is the same ComfyUI as gpu-a" in GpuNode.objects.get(slug="gpu-b").last_error
    assert JobEvent.objects.filter(sentence__contains="the same ComfyUI as gpu-a").count() == 1
    farm.done(placed)
    assert len(real.executions()) == 4


@pytest.mark.fault("N23")
def test_a_node_that_comes_back_as_another_version_is_asked_its_own_way(
    farm: Farm, profile: str
) -> None:
    after: Profile = "jobs" if profile != "jobs" else "honours_id"
    stopped_by = "cancel" if after == "jobs" else "interrupt"
    node = farm.node("gpu-a")
    farm.done(work_with(farm, 1))
    node.kill()
    node.spec |= {"profile": after, **SLOW}
    node.start()
    wait_until(lambda: GpuNode.objects.get().version == VERSIONS[after])
    placed = farm.ask(1)
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    farm.cancel(placed)
    (job,) = farm.settled(placed)
    assert job.state == JobState.CANCELLED
    ids = {str(pk) for pk in Attempt.objects.filter(job=job).values_list("pk", flat=True)}
    assert ids & {line["prompt_id"] for line in node.told(stopped_by)}


DEADLY: Rule = on_event("progress", {"exit": 1}, prompt_contains="poison")


@pytest.mark.fault("N24")
def test_a_picture_that_kills_nodes_is_put_aside_and_the_rest_goes_on(farm: Farm) -> None:
    nodes = farm.nodes({name: {"rules": [DEADLY]} for name in ("gpu-a", "gpu-b", "gpu-c")})
    poison = farm.ask(1, "poison")
    rest = farm.ask(6)
    farm.work()
    (job,) = farm.settled(poison)
    farm.done(rest)
    assert job.state == JobState.ATTENTION
    assert job.reason.startswith("It seems to crash nodes")
    states = [state for _, state in attempts(job)]
    # A third node may have begun a copy while a dying one did not answer, and died over it.
    assert sorted(states) in (["lost", "lost"], ["lost", "lost", "superseded"])
    assert sum(not node.is_alive for node in nodes) in (2, len(states))
    assert Job.objects.filter(state=JobState.DONE).count() == 6
