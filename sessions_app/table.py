"""The session page's picture of itself: funnel, counts, action bar, cells. Read in a fixed number of queries."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse

from eliot.live import kept_briefly
from eliot.statements import Given, Question
from farm_app import families, held, planning
from farm_app.abilities import can_upscale
from farm_app.models import Attempt, GpuNode, NodeModel, WorkflowTemplate
from farm_app.models.states import JobState
from farm_app.strip import spell_left
from sessions_app import funnel
from sessions_app.cells import Cell, cells_of
from sessions_app.forms import usual_checkpoint
from sessions_app.funnel import Advance, Stage, as_asked, with_family
from sessions_app.models import Generation, Round, WorkSession
from sessions_app.order import sampled_steps
from sessions_app.tallies import AT_WORK, FAULTS, Tally, tallies

WINDOW: Final = 200
MOST_DOTS: Final = 40
FILTERS: Final = ("undecided", "kept", "dropped", "failed")
_OPEN: Final = (
    JobState.QUEUED,
    JobState.WAITING,
    JobState.RUNNING,
    JobState.STORING,
    JobState.CANCELLING,
)


# A page's first look, and what all of them ask again and again while something renders.
_first_window: Final[Question[Generation]] = Question(
    lambda: (
        Generation.objects.filter(
            _condition("all"),
            round__session=Given("session", WorkSession._meta.pk),
            round__stage=Given("stage", Round._meta.get_field("stage")),
        )
        .for_cells()
        .order_by("number")[: WINDOW + 1]
    )
)
_held: Final[Question[tuple[int, int]]] = Question(
    lambda: Attempt.objects.holding().order_by().values_list("node", "job__group")
)


@dataclass(frozen=True)
class StageView:
    """One stage of the funnel as its fragment shows it."""

    index: int
    stage: Stage
    tally: Tally
    url: str
    current: bool
    problem: str = ""
    repair: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.stage.name

    @property
    def is_upscale(self) -> bool:
        """Whether it enlarges what the stage before kept."""
        return self.stage.kind == "upscale"

    @property
    def want(self) -> int:
        """Pictures that were asked for; before that, how many it would make."""
        return self.tally.total or self.stage.want

    @property
    def done(self) -> int:
        """Pictures that are there."""
        return self.tally.made

    @property
    def kept(self) -> int:
        """Pictures that were kept."""
        return self.tally.of("kept")

    @property
    def dots(self) -> list[str]:
        """One mark per picture, and the ones to come."""
        return [*self.tally.marks, *["todo"] * (self.want - self.tally.total)]

    @property
    def bar(self) -> list[dict[str, Any]]:
        """The same as shares of a bar, when there are too many for dots."""
        if self.want <= MOST_DOTS:
            return []
        shares, x = [], 0.0
        for state in ("kept", "done", "dropped", "failed", "attention", "rendering"):
            width = 100 * self.tally.of(state) / self.want
            shares.append({"state": state, "x": f"{x:.2f}", "width": f"{width:.2f}"})
            x += width
        return shares


class Table:
    """One stage of one session, read once."""

    def __init__(self, session: WorkSession, stage: int, show: str = "") -> None:
        """Look at ``stage``; ``show`` is one of the filters or empty."""
        self.session = session
        self.index = min(max(stage, 0), len(session.stages) - 1)
        self.filter = show if show in FILTERS else "all"

    @property
    def stage(self) -> Stage:
        """The stage that is shown."""
        return self.session.stages[self.index]

    @cached_property
    def tallies(self) -> dict[int, Tally]:
        """Every stage, counted."""
        return tallies(self.session)

    @property
    def tally(self) -> Tally:
        """The shown stage, counted."""
        return self.tallies.get(self.index, Tally())

    @cached_property
    def farm_families(self) -> frozenset[str]:
        """Families that some node of this farm can draw with."""
        return families_of_farm()

    @cached_property
    def stages(self) -> list[StageView]:
        """The funnel."""
        views = []
        for index, stage in enumerate(self.session.stages):
            problem, repair = self._lack(index, stage)
            tally = self.tallies.get(index, Tally())
            views.append(
                StageView(
                    index,
                    stage,
                    tally,
                    self.stage_url(index),
                    index == self.index,
                    problem,
                    repair,
                )
            )
        return views

    def _lack(self, index: int, stage: Stage) -> tuple[str, dict[str, str] | None]:
        """Say what the farm lacks for a stage, and offer what it has."""
        if stage.kind == "upscale":
            return ("" if can_upscale() else "No node has an upscale model."), None
        if not self.farm_families or stage.family in self.farm_families:
            return "", None
        label = family_label(stage.family)
        offer = _nearest_family(stage.family, self.farm_families)
        url = reverse("sessions:use_family", args=[self.session.slug, index, offer])
        return f"No node has {label}.", {"label": f"Use {family_label(offer)}", "url": url}

    def generations(self) -> Any:
        """Return the stage's generations under the filter."""
        rows = Generation.objects.of_stage(self.session, self.index)
        return rows.filter(_condition(self.filter))

    def window(self, first: int = 0) -> tuple[list[Cell], str]:
        """Return one window of cells and the address of the next, empty after the last."""
        rows = self._rows(first)
        more = len(rows) > WINDOW
        url = reverse("sessions:cells", args=[self.session.slug])
        query = f"?stage={self.index + 1}&show={self.filter}&first={first + WINDOW}"
        return cells_of(rows[:WINDOW]), f"{url}{query}" if more else ""

    def _rows(self, first: int) -> list[Generation]:
        """Read a window's rows, and one more if there is one."""
        if first == 0 and self.filter == "all":
            return _first_window(session=self.session.pk, stage=self.index)
        return list(self.generations().for_cells()[first : first + WINDOW + 1])

    @property
    def counts(self) -> dict[str, int]:
        """Counts for the filter."""
        tally = self.tally
        return {
            "all": tally.shown,
            "undecided": tally.of("done"),
            "kept": tally.of("kept"),
            "dropped": tally.of("dropped"),
            "failed": tally.of("failed") + tally.of("attention"),
            "attention": tally.of("attention"),
        }

    @property
    def advance(self) -> Advance:
        """What Continue would do."""
        return funnel.advance(self.session.stages, self.index, self.tally.of("kept"))

    @cached_property
    def cannot_continue(self) -> str:
        """Why Continue cannot be done: nothing is kept, or the farm lacks what the next stage needs."""
        step, following = self.advance, self.index + 1
        if step.problem or step.stage is None:
            return step.problem
        asked = self.session.last_form(following).get("family", step.stage.family)
        return self._lack(following, with_family(step.stage, asked))[0]

    @property
    def url(self) -> str:
        """Address of the page at the shown stage."""
        return self.stage_url(self.index)

    def stage_url(self, index: int) -> str:
        """Return the address of the page at a stage."""
        return f"{self.session.url}?stage={index + 1}"

    @cached_property
    def urls(self) -> dict[str, str]:
        """Addresses that the prompt form posts to, all for the shown stage."""
        return self.at_stage("generate", "estimate", "settings")

    def at_stage(self, *names: str) -> dict[str, str]:
        """Return the addresses of these views, each for the shown stage."""
        slug, query = self.session.slug, f"?stage={self.index + 1}"
        return {name: reverse(f"sessions:{name}", args=[slug]) + query for name in names}

    @property
    def asked_next(self) -> int:
        """Pictures that were ever asked for in the next stage: two Continues at one count are one press."""
        return self.tallies.get(self.index + 1, Tally()).asked

    @cached_property
    def actions(self) -> "Actions":
        """The action bar."""
        return Actions(self)


class Actions:
    """The action bar as its fragment shows it."""

    def __init__(self, table: Table) -> None:
        """Read it off the table."""
        tally = table.tally
        self._table = table
        self.total = tally.total
        self.done = tally.made
        self.stuck = tally.of("attention")
        self.failed = tally.of("failed") + self.stuck
        self.rendering = tally.of("rendering")
        self.droppable = tally.of("dropped")
        self.can_cancel = tally.of("todo") + self.rendering + self.stuck > 0
        self.can_retry = self.failed > 0

    @cached_property
    def left(self) -> str:
        """Time left for what was asked for in this stage."""
        if not self.can_cancel:
            return ""
        waiting = self._table.tally.of("todo")
        paused, by = self._paused(waiting)
        if waiting and paused >= waiting:
            return by if not self.rendering else f"{self.rendering} to finish, then {by}"
        ends = expected_end_s(self._table.session, self._table.index)
        if ends is not None:
            return f"{spell_left(ends)} left{f', {paused} paused' if paused else ''}"
        return held.waits_for() if waiting else self.stuck_line

    def _paused(self, waiting: int) -> tuple[int, str]:
        """Return how many of those that wait somebody holds back, and how."""
        if not waiting:
            return 0, ""
        if planning.is_queue_paused():
            return waiting, held.BY_QUEUE
        rows = Generation.objects.of_stage(self._table.session, self._table.index)
        is_held = Q(job__is_paused=True) | Q(job__group__is_paused=True)
        return rows.filter(is_held, job__state=JobState.QUEUED).count(), held.BY_HAND

    @property
    def stuck_line(self) -> str:
        """How many wait for somebody."""
        return f"{self.stuck} need{'s' if self.stuck == 1 else ''} you"

    @property
    def kept_line(self) -> str:
        """What is kept and how many that makes in the next stage."""
        step = self._table.advance
        kept = self._table.tally.of("kept")
        return f"{kept} kept make{'s' if kept == 1 else ''} {step.count}" if step.count else ""

    @property
    def kept_detail(self) -> str:
        """How the kept ones are shared out."""
        step = self._table.advance
        return step.detail if step.count and step.detail != "one each" else ""

    @property
    def continue_label(self) -> str:
        """The button's words; empty at the last stage and before there is a picture."""
        step = self._table.advance
        if step.stage is None or not self.total:
            return ""
        return f"Continue to {step.stage.name}"

    @property
    def continue_reason(self) -> str:
        """Why Continue cannot be done."""
        return self._table.cannot_continue if self.continue_label else ""

    @cached_property
    def needs_confirm(self) -> dict[str, Any] | None:
        """Count and time of a stage that would grow."""
        step = self._table.advance
        if not step.grows or step.stage is None:
            return None
        following = self._table.index + 1
        form = self._table.session.last_form(following)
        stage = as_asked(step.stage, form)
        model = form.get("checkpoint") or usual_checkpoint(stage.family)
        return {"count": step.count, "eta": estimate_text(following, stage, step.count, model)}

    @cached_property
    def urls(self) -> dict[str, str]:
        """Addresses of what the bar does, all for the shown stage."""
        names = ("cancel_batch", "retry_failed", "trash_dropped", "advance")
        urls = self._table.at_stage(*names)
        urls["advance"] += f"&after={self._table.asked_next}"
        return urls


def _condition(show: str) -> Q:
    shown = Q(
        job__state=JobState.DONE,
        job__outputs__ordinal=0,
        job__outputs__media_file__trashed_at__isnull=True,
    )
    if show == "failed":
        return Q(job__state__in=FAULTS)
    if show in ("kept", "dropped", "undecided"):
        flag = {"kept": "keep", "dropped": "drop", "undecided": ""}[show]
        return shown & Q(job__outputs__media_file__flag=flag)
    return ~Q(job__outputs__media_file__trashed_at__isnull=False)


@kept_briefly(1.0)
def families_of_farm() -> frozenset[str]:
    """Return the families that some node, up or not, has a checkpoint of and is meant for."""
    files: dict[int, list[tuple[str, str, str]]] = {}
    for node_id, folder, name, family in NodeModel.objects.on_hand().values_list(
        "node_id", "folder", "name", "family"
    ):
        files.setdefault(node_id, []).append((folder, name, family))
    found: set[str] = set()
    for node in GpuNode.objects.enabled().without_lists():
        found |= planning.families_of(node, files.get(node.pk, []))
    return frozenset(found)


def family_label(family: str) -> str:
    """Return how a family is called."""
    known = families.FAMILIES.get(family)
    return known.label if known else family


def _nearest_family(wanted: str, have: frozenset[str]) -> str:
    """Return the family of the farm that draws at the size nearest to the wanted one's."""
    size = families.FAMILIES[wanted].native if wanted in families.FAMILIES else (1024, 1024)
    return min(sorted(have), key=lambda one: abs(families.FAMILIES[one].native[0] - size[0]))


def expected_end_s(session: WorkSession, stage: int) -> float | None:
    """Return in how many seconds everything asked for in a stage should be there; None if no node will begin it."""
    rows = Generation.objects.of_stage(session, stage).filter(job__state__in=_OPEN)
    asked = list(rows.order_by().values_list("job__group", "job__state").distinct())
    drawn = planning.recent_plan()
    groups = {group for group, _ in asked}
    ends = [end for key, end in drawn.plan.batch_done_s.items() if _group_of(key) in groups]
    if any(state in AT_WORK for _, state in asked):
        busy = {node.id: node.busy_until_s for node in drawn.nodes}
        ends += [drawn.at, *(busy.get(node) or 0 for node, group in _held() if group in groups)]
    return max(0.0, max(ends) - drawn.at) if ends else None


def _group_of(key: str) -> int:
    """Return the group of a batch's key, which is group:shape."""
    return int(key.partition(":")[0])


def estimate_text(index: int, stage: Stage, count: int, checkpoint: str = "") -> str:
    """Return how long so many pictures of a stage would take on the farm as it stands."""
    values: dict[str, Any] = {"width": stage.width, "height": stage.height, "steps": stage.steps}
    values["checkpoint"] = checkpoint
    templates = WorkflowTemplate.objects
    if stage.kind == "upscale":
        template = templates.for_upscale()
    else:
        template = templates.for_family(stage.family, from_picture=index > 0)
    if index > 0:
        values["steps"] = sampled_steps(stage.steps, stage.denoise)
    if template is None or template.current is None:
        return "an unknown time"
    return (
        spell_left(planning.estimate(template.current, stage.family, values, count))
        or "an unknown time"
    )
