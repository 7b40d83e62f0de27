"""What must be true of jobs, attempts, files and leases whenever nothing is under way, and nearly so in between.

I1 nothing is lost, I2 nothing is there twice, I3 files and rows agree, I4 everything is explained, I5 no node has two
things to do, I6 what has ended stays so, I7 nothing grows without end.
"""

import shutil
import time
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Exists, F, Max, OuterRef, Q
from django.utils import timezone

from eliot.soundness import Breach, Check, Found, Look, Repair, run, run_surely
from eliot.writing import written
from farm_app import warming
from farm_app.models import Attempt, GpuNode, Job, JobEvent, JobOutput, Lease
from farm_app.models.states import (
    COMING_HOME,
    ENDED_JOBS,
    HOLDING,
    JOB_MOVES,
    LIVE,
    AttemptState,
    JobState,
)
from farm_app.spool import spooled
from farm_app.timers import BACKOFF_LAST_S, LEASE_TTL, STORE_AGAIN, STORE_TTL, SWEEP_LEASE_TTL
from gallery_app import soundness as gallery
from gallery_app.intake import release
from gallery_app.models import MediaFile

DOCTOR: Final = "doctor"
"""The actor of what a repair does; its moves are the only ones outside the table."""

# Whoever has to do with it has looked after it by then.
ATTENDED_S: Final = 4 * LEASE_TTL.total_seconds()
SPOOL_AGE_S: Final = 3600.0
# More than this for one job is a loop that does not end.
MOST_EVENTS: Final = 1000
MOST_LIVE: Final = 2
MOST_HOLDING: Final = 1

_attempts_of_job = Attempt.objects.filter(job=OuterRef("pk"))
_holding: Final = Exists(_attempts_of_job.filter(state__in=HOLDING))
_coming_home: Final = Exists(_attempts_of_job.filter(state__in=COMING_HOME))
_live: Final = Exists(_attempts_of_job.filter(state__in=LIVE))


# I1: nothing is lost


def _jobs_under_way_have_an_attempt(look: Look) -> Found:
    """What says that it renders is on a node; what says that it comes home is made."""
    lost: tuple[tuple[str, Exists, str, JobState, str], ...] = (
        (JobState.RUNNING, _holding, "runs, and is on no node", JobState.QUEUED, "queue it again"),
        (
            JobState.STORING,
            _coming_home,
            "is being stored, and no picture of it is made",
            JobState.QUEUED,
            "queue it again",
        ),
        (
            JobState.CANCELLING,
            _holding,
            "is being cancelled, and is on no node",
            JobState.CANCELLED,
            "call it cancelled",
        ),
    )
    for state, needed, what, to, said in lost:
        for job in Job.objects.filter(~needed, state=state):
            yield f"Job {job.pk} {what}.", Repair(said, partial(_move_on, job.pk, state, to))


def _move_on(pk: int, state: str, to: JobState) -> bool:
    with written():
        job = Job.objects.get(pk=pk)
        ended = {"finished": timezone.now()} if to in ENDED_JOBS else {"not_before": None}
        said = f"The doctor found it {state} with nobody at it."
        return job.move(to, said, only_from=(state,), actor=DOCTOR, reason=said, **ended)


def _waiting_jobs_are_not_under_way(look: Look) -> Found:
    """What waits or has ended has nothing on a node that could still win."""
    idle = (JobState.QUEUED, JobState.WAITING, *ENDED_JOBS)
    rows = Attempt.objects.live().filter(job__state__in=idle).select_related("job")
    for attempt in rows:
        said = f"Attempt {attempt.pk} of job {attempt.job_id} is {attempt.state}, the job {attempt.job.state}."
        yield said, Repair("let the attempt count no more", partial(_supersede, attempt))


def _supersede(attempt: Attempt) -> bool:
    said = "The doctor found it left over."
    with written():
        if not attempt.move(AttemptState.SUPERSEDED, reason=said):
            return False
        job = attempt.job
        job.refresh_from_db()
        job.say(said, attempt=attempt, actor=DOCTOR)
    return True


def _jobs_say_why(look: Look) -> Found:
    """What needs a person, failed or ended says why and when."""
    silent = Q(state__in=(JobState.WAITING, JobState.ATTENTION, JobState.FAILED), reason="")
    for pk, state in Job.objects.filter(silent).values_list("pk", "state"):
        yield f"Job {pk} is {state} and does not say why.", None
    undated = Job.objects.filter(state__in=ENDED_JOBS, finished=None)
    for pk, state in undated.values_list("pk", "state"):
        yield f"Job {pk} is {state}, nobody knows since when.", None


def _nothing_waits_too_long(look: Look) -> Found:
    """Every pause ends; what is under way is attended by somebody, while anybody works at all."""
    latest = timezone.now() + timedelta(seconds=2 * BACKOFF_LAST_S)
    for job in Job.objects.queued().filter(not_before__gt=latest):
        said = f"Job {job.pk} is not to start before {job.not_before:%Y-%m-%d %H:%M}."
        yield said, Repair("let it start at once", partial(_lift_pause, job.pk))
    held = set(Lease.objects.held_now().values_list("name", flat=True))
    if "sweep" not in held:
        return  # nobody works: all of it waits for a start
    since = timezone.now() - timedelta(seconds=ATTENDED_S)
    for attempt in Attempt.objects.holding().filter(reserved__lt=since):
        if f"node:{attempt.node_id}" not in held:
            yield (
                f"Attempt {attempt.pk} is {attempt.state} on its node, and nobody follows it.",
                None,
            )
    overdue = timezone.now() - STORE_TTL - 4 * STORE_AGAIN
    left = Q(store_until__lt=overdue) | Q(store_until=None, produced__lt=overdue)
    for attempt in Attempt.objects.coming_home().filter(left, job__state=JobState.STORING):
        yield f"Attempt {attempt.pk} is {attempt.state}, and nobody brings it home.", None


def _loads_end(look: Look) -> Found:
    """A node that loads a model ahead has somebody who waits for that, or it would take nothing for good.

    For a while it may have none, as after a stop: the sweep frees it.
    """
    since = timezone.now() - 2 * warming.LONGEST
    for node in warming.unattended().filter(warming_until__lt=since).without_lists():
        free = Repair("let it work", partial(_stop_loading, node.pk))
        yield f"Node {node.slug} loads a model ahead, and nobody waits for that.", free


def _stop_loading(pk: int) -> bool:
    with written():
        return bool(warming.unattended().filter(pk=pk).update(warming_until=None))


def _lift_pause(pk: int) -> bool:
    with written():
        return bool(Job.objects.filter(pk=pk).update(not_before=None))


# I2: nothing is there twice


def _attempts_are_numbered(look: Look) -> Found:
    """A job has as many attempts as its fence says, at most two of them alive."""
    rows = Job.objects.annotate(
        count=Count("attempts"),
        last=Max("attempts__fence"),
        alive=Count("attempts", filter=Q(attempts__state__in=LIVE)),
    )
    wrong = Q(count__gt=0) & (~Q(last=F("fence")) | ~Q(count=F("fence"))) | Q(count=0, fence__gt=0)
    for pk, fence, count in rows.filter(wrong).values_list("pk", "fence", "count"):
        yield f"Job {pk} counts {fence} attempts and has {count}.", None
    for pk, alive in rows.filter(alive__gt=MOST_LIVE).values_list("pk", "alive"):
        yield f"Job {pk} has {alive} attempts alive.", None


def _done_jobs_have_one_picture(look: Look) -> Found:
    """Done means: one winner, which is its own, and the picture that it brought. Nothing else has any."""
    done = Job.objects.filter(state=JobState.DONE)
    for job in done.filter(~Q(winner__job=F("pk")) | ~Q(winner__state=AttemptState.COMMITTED)):
        yield f"Job {job.pk} is done by attempt {job.winner_id}, which did not do it.", None
    first = JobOutput.objects.filter(job=OuterRef("pk"), ordinal=0)
    right = first.filter(
        media_file=OuterRef("winner__media_file"), media_file__placed_at__isnull=False
    )
    for job in done.filter(~Exists(first), winner__media_file__isnull=False):
        said = f"Job {job.pk} is done and has no picture; its winner has {_winner_file(job)}."
        yield said, Repair("give it the winner's", partial(_give_output, job.pk))
    for job in done.filter(Exists(first), ~Exists(right)):
        yield f"Job {job.pk} has another picture than its winner brought.", None
    outputs = Exists(JobOutput.objects.filter(job=OuterRef("pk")))
    for job in Job.objects.exclude(state=JobState.DONE).filter(outputs | Q(winner__isnull=False)):
        yield f"Job {job.pk} is {job.state} and has a picture.", None
    committed = Attempt.objects.filter(state=AttemptState.COMMITTED)
    for attempt in committed.exclude(job__winner=F("pk")):
        yield f"Attempt {attempt.pk} is committed, and did not win job {attempt.job_id}.", None


def _winner_file(job: Job) -> Any:
    return job.winner.media_file_id if job.winner else None


def _give_output(pk: int) -> bool:
    with written():
        job = Job.objects.select_related("winner").get(pk=pk)
        if job.winner is None or job.winner.media_file_id is None or job.outputs.exists():
            return False
        JobOutput.objects.create(job=job, ordinal=0, media_file_id=job.winner.media_file_id)
        job.say("The doctor gave it its picture back.", actor=DOCTOR)
    return True


def _files_are_their_attempts(look: Look) -> Found:
    """A picture's id is its attempt's: whoever stores the same attempt twice makes the same file."""
    strange = Attempt.objects.filter(media_file__isnull=False).exclude(media_file=F("pk"))
    for attempt in strange:
        yield (
            f"Attempt {attempt.pk} has the file {attempt.media_file_id}, which is another's.",
            None,
        )


# I3: files and rows agree; the archive has its own checks


def _names_are_reserved_for_somebody(look: Look) -> Found:
    """A name is reserved for a picture that is on its way."""
    on_its_way = Exists(Attempt.objects.filter(pk=OuterRef("pk"), state__in=COMING_HOME))
    # An attempt whose end is being cleaned up has its spooled file until the last.
    reserved = MediaFile.objects.filter(~on_its_way, placed_at=None).select_related("library")
    kept = spooled()
    for row in reserved:
        if look.is_quiet or row.pk not in kept:
            said = f"The name {row.path} is reserved for file {row.pk}, which nobody brings."
            yield said, Repair("give the name back", partial(_give_name_back, row))


def _give_name_back(row: MediaFile) -> bool:
    """Only where nothing stands: what stands there may be the picture."""
    try:
        row.absolute_path.lstat()
    except FileNotFoundError:
        return release(row)
    return False


def _nothing_is_left_in_the_spool(look: Look) -> Found:
    busy = set(Attempt.objects.coming_home().values_list("pk", flat=True))
    for pk, paths in spooled().items():
        for path in paths:
            if pk not in busy and (look.is_quiet or _is_old(path)):
                said = f"The spool has {path.name}, which nobody brings home."
                yield said, Repair("put it aside", partial(put_aside, path))


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > SPOOL_AGE_S
    except FileNotFoundError:
        return False


def put_aside(path: Path) -> bool:
    """Move a file of the data folder into a folder of the doctor's; nothing is overwritten."""
    stamp = timezone.now().strftime("%Y%m%d-%H%M%S-%f")
    target = Path(settings.ELIOT_DATA) / DOCTOR / "aside" / stamp / path.name
    target.parent.mkdir(parents=True)
    try:
        shutil.move(path, target)
    except FileNotFoundError:
        target.parent.rmdir()
        return False
    return True


# I4 and I6: everything is explained, and what has ended stays so


def _events_tell_the_state(look: Look) -> Found:
    """Replaying the events of a job leads to its state, by moves of the table."""
    states = dict(Job.objects.values_list("pk", "state"))
    facts = ("job_id", "before", "after", "actor")
    rows = JobEvent.objects.filter(job__isnull=False).order_by("job_id", "pk")
    for job_id, events in groupby(rows.values_list(*facts).iterator(2000), lambda row: row[0]):
        told, fault = _replayed(events)
        state = states.pop(job_id, None)
        if fault:
            yield f"Job {job_id}: {fault}", None
        if state is not None and told != state:
            said = f"Job {job_id} is {state}; its events end at {told}."
            yield said, Repair("write down where it stands", partial(_write_down, job_id, told))
    for job_id, state in states.items():
        said = f"Job {job_id} is {state}, and no event says how it came to be."
        yield said, Repair("write down where it stands", partial(_write_down, job_id, "queued"))


def _replayed(events: Iterable[tuple[int, str, str, str]]) -> tuple[str, str]:
    """Return the state that the events lead to, and the first thing that is wrong with them."""
    told, fault = JobState.QUEUED.value, ""
    for _, before, after, actor in events:
        if not before or before == after:
            continue
        if before != told and actor != DOCTOR:
            fault = fault or f"an event leaves {before}, where it was {told}."
        elif after not in JOB_MOVES.get(before, ()) and actor != DOCTOR:
            fault = fault or f"it went from {before} to {after}, which no job may."
        told = after
    return told, fault


def _write_down(pk: int, told: str) -> bool:
    with written():
        job = Job.objects.get(pk=pk)
        said = f"The doctor found it {job.state}; nothing tells how it came so."
        job.say(said, actor=DOCTOR, before=told)
    return True


def _attempts_tell_their_end(look: Look) -> Found:
    """Every attempt is in its job's story; one that has ended says when, and why unless it won."""
    ended = ~Q(state__in=LIVE)
    for attempt in Attempt.objects.filter(ended, ended=None):
        yield f"Attempt {attempt.pk} is {attempt.state}, nobody knows since when.", None
    for attempt in Attempt.objects.filter(state__in=LIVE, ended__isnull=False):
        yield f"Attempt {attempt.pk} is {attempt.state}, and is said to have ended.", None
    silent = Attempt.objects.filter(ended, reason="").exclude(state=AttemptState.COMMITTED)
    for attempt in silent:
        yield f"Attempt {attempt.pk} is {attempt.state} and does not say why.", None
    classless = Attempt.objects.filter(state=AttemptState.FAILED, failure="")
    for attempt in classless:
        yield f"Attempt {attempt.pk} failed, and nobody knows in which way.", None
    untold = ~Exists(JobEvent.objects.filter(attempt=OuterRef("pk")))
    for attempt in Attempt.objects.filter(untold):
        yield f"Attempt {attempt.pk} of job {attempt.job_id} is in no event.", None


def _what_has_ended_stays_so(look: Look) -> Found:
    """Only who asks again opens what has ended, which forgets when that was."""
    for pk, state in Job.objects.open().filter(finished__isnull=False).values_list("pk", "state"):
        yield f"Job {pk} is {state}, and has ended before; nobody asked for it again.", None


# I5: no node has two things to do


def _nodes_do_one_thing(look: Look) -> Found:
    """A node renders one picture at a time; the table's own constraint may be gone after a repair by hand."""
    rows = Attempt.objects.holding().order_by().values("node__slug")
    for row in rows.annotate(count=Count("pk")).filter(count__gt=MOST_HOLDING):
        yield f"Node {row['node__slug']} has {row['count']} attempts at a time.", None


def _leases_end_soon(look: Look) -> Found:
    """A lease ends soon if its holder dies: not when a clock was wrong that day."""
    latest = timezone.now() + max(LEASE_TTL, SWEEP_LEASE_TTL) * 2
    for lease in Lease.objects.held_now():
        free = Repair("free it", partial(_free, lease))
        if lease.expires > latest:
            yield (
                f"The lease {lease.name} ends at {lease.expires:%Y-%m-%d %H:%M}, much too late.",
                free,
            )
        elif look.is_quiet and lease.name.startswith("node:"):
            yield f"The lease {lease.name} is held by {lease.holder}, and nobody works.", free


def _free(lease: Lease) -> bool:
    with written():
        mine = Lease.objects.filter(pk=lease.pk, holder=lease.holder, epoch=lease.epoch)
        return bool(mine.update(holder="", expires=timezone.now()))


def _blocks_say_why(look: Look) -> Found:
    """A node that takes no more of something says why, so that a person can lift it."""
    for node in GpuNode.objects.prefetch_related("blocks"):
        for block in node.blocks.all():
            if block.is_active and not block.reason:
                yield f"Node {node.slug} takes no {block.template}, and does not say why.", None


# I7: nothing grows without end


def _stories_end(look: Look) -> Found:
    rows = JobEvent.objects.filter(job__isnull=False).order_by().values("job_id")
    for row in rows.annotate(count=Count("pk")).filter(count__gt=MOST_EVENTS):
        yield f"Job {row['job_id']} has {row['count']} events: something goes round with it.", None


def _the_spool_has_room(look: Look) -> Found:
    """Pictures that cannot be placed wait in the spool; it may not fill the disk that the database is on."""
    waiting = sum(_size(path) for paths in spooled().values() for path in paths)
    free = shutil.disk_usage(settings.ELIOT_DATA).free
    if waiting > free:
        yield f"{waiting / 1e6:.0f} MB wait in the spool, and {free / 1e6:.0f} MB are free.", None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


CHECKS: Final = (
    Check("I1", "What is under way is with somebody.", _jobs_under_way_have_an_attempt),
    Check("I1", "What waits or has ended is with nobody.", _waiting_jobs_are_not_under_way),
    Check("I1", "What has stopped says why.", _jobs_say_why),
    Check("I1", "Nothing waits for good.", _nothing_waits_too_long),
    Check("I1", "No node loads for good.", _loads_end),
    Check("I2", "Attempts are counted.", _attempts_are_numbered),
    Check("I2", "A done job has one picture, and no other has any.", _done_jobs_have_one_picture),
    Check("I2", "Each file is its own attempt's.", _files_are_their_attempts),
    Check("I3", "A name is reserved for what is on its way.", _names_are_reserved_for_somebody),
    Check("I3", "The spool holds what is on its way.", _nothing_is_left_in_the_spool),
    Check("I4", "Events tell how every job came to where it is.", _events_tell_the_state),
    Check("I4", "Attempts say how they ended.", _attempts_tell_their_end),
    Check("I6", "What has ended stays so.", _what_has_ended_stays_so),
    Check("I5", "A node does one thing at a time.", _nodes_do_one_thing),
    Check("I5", "Leases end soon.", _leases_end_soon),
    Check("I5", "Blocks say why.", _blocks_say_why),
    Check("I7", "No story is endless.", _stories_end),
    Check("I7", "The spool leaves room.", _the_spool_has_room),
)
ALL: Final = (*CHECKS, *gallery.CHECKS)
"""The farm's, and those of the files that it makes."""


def check(*, is_quiet: bool = True) -> list[Breach]:
    """Return all breaches in rows and files.

    Args:
        is_quiet: Nothing is under way, as at the end of a test. Otherwise it takes two looks, seconds apart.
    """
    look = Look(is_quiet=is_quiet)
    return run(ALL, look) if is_quiet else run_surely(ALL, look)
