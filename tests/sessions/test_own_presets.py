"""Presets as rows: the shipped ones as often as one likes, never over somebody's hand; and those that people keep."""

import copy
import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command
from django.db import OperationalError

from eliot.launch.preparing import prepare
from eliot.policy import local_owner
from sessions_app import own_cinema, seeding
from sessions_app.cinema import engine, vocabulary
from sessions_app.cinema.config import BadValue, write_config
from sessions_app.cinema.presets import apply_preset, find_preset, presets
from sessions_app.cinema.prompt import compile_prompt
from sessions_app.cinema.targets import find_target
from sessions_app.cinema.vocabulary import UnknownTerm, vocabularies
from sessions_app.management.commands import load_presets
from sessions_app.models import CinemaPreset, CinemaTerm
from sessions_app.seeding import seed_presets
from tests.farm.api.program import Program

pytestmark = pytest.mark.django_db
SHIPPED = 70 + 45
SCENE = "A keeper climbs the stairs."


def edited(key: str = "blade_runner", **changes: Any) -> CinemaPreset:
    row = CinemaPreset.objects.get(key=key)
    row.entry = {**row.entry, **changes}
    row.save()
    return row


def ship(monkeypatch: pytest.MonkeyPatch, **films: dict[str, Any] | None) -> None:
    """Ship other data: changed films, or none of that id."""
    data = {name: copy.deepcopy(vocabulary.read_file(name)) for name in ("films", "looks")}
    kept = [one for one in data["films"]["films"] if films.get(one["id"], {}) is not None]
    data["films"] = {"films": [{**one, **(films.get(one["id"]) or {})} for one in kept]}
    monkeypatch.setattr(seeding, "read_file", lambda name: data[name])


def kept(title: str = "Night watch", **told: Any) -> CinemaPreset:
    choices = write_config(apply_preset("blade_runner", {"size": "cu", "moods": ["tense"]}))
    return CinemaPreset.keep(**{"title": title, "kind": "live_action", "choices": choices, **told})


def look() -> None:
    own_cinema.bring_up_to_date(force=True)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING, logger="sessions_app.own_cinema"):
        yield caplog


def test_loading_twice_is_loading_once() -> None:
    assert str(seed_presets()) == f"{SHIPPED} added"
    before = list(CinemaPreset.objects.values())
    assert str(seed_presets()) == f"{SHIPPED} unchanged"
    assert list(CinemaPreset.objects.values()) == before


def test_a_row_holds_the_whole_shipped_preset() -> None:
    seed_presets()
    row = CinemaPreset.objects.get(key="blade_runner")
    assert (row.title, row.kind, row.is_shipped, row.is_edited) == (
        "Blade Runner",
        "live_action",
        True,
        False,
    )
    assert row.entry["palette"][0] == "#06080c"
    assert CinemaPreset.objects.get(key="pastoral_painted").kind == "animation"


def test_every_start_loads_them(studio: None) -> None:
    prepare()
    assert CinemaPreset.objects.shipped().count() == SHIPPED


def test_a_rehearsal_writes_nothing_and_says_the_same() -> None:
    out = StringIO()
    call_command("load_presets", "--dry-run", stdout=out)
    assert not CinemaPreset.objects.exists()
    again = StringIO()
    call_command("load_presets", stdout=again)
    assert out.getvalue() == again.getvalue() == f"{SHIPPED} added\n"


def test_a_changed_shipped_preset_changes_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    seed_presets()
    ship(monkeypatch, blade_runner={"line": "Rain."})
    assert seed_presets(is_dry=True).changed == ["blade_runner"]
    assert seed_presets().changed == ["blade_runner"]
    row = CinemaPreset.objects.get(key="blade_runner")
    assert (row.entry["line"], row.is_edited) == ("Rain.", False)


def test_a_row_that_was_edited_by_hand_survives_a_changed_shipped_preset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seed_presets()
    edited(line="Ours.")
    ship(monkeypatch, blade_runner={"line": "Theirs."})
    out = StringIO()
    call_command("load_presets", stdout=out)
    assert "1 left as edited by hand" in out.getvalue()
    assert "Edited by hand or your own: blade_runner" in out.getvalue()
    assert CinemaPreset.objects.get(key="blade_runner").entry["line"] == "Ours."


def test_a_preset_that_is_shipped_no_more_is_left_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seed_presets()
    ship(monkeypatch, blade_runner=None)
    out = StringIO()
    call_command("load_presets", stdout=out)
    assert "1 left though no longer shipped\nNo longer shipped: blade_runner\n" in out.getvalue()
    assert CinemaPreset.objects.there().filter(key="blade_runner").exists()


def test_what_was_deleted_stays_deleted_and_is_offered_no_more() -> None:
    seed_presets()
    CinemaPreset.objects.get(key="blade_runner").delete_softly()
    assert seed_presets().deleted == ["blade_runner"]
    look()
    with pytest.raises(UnknownTerm):
        find_preset("blade_runner")
    CinemaPreset.objects.get(key="blade_runner").undelete()
    look()
    assert find_preset("blade_runner").label == "Blade Runner"


def test_a_preset_that_somebody_made_is_never_taken_over() -> None:
    CinemaPreset.objects.create(key="blade_runner", title="Mine", choices={"size": "cu"})
    assert seed_presets().kept == ["blade_runner"]
    assert not CinemaPreset.objects.get(key="blade_runner").is_shipped


def test_the_shipped_words_can_be_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seed_presets()
    row = edited(line="Ours.")
    assert row.is_edited
    assert seeding.put_back(row)
    row.refresh_from_db()
    assert not row.is_edited
    ship(monkeypatch, blade_runner=None)
    assert not seeding.put_back(edited(line="Ours."))


def test_an_edited_shipped_preset_is_what_the_engine_begins_with() -> None:
    seed_presets()
    edited(title="Rain City", year=1990)
    look()
    assert find_preset("blade_runner").label == "Rain City"
    assert apply_preset("blade_runner").values()["year"] == 1990
    assert [one.id for one in presets()].count("blade_runner") == 1


def test_shipped_rows_that_nobody_edited_are_never_handed_over() -> None:
    before = list(presets())
    seed_presets()
    look()
    assert list(presets()) == before
    assert vocabularies() is vocabulary.shipped()


def test_a_kept_configuration_begins_as_it_was_kept() -> None:
    row = kept(scene=SCENE, query="?preset=blade_runner", owner=local_owner())
    look()
    assert (row.key, row.query, row.owner) == (
        "night_watch",
        "preset=blade_runner",
        local_owner(),
    )
    begun = apply_preset("night_watch")
    same = apply_preset("blade_runner", {"size": "cu", "moods": ["tense"]})
    assert begun.values() == same.values()
    assert begun.preset == "night_watch"
    assert find_preset("Night watch").line == SCENE


def test_a_kept_look_keeps_the_words_of_the_look_that_it_was_begun_with() -> None:
    told = write_config(apply_preset("pastoral_painted", {"size": "cu"}))
    CinemaPreset.keep(title="Meadow", kind="animation", choices=told)
    look()
    target = find_target("flux.1")
    mine = compile_prompt(target, apply_preset("meadow"), SCENE).text
    assert "hand-drawn pastoral fantasy" in mine
    assert (
        mine == compile_prompt(target, apply_preset("pastoral_painted", {"size": "cu"}), SCENE).text
    )
    assert not [one for one in engine.validate(apply_preset("meadow")) if one.severity == "hard"]


def test_what_is_kept_from_a_kept_one_leads_back_to_its_film() -> None:
    kept()
    look()
    again = CinemaPreset.keep(
        title="Other", kind="live_action", choices=write_config(apply_preset("night_watch"))
    )
    assert again.choices["preset"] == "blade_runner"


def test_a_second_one_of_the_same_name_writes_over_nothing() -> None:
    assert [kept().key, kept().key, kept("Blade Runner").key] == [
        "night_watch",
        "night_watch_2",
        "blade_runner_2",
    ]
    assert kept("雨").key == "preset"
    CinemaPreset.objects.get(key="night_watch").delete_softly()
    assert kept().key == "night_watch_3"


def test_a_deleted_own_preset_can_be_brought_back() -> None:
    row = kept()
    row.delete_softly()
    look()
    with pytest.raises(UnknownTerm):
        find_preset("night_watch")
    assert not CinemaPreset.objects.own().there().exists()
    row.undelete()
    look()
    assert find_preset("night_watch").label == "Night watch"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"choices": {"size": "gigantic"}}, "There is no shot size called gigantic"),
        ({"choices": {"flavor": "sweet"}}, "There is no field called flavor"),
        ({"title": "  "}, "Give it a name"),
        ({"kind": "opera"}, "not opera"),
    ],
)
def test_nothing_unknown_is_kept(told: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        kept(**told)
    assert not CinemaPreset.objects.exists()


def test_whoever_has_no_row_keeps_presets_too() -> None:
    assert kept(owner=AnonymousUser()).owner is None
    assert issubclass(BadValue, ValueError)


def test_the_command_line_knows_what_was_kept() -> None:
    kept()
    out = StringIO()
    call_command(
        "cinema", "prompt", "--preset", "night_watch", "--scene", SCENE, "--json", stdout=out
    )
    assert "A close-up" in json.loads(out.getvalue())["prompt"]


def test_a_bad_row_breaks_nothing(logged: pytest.LogCaptureFixture) -> None:
    seed_presets()
    edited(look={"moods": ["nope"]})
    CinemaPreset.objects.create(key="broken", title="Broken", choices={"size": "gigantic"})
    CinemaPreset.objects.create(key="listed", title="List", entry=["no", "object"])
    CinemaTerm.objects.create(vocabulary="moods", key="numb", entry={"label": 4})
    kept()
    look()
    assert find_preset("night_watch").label == "Night watch"
    assert find_preset("blade_runner").label == "Blade Runner"
    assert "numb" not in vocabularies().moods
    said = [one.getMessage() for one in logged.records]
    assert "cinema preset broken is left out: There is no shot size called gigantic." in said[-1]
    assert len(said) == 4


def test_rows_are_looked_at_once_a_second(django_assert_num_queries: Any) -> None:
    own_cinema.bring_up_to_date()
    with django_assert_num_queries(0):
        own_cinema.bring_up_to_date()
    own_cinema._looked_s = float("-inf")
    with django_assert_num_queries(1):
        own_cinema.bring_up_to_date()


def test_what_is_saved_here_is_known_at_once(
    django_capture_on_commit_callbacks: Any,
) -> None:
    own_cinema.bring_up_to_date()
    with django_capture_on_commit_callbacks(execute=True):
        row = kept()
    assert find_preset("night_watch").label == "Night watch"
    with django_capture_on_commit_callbacks(execute=True):
        row.delete()
    with pytest.raises(UnknownTerm):
        find_preset("night_watch")


def test_programs_are_told_of_what_was_kept(data: None, transactional_db: None) -> None:
    local_owner()
    kept()
    here = Program()
    found = here.get("cinema/presets?q=night+watch")["items"]
    assert [(one["id"], one["label"]) for one in found] == [("night_watch", "Night watch")]
    card = here.get("cinema/presets/night_watch")
    assert (card["based_on"], card["config"]["size"]) == ("blade_runner", "cu")
    assert [one["id"] for one in card["moods"]] == ["tense"]
    assert here.get("cinema/presets/night_watch/technical")["cameras"][0]["id"] == "panaflex_gold"
    begun = here.post("cinema/presets/night_watch/apply", {"overrides": {"size": "ws"}}, 200)
    assert begun["config"]["size"] == "ws"
    assert here.post("cinema/options", {"config": begun["config"], "field": "size"}, 200)


def test_a_rehearsal_without_tables_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def seed(**_: bool) -> None:
        raise OperationalError("no such table: sessions_app_cinemapreset")

    monkeypatch.setattr(load_presets, "seed_presets", seed)
    with pytest.raises(CommandError, match=r"no such table.*Without --dry-run its tables are made"):
        call_command("load_presets", "--dry-run")
