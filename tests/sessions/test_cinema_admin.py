"""The studio's rows in the admin: what is wrong is said at the field, and nothing is lost."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sessions_app.cinema.presets import find_preset
from sessions_app.models import CinemaPreset, CinemaTerm, RecentShot
from sessions_app.own_cinema import bring_up_to_date
from sessions_app.seeding import seed_presets
from tests.markup import Markup

pytestmark = pytest.mark.usefixtures("studio")
LIST = "/admin/sessions_app/cinemapreset/"


def row(key: str = "blade_runner") -> CinemaPreset:
    return CinemaPreset.objects.get(key=key)


def saved(client: Client, entry: Any, key: str = "blade_runner") -> str:
    """Save an entry on its page, and return what the page says."""
    page = reverse("admin:sessions_app_cinemapreset_change", args=[row(key).pk])
    text = entry if isinstance(entry, str) else json.dumps(entry)
    return client.post(page, {"entry": text}, follow=True).content.decode()


def act(client: Client, action: str, *rows: CinemaPreset) -> str:
    sent = {"action": action, "_selected_action": [one.pk for one in rows]}
    return client.post(LIST, sent, follow=True).content.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"look": {"moods": ["nope"]}}, "look: moods: There is no mood called nope."),
        ({"year": "soon"}, "year must be a whole number."),
        ({"scent": "pine"}, "scent: nothing reads that."),
        ({"palette": ["blue"]}, "palette holds colors as #rrggbb."),
        ({"title": " "}, "title must say something."),
        ({"id": "other"}, "Its id is blade_runner"),
        ({"light": {"key": {"azimuth": "left"}}}, "light: key: azimuth must be a number."),
        ({"aliases": ["alien"]}, "“alien” means"),
    ],
)
def test_a_bad_entry_is_refused_in_a_sentence(
    client: Client, changes: dict[str, Any], said: str
) -> None:
    seed_presets()
    assert said in saved(client, {**row().entry, **changes})
    assert not row().is_edited


def test_what_is_no_json_is_said_to_be_none(client: Client) -> None:
    seed_presets()
    assert "This entry is no JSON: look for a lost comma" in saved(client, "{,}")
    assert "It cannot be empty." in saved(client, "")


def test_an_edited_film_is_used_and_can_be_put_back(client: Client) -> None:
    seed_presets()
    saved(client, {**row().entry, "title": "Rain City"})
    assert (row().title, row().is_edited) == ("Rain City", True)
    assert "Rain City" in client.get(f"{LIST}?edited=yes").content.decode()
    bring_up_to_date(force=True)
    assert find_preset("blade_runner").label == "Rain City"
    assert "1 preset is as it was shipped." in act(client, "put_back", row(), row("alien"))
    assert (row().title, row().is_edited) == ("Blade Runner", False)


def test_an_edited_look_is_saved_too(client: Client) -> None:
    seed_presets()
    saved(client, {**row("pastoral_painted").entry, "label": "Meadows"}, "pastoral_painted")
    assert row("pastoral_painted").title == "Meadows"


def test_presets_are_deleted_so_that_they_can_be_brought_back(client: Client) -> None:
    seed_presets()
    assert "1 preset is deleted." in act(client, "delete_softly", row())
    assert row().deleted_at is not None
    assert "1 preset is back." in act(client, "bring_back", row(), row("alien"))
    page = reverse("admin:sessions_app_cinemapreset_delete", args=[row().pk])
    assert client.post(page, {"post": "yes"}).status_code == 403


def test_an_own_film_is_added_there(client: Client) -> None:
    seed_presets()
    entry = {name: one for name, one in row().entry.items() if name not in ("id", "aliases")}
    told = {
        "key": "my_film",
        "kind": "live_action",
        "entry": json.dumps({**entry, "title": "Mine"}),
    }
    assert client.post(f"{LIST}add/", told).status_code == 302
    assert (row("my_film").title, row("my_film").is_shipped) == ("Mine", False)
    again = client.post(f"{LIST}add/", {**told, "key": "alien"}).content.decode()
    assert "choose another id" in again


def test_a_kept_configuration_shows_what_was_chosen(client: Client) -> None:
    kept = CinemaPreset.keep(title="Mine", kind="live_action", choices={"size": "cu"})
    page = reverse("admin:sessions_app_cinemapreset_change", args=[kept.pk])
    assert "&quot;size&quot;: &quot;cu&quot;" in client.get(page).content.decode()
    told = {"title": "Ours", "choices": '{"size": "gigantic"}'}
    assert "no shot size called gigantic" in client.post(page, told).content.decode()
    assert client.post(page, {**told, "choices": '{"size": "ws"}'}).status_code == 302
    kept.refresh_from_db()
    assert (kept.title, kept.choices) == ("Ours", {"size": "ws"})


def test_a_term_is_added_and_refused_there(client: Client) -> None:
    page = "/admin/sessions_app/cinematerm/"
    told = {"vocabulary": "moods", "key": "dreamy_haze", "entry": '{"label": "Dreamy haze"}'}
    assert "It lacks group." in client.post(f"{page}add/", told).content.decode()
    told["entry"] = '{"label": "Dreamy haze", "group": "positive"}'
    assert client.post(f"{page}add/", told).status_code == 302
    assert "Dreamy haze" in client.get(page).content.decode()
    assert "already" in client.post(f"{page}add/", told).content.decode()
    assert CinemaTerm.objects.count() == 1


def test_a_new_term_begins_with_what_every_term_has(client: Client) -> None:
    page = Markup(client.get("/admin/sessions_app/cinematerm/add/").content)
    assert json.loads(page.id("id_entry").text).keys() == {"label", "line", "prose", "tag"}


def test_recent_shots_are_there_to_read(client: Client) -> None:
    shot = RecentShot.note(owner=None, title="Harbor", query="size=cu")
    page = "/admin/sessions_app/recentshot/"
    assert "Harbor" in client.get(page).content.decode()
    assert client.get(f"{page}{shot.pk}/change/").status_code == 200
    assert client.get(f"{page}add/").status_code == 403
