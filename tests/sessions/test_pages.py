"""The pages of the table as a browser gets them: start, list, session, and fragments on pages of their own."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from eliot.live import forget_what_is_kept
from farm_app.models import GpuNode, Job, JobEvent
from farm_app.models.states import JobState
from sessions_app.funnel import DEFAULT_STAGES, UPSCALE_STAGE, with_family
from sessions_app.models import WorkSession
from tests import factories
from tests.markup import Markup

HTMX = {"HX-Request": "true"}
# When nothing that pages share for a while was read yet, and some of it is old again before the page is done.
MOST_QUERIES = 38 + 4


def page(client: Client, url: str, **headers: str) -> Markup:
    response = client.get(url, headers=headers)
    assert response.status_code == 200, response
    return Markup(response.content)


def test_the_first_page_offers_the_ways_to_work(studio: None, client: Client) -> None:
    found = page(client, "/")
    assert next(found.all("h1")).text == "Make the first pictures"
    (flow,) = found.all("button", class_="flow")
    assert flow.attrs["formaction"] == "/sessions/new/draft_grid/"


def test_the_first_page_shows_the_four_sessions_last_worked_on(
    studio: None, client: Client
) -> None:
    made = [factories.session(f"number {n}") for n in range(6)]
    made[0].touch()
    made[5].archive()
    titles = [one.text for one in page(client, "/").all("h3")]
    assert titles == ["number 0", "number 4", "number 3", "number 2"]


def test_a_new_session_opens_at_its_first_stage(studio: None, client: Client) -> None:
    response = client.post("/sessions/new/draft_grid/")
    session = WorkSession.objects.get()
    assert (response.status_code, response["Location"]) == (302, session.url)
    assert str(session.owner) == "local"
    assert page(client, session.url).id("stage-0").attrs["aria-current"] == "step"
    assert client.post("/sessions/new/nonsense/").status_code == 404
    assert WorkSession.objects.count() == 1


def test_the_list_keeps_what_is_put_away_apart(studio: None, client: Client) -> None:
    factories.session("here")
    factories.session("put away").archive()
    factories.session("gone").delete_softly()
    assert [one.text for one in page(client, "/sessions/").all("h3")] == ["here"]
    assert [one.text for one in page(client, "/sessions/?archived=1").all("h3")] == ["put away"]


@pytest.mark.parametrize("asked", ["1000000000", "-1", "abc", "0", ""])
def test_a_page_of_the_list_that_is_not_there_is_the_nearest_one(
    studio: None, client: Client, asked: str
) -> None:
    factories.session("here")
    assert [one.text for one in page(client, f"/sessions/?page={asked}").all("h3")] == ["here"]


def test_the_list_needs_as_many_queries_for_one_card_as_for_a_page_of_them(
    studio: None, client: Client, django_assert_max_num_queries
) -> None:
    factories.pictures(1, of=factories.session())
    page(client, "/sessions/")
    for more in (0, 23):
        for _ in range(more):
            factories.pictures(1, of=factories.session())
        with django_assert_max_num_queries(13):
            assert len(list(page(client, "/sessions/").all("h3"))) == more + 1


@pytest.mark.parametrize("more", [20, 200])
def test_a_session_page_needs_the_same_few_queries_for_any_number_of_pictures(
    studio: None, client: Client, more: int, django_assert_max_num_queries
) -> None:
    session = factories.session()
    page(client, session.url)
    factories.pictures(more, of=session)
    forget_what_is_kept()
    with django_assert_max_num_queries(MOST_QUERIES):
        found = page(client, session.url)
    assert len(list(found.all(role="gridcell"))) == more


@pytest.mark.parametrize("more", [20, 200])
def test_pictures_that_wait_cost_no_query_each(
    studio: None, client: Client, more: int, django_assert_max_num_queries
) -> None:
    session = factories.session()
    page(client, session.url)
    factories.placed(more, of=session)
    forget_what_is_kept()
    with django_assert_max_num_queries(MOST_QUERIES):
        page(client, session.url)


def test_a_session_page_shows_stages_counts_and_cells(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(2, of=session, flag="keep")
    factories.placed(1, of=session)
    found = page(client, session.url)
    assert found.id("stage-0").text == "Drafts 2 of 3"
    assert found.id("stage-1").text == "Refined 8"
    assert [found.id(f"show-{one}").text for one in ("all", "kept")] == ["All 3", "Kept 2"]
    assert [one.text for one in found.all("span", class_="no")] == ["01", "02", "03"]
    assert found.id("batch").text.startswith("2 of 3 done")


def test_a_session_page_knows_what_it_has_shown(studio: None, client: Client) -> None:
    session = factories.session()
    factories.placed(1, of=session)
    newest = JobEvent.objects.latest("pk").pk
    found = page(client, f"{session.url}?stage=2&show=kept")
    assert found.id("cursor").attrs["value"] == str(newest)
    connect = f"/ws/sessions/{session.pk}/?stage=1&show=kept&since={newest}"
    assert found.id("live").attrs["ws-connect"] == connect


def test_a_reload_and_a_second_tab_show_the_same(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(2, of=session, flag="keep")

    def shown() -> list[str]:
        return [one.text for one in page(client, session.url).all(role="gridcell")]

    assert shown() == shown()
    assert len(shown()) == 2


@pytest.mark.parametrize("stage", ["0", "99", "-1", "\u0661", "1e9", "", "1" * 100])
def test_a_stage_that_is_not_there_shows_one_that_is(
    studio: None, client: Client, stage: str
) -> None:
    session = factories.session()
    found = page(client, f"{session.url}?stage={stage}&show=everything")
    assert len(list(found.all("a", aria_current="step"))) == 1
    assert found.id("show-all").attrs["aria-current"] == "true"


def test_without_a_stage_in_its_address_work_goes_on_where_it_is(
    studio: None, client: Client
) -> None:
    session = factories.session()
    factories.placed(of=session, stage=2, stage_name="Polished")
    assert page(client, session.url).id("stage-2").attrs["aria-current"] == "step"


def test_old_addresses_lead_to_the_new_one(studio: None, client: Client) -> None:
    session = WorkSession.begin()
    old = session.url
    session.name_after("a lighthouse")
    response = client.get(f"{old}?stage=2&show=kept")
    assert response.status_code == 302
    assert response["Location"] == f"{session.url}?stage=2&show=kept"
    assert client.get(old)["Location"] == session.url


def test_what_is_deleted_or_was_never_there_is_not_found(studio: None, client: Client) -> None:
    session = factories.session()
    (one,) = factories.pictures(1, of=session)
    session.delete_softly()
    for url in (session.url, f"{session.url}cells/", f"/takes/{one.pk}/large/", "/sessions/x-9/"):
        assert client.get(url).status_code == 404, url
    assert client.get(f"/takes/{'9' * 30}/large/").status_code == 404
    assert client.post(f"/takes/{one.pk}/keep/").status_code == 404


def test_a_lack_of_the_farm_is_told_with_its_repair(studio: None, client: Client) -> None:
    session = factories.session()
    session.set_stages((DEFAULT_STAGES[0], with_family(DEFAULT_STAGES[1], "flux")))
    problems = page(client, session.url).id("problems")
    assert problems.text == "Refined. No node has FLUX.1. Use SDXL"
    client.post(f"/sessions/{session.slug}/stages/1/sdxl/")
    session.refresh_from_db()
    assert session.stages == DEFAULT_STAGES[:2]


def test_an_upscale_stage_says_how_pictures_come_to_it(studio: None, client: Client) -> None:
    session = factories.session()
    session.set_stages((DEFAULT_STAGES[0], UPSCALE_STAGE))
    found = page(client, f"{session.url}?stage=2")
    assert "enlarges what you keep in the stage before" in found.id("ask").text
    assert "ask-form" not in found.ids()


def test_a_farm_without_nodes_says_the_next_step(studio: None, client: Client) -> None:
    GpuNode.objects.all().delete()
    banner = page(client, factories.session().url).id("banner")
    assert "No nodes yet" in banner.text
    assert "Add a node" in banner.text


def test_fragments_have_pages_of_their_own_for_who_comes_by_link(
    studio: None, client: Client
) -> None:
    session = factories.session()
    done, lost = factories.pictures(1, of=session)[0], factories.placed(1, of=session)
    (failed,) = factories.takes(lost)
    factories.failed(failed)
    base = f"/sessions/{session.slug}"
    for url in (
        f"{base}/rename/",
        f"{base}/stages/",
        f"/takes/{done.pk}/large/",
        f"/takes/{failed.pk}/why/",
    ):
        whole, part = page(client, url), page(client, url, **HTMX)
        assert len(list(whole.all("html"))) == 1, url
        assert not list(part.all("html")), url


def test_page_and_fragment_of_one_address_are_kept_apart_by_caches(
    studio: None, client: Client
) -> None:
    url = f"/sessions/{factories.session().slug}/rename/"
    for headers in ({}, HTMX):
        vary = client.get(url, headers=headers)["Vary"]
        assert {"HX-Request", "HX-History-Restore-Request"} <= set(re.split(", *", vary))


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_back_and_boosted_links_get_the_whole_page(
    studio: None, client: Client, header: str
) -> None:
    url = f"/sessions/{factories.session().slug}/rename/"
    assert list(page(client, url, **HTMX, **{header: "true"}).all("html"))


def test_a_further_window_is_a_fragment_and_without_htmx_the_page(
    studio: None, client: Client
) -> None:
    session = factories.session()
    factories.placed(201, of=session)
    url = page(client, session.url).id("next-window").attrs["hx-get"]
    found = page(client, url, **HTMX)
    assert [one.text for one in found.all("span", class_="no")] == ["201"]
    assert "cells" in found.ids()
    plain = client.get(url)
    assert plain["Location"] == f"{session.url}?stage=1&show=all&first=200"
    whole = page(client, plain["Location"])
    assert [one.text for one in whole.all("span", class_="no")] == ["201"]
    assert whole.id("grid").attrs["data-url"] == plain["Location"]


def test_the_large_view_tells_how_a_picture_was_made(studio: None, client: Client) -> None:
    session = factories.session()
    made = factories.pictures(
        3, of=session, seed="18446744073709551613", values={"prompt": "a <b>fox</b>"}
    )
    found = page(client, f"/takes/{made[1].pk}/large/", **HTMX)
    shown = {one.text for one in found.all("dd")}
    assert "18 446 744 073 709 551 614" in shown
    assert {"gpu-draft", "0.5 s", "512 × 512", "10", "7.0", "euler", "normal"} <= shown
    assert next(found.all("p", class_="words")).raw == "a <b>fox</b>"
    assert found.id("large-prev").attrs["href"] == f"/takes/{made[0].pk}/large/"
    assert found.id("large-next").attrs["href"] == f"/takes/{made[2].pk}/large/"


def test_the_large_view_leads_back_to_the_picture_it_came_from(
    studio: None, client: Client
) -> None:
    session = factories.session()
    (draft,) = factories.pictures(1, of=session)
    (refined,) = factories.pictures(
        1, of=session, stage=1, stage_name="Refined", sources=[draft.picture]
    )
    found = page(client, f"/takes/{refined.pk}/large/", **HTMX)
    assert f"/takes/{draft.pk}/large/" in [one.attrs.get("href") for one in found.all("a")]


@pytest.mark.parametrize("state", list(JobState))
def test_why_has_an_answer_in_every_state(studio: None, client: Client, state: JobState) -> None:
    (one,) = factories.takes(factories.placed())
    if state == JobState.DONE:
        factories.finish([one])
    type(one.job).objects.filter(pk=one.job_id).update(state=state, reason="Because.")
    found = page(client, f"/takes/{one.pk}/why/", **HTMX)
    assert found.id("sheet-title").text in ("Why is this waiting?", "What went wrong?")
    assert next(found.all("p")).text


def test_why_names_a_node_also_within_what_it_says_of_it(studio: None, client: Client) -> None:
    (one,) = factories.takes(factories.placed(values={"checkpoint": "elsewhere.safetensors"}))
    found = page(client, f"/takes/{one.pk}/why/", **HTMX)
    said = [line.text for line in found.all("li")]
    assert len(said) == 4
    for line in said:
        name = line.split()[0]
        assert line.startswith(f"{name} does not have")
        assert f"Copy it to {name} into checkpoints" in line


def test_why_names_the_chosen_node_and_lets_any_other_take_it(studio: None, client: Client) -> None:
    draft = GpuNode.objects.get(slug="gpu-draft")
    (one,) = factories.takes(factories.placed(node_mode="only", node=draft))
    GpuNode.objects.filter(slug="gpu-draft").update(health="offline", unseen_since=timezone.now())
    found = page(client, f"/takes/{one.pk}/why/", **HTMX)
    names = {one.text for one in found.all("span", class_="name")}
    assert names == {"gpu-draft", "3 other nodes"}
    (free,) = [one for one in found.all("button") if one.text == "Let any node take it"]
    assert client.post(free.attrs["hx-post"], headers={"HX-Request": "true"}).status_code == 200
    assert Job.objects.get(pk=one.job_id).group.node_mode == "any"
    found = page(client, f"/takes/{one.pk}/why/", **HTMX)
    names = {one.text for one in found.all("span", class_="name")}
    assert names == {"gpu-premium", "gpu-quality", "gpu-standard", "gpu-draft"}
    assert "Let any node take it" not in [one.text for one in found.all("button")]
