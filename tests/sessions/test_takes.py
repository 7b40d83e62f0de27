"""Verbs on asked-for pictures: verdicts, cancel, retry, trash and back, upscale."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from farm_app import setbacks
from farm_app.models import Attempt, Job, JobEvent
from farm_app.models.states import AttemptState, JobState
from gallery_app.models import Library, MediaFile
from sessions_app import takes
from sessions_app.models import Generation
from tests import factories


def flags() -> list[str]:
    return list(MediaFile.objects.order_by("path").values_list("flag", flat=True))


def state(one: Generation) -> str:
    return Job.objects.values_list("state", flat=True).get(pk=one.job_id)


def told(one: Generation) -> list[str]:
    return list(JobEvent.objects.filter(job=one.job).values_list("sentence", flat=True))


def test_a_picture_is_kept_dropped_and_cleared(studio: None) -> None:
    (one,) = factories.pictures()
    for flag in ("keep", "drop", ""):
        takes.judge(one, flag, actor="local")
        assert flags() == [flag]
    assert told(one) == ["Asked for.", "Kept.", "Dropped.", "Verdict cleared."]
    assert JobEvent.objects.filter(actor="local").count() == 3


def test_the_same_verdict_twice_is_told_once(studio: None) -> None:
    (one,) = factories.pictures()
    takes.judge(one, "keep")
    takes.judge(one, "keep")
    assert told(one).count("Kept.") == 1


def test_without_a_picture_there_is_no_verdict(studio: None) -> None:
    waiting, trashed = factories.takes(factories.placed(2))
    factories.finish([trashed], flag="drop")
    trashed = Generation.objects.with_pictures().get(pk=trashed.pk)
    assert trashed.picture is not None
    factories.on_disk(trashed.picture).trash()
    for one in (waiting, Generation.objects.with_pictures().get(pk=trashed.pk)):
        with pytest.raises(takes.NoPictureYet):
            takes.judge(one, "keep")
    assert flags() == ["drop"]


def test_what_waits_is_cancelled_at_once(studio: None) -> None:
    waiting, stuck = factories.takes(factories.placed(2))
    stuck.job.move(JobState.WAITING, "No node has it.", reason="No node has it.")
    assert takes.cancel([waiting, stuck]) == 2
    assert (state(waiting), state(stuck)) == (JobState.CANCELLED, JobState.CANCELLED)
    assert Job.objects.get(pk=stuck.job_id).reason == ""


def test_what_renders_is_told_to_stop_and_holds_its_node_until_it_has(studio: None) -> None:
    (one,) = factories.takes(factories.placed())
    attempt = factories.running(one)
    assert takes.cancel([one], actor="local") == 1
    assert state(one) == JobState.CANCELLING
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.RUNNING
    assert told(one)[-1] == "Cancel asked."


def test_cancelling_twice_does_not_free_a_busy_node(studio: None) -> None:
    (one,) = factories.takes(factories.placed())
    factories.running(one)
    takes.cancel([one])
    assert takes.cancel([one]) == 0
    assert state(one) == JobState.CANCELLING
    assert Attempt.objects.holding().count() == 1


def test_what_is_on_its_way_home_does_not_count_any_more(studio: None) -> None:
    (one,) = factories.takes(factories.placed())
    attempt = factories.running(one, state=AttemptState.FETCHED)
    assert takes.cancel([one]) == 1
    attempt.refresh_from_db()
    assert (state(one), attempt.state) == (JobState.CANCELLED, AttemptState.SUPERSEDED)


def test_what_has_ended_cannot_be_cancelled(studio: None) -> None:
    done, lost, gone = factories.takes(factories.placed(3))
    factories.finish([done])
    factories.failed(lost)
    takes.cancel([gone])
    assert takes.cancel(factories.takes(done.round)) == 0
    assert [state(one) for one in (done, lost, gone)] == ["done", "failed", "cancelled"]


def test_a_stale_page_cancels_what_the_row_says_not_what_it_shows(studio: None) -> None:
    (stale,) = factories.takes(factories.placed())
    factories.finish(factories.takes(stale.round))
    assert stale.job.state == JobState.QUEUED
    assert takes.cancel([stale]) == 0
    assert state(stale) == JobState.DONE


def test_a_large_batch_is_cancelled_and_asked_again_in_a_few_commits(live_studio: None) -> None:
    rows = factories.takes(factories.placed(60))
    for verb in (takes.cancel, takes.retry):
        with CaptureQueriesContext(connection) as asked:
            assert verb(rows) == 60
        commits = [one for one in asked.captured_queries if one["sql"] == "COMMIT"]
        assert len(commits) == 1


@pytest.mark.parametrize("ended", [JobState.FAILED, JobState.CANCELLED, JobState.ATTENTION])
def test_a_retry_is_the_same_job_with_the_same_seed(studio: None, ended: JobState) -> None:
    (one,) = factories.takes(factories.placed(seed="7"))
    before = dict(one.job.values)
    one.job.move(ended, "It ended.", reason="It ended.", advice="Do something.")
    assert takes.retry([one]) == 1
    again = Job.objects.get(pk=one.job_id)
    assert (again.state, again.seed, again.values) == (JobState.QUEUED, "7", before)
    assert (again.reason, again.advice, again.failures) == ("", "", 0)
    assert Generation.objects.count() == 1


def test_what_is_done_or_under_way_is_not_asked_again(studio: None) -> None:
    done, runs, waits = factories.takes(factories.placed(3))
    factories.finish([done])
    factories.running(runs)
    assert takes.retry(factories.takes(done.round)) == 0
    assert [state(one) for one in (done, runs, waits)] == ["done", "running", "queued"]


def test_undoing_a_delete_brings_back_what_its_node_has_not_stopped_yet(studio: None) -> None:
    session = factories.session()
    waits, runs = factories.takes(factories.placed(2, of=session))
    attempt = factories.running(runs)
    takes.delete(session)
    assert (state(waits), state(runs)) == (JobState.CANCELLED, JobState.CANCELLING)
    takes.undelete(session)
    assert (state(waits), state(runs)) == (JobState.QUEUED, JobState.QUEUED)
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.SUPERSEDED
    setbacks.confirm_cancel(attempt, "Cancelled.")  # its feeder hears of the end only now
    assert state(runs) == JobState.QUEUED


def test_undoing_a_delete_leaves_alone_what_was_cancelled_before(studio: None) -> None:
    session = factories.session()
    ended, stopping, waits = factories.takes(factories.placed(3, of=session))
    attempt = factories.running(stopping)
    takes.cancel([ended, stopping])
    takes.delete(session)
    setbacks.confirm_cancel(attempt, "Cancelled.")
    takes.undelete(session)
    assert [state(one) for one in (ended, stopping, waits)] == ["cancelled", "cancelled", "queued"]


def test_the_dropped_ones_go_to_the_trash_and_come_back(studio: None) -> None:
    session = factories.session()
    kept, dropped = factories.pictures(2, of=session)
    for one, flag in ((kept, "keep"), (dropped, "drop")):
        assert one.picture is not None
        factories.on_disk(one.picture)
        takes.judge(one, flag)
    path = dropped.picture.absolute_path if dropped.picture else None
    moved = takes.trash_dropped(session, 0)
    assert ([one.pk for one in moved.generations], moved.problem) == ([dropped.pk], "")
    assert path is not None
    assert not path.exists()
    assert [one.pk for one in takes.restore(session, [dropped.pk]).generations] == [dropped.pk]
    assert path.exists()
    assert told(dropped)[-2:] == ["Moved to the trash.", "Brought back from the trash."]


def test_advancing_or_judging_never_moves_a_file(studio: None) -> None:
    (one,) = factories.pictures()
    assert one.picture is not None
    path = factories.on_disk(one.picture).absolute_path
    takes.judge(one, "drop")
    assert path.exists()
    assert MediaFile.objects.shown().count() == 1


def test_only_pictures_of_the_session_itself_come_back(studio: None) -> None:
    session, other = factories.session(), factories.session()
    (one,) = factories.pictures(1, of=session, flag="drop")
    assert one.picture is not None
    factories.on_disk(one.picture)
    takes.trash_dropped(session, 0)
    assert takes.restore(other, [one.pk, 999]).generations == []
    assert not MediaFile.objects.shown().exists()


def test_a_lost_file_is_passed_over(studio: None) -> None:
    session = factories.session()
    _, there = factories.pictures(2, of=session, flag="drop")
    assert there.picture is not None
    factories.on_disk(there.picture)
    moved = takes.trash_dropped(session, 0)
    assert [one.pk for one in moved.generations] == [there.pk]
    assert "is not on the disk any more" in moved.problem


def test_a_library_that_is_offline_says_so_and_nothing_moves(studio: None) -> None:
    session = factories.session()
    factories.pictures(2, of=session, flag="drop")
    shutil.rmtree(Library.default().root_path)
    moved = takes.trash_dropped(session, 0)
    assert moved.generations == []
    assert "is offline" in moved.problem
    assert MediaFile.objects.shown().count() == 2


def test_an_upscale_joins_the_stage_of_its_picture(studio: None) -> None:
    session = factories.session()
    (one,) = factories.pictures(1, of=session)
    made = takes.upscale(one)
    assert (made.round.session, made.round.stage, made.number) == (session, 0, 2)
    assert made.job.source == one.picture
    assert made.job.group.work == "upscale"
    assert made.job.recipe["prompt"] == "a lighthouse"


def test_an_upscale_that_is_asked_for_twice_is_one_until_it_has_ended(studio: None) -> None:
    (one,) = factories.pictures()
    first = takes.upscale(one)
    assert takes.upscale(one) == first
    factories.finish([first])
    second = takes.upscale(one)
    assert second != first
    takes.cancel([second])
    assert takes.upscale(one) not in (first, second)
    assert Generation.objects.count() == 4


def test_two_clicks_at_once_are_one_upscale(live_studio: None) -> None:
    (one,) = factories.pictures()
    both = Barrier(2)

    def press(_: int) -> int:
        both.wait()
        try:
            return takes.upscale(one).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(press, range(2)))) == 1
    assert Generation.objects.count() == 2


def test_there_is_nothing_to_enlarge_before_there_is_a_picture(studio: None) -> None:
    (one,) = factories.takes(factories.placed())
    with pytest.raises(takes.NoPictureYet):
        takes.upscale(one)
    assert Generation.objects.count() == 1
