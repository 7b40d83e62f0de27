"""How many pictures each stage of a session has, and how they stand: one mark for each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db.models import FilteredRelation, Q, QuerySet

from eliot.statements import Given, Question
from farm_app.models.states import NEEDS_YOU, JobState
from sessions_app.models import Generation, WorkSession

FAULTS: Final = (JobState.FAILED, *NEEDS_YOU)
AT_WORK: Final = (JobState.RUNNING, JobState.STORING, JobState.CANCELLING)


@dataclass(frozen=True)
class Tally:
    """The pictures of one stage, counted.

    Attributes:
        marks: One entry per picture in order, without the cancelled ones.
        shown: Cells of the stage: all but what is in the trash.
        asked: Pictures that were ever asked for; it never falls.
    """

    marks: tuple[str, ...] = ()
    shown: int = 0
    asked: int = 0

    def of(self, mark: str) -> int:
        """Count one mark: kept, done, dropped, rendering, failed, attention or todo."""
        return self.marks.count(mark)

    @property
    def total(self) -> int:
        """Pictures asked for, without the cancelled ones."""
        return len(self.marks)

    @property
    def made(self) -> int:
        """Pictures that are there."""
        return self.of("kept") + self.of("done") + self.of("dropped")


def _mark(state: str, flag: str | None, trashed: object) -> str | None:
    if state == JobState.DONE:
        if trashed is not None:
            return None
        return {"keep": "kept", "drop": "dropped"}.get(flag or "", "done")
    if state in FAULTS:
        return "attention" if state in NEEDS_YOU else "failed"
    if state in AT_WORK:
        return "rendering"
    return None if state == JobState.CANCELLED else "todo"


def tallies(session: WorkSession) -> dict[int, Tally]:
    """Count every stage of a session in one query."""
    return _counted(_of_one(session=session.pk)).get(session.pk, {})


def tallies_of(sessions: Iterable[int]) -> dict[int, dict[int, Tally]]:
    """Count every stage of several sessions, by session and stage, in one query."""
    return _counted(_rows(Q(round__session__in=list(sessions))))


def _rows(which: Q) -> QuerySet[Generation, tuple[Any, ...]]:
    picture = FilteredRelation("job__outputs", condition=Q(job__outputs__ordinal=0))
    return (
        Generation.objects.filter(which)
        .annotate(picture_output=picture)
        .order_by("number")
        .values_list(
            "round__session",
            "round__stage",
            "job__state",
            "picture_output__media_file__flag",
            "picture_output__media_file__trashed_at",
        )
    )


_of_one: Final[Question[tuple[Any, ...]]] = Question(
    lambda: _rows(Q(round__session=Given("session", WorkSession._meta.pk)))
)


def _counted(rows: Iterable[tuple[Any, ...]]) -> dict[int, dict[int, Tally]]:
    found: dict[int, dict[int, list[_Row]]] = {}
    for session, stage, *row in rows:
        found.setdefault(session, {}).setdefault(stage, []).append(_Row(*row))
    return {
        session: {stage: _tally(counted) for stage, counted in stages.items()}
        for session, stages in found.items()
    }


class _Row(NamedTuple):
    state: str
    flag: str | None
    trashed_at: datetime | None


def _tally(rows: Sequence[_Row]) -> Tally:
    marks = (_mark(*row) for row in rows)
    return Tally(
        marks=tuple(mark for mark in marks if mark is not None),
        shown=sum(row.trashed_at is None for row in rows),
        asked=len(rows),
    )
