"""The session page's socket: cells, bars and strip, each sent when its rows moved."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qs

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from eliot.live import News, kept_briefly, rendered_once
from eliot.statements import Given, Question
from farm_app.live import StripPage, fragment
from farm_app.models import JobEvent
from farm_app.models.jobs import FARM_GROUP, share_group
from farm_app.models.states import JobState
from farm_app.progress import glimpses
from farm_app.strip import newest_event
from sessions_app.cells import Cell, Turn, cells_of, turns_of
from sessions_app.models import Generation, Round, WorkSession
from sessions_app.pages import table_context
from sessions_app.table import FILTERS, WINDOW, Table

MOST_CELLS = 200

Moved = tuple[Cell, bool]
"""A cell, and whether it was asked for just now."""


class SessionPage(StripPage):
    """One open session page at one stage."""

    def group_names(self) -> Sequence[str]:
        """Hear the farm and this session's jobs."""
        return (FARM_GROUP, share_group(f"session.{self._session_id()}"))

    def _session_id(self) -> int:
        return int(self.scope["url_route"]["kwargs"]["session_id"])

    def prepare(self) -> bool:
        """Find the session; the address says which stage and filter the page shows."""
        super().prepare()
        asked = parse_qs(self.scope["query_string"].decode("latin-1"))
        stage = asked.get("stage", ["0"])[0]
        self.stage = int(stage) if stage.isdecimal() and len(stage) < 3 else 0
        show = asked.get("show", [""])[0]
        self.show = show if show in FILTERS else "all"
        self._frames: dict[int, str] = {}
        self._known: dict[int, Cell | None] = {}
        self._storing: set[int] = set()
        found = WorkSession.objects.there().filter(pk=self._session_id()).first()
        if found is not None:
            self.session = found
        return found is not None

    def forget(self) -> None:
        """Send bars and turns anew as well."""
        super().forget()
        self._bars: dict[str, str] = {}
        self._turns: set[Turn] = set()

    def news(self, cursor: int) -> News:
        """Send the cells of this session that moved after the cursor."""
        newest = newest_event()
        if newest == cursor:
            return News((), cursor)
        moved = _moved(self._session_id(), self.stage, cursor, newest)
        fragments = self._grid_anew() if moved is None else self._cells(moved)
        return News([*fragments, fragment("_cursor.html", cursor=newest)], newest)

    def _grid_anew(self) -> list[str]:
        """Let the page load its windows again: too much has moved to send it cell by cell."""
        table = Table(self.session, self.stage, self.show)
        address = reverse("sessions:cells", args=[self.session.slug])
        url = f"{address}?stage={table.index + 1}&show={table.filter}&first=0"
        return [fragment("sessions/_grid_anew.html", url=url)]

    def around(self) -> Sequence[str]:
        """Send the strip, and the bars whose text differs from what this page has."""
        bars = _recent_bars(self._session_id(), self.stage, self.show)
        different = [text for name, text in bars.items() if self._bars.get(name) != text]
        self._bars = bars
        return [*super().around(), *different, *self._moved_turns()]

    def _moved_turns(self) -> list[str]:
        """Return when waiting pictures start, of those for which the plan has changed."""
        turns = set(turns_of(self._session_id(), self.stage))
        moved = turns - self._turns
        self._turns = turns
        return [_rendered_turn(turn, turn) for turn in moved]

    def _cells(self, moved: Sequence[Moved]) -> list[str]:
        moved = self._without_passing(moved)
        self._known |= {cell.job.pk: cell for cell, _ in moved}
        self._frames |= {cell.pk: _frame(cell) for cell, _ in moved}
        fresh = [cell for cell, is_asked in moved if is_asked and self._is_new(cell)]
        known = [
            _row_gone(cell) if cell.is_trashed else _rendered_cell(cell.look, cell)
            for cell, _ in moved
            if cell not in fresh
        ]
        if fresh and self.show == "all" and self._fits():
            known.insert(0, fragment("sessions/_cell_rows.html", cells=fresh))
        return known

    def _without_passing(self, moved: Sequence[Moved]) -> Sequence[Moved]:
        """Leave out what has just begun to be stored: that takes a moment, and its picture is the next that is told.

        Where it takes longer, the round that nobody asked for meets it again.
        """
        storing = {cell.pk for cell, _ in moved if cell.state == "storing"}
        begun, self._storing = storing - self._storing, storing
        return [one for one in moved if one[0].pk not in begun]

    def _fits(self) -> bool:
        """Whether the stage is one window: more are sorted into windows by the page itself."""
        return Generation.objects.of_stage(self.session, self.stage).count() <= WINDOW

    @staticmethod
    def _is_new(cell: Cell) -> bool:
        """Whether pages may not have a place for it yet: they drop the rows that they do have."""
        return cell.job.state == JobState.QUEUED and cell.job.fence == 0

    def progress(self, jobs: frozenset[int]) -> Sequence[str]:
        """Send the progress of those jobs that this page shows."""
        seen = glimpses(list(jobs))
        self._learn(seen.keys() - self._known.keys())
        shown = ((self._known.get(job), glimpse) for job, glimpse in seen.items())
        cells = [cell.at(glimpse) for cell, glimpse in shown if cell is not None]
        return [self._progress_of(cell) for cell in cells if cell.percent is not None]

    def _learn(self, jobs: Iterable[int]) -> None:
        """Read the cells of jobs that this page has heard of for the first time, once."""
        unknown = list(jobs)
        if not unknown:
            return
        rows = Generation.objects.filter(
            job__in=unknown, round__session=self._session_id(), round__stage=self.stage
        )
        found = {cell.job.pk: cell for cell in cells_of(rows.for_cells())}
        self._known |= {job: found.get(job) for job in unknown}

    def _progress_of(self, cell: Cell) -> str:
        """Return the bar; the whole cell when it has another frame now."""
        frame = _frame(cell)
        if self._frames.get(cell.pk) == frame:
            return _rendered_progress(cell.look, cell)
        self._frames[cell.pk] = frame
        return _rendered_cell(cell.look, cell)


def _moved_rows() -> QuerySet[Generation]:
    """Return the pictures of one stage that moved between two events, and whether one was being asked for."""
    field = JobEvent._meta.pk
    moved = JobEvent.objects.filter(pk__gt=Given("after", field), pk__lte=Given("upto", field))
    # Being asked for is the one event that comes from no state.
    asked = moved.filter(job=OuterRef("job"), before="")
    rows = Generation.objects.filter(
        round__session=Given("session", WorkSession._meta.pk),
        round__stage=Given("stage", Round._meta.get_field("stage")),
        job__in=moved.values("job"),
    )
    return rows.for_cells().annotate(is_asked=Exists(asked)).order_by("number")[: MOST_CELLS + 1]


_read_moved: Question[Any] = Question(_moved_rows)


@kept_briefly(1.0)
def _moved(session_id: int, stage: int, after: int, upto: int) -> list[Moved] | None:
    """Read what moved between two events once for all the pages that heard of both; None if it is too much."""
    rows = _read_moved(session=session_id, stage=stage, after=after, upto=upto)
    if len(rows) > MOST_CELLS:
        return None
    cells = cells_of(rows)
    return [(cell, row.is_asked) for cell, row in zip(cells, rows, strict=True)]


def _frame(cell: Cell) -> str:
    """Return what the look around the bar depends on: from the first step to the last it stays."""
    return "sampling" if cell.state == "decoding" else cell.state


def _row_gone(cell: Cell) -> str:
    return f'<div id="row-{cell.pk}" hx-swap-oob="delete"></div>'


@rendered_once
def _rendered_cell(cell: Cell) -> str:
    return fragment("sessions/_cell.html", cell=cell)


@rendered_once
def _rendered_turn(turn: Turn) -> str:
    return fragment("sessions/_turn.html", cell=turn)


@rendered_once
def _rendered_progress(cell: Cell) -> str:
    return fragment("sessions/_progress.html", cell=cell)


@kept_briefly(0.2)
def _recent_bars(session_id: int, stage: int, show: str) -> dict[str, str]:
    """Render the bars of one stage once for all the pages that show it."""
    session = WorkSession.objects.get(pk=session_id)
    context = table_context(Table(session, stage, show))
    names = ("_title", "_actions", "_stages", "_counts", "_problems")
    return {name: fragment(f"sessions/{name}.html", **context) for name in names}
