"""One picture cell as every page, reply and socket shows it: state, words, progress, reasons, addresses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from django.template.loader import render_to_string
from django.urls import reverse

from eliot.live import kept_briefly, rendered_once
from farm_app import held, planning
from farm_app.abilities import can_upscale
from farm_app.models import Attempt, Job
from farm_app.models.jobs import NodeMode
from farm_app.models.states import HOLDING, NEEDS_YOU, JobState
from farm_app.progress import Glimpse, glimpses
from farm_app.strip import spell_left
from gallery_app.models import MediaFile
from sessions_app.models import Generation

PHASE_STATES: Final = {
    "loading": "loading",
    "sampling": "sampling",
    "decoding": "decoding",
    "saving": "decoding",
}
PHASE_WORDS: Final = {"decoding": "VAE", "saving": "saving"}
WORDS: Final = {
    "waiting": "Waiting",
    "loading": "Loading model",
    "sampling": "Sampling",
    "decoding": "Decoding",
    "storing": "Storing",
    "done": "Done",
    "failed": "Failed",
    "cancelling": "Cancelling",
    "cancelled": "Cancelled",
    "attention": "Needs you",
}
VERDICT_WORDS: Final = {"keep": "Kept", "drop": "Dropped"}
PROMPT_IN_ALT: Final = 120
WAITS: Final = "waits its turn"
STARTS: Final = "starts in about "
MOST_TURNS: Final = 40
FAR_S: Final = 90
_JOB_STATES: Final = {
    JobState.QUEUED: "waiting",
    JobState.WAITING: "attention",
    JobState.STORING: "storing",
    JobState.DONE: "done",
    JobState.CANCELLING: "cancelling",
    JobState.CANCELLED: "cancelled",
    JobState.FAILED: "failed",
    JobState.ATTENTION: "attention",
}


@dataclass(frozen=True)
class CellPicture:
    """The picture in a cell."""

    thumb_url: str
    url: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class Cell:
    """A generation as its cell shows it; names are those that the fragments read."""

    generation: Generation
    state: str
    glimpse: Glimpse | None = None
    wait_line: str = ""
    wait_node: str = ""
    is_pinned: bool = False
    """It may run on one node only, and that is why it does not run."""

    @property
    def pk(self) -> int:
        """The generation's id, part of every element id of the cell."""
        return self.generation.pk

    @property
    def job(self) -> Job:
        """Its job."""
        return self.generation.job

    def at(self, glimpse: Glimpse) -> "Cell":
        """Return the same cell further on; one that is being cancelled stays so, whatever its node still tells."""
        state = "cancelling" if self.state == "cancelling" else _phase_state(glimpse)
        return Cell(self.generation, state, glimpse, _load_left(state, glimpse))

    @cached_property
    def number(self) -> str:
        """Its number within the stage."""
        return f"{self.generation.number:02d}"

    @cached_property
    def media_file(self) -> MediaFile | None:
        """The file of its picture."""
        return self.generation.picture

    @cached_property
    def is_moving(self) -> bool:
        """Whether it gets on from second to second, and shows how far it is."""
        return self.state in ("loading", "sampling", "decoding", "storing", "cancelling")

    @cached_property
    def is_on_node(self) -> bool:
        """Whether a node works on it."""
        return self.state in ("loading", "sampling", "decoding")

    @cached_property
    def has_preview(self) -> bool:
        """Whether it may show what its node has sketched so far."""
        return self.is_moving and self.state != "loading"

    @cached_property
    def is_over(self) -> bool:
        """Whether it ended, or is stuck, without a picture."""
        return self.state in ("failed", "attention", "cancelled")

    @cached_property
    def is_still(self) -> bool:
        """Whether its box holds words alone."""
        return self.is_over or self.state in ("waiting", "loading")

    @property
    def is_trashed(self) -> bool:
        """Whether its picture is in the trash."""
        output = self.job.output
        return output is not None and output.trashed_at is not None

    @cached_property
    def picture(self) -> CellPicture | None:
        """What the cell shows when there is a picture."""
        found = self.media_file
        facts = found.known_facts if found else None
        if found is None or facts is None:
            return None
        return CellPicture(found.thumb_url, found.url, facts.width, facts.height, self._alt())

    def _alt(self) -> str:
        stage = self.generation.round.stage_name.rstrip("s")
        prompt = str(self.job.values.get("prompt") or self.job.recipe.get("prompt") or "")
        short = f"{prompt[:PROMPT_IN_ALT]}…" if len(prompt) > PROMPT_IN_ALT else prompt
        return f"{stage} {self.generation.number}, seed {self.job.seed}: {short}"

    @cached_property
    def width(self) -> int:
        """Width of what was asked for, for the cell's fixed shape."""
        return int(self.job.values.get("width") or self._source_size(0))

    @cached_property
    def height(self) -> int:
        """Height of what was asked for."""
        return int(self.job.values.get("height") or self._source_size(1))

    def _source_size(self, side: int) -> int:
        facts = self.job.source.known_facts if self.job.source else None
        return (facts.width, facts.height)[side] if facts else 1

    @cached_property
    def verdict(self) -> str:
        """What somebody said of it: nothing, keep or drop."""
        return self.media_file.flag if self.media_file else ""

    @cached_property
    def state_word(self) -> str:
        """The state or the verdict in the word that every page uses."""
        return VERDICT_WORDS.get(self.verdict) or WORDS[self.state]

    @cached_property
    def node_name(self) -> str:
        """Who renders it or made it."""
        if self.glimpse is not None and self.state != "done":
            return self.glimpse.node_name
        if self.job.state == JobState.RUNNING:
            return self.wait_node
        winner = self.job.winner
        return winner.node.slug if winner else ""

    @property
    def seconds_text(self) -> str:
        """How long it took on its node."""
        return f"{self.job.seconds:.1f} s" if self.job.seconds else ""

    @cached_property
    def percent(self) -> int | None:
        """How far it is; None when that means nothing."""
        if self.state == "storing":
            return 100
        if self.is_moving:
            return self.glimpse.percent if self.glimpse else 0
        return None

    @property
    def step(self) -> int:
        """Step of the sampler at work."""
        return self.glimpse.step if self.glimpse else 0

    @property
    def steps(self) -> int:
        """Steps of that sampler."""
        return self.glimpse.steps if self.glimpse else 0

    @property
    def phase_word(self) -> str:
        """What is done between the steps."""
        return (
            PHASE_WORDS.get(self.glimpse.phase, "")
            if self.glimpse and self.state == "decoding"
            else ""
        )

    @cached_property
    def preview_url(self) -> str:
        """Address of the latest preview frame; empty before the first."""
        if self.glimpse is None or not self.glimpse.frame or self.picture:
            return ""
        return reverse("farm:preview", args=[self.job.pk, self.glimpse.frame])

    @property
    def look(self) -> tuple[object, ...]:
        """Everything that its fragment depends on: equal looks are equal HTML."""
        return (
            *(self.pk, self.state, self.verdict, self.wait_line, self.wait_node, self.percent),
            *(self.step, self.steps, self.preview_url, self.reason, self.detail, self.picture),
            *(self.node_name, self.seconds_text, self.number, self.is_pinned, can_upscale()),
        )

    @property
    def body(self) -> str:
        """The fragment itself (safe, as templates return it), rendered once for all pages of this process."""
        return _rendered_body(self.look, self)

    @property
    def reason(self) -> str:
        """What went wrong or is waited for."""
        if self.state == "cancelled":
            return "Cancelled by you"
        return self.job.reason or ("The picture is gone." if self.state == "done" else "")

    @property
    def detail(self) -> str:
        """What to do about it; while a model loads, which one."""
        if self.state == "loading":
            return str(self.job.values.get("checkpoint") or "").rpartition(".")[0]
        return self.job.advice if self.state in ("failed", "attention") else ""

    @cached_property
    def urls(self) -> Mapping[str, str]:
        """Addresses of what can be done to it now."""
        verbs = ["large"] if self.picture else []
        if self.picture:
            verbs += ["keep", "drop", "clear"]
        if self.picture and can_upscale():
            verbs.append("upscale")
        if self.is_on_node or self.state in ("waiting", "attention"):
            verbs.append("cancel")
        if self.is_over:
            verbs.append("retry")
        if self.state in ("waiting", "failed", "attention"):
            verbs.append("why")
        if self.is_pinned:
            verbs.append("any_node")
        return {verb: _address(verb).replace("/0/", f"/{self.pk}/") for verb in verbs}


@rendered_once
def _rendered_body(cell: Cell) -> str:
    return render_to_string("sessions/_cell.html", {"cell": cell})


@cache
def _address(verb: str) -> str:
    """Return a verb's address for picture 0: resolving it for each cell would take most of a page's time."""
    return reverse(f"sessions:{verb}", args=[0])


def cells_of(generations: Iterable[Generation]) -> list[Cell]:
    """Return the cells of these generations, with progress and expected starts read for all at once."""
    found = list(generations)
    running = glimpses(
        [one.job_id for one in found if one.job.state in (JobState.RUNNING, JobState.CANCELLING)]
    )
    expected = {**_expected(found), **_unseen(found, running)}
    pinned = _pinned(found, expected)
    return [
        _cell(one, running.get(one.job_id), expected, is_pinned=one.job_id in pinned)
        for one in found
    ]


def _pinned(
    generations: list[Generation], expected: Mapping[int, tuple[str, str]]
) -> frozenset[int]:
    """Return the jobs that wait since they may run on one node only: it is out, or it cannot do them."""
    stuck = {one.job_id for one in generations if one.job.state in NEEDS_YOU}
    waiting = {
        one.job_id
        for one in generations
        if one.job.state == JobState.QUEUED and not expected[one.job_id][0].startswith(STARTS)
    }
    if not stuck | waiting:
        return frozenset()
    rows = Job.objects.filter(pk__in=stuck | waiting, group__node_mode=NodeMode.ONLY)
    out = {node.id for node in planning.recent_plan().nodes if node.state != "ready"}
    chosen = dict(rows.values_list("pk", "group__node"))
    return frozenset(pk for pk, node in chosen.items() if pk in stuck or node in out)


def _unseen(
    generations: list[Generation], seen: Mapping[int, Glimpse]
) -> Mapping[int, tuple[str, str]]:
    """Return, for running jobs that have told nothing yet, on which node they are."""
    silent = [
        one.job_id
        for one in generations
        if one.job.state == JobState.RUNNING and one.job_id not in seen
    ]
    if not silent:
        return {}
    there = Attempt.objects.filter(job_id__in=silent, state__in=HOLDING)
    return {job_id: ("", node) for job_id, node in there.values_list("job_id", "node__slug")}


def _expected(generations: list[Generation]) -> Mapping[int, tuple[str, str]]:
    """Return, for waiting jobs that the plan has placed, when and on which node they start."""
    return _turns([one.job_id for one in generations if one.job.state == JobState.QUEUED])


def _turns(jobs: Iterable[int]) -> Mapping[int, tuple[str, str]]:
    waiting = list(jobs)
    if not waiting:
        return {}
    drawn = planning.recent_plan()
    names = {node.id: node.name for node in drawn.nodes}
    starts = {job_id: turn for job_id in waiting if (turn := drawn.plan.expected.get(job_id))}
    spelt = {
        job_id: _spell_turn(turn.start_s - drawn.at, names.get(turn.node_id, ""))
        for job_id, turn in starts.items()
    }
    return {**_without_turn(set(waiting) - set(starts), drawn), **spelt}


def _without_turn(jobs: set[int], drawn: planning.Drawn) -> Mapping[int, tuple[str, str]]:
    """Say what keeps back those that the plan does not start."""
    if not jobs:
        return {}
    otherwise = WAITS if drawn.plan.expected else held.waits_for()
    by_hand = frozenset() if otherwise == held.BY_QUEUE else held.held_among(jobs)
    return {job_id: (held.BY_HAND if job_id in by_hand else otherwise, "") for job_id in jobs}


def _spell_turn(in_s: float, node: str) -> tuple[str, str]:
    """Say when, and on which node: of what is minutes away, no plan knows the node, nor the second."""
    if in_s < FAR_S:
        return f"{STARTS}{spell_left(max(in_s, 1))}", node
    return f"{STARTS}{round(in_s / 60)} min", ""


@dataclass(frozen=True)
class Turn:
    """When a waiting picture starts, and where; the names are those that its fragment reads."""

    pk: int
    wait_line: str
    wait_node: str
    reason: str = ""


@kept_briefly(1.0)
def turns_of(session_id: int, stage: int) -> list[Turn]:
    """Return the turns of the next waiting pictures of a stage, read once for all the pages that show it."""
    rows = Generation.objects.filter(
        round__session=session_id, round__stage=stage, job__state=JobState.QUEUED
    ).order_by("number")
    waiting = dict(rows.values_list("pk", "job_id")[:MOST_TURNS])
    turns = _turns(waiting.values())
    return [Turn(pk, *turns[job_id]) for pk, job_id in waiting.items()]


def _cell(
    generation: Generation,
    glimpse: Glimpse | None,
    expected: Mapping[int, tuple[str, str]],
    *,
    is_pinned: bool,
) -> Cell:
    job = generation.job
    state: str = _JOB_STATES.get(JobState(job.state), "sampling")
    line, node = "", ""
    if job.state == JobState.RUNNING:
        state = _phase_state(glimpse)
        line, node = _load_left(state, glimpse), expected.get(job.pk, ("", ""))[1]
    elif job.state == JobState.QUEUED:
        line, node = expected.get(job.pk, (WAITS, ""))
    return Cell(generation, state, glimpse, line, node, is_pinned)


def _load_left(state: str, glimpse: Glimpse | None) -> str:
    return (
        f"{spell_left(glimpse.left_s)} left"
        if state == "loading" and glimpse and glimpse.left_s
        else ""
    )


def _phase_state(glimpse: Glimpse | None) -> str:
    """Return the phase as a cell's state; a model that is warm already is not shown as loading."""
    if glimpse is None or (glimpse.phase == "loading" and not glimpse.is_cold):
        return "sampling"
    return PHASE_STATES[glimpse.phase]
