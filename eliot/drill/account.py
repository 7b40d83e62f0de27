"""What was asked for, and what became of it: from the rows, the files, and the nodes' own ledgers."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from django.conf import settings

from eliot.drill.processes import Node
from eliot.management import database
from eliot.soundness import Look, run
from farm_app import invariants as farm
from farm_app import setbacks
from farm_app.models import Attempt, Job, JobOutput
from farm_app.models.states import FailureClass, JobState
from gallery_app.models import Library
from sessions_app import invariants as table
from sessions_app.models import Generation, WorkSession
from sessions_app.order import Order, place_round
from sessions_app.takes import cancel, retry

SIZE: Final = 256
STOPPED: Final = (JobState.FAILED, JobState.ATTENTION)
VALUES: Final[dict[str, Any]] = {
    "prompt": "a lighthouse",
    "negative": "",
    "steps": 6,
    "cfg": 7.0,
    "sampler": "euler",
    "scheduler": "normal",
    "width": SIZE,
    "height": SIZE,
    "checkpoint": "",
}


# What the drill did may end a job in such a way; of other ways nothing that it does is the reason.
EXPLAINED_BY: Final[Mapping[str, Collection[str]]] = {
    FailureClass.RESOURCE: ("memory out",),
    FailureClass.EXECUTION: ("node raises",),
    FailureClass.FETCH: ("picture cut", "node killed"),
    FailureClass.INFRASTRUCTURE: ("node killed", "interrupted"),
}


@dataclass(frozen=True)
class Stop:
    """A job that ended without its picture and without anybody's wish."""

    job_id: int
    fence: int
    failure: str
    evidence: str
    reason: str

    def is_explained(self, deeds: Collection[str]) -> bool:
        """Say whether one of these deeds may be why; that Eliot's own code stumbled is nobody's deed."""
        if self.evidence == setbacks.STUMBLED:
            return False
        return any(one in deeds for one in EXPLAINED_BY.get(self.failure, ()))


class Account:
    """Asks for pictures, cancels some, asks for them again, and remembers all of it apart from Eliot's rows."""

    def __init__(self) -> None:
        """Open a session for it."""
        self.session = WorkSession.begin(title="Drill")
        self.asked: set[int] = set()
        self.cancelled: set[int] = set()
        self.stops: set[Stop] = set()

    def ask(self, count: int) -> None:
        """Press Generate."""
        order = Order(
            stage=0, stage_name="Drafts", family="sd15", work="draft", count=count, values=VALUES
        )
        placed = place_round(self.session, order)
        self.asked |= set(placed.generations.values_list("pk", flat=True))

    def cancel(self, generations: Sequence[int]) -> int:
        """Cancel these, unless they are done meanwhile."""
        self.cancelled |= set(generations)
        return cancel(Generation.objects.filter(pk__in=generations))

    def ask_again(self) -> int:
        """Ask again for all that has failed, was cancelled or waits for a person; how it failed is remembered."""
        self.note_stops()
        states = (JobState.FAILED, JobState.CANCELLED, JobState.ATTENTION)
        again = Generation.objects.filter(job__state__in=states)
        found = list(again)
        count = retry(found)
        self.cancelled -= {one.pk for one in found}
        return count

    def note_stops(self) -> None:
        """Remember what has failed or waits for a person, and over what."""
        for job in Job.objects.filter(state__in=STOPPED):
            last = job.attempts.exclude(failure="").order_by("fence").last()
            failure, evidence = (last.failure, last.evidence) if last else ("", "")
            self.stops.add(Stop(job.pk, job.fence, failure, evidence, job.reason))

    def open(self) -> list[int]:
        """Return what is neither there nor given up."""
        over = (JobState.DONE, JobState.CANCELLED, JobState.FAILED, JobState.ATTENTION)
        rows = Generation.objects.exclude(job__state__in=over)
        return list(rows.values_list("pk", flat=True))

    def stopped(self) -> int:
        """Count what has ended without a picture and without anybody's wish."""
        return Job.objects.filter(state__in=STOPPED).count()


@dataclass
class Outcome:
    """How it ended."""

    kind: str
    seed: int
    asked: int = 0
    done: int = 0
    cancelled: int = 0
    lost: int = 0
    duplicated: int = 0
    stuck: int = 0
    renders: int = 0
    deeds: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)
    """How often a picture failed or was put before a person before it was asked for again, by the kind of failure."""
    unexplained: list[str] = field(default_factory=list)
    """Of these, the ones that nothing explains which the drill did."""
    noticed_s: dict[str, list[float]] = field(default_factory=dict)
    """Seconds until a fault was known, by the way it came about."""
    breaches: list[str] = field(default_factory=list)

    def missed(self) -> list[str]:
        """Say what must not be."""
        counts = {"lost": self.lost, "duplicated": self.duplicated, "stuck": self.stuck}
        said = [f"{count} {name}" for name, count in counts.items() if count]
        return [
            *said,
            *(f"stopped without cause: {one}" for one in self.unexplained),
            *self.breaches,
        ]

    def lines(self) -> Iterable[str]:
        """Return it for people."""
        yield f"{self.asked} asked for, {self.done} done, {self.cancelled} cancelled (seed {self.seed})."
        yield f"lost / duplicated / stuck: {self.lost} / {self.duplicated} / {self.stuck}"
        yield f"{self.renders} renders; " + ", ".join(
            f"{n} × {what}" for what, n in self.deeds.items()
        )
        if self.stopped:
            kinds = ", ".join(f"{count} × {kind}" for kind, count in self.stopped.items())
            yield f"stopped before they were asked for again: {kinds}"
        for way, times in self.noticed_s.items():
            yield f"{way}: noticed in {median(times):.2f} s, at worst {max(times):.2f} s ({len(times)} times)"


def settle(account: Account, nodes: Sequence[Node], outcome: Outcome) -> Outcome:
    """Compare what was asked for with rows, files and ledgers, when nothing is under way any more."""
    rows = dict(Generation.objects.values_list("pk", "job__state"))
    done = [pk for pk, state in rows.items() if state == JobState.DONE]
    outcome.asked, outcome.done = len(account.asked), len(done)
    outcome.stuck = len(account.open())
    outcome.cancelled = sum(rows.get(pk) == JobState.CANCELLED for pk in account.cancelled)
    ended = outcome.done + outcome.cancelled + outcome.stuck
    outcome.lost = len(account.asked - rows.keys()) + max(0, len(account.asked) - ended)
    outcome.duplicated = _doubled(len(done))
    account.note_stops()
    outcome.stopped = dict(Counter(one.failure or "other" for one in account.stops).most_common())
    outcome.unexplained = sorted(
        f"job {one.job_id}: {one.reason}"
        for one in account.stops
        if not one.is_explained(outcome.deeds)
    )
    begun = [attempt for node in nodes for attempt in node.begun()]
    outcome.renders = len(begun)
    twice = [attempt for attempt, count in Counter(begun).items() if count > 1]
    unknown = set(begun) - {str(pk) for pk in Attempt.objects.values_list("pk", flat=True)}
    outcome.breaches = [
        *(f"Attempt {attempt} was rendered more than once." for attempt in twice),
        *(f"A node rendered {attempt}, which no row knows." for attempt in sorted(unknown)),
        *map(str, run((*database.CHECKS, *table.CHECKS, *farm.ALL), Look())),
    ]
    return outcome


def _doubled(done: int) -> int:
    """Count pictures beyond one for each that is done: as files, and as rows."""
    root = Library.objects.get(slug="pictures").root_path
    files = [path for path in root.rglob("*.png") if ".gallery" not in path.parts]
    rows = JobOutput.objects.count()
    return max(len(files) - done, rows - done, 0)


def folder_of_drill() -> Any:
    """Return where the drill's own things lie."""
    folder = settings.ELIOT_DATA / "drill"
    folder.mkdir(exist_ok=True)
    return folder
