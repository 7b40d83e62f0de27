"""Verbs on asked-for pictures: verdicts, cancel, retry, trash, upscale. Each writes rows and nudges."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from farm_app import cancelling
from farm_app.models import JobEvent
from farm_app.models.states import OPEN_JOBS, JobState
from gallery_app.failures import GalleryError, NoPicture
from gallery_app.models import MediaFile
from sessions_app.models import Generation, WorkSession
from sessions_app.order import Order, place_round, possible

VERDICT_SAID = {"keep": "Kept.", "drop": "Dropped.", "": "Verdict cleared."}


class NoPictureYet(Exception):
    """There is no picture to judge."""


def judge(generation: Generation, flag: str, *, actor: str = "") -> None:
    """Keep, drop or clear a picture; every page that shows it is told.

    Raises:
        NoPictureYet: No picture, no verdict.
    """
    picture = generation.picture
    if picture is None:
        raise NoPictureYet
    if picture.flag == flag:
        return
    with transaction.atomic():
        {"keep": picture.keep, "drop": picture.drop, "": picture.clear_flag}[flag]()
        generation.job.say(VERDICT_SAID[flag], actor=actor)


def cancel(generations: Iterable[Generation], *, actor: str = "") -> int:
    """Cancel what has not ended; returns how many. What waits ends at once, what renders is told to stop."""
    return cancelling.cancel([one.job_id for one in generations], actor=actor)


def retry(generations: Iterable[Generation], *, actor: str = "") -> int:
    """Ask failed or cancelled ones again with the same seed and values; every node may try again."""
    return cancelling.ask_again([one.job_id for one in generations], actor=actor)


def use_any_node(generation: Generation, *, actor: str = "") -> None:
    """Let any node render what was asked for together with this picture and for one chosen node only."""
    cancelling.use_any_node(generation.job.group, actor=actor)


def delete(session: WorkSession, *, actor: str = "") -> None:
    """Take a session out of sight and cancel what it waits for; pictures stay in their library."""
    session.delete_softly()
    cancel(Generation.objects.filter(round__session=session, job__state__in=OPEN_JOBS), actor=actor)


def undelete(session: WorkSession, *, actor: str = "") -> None:
    """Undo `delete`: the session is there again, and what was cancelled with it is asked for again."""
    cancelled = list(_cancelled_since(session.deleted_at, session)) if session.deleted_at else []
    session.undelete()
    retry(cancelled, actor=actor)


def _cancelled_since(moment: datetime, session: WorkSession) -> QuerySet[Generation]:
    """Return what somebody cancelled from then on, whether its node has confirmed that yet or not."""
    asked = JobEvent.objects.filter(
        at__gte=moment,
        before__in=[state for state in OPEN_JOBS if state != JobState.CANCELLING],
        after__in=(JobState.CANCELLING, JobState.CANCELLED),
    )
    return Generation.objects.filter(round__session=session, job__in=asked.values("job"))


@dataclass(frozen=True)
class Moved:
    """What was moved, in order, and why it is not all, if it is not."""

    generations: Sequence[Generation]
    problem: str = ""


def trash_dropped(session: WorkSession, stage: int) -> Moved:
    """Move the dropped pictures of a stage to the trash, from where `restore` brings them back."""
    rows = Generation.objects.of_stage(session, stage).flagged(MediaFile.Flag.DROP)
    return _move(rows.with_pictures(), MediaFile.trash, "Moved to the trash.")


def restore(session: WorkSession, ids: Iterable[int]) -> Moved:
    """Bring pictures of this session, named by generation, back from the trash."""
    rows = Generation.objects.filter(
        pk__in=list(ids),
        round__session=session,
        job__outputs__ordinal=0,
        job__outputs__media_file__trashed_at__isnull=False,
    )
    return _move(rows.with_pictures(), MediaFile.restore, "Brought back from the trash.")


def _move(rows: Iterable[Generation], verb: Callable[[MediaFile], None], sentence: str) -> Moved:
    """Move the picture of each; a lost file is passed over, a library that does not answer ends it."""
    moved, problem = [], ""
    for generation in rows:
        picture = generation.job.output
        if picture is None:
            continue
        try:
            verb(picture)
        except GalleryError as fault:
            problem = problem or fault.sentence
            if isinstance(fault, NoPicture):
                continue
            break
        generation.job.say(sentence)
        moved.append(generation)
    return Moved(moved, problem)


def upscale(generation: Generation, *, owner: Any = None) -> Generation:
    """Ask for an enlarged version of one picture; it joins the stage that the picture is in.

    While one is on its way, asking again gives that one.

    Raises:
        NoPictureYet: There is nothing to enlarge.
        CannotPlace: No template enlarges, or no node.
    """
    picture = generation.picture
    if picture is None:
        raise NoPictureYet
    here = generation.round
    rows = Generation.objects.of_stage(here.session, here.stage).select_related("job")
    # Read at once: another click that is placed meanwhile must not count without being seen.
    earlier = list(rows.filter(round__group__work="upscale", job__source=picture))
    for one in earlier:
        if one.job.state in OPEN_JOBS:
            return one
    order = Order(
        stage=here.stage,
        stage_name=here.stage_name,
        family="",
        work="upscale",
        count=1,
        values={"prompt": generation.job.recipe.get("prompt", "")},
        sources=[picture],
        submission_key=f"upscale-{generation.pk}-{len(earlier)}",
    )
    return place_round(here.session, possible(order), owner=owner).generations.get()
