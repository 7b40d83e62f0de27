"""What pages say while somebody holds work back: session cells, the bar, Why, strip and farm cards."""

import pytest
from django.test import Client

from farm_app import planning, tending
from farm_app.models import GpuNode, Job, JobGroup
from farm_app.queue import pausing
from farm_app.strip import draw_strip
from sessions_app.cells import cells_of
from sessions_app.models import Generation
from sessions_app.table import Table
from tests import factories
from tests.markup import Markup
from tests.sessions.conftest import studio

__all__ = ["studio"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("studio")]

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def fresh_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning.drawing, "RECENT_S", 0.0)
    monkeypatch.setattr(planning.drawing, "TIMES_AS_LONG", 0)


def lines(generations: list[Generation]) -> list[str]:
    return [cell.wait_line for cell in cells_of(generations)]


def hold(generation: Generation) -> None:
    pausing.pause([generation.job_id], actor="Ada")


def why(client: Client, generation: Generation) -> Markup:
    return Markup(client.get(f"/takes/{generation.pk}/why/", headers=HTMX).content)


def repairs(sheet: Markup) -> dict[str, str]:
    return {one.text: one.attrs["hx-post"] for one in sheet.all("button")}


def test_a_job_that_is_paused_by_hand_says_so_while_others_have_their_turn() -> None:
    one, other = factories.takes(factories.placed(2))
    hold(one)
    first, second = lines([one, other])
    assert first == "paused"
    assert second.startswith("starts in about ")


def test_a_batch_that_is_paused_says_so_in_cells_and_bar() -> None:
    placed = factories.placed(2)
    factories.placed(1)
    JobGroup.objects.filter(jobs__generation__round=placed).update(is_paused=True)
    assert lines(factories.takes(placed)) == ["paused", "paused"]
    assert Table(placed.session, 0).actions.left == "paused"


def test_the_bar_counts_what_is_paused_beside_the_time_of_the_rest() -> None:
    placed = factories.placed(3)
    hold(factories.takes(placed)[0])
    assert Table(placed.session, 0).actions.left.endswith(" left, 1 paused")


def test_the_bar_does_not_promise_an_end_while_the_queue_is_paused() -> None:
    placed = factories.placed(3)
    factories.running(factories.takes(placed)[0])
    pausing.pause_all()
    assert Table(placed.session, 0).actions.left == "1 to finish, then the queue is paused"


@pytest.mark.parametrize(
    ("verbs", "said"),
    [
        ((tending.pause,), "all nodes are paused"),
        ((tending.drain,), "all nodes are draining"),
        ((tending.pause, tending.drain), "no node takes new work"),
    ],
)
def test_cells_say_that_all_nodes_are_held_back(verbs: tuple[object, ...], said: str) -> None:
    for number, node in enumerate(GpuNode.objects.all()):
        verbs[number % len(verbs)](node)  # type: ignore[operator]
    placed = factories.placed(1)
    assert lines(factories.takes(placed)) == [said]
    assert Table(placed.session, 0).actions.left == said


def test_strip_and_cards_say_that_the_queue_gives_nothing(client: Client) -> None:
    factories.placed(1)
    pausing.pause_all()
    strip = draw_strip()
    assert {(node.state_word, node.fact) for node in strip.nodes} == {("Paused", "")}
    page = client.get("/farm/").content.decode()
    assert "Free, but the queue is paused" in page
    assert "Free for the next picture" not in page
    assert "with the queue" in page
    assert "1 job waits · the queue is paused" in " ".join(
        Markup(page).id("farm-totals").text.split()
    )
    assert "Queue paused" in Markup(client.get("/").content).id("strip-sum").text


def test_why_offers_to_resume_the_queue_or_what_was_paused_apart(client: Client) -> None:
    one, other = factories.takes(factories.placed(2))
    hold(one)
    assert repairs(why(client, one))["Resume"] == f"/farm/queue/j{one.job_id}/resume/"
    assert not repairs(why(client, other))
    JobGroup.objects.update(is_paused=True)
    assert "Resume this batch" in repairs(why(client, other))
    pausing.pause_all()
    (url,) = {
        said: url for said, url in repairs(why(client, other)).items() if "queue" in said
    }.values()
    assert client.post(url, headers=HTMX).status_code == 200
    assert not planning.is_queue_paused()


def test_why_offers_to_resume_a_node_that_could_take_it(client: Client) -> None:
    node = GpuNode.objects.get(slug="gpu-quality")
    tending.drain(node)
    (one,) = factories.takes(factories.placed(1))
    url = repairs(why(client, one))["Resume gpu-quality"]
    client.post(url, headers=HTMX)
    node.refresh_from_db()
    assert not node.is_draining


def test_a_node_that_cannot_has_no_check_mark(client: Client) -> None:
    GpuNode.objects.filter(slug="gpu-premium").update(max_resolution=64)
    (one,) = factories.takes(factories.placed(1))
    sheet = why(client, one)
    names = [entry.text for entry in sheet.all("span", class_="name")]
    used = [entry.attrs["href"].rpartition("#")[2] for entry in sheet.all("use")]
    icons = dict(zip(names, used[-len(names) :], strict=True))
    assert icons["gpu-premium"] == "ban"
    assert icons["gpu-quality"] == "node-ready"


def test_the_sheet_of_a_row_says_a_pause_once_and_resumes_it(client: Client) -> None:
    (one,) = factories.takes(factories.placed(1))
    hold(one)
    sheet = client.get(f"/farm/queue/j{one.job_id}/details/", headers=HTMX).content.decode()
    assert sheet.count("Paused by Ada") == 1
    assert repairs(Markup(sheet))["Resume"] == f"/farm/queue/j{one.job_id}/resume/"
    client.post(f"/farm/queue/j{one.job_id}/resume/", headers=HTMX)
    assert not Job.objects.get(pk=one.job_id).is_paused
