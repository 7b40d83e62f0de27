"""The queue on the farm page: its fragments, and every verb as a POST that says what it did and can be undone."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client
from django.utils import timezone

from farm_app import cancelling, planning
from farm_app.models import Job, JobEvent, QueueState
from farm_app.models.states import JobState
from farm_app.queue.entries import read_queue
from farm_app.queue.shown import look_anew
from tests import factories, visitors
from tests.markup import Markup

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def static_files() -> None:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # pages look for it


@pytest.fixture
def farm(db: None) -> None:
    factories.workflows()
    planning.forget_stock()
    factories.four_cards()
    look_anew()


@pytest.fixture
def post(client: Client) -> Callable[..., str]:
    def send(what: str, verb: str, **said: Any) -> str:
        reply = client.post(f"/farm/queue/{what}/{verb}/", said, headers=HTMX)
        assert reply.status_code == 200
        return reply.content.decode()

    return send


def ask(title: str, count: int = 2) -> list[Job]:
    placed = factories.placed(count, of=factories.session(title))
    return list(Job.objects.filter(generation__round=placed).order_by("pk"))


def key(title: str) -> str:
    return next(entry.key for entry in read_queue().entries if entry.asked.label.startswith(title))


def shown_order(reply: str) -> list[str]:
    return next(Markup(reply).all("data", id="queue-order")).attrs["value"].split()


def toast(reply: str) -> str:
    (found,) = [one for one in Markup(reply).all("div") if "data-toast" in one.attrs]
    return found.text


def test_the_page_shows_rows_filters_and_order(farm: None, client: Client) -> None:
    ask("Alpha", 3)
    page = Markup(client.get("/farm/").content)
    assert page.id("queue-total").text == "3 jobs"
    assert page.id("queue-order").attrs["value"] == key("Alpha")
    assert page.id("chip-waiting").text == "Waiting 3"
    assert "Alpha · Drafts" in page.id(f"q-{key('Alpha')}").text
    assert len(page.ids()) == len(set(page.ids()))


def test_an_empty_queue_says_what_will_be_there(farm: None, client: Client) -> None:
    page = client.get("/farm/").content.decode()
    assert "Nothing waits and nothing renders." in page
    assert "queue-cancel" not in page


def test_filter_and_search_are_in_the_address_of_page_and_socket(
    farm: None, client: Client
) -> None:
    ask("Alpha")
    ask("Beta")
    page = client.get("/farm/?show=waiting&find=beta").content.decode()
    assert "Beta · Drafts" in Markup(page).id(f"q-{key('Beta')}").text
    assert f"q-{key('Alpha')}" not in page
    assert "/ws/farm/nodes/?show=waiting&amp;find=beta&amp;span=36" in page


def test_front_up_down_and_place_reply_with_the_new_order(
    farm: None, post: Callable[..., str]
) -> None:
    a, b, c = (ask(title) and key(title) for title in "ABC")
    assert shown_order(reply := post(c, "front")) == [c, a, b]
    assert "2 jobs moved to the front" in toast(reply)
    assert shown_order(post(b, "up")) == [c, b, a]
    assert shown_order(post(c, "down")) == [b, c, a]
    assert shown_order(post(a, "place", before=b)) == [a, b, c]
    assert shown_order(post(a, "place", before="")) == [b, c, a]
    assert "at the front already" in toast(post(b, "up"))


def test_a_priority_that_does_not_exist_changes_nothing(
    farm: None, post: Callable[..., str]
) -> None:
    ask("A")
    assert "no such priority" in toast(post(key("A"), "priority", priority="7"))
    assert not Job.objects.filter(priority__isnull=False).exists()
    assert "2 jobs set to bulk." in toast(post(key("A"), "priority", priority="2"))
    assert set(Job.objects.values_list("priority", flat=True)) == {2}


def test_pause_and_resume_a_row_a_session_and_all(farm: None, post: Callable[..., str]) -> None:
    jobs = ask("A", 3)
    assert "3 jobs paused." in toast(post(key("A"), "pause"))
    assert "3 jobs go on." in toast(post(key("A"), "resume"))
    assert "1 job paused." in toast(post(f"j{jobs[0].pk}", "pause"))
    assert "2 jobs paused." in toast(post(f"s{jobs[0].group_id}", "pause"))
    assert "3 jobs go on." in toast(post(f"g{jobs[0].group_id}", "resume"))
    assert "The queue is paused." in toast(post("all", "pause"))
    assert QueueState.now().paused_by == "you"
    assert "The queue goes on." in toast(post("all", "resume"))


def test_cancelled_jobs_come_back_where_they_were(
    farm: None, post: Callable[..., str], client: Client
) -> None:
    ask("A")
    b = ask("B") and key("B")
    post(b, "front")
    before = shown_order(post(b, "up"))
    reply = post("all", "cancel")
    assert "4 jobs cancelled." in toast(reply)
    assert Job.objects.filter(state=JobState.CANCELLED).count() == 4
    (undo,) = [one for one in Markup(reply).all("button") if "data-undo" in one.attrs]
    again = client.post(undo.attrs["hx-post"], headers=HTMX).content.decode()
    assert "4 jobs asked again." in toast(again)
    assert shown_order(again) == before


def test_undo_asks_again_only_for_what_was_cancelled_then(
    farm: None, post: Callable[..., str], client: Client
) -> None:
    (first,), (second,) = ask("A", 1), ask("B", 1)
    post(f"j{first.pk}", "cancel")
    reply = post(f"j{second.pk}", "cancel")
    (undo,) = [one for one in Markup(reply).all("button") if "data-undo" in one.attrs]
    client.post(undo.attrs["hx-post"], headers=HTMX)
    states = list(Job.objects.order_by("pk").values_list("state", flat=True))
    assert states == [JobState.CANCELLED, JobState.QUEUED]


def test_undo_leaves_what_was_decided_since(
    farm: None, post: Callable[..., str], client: Client
) -> None:
    (job,) = ask("A", 1)
    reply = post(f"j{job.pk}", "cancel")
    (undo,) = [one for one in Markup(reply).all("button") if "data-undo" in one.attrs]
    cancelling.ask_again([job.pk])
    cancelling.cancel([job.pk])
    again = client.post(undo.attrs["hx-post"], headers=HTMX).content.decode()
    assert "asked again" not in toast(again)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_undo_gives_the_time_out_back(farm: None, post: Callable[..., str], client: Client) -> None:
    (job,) = ask("A", 1)
    deadline = timezone.now() + timedelta(minutes=5)
    Job.objects.update(deadline=deadline)
    reply = post(f"j{job.pk}", "cancel")
    (undo,) = [one for one in Markup(reply).all("button") if "data-undo" in one.attrs]
    client.post(undo.attrs["hx-post"], headers=HTMX)
    job.refresh_from_db()
    assert (job.state, job.deadline) == (JobState.QUEUED, deadline)


def test_nothing_moves_when_what_it_is_dropped_on_waits_no_more(
    farm: None, post: Callable[..., str]
) -> None:
    a, b, c = (ask(title) and key(title) for title in "ABC")
    post(b, "cancel")
    reply = post(a, "place", before=b)
    assert "Nothing was moved" in toast(reply)
    assert shown_order(reply) == [a, c]


def test_many_are_counted_before_they_are_cancelled(farm: None, client: Client) -> None:
    factories.running(factories.takes(factories.placed(4))[0])
    page = client.get("/farm/queue/all/sure/", headers=HTMX).content.decode()
    assert "Cancel 4 jobs?" in page
    assert "One of them renders now and is stopped." in page
    assert Job.objects.filter(state=JobState.QUEUED).count() == 3


def test_what_needs_somebody_is_asked_again(farm: None, post: Callable[..., str]) -> None:
    (job,) = ask("A", 1)
    job.move(JobState.ATTENTION, "Odd.", reason="Odd.")
    assert "1 job asked again." in toast(post(key("A"), "retry"))
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


@pytest.mark.parametrize("verb", ["front", "up", "place", "pause", "cancel", "retry"])
def test_what_is_gone_meanwhile_is_said_and_nothing_changes(
    farm: None, post: Callable[..., str], verb: str
) -> None:
    ask("A")
    events = JobEvent.objects.count()
    assert "not in the queue any more" in toast(post("b99-00000000-t", verb))
    assert JobEvent.objects.count() == events


def test_without_scripts_each_verb_leads_back_to_the_queue(farm: None, client: Client) -> None:
    ask("A")
    reply = client.post(f"/farm/queue/{key('A')}/front/", follow=True)
    assert reply.redirect_chain[0][0] == "/farm/#queue"
    assert "2 jobs moved to the front" in reply.content.decode()


def test_the_sheet_says_why_node_by_node_and_offers_every_verb(farm: None, client: Client) -> None:
    ask("A", 3)
    sheet = client.get(f"/farm/queue/{key('A')}/details/", headers=HTMX).content.decode()
    for node in factories.FOUR_CARDS:
        assert node in sheet
    for words in ("Move to the front", "Pause these 3", "Cancel these 3", "Background"):
        assert words in sheet
    alone = client.get(f"/farm/queue/{key('A')}/details/").content.decode()
    assert "<title>" in alone
    gone = client.get("/farm/queue/j999/details/", headers=HTMX).content.decode()
    assert "Not in the queue any more" in gone


def test_a_batch_opens_in_rows_of_its_own(farm: None, client: Client) -> None:
    jobs = ask("A", 3)
    opened = Markup(client.get(f"/farm/queue/{key('A')}/jobs/", headers=HTMX).content)
    assert [one for one in opened.ids() if one.startswith("q-j")] == [
        f"q-j{job.pk}" for job in jobs
    ]


def test_one_job_of_a_batch_has_place_and_time_in_its_sheet_and_moves(
    farm: None, client: Client, post: Callable[..., str]
) -> None:
    *_, last = ask("A", 9)
    sheet = client.get(f"/farm/queue/j{last.pk}/details/", headers=HTMX).content.decode()
    assert "place 9" in sheet
    assert "starts in" in sheet
    assert "done at about" in sheet
    assert toast(post(f"j{last.pk}", "up")).startswith("Moved up.")
    assert read_queue().turns[0].first == last.pk


@pytest.mark.parametrize("address", ["/farm/queue/x1/front/", "/farm/queue/j1;drop/front/"])
def test_an_address_that_names_nothing_is_not_found(
    farm: None, client: Client, address: str
) -> None:
    assert client.post(address).status_code == 404


def test_verbs_are_posts(farm: None, client: Client) -> None:
    for verb in ("front", "up", "down", "place", "priority", "pause", "resume", "cancel", "retry"):
        assert client.get(f"/farm/queue/all/{verb}/").status_code == 405


@pytest.mark.django_db(transaction=True)
async def test_a_page_hears_at_once_of_a_new_order_and_gets_only_rows_that_changed() -> None:
    def prepare() -> tuple[str, str]:
        factories.workflows()
        planning.forget_stock()
        factories.four_cards()
        return tuple(ask(title) and key(title) for title in "AB")  # type: ignore[return-value]

    a, b = await sync_to_async(prepare)()
    page = visitors.socket("/ws/farm/nodes/?show=waiting")
    await page.connect(timeout=visitors.PATIENCE_S)
    await visitors.told(page, f'value="{a} {b}"')
    client = Client()
    await sync_to_async(client.post)(f"/farm/queue/{b}/front/", headers=HTMX)
    text = await visitors.told(page, f'value="{b} {a}"')
    assert f'id="q-{b}"' in text
    await page.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_a_row_that_only_says_something_new_is_sent_alone() -> None:
    def prepare() -> Any:
        factories.workflows()
        planning.forget_stock()
        factories.four_cards()
        ask("A", 1)
        return ask("B", 1)[0]

    job = await sync_to_async(prepare)()
    page = visitors.socket("/ws/farm/nodes/")
    await page.connect(timeout=visitors.PATIENCE_S)
    await visitors.told(page, f'id="q-j{job.pk}"')
    await sync_to_async(Job.objects.filter(pk=job.pk).update)(reason="gpu-x went away.")
    text = await visitors.told(page, "gpu-x went away.")
    assert f'<div id="q-j{job.pk}"' in text
    await page.disconnect()
