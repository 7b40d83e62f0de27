"""Sessions as cards: a cover picture, and how far each one is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from farm_app.models.states import JobState
from sessions_app.cells import CellPicture
from sessions_app.models import Generation, WorkSession
from sessions_app.tallies import Tally, tallies_of


@dataclass(frozen=True)
class Card:
    """A session as the lists show it."""

    session: WorkSession
    cover: CellPicture | None
    stage_line: str


def cards_of(sessions: Iterable[WorkSession]) -> list[Card]:
    """Return the cards of these sessions, in a fixed number of queries."""
    found = list(sessions)
    keys = [session.pk for session in found]
    covers, counted = _covers(keys), tallies_of(keys)
    return [
        Card(one, covers.get(one.pk), _stage_line(one, counted.get(one.pk, {}))) for one in found
    ]


def _covers(sessions: Sequence[int]) -> dict[int, CellPicture]:
    """Return each session's best picture: of the furthest stage, kept before undecided, never a dropped one."""
    there = Generation.objects.filter(
        round__session=OuterRef("pk"),
        job__state=JobState.DONE,
        job__outputs__ordinal=0,
        job__outputs__media_file__flag__in=("keep", ""),
        job__outputs__media_file__trashed_at__isnull=True,
    )
    best = there.order_by("-round__stage", "-job__outputs__media_file__flag", "number")
    chosen = WorkSession.objects.filter(pk__in=sessions).values(
        best=Subquery(best.values("pk")[:1])
    )
    rows = Generation.objects.filter(pk__in=chosen).for_cells()
    return {row.round.session_id: cover for row in rows if (cover := _cover(row)) is not None}


def _cover(generation: Generation) -> CellPicture | None:
    picture = generation.picture
    facts = picture.known_facts if picture else None
    if picture is None or facts is None:
        return None
    return CellPicture(picture.thumb_url, picture.url, facts.width, facts.height, "")


def _stage_line(session: WorkSession, counted: Mapping[int, Tally]) -> str:
    if not counted:
        return ""
    index = min(max(counted), len(session.stages) - 1)
    tally = counted.get(index, Tally())
    name = session.stages[index].name
    if tally.of("kept"):
        return f"{name} · {tally.of('kept')} of {tally.total} kept"
    return f"{name} · {tally.made} of {tally.total} done"
