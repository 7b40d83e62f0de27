"""Sessions themselves: names and addresses, copies, the archive, the undoable delete, the funnel of each."""

import datetime as dt

import pytest
from django.utils import timezone

from farm_app.models import Job
from farm_app.models.states import AttemptState, JobState
from gallery_app.models import MediaFile
from sessions_app import takes
from sessions_app.covers import cards_of
from sessions_app.funnel import DEFAULT_STAGES, UPSCALE_STAGE
from sessions_app.models import Generation, WorkSession
from tests import factories


def states() -> list[str]:
    return list(Job.objects.order_by("pk").values_list("state", flat=True))


def test_a_new_session_has_no_name_but_an_address(studio: None) -> None:
    session = WorkSession.begin()
    assert (session.title, session.slug) == ("Untitled", f"session-{session.pk}")
    assert session.is_untitled
    assert (session.flow, session.stages) == ("draft_grid", DEFAULT_STAGES)


def test_it_is_named_after_the_first_words_of_its_prompt(studio: None) -> None:
    session = WorkSession.begin()
    session.name_after("  A lighthouse,\nin the storm, at night, seen from afar ")
    assert session.title == "A lighthouse, in the storm, at"
    assert session.slug == f"a-lighthouse-in-the-storm-at-{session.pk}"
    session.name_after("something else")
    assert session.title == "A lighthouse, in the storm, at"


@pytest.mark.parametrize("prompt", ["", " \n ", ",;."])
def test_a_prompt_without_words_names_nothing(studio: None, prompt: str) -> None:
    session = WorkSession.begin()
    session.name_after(prompt)
    assert session.is_untitled


@pytest.mark.parametrize("prompt", ["夜の灯台", "🎬", "x" * 500, "<script>alert(1)</script>"])
def test_any_prompt_makes_a_usable_address(studio: None, prompt: str) -> None:
    session = WorkSession.begin()
    session.name_after(prompt)
    session.refresh_from_db()
    assert session.title == prompt[:60]
    assert session.slug.endswith(f"-{session.pk}")
    assert session.slug.isascii()
    assert WorkSession.objects.at(session.slug) == session


def test_old_addresses_lead_to_it_after_it_was_named_and_renamed(studio: None) -> None:
    session = WorkSession.begin()
    first = session.slug
    session.name_after("a lighthouse")
    second = session.slug
    session.rename("  The keeper  ")
    assert (session.title, session.slug) == ("The keeper", second)
    assert {WorkSession.objects.at(slug) for slug in (first, second, f"x-{session.pk}")} == {
        session
    }


@pytest.mark.parametrize("slug", ["", "lighthouse", "-", "x-0", "x-99999999", "x-" + "9" * 40])
def test_an_address_of_nothing_is_nobodys(studio: None, slug: str) -> None:
    factories.session()
    assert WorkSession.objects.at(slug) is None


def test_a_title_is_cut_to_its_length(studio: None) -> None:
    session = factories.session()
    session.rename("x" * 500)
    session.refresh_from_db()
    assert len(session.title) == 80


def test_a_copy_has_the_settings_and_the_prompt_but_no_pictures(studio: None) -> None:
    session = factories.session()
    session.set_stages(DEFAULT_STAGES[:2])
    session.remember_form(0, {"prompt": "a lighthouse", "steps": 12})
    factories.pictures(2, of=session)
    copy = session.duplicate()
    copy.refresh_from_db()
    assert (copy.title, copy.stages) == ("Lighthouse copy", DEFAULT_STAGES[:2])
    assert copy.last_form(0) == {"prompt": "a lighthouse", "steps": 12}
    assert copy.slug != session.slug
    assert not copy.rounds.exists()
    assert session.rounds.count() == 1


def test_a_change_of_the_copy_leaves_the_original_alone(studio: None) -> None:
    session = factories.session()
    session.remember_form(0, {"prompt": "a lighthouse"})
    session.duplicate().remember_form(0, {"prompt": "a fox"})
    session.refresh_from_db()
    assert session.last_form(0) == {"prompt": "a lighthouse"}


def test_archived_and_deleted_sessions_are_not_at_work(studio: None) -> None:
    here, put_away, gone = (factories.session(name) for name in ("a", "b", "c"))
    put_away.archive()
    gone.delete_softly()
    assert list(WorkSession.objects.current()) == [here]
    assert list(WorkSession.objects.archived()) == [put_away]
    put_away.unarchive()
    gone.undelete()
    assert set(WorkSession.objects.current()) == {here, put_away, gone}


def test_the_latest_work_comes_first(studio: None) -> None:
    old, new = factories.session("old"), factories.session("new")
    past = timezone.now() - dt.timedelta(hours=1)
    WorkSession.objects.filter(pk=old.pk).update(updated=past)
    assert list(WorkSession.objects.current()) == [new, old]
    old.refresh_from_db()
    old.touch()
    assert list(WorkSession.objects.current()) == [old, new]


def test_deleting_cancels_what_waits_and_keeps_every_picture(studio: None) -> None:
    session = factories.session()
    factories.pictures(1, of=session)
    factories.placed(2, of=session)
    takes.delete(session)
    assert states() == [JobState.DONE, JobState.CANCELLED, JobState.CANCELLED]
    assert MediaFile.objects.shown().count() == 1


def test_deleting_stops_what_renders(studio: None) -> None:
    session = factories.session()
    (one,) = factories.takes(factories.placed(1, of=session))
    attempt = factories.running(one)
    takes.delete(session)
    assert states() == [JobState.CANCELLING]
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.RUNNING  # the node has yet to confirm


def test_undo_asks_again_for_what_was_cancelled_with_the_session(studio: None) -> None:
    session = factories.session()
    ours, earlier = factories.takes(factories.placed(2, of=session))
    takes.cancel([earlier])
    takes.delete(session)
    session.refresh_from_db()
    takes.undelete(session)
    assert states() == [JobState.QUEUED, JobState.CANCELLED]
    session.refresh_from_db()
    assert session.deleted_at is None
    assert ours.job.seed == Job.objects.get(pk=ours.job_id).seed


def test_a_changed_stage_wins_over_its_last_form(studio: None) -> None:
    session = factories.session()
    session.remember_form(1, {"prompt": "x", "steps": 25, "family": "sdxl"})
    session.remember_form(3, {"prompt": "y"})
    changed = list(DEFAULT_STAGES)
    changed[1] = type(changed[1])("Refined", 8, "sdxl", 1024, 1024, 40, 0.55)
    session.set_stages(tuple(changed[:3]))
    session.refresh_from_db()
    assert session.stages == tuple(changed[:3])
    assert session.last_form(1) == {"prompt": "x", "family": "sdxl"}
    assert session.last_form(3) == {}


def test_two_tabs_do_not_undo_one_another(studio: None) -> None:
    session = factories.session()
    other = type(session).objects.get(pk=session.pk)
    session.remember_form(0, {"prompt": "a fox"})
    other.remember_form(1, {"prompt": "a ship"})
    session.set_stages(DEFAULT_STAGES[:3])
    other.use_family(2, "sd15")
    other.refresh_from_db()
    assert [other.last_form(stage).get("prompt") for stage in (0, 1)] == ["a fox", "a ship"]
    assert [one.family for one in other.stages] == ["sd15", "sdxl", "sd15"]


def test_work_is_where_the_last_stage_was_asked_for(studio: None) -> None:
    session = factories.session()
    assert (session.last_stage_asked(), session.current_stage()) == (None, 0)
    factories.placed(of=session, stage=2, stage_name="Polished")
    factories.placed(of=session)
    assert (session.last_stage_asked(), session.current_stage()) == (2, 2)
    session.set_stages(DEFAULT_STAGES[:2])
    assert session.current_stage() == 1


def test_a_picture_in_the_trash_is_no_picture_of_the_session(studio: None) -> None:
    session = factories.session()
    (one,) = factories.pictures(1, of=session, flag="keep")
    assert list(Generation.objects.of_stage(session, 0).kept()) == [one]
    assert one.picture is not None
    factories.on_disk(one.picture).trash()
    assert not Generation.objects.of_stage(session, 0).kept().exists()
    assert factories.takes(one.round)[0].picture is None


def test_a_second_file_of_a_job_is_not_its_picture(studio: None) -> None:
    session = factories.session()
    (one,) = factories.pictures(1, of=session, flag="keep")
    factories.second_output(one, flag="drop")
    assert list(Generation.objects.of_stage(session, 0).kept()) == [one]
    assert not Generation.objects.of_stage(session, 0).flagged("drop").exists()


def test_a_card_shows_the_best_picture_of_the_furthest_stage(studio: None) -> None:
    session = factories.session()
    drafts = factories.pictures(2, of=session, flag="keep")
    assert drafts[0].picture is not None
    (card,) = cards_of([session])
    assert card.cover is not None
    assert card.cover.thumb_url == drafts[0].picture.thumb_url
    dropped, plain, kept = factories.pictures(3, of=session, stage=1, stage_name="Refined")
    MediaFile.objects.filter(made_by__job=dropped.job).update(flag="drop")
    assert _cover(session) == plain.pk
    MediaFile.objects.filter(made_by__job=kept.job).update(flag="keep")
    assert _cover(session) == kept.pk


def _cover(session: WorkSession) -> int:
    (card,) = cards_of([session])
    url = card.cover.thumb_url if card.cover else ""
    rows = Generation.objects.filter(round__session=session).with_pictures()
    return next(one.pk for one in rows if one.picture and one.picture.thumb_url == url)


def test_a_card_says_how_far_its_session_is(studio: None) -> None:
    empty, made = factories.session(), factories.session()
    factories.placed(2, of=made)
    lines = [card.stage_line for card in cards_of([empty, made])]
    assert lines == ["", "Drafts · 0 of 2 done"]
    factories.finish(factories.takes(made.rounds.get()), flag="keep")
    (card,) = cards_of([made])
    assert card.stage_line == "Drafts · 2 of 2 kept"


def test_an_upscale_stage_is_kept_like_any_other(studio: None) -> None:
    session = factories.session()
    session.set_stages((*DEFAULT_STAGES, UPSCALE_STAGE))
    session.refresh_from_db()
    assert session.stages[-1] == UPSCALE_STAGE
