"""Bringing pictures home: fetch to the local spool, verify, splice the record, place, thumbnail, done.

Every step is durable and may be repeated: after a crash the sweep calls `store` again and it goes on from the
last step that was committed. A picture that cannot be placed stays in the spool; it is never rendered again.
"""

import logging
from datetime import timedelta
from typing import Any, Final

from django.db import DatabaseError
from django.db.models import F, Q
from django.utils import timezone

from eliot.failpoints import failpoint
from eliot.statements import Change, Given, Question, insert
from eliot.writing import in_turn, written
from farm_app import binding, gaps, health, nudges, progress, setbacks, speeds
from farm_app.comfy.client import ComfyClient, Fetched, OutputFile
from farm_app.comfy.errors import ComfyError, Unreachable
from farm_app.models import Attempt, Job, JobOutput, NodeBlock, TemplateVersion
from farm_app.models.states import COMING_HOME, AttemptState, FailureClass, JobState
from farm_app.planner import Learned
from farm_app.spool import Spool, tidy
from farm_app.timers import BACKOFF_FIRST_S, DRIP_S, STORE_AGAIN, STORE_TTL
from gallery_app.failures import storage_errors
from gallery_app.intake import (
    DamagedPicture,
    IntakeError,
    Looked,
    NotAPicture,
    TooLarge,
    intake,
    look_at,
    reserve,
)
from gallery_app.models import MediaFile
from gallery_app.recipe import EliotRecord

__all__ = ["renudge", "store", "tidy"]

logger = logging.getLogger(__name__)

IMAGE_CAP_BYTES: Final = 256 * 2**20
MOST_FETCHES: Final = 3
MOST_STUMBLES: Final = 5
# What is wrong with these is in the bytes: another copy may be better, waiting does not help.
_BAD_BYTES: Final = (DamagedPicture, NotAPicture, TooLarge)


_under_way: Final[set[str]] = set()

_attempt_key, _now = (
    Given("pk", Attempt._meta.pk),
    Given("now", Attempt._meta.get_field("produced")),
)
_taking: Final = Change(
    lambda: Attempt.objects.filter(
        Q(store_until__isnull=True) | Q(store_until__lte=_now),
        pk=_attempt_key,
        state__in=COMING_HOME,
        job__state=JobState.STORING,
    ),
    "store_until",
)
_left_alone: Final[Question[Attempt]] = Question(
    lambda: (
        Attempt.objects.coming_home()
        .filter(Q(store_until__isnull=True) | Q(store_until__lte=_now), job__state=JobState.STORING)
        .only("pk")
        .order_by()
    )
)
_taken: Final[Question[Attempt]] = Question(
    lambda: (
        Attempt.objects.select_related(
            "node", "job__group", "job__library", "job__source", "media_file__library"
        )
        .defer("node__node_classes", "node__samplers", "node__schedulers")
        .filter(pk=_attempt_key)
        .order_by()
    )
)
_lifted_blocks: Final[Question[NodeBlock]] = Question(
    lambda: NodeBlock.objects.filter(
        node=Given("node", NodeBlock._meta.get_field("node")),
        template=Given("template", NodeBlock._meta.get_field("template")),
        is_active=False,
    )
)


class NotFetched(Exception):
    """The picture did not come over whole; worth another try."""

    def __init__(self, sentence: str, *, away: Unreachable | None = None) -> None:
        """Keep what the job will say; with ``away`` the node did not answer at all."""
        super().__init__(sentence)
        self.away = away


class _NotWanted(Exception):
    """It was cancelled, or another attempt won."""


def store(attempt_id: str) -> None:
    """Bring one attempt's picture home, unless somebody else does so now or it no longer counts."""
    _under_way.add(attempt_id)
    try:
        gaps.let_by()
        attempt = _take(attempt_id)
        if attempt is not None:
            _store(attempt)
    finally:
        _under_way.discard(attempt_id)


def is_under_way() -> bool:
    """Say whether this process is bringing a picture home at this moment."""
    return bool(_under_way)


def _store(attempt: Attempt) -> None:
    try:
        _bring_home(attempt)
    except NotFetched as fault:
        _fetch_failed(attempt, fault)
    except IntakeError as fault:
        _place_failed(attempt, fault)
    except _NotWanted:
        _discard(attempt)
    except DatabaseError as fault:
        logger.warning("job %s, attempt %s: %s", attempt.job_id, attempt.pk, fault)
    except Exception:
        logger.exception("job %s, attempt %s is not stored", attempt.job_id, attempt.pk)
        _stumbled(attempt)


def _discard(attempt: Attempt) -> None:
    """Remove all traces of it, unless somebody else is bringing it home."""
    if not Attempt.objects.filter(pk=attempt.pk, state__in=COMING_HOME).exists():
        Spool(attempt).discard()


def _take(attempt_id: str) -> Attempt | None:
    now = timezone.now()
    with in_turn():
        if not _taking(pk=attempt_id, now=now, store_until=now + STORE_TTL):
            return None
    (attempt,) = _taken(pk=attempt_id)
    attempt.job.group.version = TemplateVersion.known(attempt.job.group.version_id)
    return attempt


def _bring_home(attempt: Attempt) -> None:
    spool, media_file, looked = Spool(attempt), attempt.media_file, None
    if media_file is None or media_file.placed_at is None:
        if attempt.state == AttemptState.PRODUCED or not spool.path.exists():
            looked = _fetch(attempt, spool)
        gaps.let_by()
        media_file = _place(attempt, spool, looked)
    _commit(attempt, media_file)
    failpoint("tidy before")
    spool.path.unlink(missing_ok=True)
    progress.forget(attempt.job_id)


def _fetch(attempt: Attempt, spool: Spool) -> Looked:
    """Download and verify the picture; reserve its name; commit both. Returns what was seen of it.

    Raises:
        NotFetched: Unreachable, cut short, or no picture.
        IntakeError: There is no room for it, here or in its library.
    """
    fetched, looked = _downloaded(attempt, spool)
    # The attempt's id is the file's: a repeat finds the same row. It asks the library's disk, so no
    # transaction is open, which would hold up every other writer.
    media_file = reserve(attempt.job.library, attempt.job.destination, uid=attempt.pk)
    facts: dict[str, Any] = {
        "spool": spool.path.name,
        "sha256_node": fetched.sha256,
        "media_file": media_file,
        "store_until": timezone.now() + STORE_TTL,
    }
    if attempt.state == AttemptState.PRODUCED:
        if not attempt.move(AttemptState.FETCHED, **facts):
            raise _NotWanted
        return looked
    # Fetched once more, since the spool had lost it.
    _note(attempt, **facts)
    attempt.sha256_node, attempt.media_file = fetched.sha256, media_file
    return looked


def _downloaded(attempt: Attempt, spool: Spool) -> tuple[Fetched, Looked]:
    """Bring the bytes into the spool under a name of this call's own, and rename them when they are a picture."""
    try:
        with storage_errors("Eliot's data folder"), spool.part() as part:
            with (
                ComfyClient(attempt.origin, slow_after_s=DRIP_S) as client,
                part.open("wb") as stream,
            ):
                fetched = client.fetch(
                    OutputFile(**attempt.outputs[0]), stream, cap_bytes=IMAGE_CAP_BYTES
                )
            failpoint("download after")
            looked = look_at(part)
            failpoint("spool before")
            part.replace(spool.path)
            failpoint("spool after")
    except ComfyError as fault:
        away = fault if isinstance(fault, Unreachable) else None
        raise NotFetched(fault.sentence, away=away) from fault
    except _BAD_BYTES as fault:
        raise NotFetched(fault.sentence) from fault
    return fetched, looked


def _place(attempt: Attempt, spool: Spool, looked: Looked | None) -> MediaFile:
    """Let the archive take the file; it adopts what an earlier try left."""
    job = attempt.job
    # Just fetched, and committed as such, it is still wanted; what an earlier call fetched may not be.
    if looked is None and not Attempt.objects.filter(pk=attempt.pk, state__in=COMING_HOME).exists():
        raise _NotWanted
    try:
        return intake(
            spool.path,
            library=job.library,
            wanted_path=job.destination,
            record=record_of(attempt),
            sha256_node=attempt.sha256_node,
            parents=[job.source] if job.source else [],
            media_file=attempt.media_file,
            looked=looked,
        )
    except _BAD_BYTES as fault:
        spool.path.unlink(missing_ok=True)
        raise NotFetched(fault.sentence) from fault


def record_of(attempt: Attempt) -> EliotRecord:
    """Return the recipe that is written into the file: what was asked, and who made it how."""
    job = attempt.job
    facts = dict(job.recipe)
    model = binding.model_of(attempt).partition("/")[2]
    facts |= {
        "uid": str(attempt.media_file_id),
        "model": model or facts.get("model", ""),
        "job": job.pk,
        "attempt": str(attempt.pk),
        "node": attempt.node.slug,
        "seconds": attempt.node_seconds,
        "created": (attempt.produced or timezone.now()).isoformat(timespec="seconds"),
    }
    return EliotRecord.from_dict(facts)


def _commit(attempt: Attempt, media_file: MediaFile) -> None:
    """The job has its picture: attempt, output, winner, lesson and event in one transaction.

    Raises:
        _NotWanted: It was cancelled meanwhile, or another attempt won.
    """
    job: Job = attempt.job
    learned = _lesson_of(attempt)
    with written():
        if attempt.state == AttemptState.FETCHED:
            attempt.move(AttemptState.PLACED, media_file=media_file)
        # A job that still is storing has no winner yet: one that has is done, and stays so.
        if not attempt.move(AttemptState.COMMITTED) or not _moved_to_done(attempt):
            raise _NotWanted
        setbacks.end_rivals(attempt, f"{attempt.node.slug} was first.")
        insert(JobOutput(job=job, ordinal=0, media_file=media_file))
        if learned is not None:
            speeds.keep(learned)
        for lifted in _lifted_blocks(
            node=attempt.node_id, template=job.group.version.template.slug
        ):
            lifted.delete()


def _moved_to_done(attempt: Attempt) -> bool:
    took = f" in {attempt.node_seconds:.1f} s" if attempt.node_seconds else ""
    more = len(attempt.outputs) - 1
    left = f" It made {more + 1} pictures; the first one is kept." if more else ""
    return attempt.job.move(
        JobState.DONE,
        f"Done on {attempt.node.slug}{took}.{left}",
        attempt=attempt,
        winner=attempt,
        finished=timezone.now(),
        reason="",
        advice="",
    )


def _lesson_of(attempt: Attempt) -> Learned | None:
    """What a picture teaches is worth less than the picture."""
    try:
        return speeds.lesson_of(attempt)
    except Exception:
        logger.exception("nothing was learned from attempt %s", attempt.pk)
        return None


def _fetch_failed(attempt: Attempt, fault: NotFetched) -> None:
    """Try again a little later, a few times; then render it again, elsewhere if the node itself is at fault."""
    tries = attempt.fetches + 1
    if fault.away is not None:
        health.note_fault(attempt.node, fault.away)
    if tries < MOST_FETCHES:
        pause = timedelta(seconds=BACKOFF_FIRST_S / 4 * tries)
        _note(attempt, fetches=F("fetches") + 1, store_until=timezone.now() + pause)
        said = f"The picture did not come over whole ({fault}); it is fetched again."
        attempt.job.say(said, attempt=attempt)
    elif fault.away is not None:
        setbacks.lose(attempt, f"{attempt.node.slug} went away with the picture: {fault}")
        _discard(attempt)
    else:
        said = f"The picture came back damaged: {fault}"
        failure, advice = FailureClass.FETCH, "Retry renders it again."
        setbacks.fail(attempt, failure, said, evidence=str(fault), advice=advice)
        _discard(attempt)


def _place_failed(attempt: Attempt, fault: IntakeError) -> None:
    """Keep the picture where it is, and say what the library needs; once, as long as it is the same."""
    _note(attempt, store_until=timezone.now() + STORE_AGAIN)
    job = attempt.job
    if job.reason == fault.sentence[:500]:
        return
    logger.warning("job %s waits for its library: %s", job.pk, fault.sentence)
    Job.objects.filter(pk=job.pk, state=JobState.STORING).update(reason=fault.sentence[:500])
    job.say(f"The picture is safe and waits: {fault.sentence}", attempt=attempt)


def _stumbled(attempt: Attempt) -> None:
    """Eliot's own code fell over it: again a little later, and after a few times a person must look."""
    _note(attempt, fetches=F("fetches") + 1, store_until=timezone.now() + STORE_AGAIN)
    if attempt.fetches + 1 >= MOST_STUMBLES:
        said = "The picture is made, but Eliot could not bring it home."
        advice = "The log says more. Retry renders it again."
        attempt.job.move(JobState.ATTENTION, said, attempt=attempt, reason=said, advice=advice)


def _note(attempt: Attempt, **facts: Any) -> None:
    with in_turn():
        Attempt.objects.filter(pk=attempt.pk).update(**facts)


def renudge() -> None:
    """Nudge everything that is made and not home and that nobody is bringing (for the sweep)."""
    made = _left_alone(now=timezone.now())
    for attempt in made:
        nudges.store(attempt)
