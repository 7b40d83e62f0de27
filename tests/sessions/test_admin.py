"""Sessions in the admin: nothing begins or ends there, and what was deleted can be brought back."""

from django.test import Client
from django.urls import reverse

from farm_app.models import Job
from farm_app.models.states import JobState
from sessions_app import takes
from sessions_app.models import Round, WorkSession
from tests import factories
from tests.markup import Markup

LIST = "/admin/sessions_app/worksession/"


def act(client: Client, action: str, *sessions: WorkSession) -> str:
    sent = {"action": action, "_selected_action": [one.pk for one in sessions]}
    return client.post(LIST, sent, follow=True).content.decode()


def test_no_session_is_added_or_deleted_there(studio: None, client: Client) -> None:
    session = factories.placed(1).session
    one = reverse("admin:sessions_app_worksession_change", args=[session.pk])
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(one.replace("change", "delete"), {"post": "yes"}).status_code == 403
    act(client, "delete_selected", session)
    assert not list(Markup(client.get(one).content).all("a", class_="deletelink"))
    assert (WorkSession.objects.count(), Round.objects.count()) == (1, 1)


def test_a_session_is_renamed_there(studio: None, client: Client) -> None:
    session = factories.session()
    page = reverse("admin:sessions_app_worksession_change", args=[session.pk])
    assert client.post(page, {"title": "Beacon"}).status_code == 302
    session.refresh_from_db()
    assert session.title == "Beacon"


def test_deleted_sessions_are_brought_back_with_what_they_waited_for(
    studio: None, client: Client
) -> None:
    session, there = factories.placed(2).session, factories.session()
    takes.delete(session)
    assert "1 session is back." in act(client, "bring_back", session, there)
    assert WorkSession.objects.there().count() == 2
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.QUEUED}
