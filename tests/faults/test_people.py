"""H01 to H08: people change their minds while nodes render."""

import random
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from farm_app.models import Attempt, Job, JobEvent, JobGroup, Priority, WorkflowTemplate
from farm_app.models.states import AttemptState, JobState
from gallery_app.models import Library, MediaFile
from sessions_app.models import Generation, Round, WorkSession
from tests.farm.rig import Farm, story, wait_until
from tests.markup import Markup

pytestmark = pytest.mark.drill
QUICK = {"seconds": {"sd15": 0.05}}


@pytest.fixture
def tries(request: pytest.FixtureRequest) -> int:
    """How often a race is run: often in the drills, now and then in the tests."""
    return 500 if request.config.getoption("--drill-all") else 16


@pytest.fixture(autouse=True)
def static_folder(settings: LazySettings) -> None:
    """Pages look for it."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


def cancelled_around(is_past: Callable[[Job], bool], farm: Farm, tries: int) -> list[Job]:
    """Ask for pictures one by one and cancel each about when something happens; return what became of them.

    Where it was past already, the next cancel comes sooner, else later: so the two meet, however slow the machine is.
    """
    began = time.monotonic()
    farm.done(farm.ask(1))
    moment_s = time.monotonic() - began
    jobs: list[Job] = []
    for _ in range(tries):
        placed = farm.ask(1)
        time.sleep(moment_s * random.uniform(0.8, 1.2))
        farm.cancel(placed)
        wait_until(lambda: not Job.objects.open().exists())
        jobs += Job.objects.filter(generation__round=placed)
        moment_s *= 0.7 if is_past(jobs[-1]) else 1.4
    return jobs


@pytest.mark.fault("H01")
def test_a_cancel_races_with_the_end_and_one_of_them_wins(farm: Farm, tries: int) -> None:
    farm.two(QUICK, QUICK)
    farm.work()
    jobs = cancelled_around(lambda job: job.state == JobState.DONE, farm, tries)
    ends = {job.state for job in jobs}
    assert ends == {JobState.DONE, JobState.CANCELLED}
    for job in jobs:
        assert job.outputs.count() == (job.state == JobState.DONE)
        last = story(job)[-1]
        assert last.startswith("Done on" if job.state == JobState.DONE else "Cancelled"), last


def _confirmed(job: Job) -> datetime:
    return JobEvent.objects.filter(job=job, after=JobState.CANCELLED).latest("pk").at


@pytest.mark.fault("H02")
def test_nothing_is_sent_after_a_confirmed_cancel(farm: Farm, tries: int) -> None:
    nodes = farm.two(QUICK, QUICK)
    farm.work()
    jobs = cancelled_around(lambda job: job.attempts.exists(), farm, tries)
    ends = {job.pk: _confirmed(job) for job in jobs if job.state == JobState.CANCELLED}
    assert ends
    for line in (line for node in nodes for line in node.told("prompt")):
        confirmed = ends.get(line["eliot"]["job"])
        assert confirmed is None or line["t"] <= confirmed.timestamp() + 0.005


@pytest.mark.fault("H03")
def test_a_batch_of_two_hundred_is_cancelled_at_once(farm: Farm) -> None:
    long = {"seconds": {"sd15": 20.0}}
    nodes = farm.nodes({f"gpu-{letter}": long for letter in "abcd"})
    placed = farm.ask(200)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).count() == 4)
    assert farm.cancel(placed) == 200
    wait_until(lambda: not Job.objects.open().exists())
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.CANCELLED}
    assert [len(node.executions()) for node in nodes] == [1] * 4
    assert [{line["status"] for line in node.told("end")} for node in nodes] == [
        {"interrupted"}
    ] * 4


def files() -> list[str]:
    root = Library.default().root_path
    return sorted(path.parent.name for path in root.rglob("*.png"))


@pytest.mark.fault("H04")
def test_a_session_is_deleted_while_its_pictures_render(farm: Farm, client: Client) -> None:
    farm.node("gpu-a", seconds={"sd15": 0.4})
    placed = farm.ask(4)
    farm.work()
    wait_until(lambda: Job.objects.filter(state=JobState.DONE).exists())
    answer = client.post(f"/sessions/{placed.session.slug}/delete/")
    assert answer.status_code == 302
    wait_until(lambda: not Job.objects.open().exists())
    states = list(Job.objects.values_list("state", flat=True))
    assert set(states) == {JobState.DONE, JobState.CANCELLED}
    # What was being brought home at that moment is put away right after.
    wait_until(lambda: len(files()) == states.count(JobState.DONE))


@pytest.mark.fault("H05")
def test_late_drafts_land_in_their_own_stage(farm: Farm, client: Client) -> None:
    both: dict[str, Any] = {"families": ["sd15", "sdxl"], "seconds": {"sd15": 0.3, "sdxl": 0.2}}
    farm.node("gpu-a", **both)
    drafts = farm.ask(4)
    session: WorkSession = drafts.session
    farm.work()
    wait_until(lambda: Job.objects.filter(state=JobState.DONE).exists())
    first = Generation.objects.filter(job__state=JobState.DONE)[0]
    assert client.post(f"/takes/{first.pk}/keep/").status_code in (200, 302)
    assert client.post(f"{session.url}continue/?stage=1&after=0&confirm=1").status_code == 302
    refined = Round.objects.get(session=session, stage=1)
    assert Job.objects.filter(generation__round=drafts).open().exists()
    later = farm.done(refined)
    farm.done(drafts)
    assert files() == ["drafts"] * 4 + ["refined"] * len(later)


@pytest.mark.fault("H06")
def test_drafts_that_are_cleared_away_come_back_as_they_were(farm: Farm, client: Client) -> None:
    farm.node("gpu-a", seconds=QUICK["seconds"])
    placed = farm.ask(3)
    farm.work()
    farm.done(placed)
    kept, *rest = Generation.objects.filter(round=placed).order_by("pk")
    assert client.post(f"/takes/{kept.pk}/keep/").status_code in (200, 302)
    for one in rest:
        assert client.post(f"/takes/{one.pk}/drop/").status_code in (200, 302)
    before = contents()
    url, asked = placed.session.url, {"HX-Request": "true"}
    answer = client.post(f"{url}trash/?stage=1", headers=asked)
    assert "2 pictures moved to the trash." in answer.content.decode()
    assert len(contents()) == MediaFile.objects.shown().count() == 1
    found = Markup(answer.content).all("button")
    (undo,) = (button for button in found if "data-undo" in button.attrs)
    back = client.post(undo.attrs["hx-post"], headers=asked)
    assert "2 pictures back from the trash." in back.content.decode()
    assert contents() == before
    assert MediaFile.objects.shown().count() == len(before) == 3


def contents() -> dict[str, bytes]:
    """Return what is to be seen in the library, by name."""
    root = Library.default().root_path
    paths = (path for path in root.rglob("*.png") if ".gallery" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


@pytest.mark.fault("H07")
def test_what_waits_keeps_the_workflow_it_was_asked_with(farm: Farm) -> None:
    farm.node()
    placed = farm.ask(2)
    (job, _) = Job.objects.filter(generation__round=placed).select_related("group__version")
    version = job.group.version
    template: WorkflowTemplate = version.template
    graph = {**version.graph, "99": {"class_type": "Note", "inputs": {}}}
    newer = template.add_version(graph, version.parameters)
    assert newer != version
    farm.work()
    farm.done(placed)
    for attempt in Attempt.objects.all():
        assert attempt.sent is not None
        assert attempt.sent.keys() == version.graph.keys()


@pytest.mark.fault("H08")
def test_what_becomes_more_urgent_goes_first_and_what_runs_goes_on(farm: Farm) -> None:
    farm.node("gpu-a", seconds={"sd15": 0.3})
    early, late = farm.ask(3), farm.ask(2)
    JobGroup.objects.update(priority=Priority.BULK)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.RUNNING).exists())
    runs = Attempt.objects.get(state=AttemptState.RUNNING).job.group_id
    JobGroup.objects.filter(pk=late.group_id).update(priority=Priority.INTERACTIVE)
    farm.done(early)
    farm.done(late)
    order = list(Attempt.objects.order_by("reserved").values_list("job__group", flat=True))
    assert order[0] == runs == early.group_id
    assert order[1:] in (
        [late.group_id] * 2 + [early.group_id] * 2,
        [early.group_id, *[late.group_id] * 2, early.group_id],
    )
    assert {attempt.state for attempt in Attempt.objects.all()} == {AttemptState.COMMITTED}
