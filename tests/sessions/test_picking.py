"""Buttons on pictures and on batches, with and without scripts."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from farm_app import planning
from farm_app.models import Attempt, GpuNode, Job, JobGroup, WorkflowTemplate
from farm_app.models.states import JobState
from gallery_app.models import MediaFile
from sessions_app.models import Generation
from tests import factories
from tests.markup import Markup

HTMX = {"HX-Request": "true"}
BARS = {"actions", "stages", "counts"}


def press(client: Client, one: Generation, verb: str, **headers: str) -> Any:
    return client.post(f"/takes/{one.pk}/{verb}/", headers={**HTMX, **headers})


def state(one: Generation) -> str:
    return Job.objects.values_list("state", flat=True).get(pk=one.job_id)


def said(response: Any) -> list[str]:
    return [str(one) for one in get_messages(response.wsgi_request)]


@pytest.mark.parametrize(
    ("verb", "flag", "word"), [("keep", "keep", "Kept"), ("drop", "drop", "Dropped")]
)
def test_a_verdict_replies_with_the_cell_and_the_bars_that_count_it(
    studio: None, client: Client, verb: str, flag: str, word: str
) -> None:
    (one,) = factories.pictures()
    found = Markup(press(client, one, verb).content)
    body = found.id(f"cell-body-{one.pk}")
    assert word in body.text
    assert "hx-swap-oob" not in body.attrs
    assert set(found.ids()) >= BARS
    assert all(found.id(name).attrs["hx-swap-oob"] == "true" for name in BARS)
    assert MediaFile.objects.get().flag == flag


def test_a_verdict_is_taken_back(studio: None, client: Client) -> None:
    (one,) = factories.pictures(flag="keep")
    found = Markup(press(client, one, "clear").content)
    assert found.id("show-kept").text == "Kept 0"
    assert MediaFile.objects.get().flag == ""


def test_without_scripts_every_verb_leads_back_to_the_picture(studio: None, client: Client) -> None:
    (one,) = factories.pictures()
    back = f"{one.round.session.url}?stage=1#cell-{one.pk}"
    for verb in ("keep", "drop", "clear", "cancel", "retry"):
        response = client.post(f"/takes/{one.pk}/{verb}/")
        assert (response.status_code, response["Location"]) == (302, back), verb


def test_the_large_view_gets_itself_back_and_the_cell_out_of_band(
    studio: None, client: Client
) -> None:
    (one,) = factories.pictures()
    found = Markup(press(client, one, "keep", **{"HX-Target": "large-body"}).content)
    assert found.elements[0].attrs["class"] == "lit"
    assert found.id("large-title").text == "Drafts 01 Kept"
    assert found.id(f"cell-body-{one.pk}").attrs["hx-swap-oob"] == "true"


def test_without_a_picture_a_verdict_changes_nothing_and_says_so(
    studio: None, client: Client
) -> None:
    (one,) = factories.takes(factories.placed())
    response = client.post(f"/takes/{one.pk}/keep/")
    assert said(response) == ["There is no picture yet, so there is nothing to judge."]
    assert not MediaFile.objects.exists()


def test_one_picture_is_cancelled_and_asked_again(studio: None, client: Client) -> None:
    (one,) = factories.takes(factories.placed())
    assert "Cancelled" in press(client, one, "cancel").content.decode()
    assert state(one) == JobState.CANCELLED
    assert "Waiting" in press(client, one, "retry").content.decode()
    assert state(one) == JobState.QUEUED


def test_a_cell_offers_what_can_be_done_to_it(studio: None, client: Client) -> None:
    done, lost, waits = factories.takes(factories.placed(3))
    factories.finish([done])
    factories.failed(lost)
    found = Markup(client.get(done.round.session.url).content)

    def offered(one: Generation) -> set[str]:
        prefix = f"/takes/{one.pk}/"
        urls = [e.attrs.get("formaction") or e.attrs.get("href", "") for e in found.elements]
        return {url[len(prefix) : -1] for url in urls if url.startswith(prefix)}

    assert offered(done) == {"keep", "drop", "large", "upscale"}
    assert offered(lost) == {"retry", "why"}
    assert offered(waits) == {"cancel", "why"}


def test_an_upscale_adds_a_cell_and_can_be_undone(studio: None, client: Client) -> None:
    (one,) = factories.pictures()
    found = Markup(press(client, one, "upscale").content)
    made = Generation.objects.latest("pk")
    assert found.id("cells").attrs["hx-swap-oob"] == "beforeend"
    assert f"cell-{made.pk}" in found.ids()
    (undo,) = (one for one in found.all("button") if "data-undo" in one.attrs)
    assert undo.text.startswith("Undo")
    client.post(undo.attrs["formaction"])
    assert state(made) == JobState.CANCELLED


def test_an_upscale_that_cannot_be_says_why(studio: None, client: Client) -> None:
    (waits,) = factories.takes(factories.placed())
    assert "There is no picture yet to enlarge." in press(client, waits, "upscale").content.decode()
    (one,) = factories.pictures()
    WorkflowTemplate.objects.filter(work="upscale").update(is_enabled=False)
    assert "No workflow template upscales" in press(client, one, "upscale").content.decode()
    assert said(client.post(f"/takes/{one.pk}/upscale/"))
    assert Generation.objects.count() == 2


def test_a_batch_is_cancelled_but_what_is_done_stays(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(2, of=session)
    factories.placed(3, of=session)
    later = factories.placed(1, of=session, stage=1, stage_name="Refined")
    response = client.post(f"/sessions/{session.slug}/cancel/?stage=1", headers=HTMX)
    assert "3 cancelled." in response.content.decode()
    assert set(Markup(response.content).ids()) >= BARS
    assert Job.objects.filter(state=JobState.CANCELLED).count() == 3
    assert MediaFile.objects.shown().count() == 2
    assert state(factories.takes(later)[0]) == JobState.QUEUED


def test_all_that_failed_is_asked_again(studio: None, client: Client) -> None:
    session = factories.session()
    one, other, done = factories.takes(factories.placed(3, of=session))
    factories.failed(one)
    other.job.move(JobState.ATTENTION, "It needs you.")
    factories.finish([done])
    response = client.post(f"/sessions/{session.slug}/retry/?stage=1", headers=HTMX)
    assert "2 asked again." in response.content.decode()
    assert [state(each) for each in (one, other, done)] == ["queued", "queued", "done"]


def dropped(count: int) -> list[Generation]:
    made = factories.pictures(count, flag="drop")
    for one in made:
        assert one.picture is not None
        factories.on_disk(one.picture)
    return made


def test_trashing_the_dropped_ones_can_be_undone(studio: None, client: Client) -> None:
    session = dropped(2)[0].round.session
    response = client.post(f"/sessions/{session.slug}/trash/?stage=1", headers=HTMX)
    found = Markup(response.content)
    assert response["HX-Trigger"] == "eliot:stale"
    assert "2 pictures moved to the trash." in response.content.decode()
    assert not MediaFile.objects.shown().exists()
    (undo,) = (one for one in found.all("button") if "data-undo" in one.attrs)
    again = client.post(undo.attrs["hx-post"], headers=HTMX)
    assert "2 pictures back from the trash." in again.content.decode()
    assert [one.flag for one in MediaFile.objects.shown()] == ["drop", "drop"]


def test_the_undo_of_a_large_trash_fits_into_an_address(studio: None, client: Client) -> None:
    session = dropped(20)[0].round.session
    response = client.post(f"/sessions/{session.slug}/trash/?stage=1", headers=HTMX)
    (undo,) = (one for one in Markup(response.content).all("button") if "data-undo" in one.attrs)
    _, _, ids = undo.attrs["hx-post"].partition("&ids=")
    assert len(ids.split(",")) == 20
    assert len(ids) <= 20 * 8  # a request line of 16 kB holds 2,000 of them


def test_nothing_dropped_is_nothing_to_undo(studio: None, client: Client) -> None:
    session = factories.pictures(1)[0].round.session
    response = client.post(f"/sessions/{session.slug}/trash/?stage=1", headers=HTMX)
    assert "0 pictures moved to the trash." in response.content.decode()
    assert "data-undo" not in response.content.decode()


@pytest.mark.parametrize("ids", ["", "x", "1e9", "-1", "9" * 40, "٣", "x" * 36, ",,,", "1;drop"])
def test_bringing_back_nonsense_brings_back_nothing(studio: None, client: Client, ids: str) -> None:
    session = factories.session()
    url = f"/sessions/{session.slug}/untrash/?stage=1"
    response = client.post(f"{url}&ids={ids}", headers=HTMX)
    assert response.status_code == 200
    assert "0 pictures back from the trash." in response.content.decode()


def test_the_large_view_says_why_it_was_not_made_on_the_preferred_node(
    studio: None, client: Client
) -> None:
    (one,) = factories.pictures()
    said_so = "Not on the preferred node: gpu-a is offline. gpu-b ends it in 4 s."
    Attempt.objects.update(reason=said_so)
    page = Markup(client.get(f"/takes/{one.pk}/large/").content)
    facts = [entry.text for entry in page.all("dt")]
    assert facts[1:3] == ["Node", "Why there"]
    assert said_so in [entry.text for entry in page.all("span", dir="auto")]


def test_why_says_that_the_preferred_node_is_not_the_one_it_waits_for(
    studio: None, client: Client
) -> None:
    wish: dict[str, Any] = {"node_mode": "prefer", "node": GpuNode.objects.get(slug="gpu-quality")}
    GpuNode.objects.filter(slug="gpu-quality").update(health="offline")
    (one,) = factories.takes(factories.placed(**wish))
    page = Markup(client.get(f"/takes/{one.pk}/why/", headers=HTMX).content)
    assert "Not on the preferred node: gpu-quality is offline." in next(page.all("p")).text


def pinned(count: int = 2) -> list[Generation]:
    wish: dict[str, Any] = {"node_mode": "only", "node": GpuNode.objects.get(slug="gpu-quality")}
    return factories.takes(factories.placed(count, **wish))


def offers_any_node(client: Client, one: Generation) -> bool:
    found = Markup(client.get(one.round.session.url).content)
    return any(one.text == "Use any node" for one in found.all("button", data_act="any-node"))


def test_what_waits_for_a_node_that_is_out_may_be_given_to_any(
    studio: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning.drawing, "RECENT_S", 0.0)
    monkeypatch.setattr(planning.drawing, "TIMES_AS_LONG", 0)
    one, stuck = pinned()
    assert not offers_any_node(client, one)
    GpuNode.objects.filter(slug="gpu-quality").update(health="offline")
    stuck.job.move(JobState.WAITING, "It lacks something.", reason="It lacks something.")
    assert offers_any_node(client, one)
    reply = Markup(press(client, one, "any-node").content)
    assert "any-node" not in [entry.attrs.get("data-act") for entry in reply.elements]
    assert (state(one), state(stuck)) == (JobState.QUEUED, JobState.QUEUED)
    assert not offers_any_node(client, one)
    assert JobGroup.objects.filter(node_mode="any", node=None).count() == 1


def test_what_no_other_node_is_kept_from_offers_no_such_repair(
    studio: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning.drawing, "RECENT_S", 0.0)
    monkeypatch.setattr(planning.drawing, "TIMES_AS_LONG", 0)
    GpuNode.objects.update(health="offline")
    (one,) = factories.takes(factories.placed())
    assert not offers_any_node(client, one)


def test_a_preference_is_not_taken_away_by_a_stale_page(studio: None, client: Client) -> None:
    wish: dict[str, Any] = {"node_mode": "prefer", "node": GpuNode.objects.get(slug="gpu-quality")}
    (one,) = factories.takes(factories.placed(**wish))
    assert press(client, one, "any-node").status_code == 200
    assert JobGroup.objects.get().node_mode == "prefer"
    assert one.job.events.count() == 1
