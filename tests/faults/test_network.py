"""What is between Eliot and the nodes: late, thin, one-way, cut, misnamed; work waits for it and nothing is lost."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from farm_app import dispatch, health
from farm_app.comfy import watch
from farm_app.comfy.client import ComfyClient
from farm_app.models import Attempt, GpuNode, Job
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState, JobState
from farm_app.progress import glimpses
from tests.farm.comfy.node import body, serving
from tests.farm.rig import Farm, attempts, on_event, on_request, wait_until
from tests.faults.conftest import Lines
from tests.faults.test_responses import encoded, picture
from tests.faults.toxic import ANSWERS, REQUESTS

pytestmark = pytest.mark.drill
BOTH_WAYS = frozenset({REQUESTS, ANSWERS})
QUIET = on_event("executing", {"hang": 1.5}, in_class="KSampler")  # as while a model is loaded
RUNNING = Attempt.objects.filter(state=AttemptState.RUNNING)


def step_of(job: Job) -> int:
    return sum(seen.step for seen in glimpses([job.pk]).values())


@pytest.mark.fault("P01")
def test_a_socket_that_breaks_is_opened_anew_while_the_node_is_asked(
    farm: Farm, line: Lines
) -> None:
    cut = on_event("progress", {"close_sockets": True}, value=3, count=1)
    node = farm.node("gpu-a", rules=[cut], seconds={"sd15": 3.0})
    between = line(node)
    placed = farm.ask(1)
    farm.work()
    wait_until(node.hits)
    asked = len(between.asked)
    wait_until(lambda: between.sockets == 2)
    wait_until(lambda: "GET /queue" in between.asked[asked:])
    assert Job.objects.get().state == JobState.RUNNING
    assert not node.told("end")
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    states = list(job.events.exclude(after="").order_by("pk").values_list("after", flat=True))
    assert states == ["queued", "running", "storing", "done"]


@pytest.mark.fault("P03")
def test_nothing_counts_as_done_while_no_answer_comes(farm: Farm, line: Lines) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 4.0})
    between = line(node)
    placed = farm.ask(1)
    farm.work()
    wait_until(RUNNING.all().exists)
    between.spoil(mute=BOTH_WAYS, spares_sockets=True)
    job = Job.objects.get()
    shown = step_of(job)
    wait_until(lambda: step_of(job) > shown)  # events still come, in bursts between questions
    wait_until(lambda: node.told("end"))
    wait_until(lambda: GpuNode.objects.get().health == Health.SILENT)
    assert Job.objects.get().state == JobState.RUNNING
    between.heal()
    (job,) = farm.done(placed)
    assert (attempts(job), between.sockets) == ([("gpu-a", "committed")], 1)


@pytest.mark.fault("P04")
def test_a_farm_that_is_cut_off_goes_on_as_soon_as_it_is_back(farm: Farm, line: Lines) -> None:
    nodes = farm.two({"seconds": {"sd15": 1.0}}, {"seconds": {"sd15": 1.0}})
    lines = [line(node) for node in nodes]
    placed = farm.ask(2)
    farm.work()
    wait_until(lambda: RUNNING.count() == 2)
    for between in lines:
        between.spoil(mute=BOTH_WAYS)
    during = farm.ask(2)
    silent = GpuNode.objects.filter(health=Health.SILENT)
    wait_until(lambda: silent.count() == 2)
    wait_until(lambda: all(node.told("end") for node in nodes))
    assert not Job.objects.exclude(state__in=(JobState.RUNNING, JobState.QUEUED)).exists()
    for between in lines:
        between.heal()
    jobs = farm.done(placed) + farm.done(during)
    assert {(job.failures, job.deaths) for job in jobs} == {(0, 0)}


@pytest.mark.fault("P05")
def test_prompts_whose_answers_are_lost_are_not_sent_again(
    farm: Farm, line: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "ComfyClient", partial(ComfyClient, read_timeout_s=0.5))
    node = farm.node("gpu-a")
    between = line(node)
    between.spoil(mute=frozenset({ANSWERS}), spares_sockets=True)
    placed = farm.ask(2)
    farm.work()
    wait_until(lambda: node.told("end"))
    wait_until(lambda: GpuNode.objects.get().health == Health.SILENT)
    between.heal()
    for job in farm.done(placed):
        assert attempts(job) == [("gpu-a", "committed")]
    assert len(node.told("prompt")) == len(node.executions()) == 2


@contextmanager
def calling_nobody() -> Iterator[None]:
    """Let this thread open no connection to anybody."""
    here = threading.get_ident()

    def listen(event: str, _facts: object) -> None:
        if listening and event == "socket.connect" and threading.get_ident() == here:
            raise AssertionError("A page called somebody.")

    listening = [True]
    sys.addaudithook(listen)
    try:
        yield
    finally:
        listening.clear()


@pytest.mark.fault("P06")
def test_late_answers_and_broken_connections_make_it_slower_and_no_more(
    farm: Farm, line: Lines, settings: LazySettings
) -> None:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # pages look for it
    lines = [line(node) for node in farm.two()]
    for between in lines:
        between.spoil(latency_s=0.12, jitter_s=0.06, reset_share=0.1)
    placed = farm.ask(4)
    farm.work()
    wait_until(Job.objects.exclude(state=JobState.QUEUED).exists)  # it may be done by now
    page = placed.session.get_absolute_url()
    with calling_nobody():
        assert [Client().get(page).status_code for _ in range(5)] == [200] * 5
    jobs = farm.done(placed)
    while not sum(between.resets for between in lines):
        jobs += farm.done(farm.ask(2))
    assert {job.failures for job in jobs} == {0}


@pytest.mark.fault("P07")
def test_a_thin_line_holds_up_no_other_node(farm: Farm, line: Lines) -> None:
    large = on_request("/view", encoded(picture(side=190)), method="GET")  # some 100 kB
    thin, _ = farm.two({"rules": [large]})
    line(thin).spoil(bytes_per_s=20_000, slice_bytes=1000)
    first = farm.ask(1, node_mode="only", node=GpuNode.objects.get(slug="gpu-a"))
    farm.work()
    wait_until(Job.objects.filter(state=JobState.STORING).exists)
    rest = farm.done(farm.ask(4, node_mode="only", node=GpuNode.objects.get(slug="gpu-b")))
    (slow,) = farm.done(first)
    assert all(job.finished < slow.finished for job in rest if job.finished and slow.finished)
    assert slow.attempts.get().fetches == 0


ELSEWHERE = "127.0.0.9"  # nobody listens there


@pytest.fixture
def moved() -> set[str]:
    """Let names that the test adds mean another machine."""
    return set()


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch, moved: set[str]) -> Iterator[set[str]]:
    """Let names ending in .lan mean this machine, but think for ever about those that the test adds."""
    lost: set[str] = set()
    over = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **options: Any) -> Any:
        if host in lost:
            over.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        if isinstance(host, str) and host.endswith(".lan"):
            host = ELSEWHERE if host in moved else "127.0.0.1"
        return real(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield lost
    over.set()


@pytest.mark.fault("P08")
def test_a_name_that_is_lost_takes_its_own_node_away_and_no_other(
    farm: Farm, resolver: set[str], moved: set[str]
) -> None:
    lost, well = farm.two({"seconds": {"sd15": 1.5}})
    resolver.add("gpu-a.lan")
    GpuNode.objects.filter(slug="gpu-a").update(host="gpu-a.lan", health_checked_at=None)
    GpuNode.objects.filter(slug="gpu-b").update(host="gpu-b.lan")
    placed = farm.ask(6)
    farm.work()
    farm.done(placed)
    assert (len(lost.executions()), len(well.executions())) == (0, 6)
    wait_until(lambda: GpuNode.objects.get(slug="gpu-a").health == Health.SILENT)
    said = GpuNode.objects.get(slug="gpu-a").last_error
    assert said == f"The name in gpu-a.lan:{lost.port} cannot be looked up."
    resolver.clear()
    GpuNode.objects.filter(slug="gpu-a").update(host="gpu-c.lan")  # its name changes
    wait_until(lambda: GpuNode.objects.get(slug="gpu-a").health == Health.READY)
    begun = farm.ask(1, node_mode="prefer", node=GpuNode.objects.get(slug="gpu-a"))
    wait_until(RUNNING.filter(node__slug="gpu-a").exists)
    moved.add("gpu-c.lan")  # it points elsewhere while a picture is under way
    rest = farm.done(farm.ask(4))
    wait_until(lambda: GpuNode.objects.get(slug="gpu-a").health == Health.OFFLINE)
    moved.clear()
    assert {job.failures for job in rest + farm.done(begun)} == {0}
    wait_until(lambda: GpuNode.objects.get(slug="gpu-a").health == Health.READY)


@pytest.mark.fault("P09")
def test_pings_keep_a_quiet_socket_open(
    farm: Farm, line: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PING_S", 0.2)
    node = farm.node("gpu-a", rules=[QUIET])
    between = line(node)
    between.spoil(idle_s=0.6)
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.done(placed)
    assert (attempts(job), between.sockets) == ([("gpu-a", "committed")], 1)


def test_without_pings_a_quiet_socket_is_cut_and_the_picture_comes_all_the_same(
    farm: Farm, line: Lines
) -> None:
    node = farm.node("gpu-a", rules=[QUIET])
    between = line(node)
    between.spoil(idle_s=0.6)
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    assert between.sockets > 1


@pytest.mark.fault("P10")
def test_a_printer_gets_no_prompt(farm: Farm) -> None:
    farm.node("gpu-a")
    with serving() as printer:
        printer.on("GET /", body(b"<html>HP LaserJet</html>", "text/html"))
        printer.on("GET /prompt", body(b"<html>HP LaserJet</html>", "text/html"))
        # It got the address a moment ago: the row still says that a node is ready there.
        GpuNode.objects.update(port=int(printer.origin.rpartition(":")[2]))
        placed = farm.ask(1)
        farm.work()
        wait_until(lambda: GpuNode.objects.get().health == Health.STRANGE)
        assert "is not a ComfyUI" in GpuNode.objects.get().last_error
        assert health.probe(GpuNode.objects.get().pk) == Health.STRANGE
        assert not [asked for asked in printer.requests if asked.startswith("POST")]
        farm.cancel(placed)
        (job,) = farm.settled(placed)
        assert (job.failures, job.state) == (0, JobState.CANCELLED)
