"""What shapes a session: rename, stages, duplicate, archive, delete and back, Continue."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from farm_app.models import Job
from farm_app.models.states import JobState
from gallery_app.models import MediaFile
from sessions_app.funnel import DEFAULT_STAGES, with_family
from sessions_app.models import Round, WorkSession
from tests import factories
from tests.markup import Markup
from tests.sessions.test_stage_forms import sent

HTMX = {"HX-Request": "true"}


def said(response: Any) -> list[str]:
    return [str(one) for one in get_messages(response.wsgi_request)]


def test_a_title_is_changed_in_its_place(studio: None, client: Client) -> None:
    session = factories.session()
    url = session.urls["rename"]
    field = Markup(client.get(url, headers=HTMX).content).id("id_title")
    assert field.attrs["value"] == "Lighthouse"
    found = Markup(client.post(url, {"title": " The keeper "}, headers=HTMX).content)
    assert found.id("title").text.startswith("The keeper")
    assert client.post(url, {"title": "Again"})["Location"] == session.url
    session.refresh_from_db()
    assert session.title == "Again"


@pytest.mark.parametrize("title", ["", "   ", "x" * 81, "a\0b", None])
def test_a_title_that_is_none_is_refused_with_its_reason(
    studio: None, client: Client, title: str | None
) -> None:
    session = factories.session()
    data = {} if title is None else {"title": title}
    response = client.post(session.urls["rename"], data, headers=HTMX)
    found = Markup(response.content)
    assert response.status_code == 422
    assert found.id(found.id("id_title").attrs["aria-describedby"]).text
    session.refresh_from_db()
    assert session.title == "Lighthouse"


def test_a_copy_opens_at_once(studio: None, client: Client) -> None:
    session = factories.session()
    response = client.post(session.urls["duplicate"])
    copy = WorkSession.objects.latest("pk")
    assert (copy.title, response["Location"]) == ("Lighthouse copy", copy.url)
    again = client.post(session.urls["duplicate"], headers=HTMX)
    assert again.status_code == 204
    assert again["HX-Redirect"] == WorkSession.objects.latest("pk").url


@pytest.mark.parametrize("verb", ["archive", "delete"])
def test_what_is_put_away_says_how_to_undo_it(studio: None, client: Client, verb: str) -> None:
    session = factories.session()
    listed = client.get(client.post(session.urls[verb])["Location"])
    assert not WorkSession.objects.current().exists()
    (toast,) = Markup(listed.content).all("div", class_="toast")
    assert toast.text.startswith("“Lighthouse” is ")
    (undo,) = (one for one in Markup(listed.content).all("button") if "data-undo" in one.attrs)
    assert undo.attrs["formaction"] == undo.attrs["hx-post"] == session.urls["restore"]
    assert client.post(undo.attrs["formaction"])["Location"] == session.url
    assert WorkSession.objects.current().get() == session


def test_a_deleted_session_comes_back_with_its_pictures_and_its_queue(
    studio: None, client: Client
) -> None:
    session = factories.session()
    factories.pictures(1, of=session, flag="keep")
    factories.placed(2, of=session)
    client.post(session.urls["delete"])
    assert client.get(session.url).status_code == 404
    assert Job.objects.filter(state=JobState.CANCELLED).count() == 2
    client.post(session.urls["restore"])
    found = Markup(client.get(session.url).content)
    assert found.id("stage-0").text == "Drafts 1 of 3"
    assert Job.objects.filter(state=JobState.QUEUED).count() == 2


def test_stages_can_be_edited_and_stay_edited(studio: None, client: Client) -> None:
    session = factories.session()
    url = session.urls["stages"]
    fields = Markup(client.get(url, headers=HTMX).content)
    assert fields.id("id_form-1-count").attrs["value"] == "8"
    response = client.post(url, sent(s1_count="5", s3_DELETE="on"), headers=HTMX)
    assert (response.status_code, response["HX-Redirect"]) == (204, session.url)
    session.refresh_from_db()
    assert [(one.name, one.want) for one in session.stages] == [
        ("Drafts", 20),
        ("Refined", 5),
        ("Polished", 3),
    ]


def test_a_wrong_stage_is_told_at_its_field_and_nothing_changes(
    studio: None, client: Client
) -> None:
    session = factories.session()
    response = client.post(session.urls["stages"], sent(s1_steps="0"), headers=HTMX)
    found = Markup(response.content)
    widget = found.id("id_form-1-steps")
    assert response.status_code == 422
    assert widget.attrs["aria-invalid"] == "true"
    assert found.id(widget.attrs["aria-describedby"]).text == "Must be from 1 to 150."
    session.refresh_from_db()
    assert session.stages == DEFAULT_STAGES


def test_a_stage_with_pictures_is_not_taken_away(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(1, of=session, stage=1, stage_name="Refined")
    response = client.post(session.urls["stages"], sent(s0_DELETE="on"), headers=HTMX)
    assert response.status_code == 422
    assert b"Drafts stays: it or a stage after it has pictures." in response.content
    session.refresh_from_db()
    assert session.stages == DEFAULT_STAGES


@pytest.mark.parametrize(
    "management", [{}, {"form-TOTAL_FORMS": "x"}, {"form-TOTAL_FORMS": "99999"}]
)
def test_stages_that_make_no_sense_change_nothing(
    studio: None, client: Client, management: dict[str, str]
) -> None:
    session = factories.session()
    assert client.post(session.urls["stages"], management).status_code == 422
    session.refresh_from_db()
    assert session.stages == DEFAULT_STAGES


@pytest.mark.parametrize(("kind", "name"), [("upscale", "Upscaled"), ("stage", "Another")])
def test_a_stage_is_added_to_the_form_before_it_is_saved(
    studio: None, client: Client, kind: str, name: str
) -> None:
    session = factories.session()
    response = client.post(session.urls["stages"], {**sent(), "add": kind}, headers=HTMX)
    assert Markup(response.content).id("id_form-4-name").attrs["value"] == name
    session.refresh_from_db()
    assert session.stages == DEFAULT_STAGES


def test_a_stage_takes_only_a_family_that_the_farm_has(studio: None, client: Client) -> None:
    session = factories.session()
    base = f"/sessions/{session.slug}/stages"
    response = client.post(f"{base}/1/flux/")
    assert said(response) == ["No node has FLUX.1 any more."]
    assert client.post(f"{base}/9/sd15/").status_code == 404
    assert client.post(f"{base}/1/nobody/").status_code == 404
    client.post(f"{base}/1/sd15/")
    session.refresh_from_db()
    assert session.stages[1] == with_family(DEFAULT_STAGES[1], "sd15")


def goes_on(client: Client, session: WorkSession, **data: str) -> Any:
    url = f"/sessions/{session.slug}/continue/?stage=1"
    return client.post(url, data, headers=HTMX)


def test_continue_opens_the_next_stage_with_its_cells(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(2, of=session, flag="keep")
    response = goes_on(client, session)
    assert (response.status_code, response["HX-Redirect"]) == (204, f"{session.url}?stage=2")
    found = Markup(client.get(response["HX-Redirect"]).content)
    assert len(list(found.all(role="gridcell"))) == 8


def test_continue_pressed_twice_on_one_page_is_one_round(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(2, of=session, flag="keep")
    button = Markup(client.get(session.url).content).id("continue-button")
    for _ in range(2):
        assert client.post(button.attrs["hx-post"], headers=HTMX).status_code == 204
    assert Round.objects.count() == 2


def test_continue_without_a_kept_picture_says_why(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(2, of=session)
    page = Markup(client.get(session.url).content)
    button = page.id("continue-button")
    assert button.attrs["aria-disabled"] == "true"
    why = page.id(button.attrs["aria-describedby"]).text
    assert why == "Keep at least one picture to continue to Refined."
    assert said(client.post(f"/sessions/{session.slug}/continue/?stage=1")) == [why]
    assert Round.objects.count() == 1


def test_continue_from_a_page_that_is_out_of_date_says_why_too(
    studio: None, client: Client
) -> None:
    session = factories.session()
    factories.pictures(1, of=session)
    reply = Markup(goes_on(client, session).content)
    why = "Keep at least one picture to continue to Refined."
    (toast,) = reply.all(class_="toast")
    assert why in toast.text
    assert reply.id("onward-why").text == why
    assert reply.id("continue").text == ""
    assert reply.id("actions").attrs["hx-swap-oob"] == "true"
    assert Round.objects.count() == 1


def test_a_stage_that_would_grow_is_asked_for_first(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(9, of=session, flag="keep")
    ask = Markup(goes_on(client, session).content)
    assert "The stage grows to 9 pictures and takes about" in ask.id("continue").text
    yes = ask.id("continue-yes").attrs
    assert (yes["name"], yes["value"]) == ("confirmed", "9")
    for wrong in ("8", "", "yes"):
        assert goes_on(client, session, confirmed=wrong).status_code == 200
    assert Round.objects.count() == 1
    assert goes_on(client, session, confirmed="9").status_code == 204
    assert Round.objects.get(stage=1).generations.count() == 9


def test_a_yes_does_not_count_for_more_than_was_asked(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(9, of=session, flag="keep")
    factories.pictures(1, of=session, flag="keep")
    assert "grows to 10 pictures" in goes_on(client, session, confirmed="9").content.decode()
    assert Round.objects.filter(stage=1).count() == 0


def test_nothing_goes_on_from_the_last_stage(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(1, of=session, stage=3, stage_name="Final", flag="keep")
    response = client.post(f"/sessions/{session.slug}/continue/?stage=4")
    assert said(response) == ["This is the last stage."]
    assert Round.objects.count() == 1


def test_going_on_moves_no_file_and_changes_no_verdict(studio: None, client: Client) -> None:
    session = factories.session()
    for flag in ("keep", "drop", ""):
        factories.pictures(1, of=session, flag=flag)
    before = list(MediaFile.objects.order_by("pk").values())
    goes_on(client, session)
    assert list(MediaFile.objects.order_by("pk").values()) == before
