"""The page of a job: state, reason, attempts, graph, events, outputs, late results, and what can be done to it."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client
from django.utils import timezone

from farm_app import planning
from farm_app.job_page.reading import JobView
from farm_app.models import Attempt, GpuNode, Job, JobGroup
from farm_app.models.states import AttemptState, JobState
from farm_app.parameters import grouped
from sessions_app.models import Generation
from tests import factories, visitors
from tests.farm.rig import Farm
from tests.markup import Markup

HTMX = {"HX-Request": "true"}
OUTPUT = {"node_id": "9", "index": 0, "filename": "a.png", "subfolder": "", "type": "output"}


@pytest.fixture(autouse=True)
def static_files() -> None:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # pages look for it


@pytest.fixture
def take(db: None) -> Generation:
    factories.workflows()
    planning.forget_stock()
    factories.node("gpu-a")
    return factories.takes(factories.placed(1))[0]


@pytest.fixture
def post(client: Client) -> Callable[..., str]:
    def send(take: Generation, verb: str, **said: str) -> str:
        address = f"/farm/jobs/{take.job_id}/{verb}/"
        reply = client.post(address, said, headers=HTMX)
        assert reply.status_code == 200
        take.job.refresh_from_db()
        return reply.content.decode()

    return send


def page_of(client: Client, take: Generation) -> Markup:
    reply = client.get(f"/farm/jobs/{take.job_id}/")
    assert reply.status_code == 200
    found = Markup(reply.content)
    assert len(found.ids()) == len(set(found.ids()))
    return found


def test_a_waiting_job_says_why_and_what_was_asked_for(take: Generation, client: Client) -> None:
    page = page_of(client, take)
    assert page.id("job-word").text == "Waiting"
    assert "It starts on gpu-a now. Number 1 in the queue." in page.id("job-state").text
    side = next(page.all("aside")).text
    copied = [one.attrs["data-copy"] for one in page.elements if "data-copy" in one.attrs]
    assert take.job.seed in copied
    for words in (
        "a lighthouse",
        "fog",
        grouped(take.job.seed),
        "euler",
        "sd15_txt2img",
        "Not sent yet",
    ):
        assert words in side
    assert "No node has had it yet." in page.id("job-attempts").text
    assert "Asked for." in page.id("job-events").text


def test_a_job_for_one_node_says_so_and_may_be_given_to_any(
    take: Generation, client: Client
) -> None:
    factories.node("gpu-b")
    factories.node("gpu-c")
    JobGroup.objects.update(node_mode="only", node=GpuNode.objects.get(slug="gpu-b"))
    page = page_of(client, take)
    names = [one.text for one in page.all("span", class_="name")]
    assert names == ["gpu-b", "2 other nodes"]
    (free,) = [one for one in page.all("button") if one.text == "Let any node take it"]
    assert client.post(free.attrs["hx-post"], headers=HTMX).status_code == 200
    assert JobGroup.objects.get().node_mode == "any"
    assert "Any node may take it." in page_of(client, take).id("job-events").text
    assert "Let any node take it" not in page_of(client, take).id("job-state").text


def test_a_failed_job_says_what_went_wrong_and_what_to_do(take: Generation, client: Client) -> None:
    attempt = factories.running(take)
    facts = {"reason": "KSampler failed: torn.", "evidence": "line 3", "failure": "execution"}
    attempt.move(AttemptState.FAILED, **facts)
    take.job.move(JobState.FAILED, "Torn.", reason="Torn.", advice="Mend it.")
    page = page_of(client, take)
    assert page.id("job-word").text == "Failed"
    assert "Torn. Mend it." in page.id("job-state").text
    assert "KSampler failed: torn. line 3" in page.id("job-attempts").text
    assert page.id("job-retry").text == "Retry"


def test_each_attempt_tells_how_long_each_part_of_it_took(take: Generation) -> None:
    begin = take.job.created
    at = [begin + timedelta(seconds=seconds) for seconds in (0, 5, 5.5, 6, 16, 17)]
    attempt = factories.running(take)
    Attempt.objects.filter(pk=attempt.pk).update(
        reserved=at[1], submitted=at[2], started=at[3], produced=at[4], ended=at[5],
        node_seconds=9.8, state=AttemptState.COMMITTED, was_cold=True,
    )  # fmt: skip
    view = JobView.find(take.job_id)
    assert view is not None
    (one,) = view.tries
    assert (one.queued, one.sending, one.on_node, one.storing) == (
        "5.0 s",
        "0.5 s",
        "9.8 s",
        "1.0 s",
    )
    assert one.load == "included"


def test_the_graph_as_it_was_sent_can_be_downloaded(take: Generation, client: Client) -> None:
    before = client.get(f"/farm/jobs/{take.job_id}/graph.json")
    assert json.loads(before.content) == take.job.group.version.graph
    attempt = factories.running(take)
    Attempt.objects.filter(pk=attempt.pk).update(sent={"3": {"class_type": "KSampler"}})
    reply = client.get(f"/farm/jobs/{take.job_id}/graph.json")
    assert json.loads(reply.content) == {"3": {"class_type": "KSampler"}}
    assert reply["Content-Disposition"] == f'attachment; filename="job-{take.job_id}.json"'
    assert "As gpu-a got it." in next(page_of(client, take).all("aside")).text


def test_a_done_job_shows_its_picture(take: Generation, client: Client) -> None:
    (file,) = factories.finish([take])
    page = page_of(client, take)
    assert page.id("job-word").text == "Done"
    assert "Made on gpu-a." in page.id("job-state").text
    assert any(one.attrs.get("src") == file.thumb_url for one in page.all("img"))
    assert "job-cancel" not in page.ids()


def test_cancel_and_retry_undo_each_other(take: Generation, post: Callable[..., str]) -> None:
    reply = post(take, "cancel")
    assert take.job.state == JobState.CANCELLED
    (undo,) = [one for one in Markup(reply).all("button") if "data-undo" in one.attrs]
    assert undo.attrs["hx-post"] == f"/farm/jobs/{take.job_id}/retry/"
    assert "Ask again" in reply
    post(take, "retry")
    assert take.job.state == JobState.QUEUED


def test_pause_resume_front_and_priority(take: Generation, post: Callable[..., str]) -> None:
    assert "Paused by you" in post(take, "pause")
    assert take.job.is_paused
    post(take, "resume")
    assert not take.job.is_paused
    assert "Moved to the front" in post(take, "front")
    assert take.job.rank is not None
    assert "Priority set to bulk." in post(take, "priority", priority="2")
    assert (take.job.priority, take.job.rank) == (2, None)
    assert "no such priority" in post(take, "priority", priority="9")


def test_a_running_job_goes_back_to_the_queue(take: Generation, post: Callable[..., str]) -> None:
    attempt = factories.running(take)
    assert "Stopped on gpu-a; it waits for its next turn." in post(take, "requeue")
    attempt.refresh_from_db()
    assert (take.job.state, attempt.state) == (JobState.QUEUED, AttemptState.SUPERSEDED)
    assert "moved on meanwhile" in post(take, "requeue")


@pytest.mark.parametrize("address", ["/farm/jobs/999/", "/farm/jobs/999/graph.json"])
def test_a_job_that_is_not_there_is_not_found(
    take: Generation, client: Client, address: str
) -> None:
    assert client.get(address).status_code == 404
    assert client.post(f"/farm/jobs/{take.job_id}/explode/").status_code == 404


def late(take: Generation, *, ago: timedelta = timedelta(hours=1)) -> Attempt:
    """Let its node finish what had been given up."""
    attempt = factories.running(take)
    attempt.move(
        AttemptState.SUPERSEDED, produced=timezone.now() - ago, outputs=[OUTPUT], node_seconds=2.0
    )
    return attempt


def test_a_late_result_is_shown_for_seven_days(take: Generation, client: Client) -> None:
    late(take)
    take.job.move(JobState.FAILED, "Gone.", reason="Gone.")
    shown = page_of(client, take).id("job-late").text
    assert "gpu-a finished it at" in shown
    assert "Take it after all" in shown
    Attempt.objects.update(produced=timezone.now() - timedelta(days=8))
    assert page_of(client, take).id("job-late").text == ""


def test_of_a_job_that_has_its_picture_the_late_one_cannot_be_taken(
    take: Generation, client: Client
) -> None:
    factories.finish([take])
    take.job.refresh_from_db()
    old = late(take)
    Job.objects.filter(pk=take.job_id).update(state=JobState.DONE)
    page = page_of(client, take)
    assert "gpu-a finished it at" in page.id("job-late").text
    assert f"adopt-{old.pk}" not in page.ids()
    reply = client.post(f"/farm/jobs/{take.job_id}/adopt/{old.pk}/", headers=HTMX)
    assert "moved on meanwhile" in reply.content.decode()


def test_an_adopted_picture_comes_home_from_its_node(farm: Farm, client: Client) -> None:
    farm.node()
    (attempt,) = farm.render()
    job = attempt.job
    attempt.move(AttemptState.SUPERSEDED, reason="Given up.")
    job.move(JobState.QUEUED, "Given up.")
    job.move(JobState.CANCELLED, "Cancelled.", finished=timezone.now())
    reply = client.post(f"/farm/jobs/{job.pk}/adopt/{attempt.pk}/", headers=HTMX)
    assert "brought home from gpu-a" in reply.content.decode()
    farm.work()
    (done,) = farm.done(job.generation.round)
    assert done.outputs.count() == 1
    assert done.winner is not None
    assert done.winner.pk != attempt.pk


@pytest.mark.django_db(transaction=True)
async def test_the_page_hears_what_happens_to_its_job() -> None:
    def prepare() -> Job:
        factories.workflows()
        planning.forget_stock()
        factories.node("gpu-a")
        return factories.takes(factories.placed(1))[0].job

    job = await sync_to_async(prepare)()
    page = visitors.socket(f"/ws/jobs/{job.pk}/")
    await page.connect(timeout=visitors.PATIENCE_S)
    await visitors.told(page, 'id="job-state"', "Waiting")
    await sync_to_async(job.move)(JobState.FAILED, "It broke.", reason="It broke.")
    await visitors.told(page, 'id="job-state"', "It broke.", 'id="job-events"')
    await page.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_the_socket_of_a_job_that_is_not_there_is_closed() -> None:
    assert not await visitors.is_let_in(visitors.socket("/ws/jobs/7/"))
