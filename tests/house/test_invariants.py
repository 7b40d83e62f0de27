"""Every invariant is broken on purpose, found and named; what can be mended is mended, and then nothing is found."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from eliot import soundness
from eliot.soundness import Breach, Look, run
from farm_app import claiming, invariants
from farm_app.models import Attempt, GpuNode, Job, JobEvent, Lease, NodeBlock
from farm_app.models.states import AttemptState, JobState
from farm_app.spool import Spool
from farm_app.store import store
from gallery_app.intake import reserve
from gallery_app.models import Library, MediaFacts, MediaFile
from sessions_app import invariants as table
from sessions_app.models import Generation
from tests import factories
from tests.gallery.making import picture, sha256

ALL = (*table.CHECKS, *invariants.ALL)
LATER = timedelta(days=1)


def taken() -> Attempt:
    """Let a node take the first job that waits, by the farm's own verbs."""
    for node in GpuNode.objects.enabled():
        if (attempt := claiming.claim(node)) is not None:
            return attempt
    raise AssertionError("no node takes anything")


def made(attempt: Attempt) -> Attempt:
    """Let the node have made it, and the spool have its picture."""
    for state in (AttemptState.SUBMITTING, AttemptState.RUNNING, AttemptState.PRODUCED):
        assert attempt.move(state)
    assert attempt.job.move(JobState.STORING, "Made.", attempt=attempt)
    content, spool = picture(), Spool(attempt)
    spool.path.parent.mkdir(exist_ok=True)
    spool.path.write_bytes(content)
    name = reserve(attempt.job.library, attempt.job.destination, uid=attempt.pk)
    assert attempt.move(AttemptState.FETCHED, media_file=name, sha256_node=sha256(content))
    return attempt


@pytest.fixture
def job(studio: None) -> Job:
    """A job that is done, with its picture in the library."""
    factories.placed(1)
    attempt = made(taken())
    store(str(attempt.pk))
    found = Job.objects.get()
    assert found.state == JobState.DONE
    return found


def rows(which: Any) -> Any:
    return type(which)._default_manager.filter(pk=which.pk)


def the_file(job: Job) -> MediaFile:
    assert job.output is not None
    return job.output


def winner(job: Job) -> Attempt:
    assert job.winner is not None
    return job.winner


def look(*, is_quiet: bool = True) -> list[Breach]:
    return run(ALL, Look(is_quiet=is_quiet))


def test_what_went_its_way_is_sound(job: Job) -> None:
    factories.placed(3)
    taken()
    Job.objects.queued().filter(pk=Job.objects.queued()[0].pk).update(not_before=timezone.now())
    assert [str(one) for one in look()] == []


# Each breaks one thing about a job that is done, or about another one.


def running_on_no_node(job: Job) -> None:
    factories.placed(1)
    taken().move(AttemptState.LOST, reason="gone")


def storing_with_no_picture(job: Job) -> None:
    factories.placed(1)
    attempt = made(taken())
    attempt.move(AttemptState.LOST, reason="gone")
    Spool(attempt).discard()


def cancelling_on_no_node(job: Job) -> None:
    factories.placed(1)
    attempt = taken()
    attempt.job.move(JobState.CANCELLING, "Cancel asked.")
    attempt.move(AttemptState.LOST, reason="gone")


def alive_after_the_end(job: Job) -> None:
    factories.placed(1)
    attempt = taken()
    attempt.job.move(JobState.FAILED, "No.", reason="no", finished=timezone.now())


def failed_without_a_word(job: Job) -> None:
    factories.placed(1)
    Job.objects.queued()[0].move(JobState.FAILED, "No.", finished=timezone.now())


def done_at_no_time(job: Job) -> None:
    rows(job).update(finished=None)


def put_off_for_years(job: Job) -> None:
    factories.placed(1)
    Job.objects.queued().update(not_before=timezone.now() + LATER)


def followed_by_nobody(job: Job) -> None:
    factories.placed(1)
    rows(taken()).update(reserved=timezone.now() - LATER)
    Lease.objects.take("sweep", ttl=timedelta(seconds=1))


def brought_home_by_nobody(job: Job) -> None:
    factories.placed(1)
    rows(made(taken())).update(produced=timezone.now() - LATER)
    Lease.objects.take("sweep", ttl=timedelta(seconds=1))


def an_attempt_too_few(job: Job) -> None:
    rows(job).update(fence=2)


def three_alive(job: Job) -> None:
    factories.placed(1)
    first = taken()
    for fence, slug in ((2, "gpu-x"), (3, "gpu-y")):
        node = factories.node(slug)
        other = Attempt.objects.create(job=first.job, node=node, origin="", fence=fence)
        first.job.say("A copy.", attempt=other)
    rows(first.job).update(fence=3)


def won_by_one_that_lost(job: Job) -> None:
    rows(winner(job)).update(state=AttemptState.LOST, reason="gone")


def done_without_its_picture(job: Job) -> None:
    job.outputs.all().delete()


def another_picture(job: Job) -> None:
    library = the_file(job).library
    other = MediaFile.objects.create(
        library=library, path="x.png", path_key="x.png", placed_at=timezone.now()
    )
    job.outputs.update(media_file=other)


def a_picture_too_many(job: Job) -> None:
    rows(job).update(state=JobState.QUEUED, winner=None)


def a_strangers_file(job: Job) -> None:
    other = MediaFile.objects.create(library=the_file(job).library, path="x.png", path_key="x.png")
    rows(winner(job)).update(media_file=other)


def a_name_for_nobody(job: Job) -> None:
    reserve(Library.default(), "nobody/0001.png")


def left_in_the_spool(job: Job) -> None:
    left = Spool(Attempt(pk=the_file(job).pk)).path
    left.write_bytes(b"x")
    os.utime(left, (0, 0))


def no_event_for_a_move(job: Job) -> None:
    factories.placed(1)
    Job.objects.queued().update(state=JobState.WAITING, reason="No node.")


def no_event_at_all(job: Job) -> None:
    factories.placed(1)
    JobEvent.objects.filter(job__state=JobState.QUEUED).delete()


def a_move_that_no_job_may(job: Job) -> None:
    JobEvent.objects.create(job=job, before="done", after="running", sentence="Again?")
    JobEvent.objects.create(job=job, before="running", after="storing", sentence="Hm.")
    JobEvent.objects.create(job=job, before="storing", after="done", sentence="Well.")


def an_end_without_a_time(job: Job) -> None:
    rows(winner(job)).update(ended=None)


def lost_without_a_word(job: Job) -> None:
    factories.placed(1)
    attempt = taken()
    attempt.move(AttemptState.LOST)
    attempt.job.move(JobState.QUEUED, "Again.", attempt=attempt)


def failed_in_no_way(job: Job) -> None:
    factories.placed(1)
    attempt = taken()
    attempt.move(AttemptState.FAILED, reason="no")
    attempt.job.move(JobState.QUEUED, "Again.", attempt=attempt)


def in_no_story(job: Job) -> None:
    JobEvent.objects.filter(attempt=winner(job)).update(attempt=None)


def ended_and_open(job: Job) -> None:
    factories.placed(1)
    Job.objects.queued().update(finished=timezone.now())


def a_node_that_loads_for_nobody(job: Job) -> None:
    GpuNode.objects.filter(slug="gpu-draft").update(warming_until=timezone.now() - LATER)


def a_lease_without_end(job: Job) -> None:
    Lease.objects.take("node:1", ttl=timedelta(days=1))


def two_at_a_time(job: Job) -> None:
    """As after a repair by hand; what was dropped comes back with the end of the test."""
    with connection.cursor() as cursor:
        cursor.execute("drop index one_attempt_per_node_slot")
    factories.placed(2)
    first = taken()
    second = Job.objects.queued()[0]
    other = Attempt.objects.create(job=second, node=first.node, origin="", fence=1)
    rows(second).update(fence=1)
    second.move(JobState.RUNNING, "Taken as well.", attempt=other)


def a_block_without_a_word(job: Job) -> None:
    node = GpuNode.objects.all()[0]
    NodeBlock.objects.create(node=node, template="x", failures=3, is_active=True)


def going_round(job: Job) -> None:
    now = timezone.now()
    JobEvent.objects.bulk_create(
        JobEvent(job=job, before="done", after="done", sentence="Again.", at=now)
        for _ in range(invariants.MOST_EVENTS)
    )


def gone_from_the_disk(job: Job) -> None:
    the_file(job).absolute_path.unlink()


def there_again(job: Job) -> None:
    rows(the_file(job)).update(missing_since=timezone.now())


def of_another_size(job: Job) -> None:
    with the_file(job).absolute_path.open("ab") as stream:
        stream.write(b"x")


def of_other_bytes(job: Job) -> None:
    path = the_file(job).absolute_path
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


def nothing_known(job: Job) -> None:
    MediaFacts.objects.all().delete()


def between_two_places(job: Job) -> None:
    file = the_file(job)
    rows(file).update(moving_from=file.path, path="elsewhere.png", path_key="elsewhere.png")


def a_key_of_its_own(job: Job) -> None:
    rows(the_file(job)).update(path_key="SOMETHING")


def a_part(job: Job) -> None:
    part = the_file(job).absolute_path.with_name(".eliot-part-x-0")
    part.write_bytes(b"x")
    os.utime(part, (0, 0))


def an_empty_mount(job: Job) -> None:
    (Library.default().root_path / ".gallery" / "root.json").unlink()


def a_job_that_no_page_shows(job: Job) -> None:
    factories.placed(1)
    Generation.objects.filter(job__state=JobState.QUEUED).delete()


MENDED: tuple[tuple[Callable[[Job], None], str, str], ...] = (
    (running_on_no_node, "I1", "runs, and is on no node"),
    (storing_with_no_picture, "I1", "is being stored, and no picture"),
    (cancelling_on_no_node, "I1", "is being cancelled, and is on no node"),
    (alive_after_the_end, "I1", "is reserved, the job failed"),
    (put_off_for_years, "I1", "is not to start before"),
    (done_without_its_picture, "I2", "is done and has no picture"),
    (a_name_for_nobody, "I3", "is reserved for file"),
    (left_in_the_spool, "I3", "which nobody brings home"),
    (gone_from_the_disk, "I3", "is not in the library"),
    (there_again, "I3", "counts as missing, and is there"),
    (nothing_known, "I3", "nothing is known of"),
    (between_two_places, "I3", "is on its way from"),
    (a_key_of_its_own, "I3", "is kept apart as"),
    (a_part, "I3", "Nobody owns"),
    (no_event_for_a_move, "I4", "is waiting; its events end at queued"),
    (no_event_at_all, "I4", "no event says how it came to be"),
    (a_node_that_loads_for_nobody, "I1", "loads a model ahead"),
    (a_lease_without_end, "I5", "much too late"),
)
TOLD: tuple[tuple[Callable[[Job], None], str, str], ...] = (
    (failed_without_a_word, "I1", "is failed and does not say why"),
    (done_at_no_time, "I1", "nobody knows since when"),
    (followed_by_nobody, "I1", "nobody follows it"),
    (brought_home_by_nobody, "I1", "nobody brings it home"),
    (a_job_that_no_page_shows, "I1", "no page shows it"),
    (an_attempt_too_few, "I2", "counts 2 attempts and has 1"),
    (three_alive, "I2", "has 3 attempts alive"),
    (won_by_one_that_lost, "I2", "which did not do it"),
    (another_picture, "I2", "another picture than its winner"),
    (a_strangers_file, "I2", "which is another's"),
    (a_picture_too_many, "I2", "is queued and has a picture"),
    (of_another_size, "I3", "bytes instead of"),
    (of_other_bytes, "I3", "as many bytes as it should"),
    (an_empty_mount, "I3", "is offline"),
    (a_move_that_no_job_may, "I4", "from done to running, which no job may"),
    (an_end_without_a_time, "I4", "nobody knows since when"),
    (lost_without_a_word, "I4", "is lost and does not say why"),
    (failed_in_no_way, "I4", "in which way"),
    (in_no_story, "I4", "is in no event"),
    (two_at_a_time, "I5", "has 2 attempts at a time"),
    (a_block_without_a_word, "I5", "does not say why"),
    (ended_and_open, "I6", "has ended before"),
    (going_round, "I7", "goes round with it"),
)


def breaking(cases: Any) -> Any:
    return pytest.mark.parametrize(
        ("broken", "check", "said"), cases, ids=lambda one: getattr(one, "__name__", "")
    )


def found(check: str, said: str, breaches: list[Breach]) -> list[Breach]:
    return [one for one in breaches if one.check == check and said in one.sentence]


@breaking(MENDED)
def test_what_is_broken_is_found_and_mended(
    job: Job, broken: Callable[[Job], None], check: str, said: str
) -> None:
    broken(job)
    breaches = look(is_quiet=False)
    (breach,) = found(check, said, breaches)
    assert breach.repair is not None
    assert breach.repair.mend()
    assert [str(one) for one in look()] == []


@breaking(TOLD)
def test_what_only_a_person_can_decide_is_found(
    job: Job, broken: Callable[[Job], None], check: str, said: str
) -> None:
    broken(job)
    (breach,) = found(check, said, look(is_quiet=False))
    assert breach.repair is None


def test_a_repair_that_is_no_longer_needed_does_nothing(job: Job) -> None:
    running_on_no_node(job)
    (breach,) = look()
    assert breach.repair is not None
    assert breach.repair.mend()
    assert not breach.repair.mend()


def test_what_is_set_aside_is_kept(job: Job, data: Path) -> None:
    a_part(job)
    left_in_the_spool(job)
    for breach in look():
        assert breach.repair is not None
        assert breach.repair.mend()
    trash = Library.default().root_path / ".gallery" / "trash"
    (part,) = trash.rglob(".eliot-part-x-0")
    (left,) = (Path(settings.ELIOT_DATA) / "doctor" / "aside").rglob("*.picture")
    assert part.read_bytes() == left.read_bytes() == b"x"


def test_what_is_under_way_for_a_moment_is_no_breach(job: Job) -> None:
    seen: list[float] = []

    def meanwhile(seconds: float) -> None:
        seen.append(seconds)
        rows(job).update(finished=timezone.now())

    done_at_no_time(job)
    assert soundness.run_surely(ALL, Look(), pause=meanwhile) == []
    assert seen == [soundness.BETWEEN_LOOKS_S]


def test_a_breach_that_stays_is_told_beside_one_that_passes(job: Job) -> None:
    done_at_no_time(job)
    an_attempt_too_few(job)
    left = soundness.run_surely(ALL, Look(), pause=lambda _: rows(job).update(fence=1))
    assert ["since when" in str(one) for one in left] == [True]
