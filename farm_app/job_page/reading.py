"""What the page of a job shows, read from its rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone

from farm_app import families, planning
from farm_app.models import Attempt, Job, JobEvent, LearnedSpeed, Priority
from farm_app.models.attempts import LATE_KEPT
from farm_app.models.jobs import MAY_BE_ASKED_AGAIN
from farm_app.models.states import HOLDING, MAY_ADOPT, AttemptState, JobState
from farm_app.parameters import grouped
from farm_app.patience import Patience
from farm_app.progress import Glimpse, glimpses
from farm_app.strip import spell_left
from farm_app.why import Why, why
from gallery_app.models import MediaFile

MOST_EVENTS: Final = 300
WORDS: Final = {
    JobState.QUEUED: "Waiting",
    JobState.WAITING: "Needs you",
    JobState.RUNNING: "Rendering",
    JobState.STORING: "Storing",
    JobState.DONE: "Done",
    JobState.CANCELLING: "Cancelling",
    JobState.CANCELLED: "Cancelled",
    JobState.FAILED: "Failed",
    JobState.ATTENTION: "Needs you",
}
_LOOKS: Final = {
    JobState.QUEUED: "waiting",
    JobState.WAITING: "attention",
    JobState.RUNNING: "sampling",
    JobState.STORING: "storing",
    JobState.DONE: "keep",
    JobState.CANCELLING: "cancelling",
    JobState.CANCELLED: "cancelled",
    JobState.FAILED: "failed",
    JobState.ATTENTION: "attention",
}
_FAULTS: Final = (AttemptState.FAILED, AttemptState.LOST)
_LONG: Final = ("prompt", "negative")
_LABELS: Final = {"cfg": "Guidance"}


def spell_seconds(seconds: float | None) -> str:
    """Return how long something took: to the tenth if it was short; unknown is empty."""
    if seconds is None:
        return ""
    return f"{max(seconds, 0.0):.1f} s" if seconds < 60 else spell_left(seconds)


_STATE_WORDS: Final = {
    AttemptState.SUBMITTING: "Sending",
    AttemptState.RUNNING: "Rendering",
    AttemptState.PRODUCED: "Made, comes home",
    AttemptState.FETCHED: "Storing",
    AttemptState.PLACED: "Storing",
    AttemptState.COMMITTED: "Done",
    AttemptState.SUPERSEDED: "Not needed any more",
}


@dataclass(frozen=True)
class Try:
    """One attempt as the page shows it; times are in words, empty where they are not known."""

    attempt: Attempt
    queued: str
    sending: str
    load: str
    on_node: str
    storing: str
    is_winner: bool

    @property
    def state_word(self) -> str:
        """Where it stands, in the words of the other pages."""
        return (
            _STATE_WORDS.get(AttemptState(self.attempt.state)) or self.attempt.get_state_display()
        )

    @property
    def is_fault(self) -> bool:
        """Whether it ended badly."""
        return self.attempt.state in _FAULTS

    @property
    def why(self) -> str:
        """How it ended, or why it is where it is."""
        return " ".join(filter(None, (self.attempt.reason, self.attempt.evidence)))


@dataclass(frozen=True)
class Late:
    """A picture that a node finished although nobody waited for it any more."""

    attempt: Attempt
    can_adopt: bool

    @property
    def until(self) -> datetime | None:
        """Until when it is kept apart."""
        produced = self.attempt.produced
        return produced + LATE_KEPT if produced else None


class JobView:
    """A job with all that its page shows."""

    def __init__(self, job: Job) -> None:
        """Take it with its group, template and source read along."""
        self.job = job

    @classmethod
    def find(cls, pk: int) -> "JobView | None":
        """Return the job at an address."""
        rows = Job.objects.select_related(
            "group__version__template", "group__node", "source__facts", "library"
        )
        job = rows.filter(pk=pk).first()
        return cls(job) if job else None

    @property
    def pk(self) -> int:
        """Its number."""
        return self.job.pk

    @cached_property
    def title(self) -> str:
        """Who asked, and which one of it."""
        return f"{self.job.group.label} {self.job.number}"

    @cached_property
    def glimpse(self) -> Glimpse | None:
        """How far it is, while it runs."""
        if self.job.state != JobState.RUNNING:
            return None
        return glimpses([self.pk]).get(self.pk)

    @cached_property
    def preview_url(self) -> str:
        """The latest frame; empty before the first."""
        if self.glimpse is None or not self.glimpse.frame:
            return ""
        return reverse("farm:preview", args=[self.pk, self.glimpse.frame])

    @cached_property
    def look(self) -> str:
        """The state's icon and colour."""
        is_held = self.job.state == JobState.QUEUED and self.held is not None
        return "paused" if is_held else _LOOKS[JobState(self.job.state)]

    @cached_property
    def word(self) -> str:
        """The state in the word that every page uses."""
        return "Paused" if self.look == "paused" else WORDS[JobState(self.job.state)]

    @cached_property
    def held(self) -> Any:
        """What is paused, if that is why it waits."""
        return planning.who_paused(self.job)

    @cached_property
    def sentence(self) -> str:
        """Why it is as it is."""
        if self.job.state == JobState.RUNNING:
            return self._how_far()
        if self.waiting is not None:
            place = f" Number {self.waiting.position} in the queue." if not self.held else ""
            return f"{self.waiting.sentence}{place}"
        if self.job.state == JobState.DONE:
            return self._done()
        return self.job.reason

    def _how_far(self) -> str:
        names = " and ".join(
            one.attempt.node.slug for one in self.tries if one.attempt.state in HOLDING
        )
        step = ""
        if self.glimpse is not None and self.glimpse.phase == "sampling" and self.glimpse.steps:
            step = f", step {self.glimpse.step} of {self.glimpse.steps}"
        left = spell_left(self.glimpse.left_s) if self.glimpse else ""
        return f"On {names}{step}.{f' About {left} left.' if left else ''}"

    def _done(self) -> str:
        if self.winner is None:
            return ""
        took = spell_seconds(self.winner.node_seconds)
        return f"Made on {self.winner.node.slug}{f' in {took}' if took else ''}."

    @cached_property
    def waiting(self) -> Why | None:
        """Why it waits, node by node."""
        is_waiting = self.job.state in (JobState.QUEUED, JobState.WAITING)
        return why(self.job) if is_waiting else None

    @cached_property
    def attempts(self) -> Sequence[Attempt]:
        """All of them, first to last."""
        rows = self.job.attempts.select_related("node", "media_file__facts").order_by("fence")
        return list(rows.defer("node__node_classes", "node__samplers", "node__schedulers"))

    @property
    def winner(self) -> Attempt | None:
        """The one whose picture the job has."""
        return next((one for one in self.attempts if one.pk == self.job.winner_id), None)

    @cached_property
    def tries(self) -> Sequence[Try]:
        """All attempts with their times."""
        found, free_since = [], self.job.created
        loads = self._known_loads()
        for one in self.attempts:
            found.append(_try(one, free_since, loads.get(one.node_id), self.job.winner_id))
            free_since = one.ended or one.reserved
        return found

    def _known_loads(self) -> Mapping[int, float]:
        """Return how long each node usually takes to load a model for such a job."""
        template = self.job.group.version.template.slug
        rows = LearnedSpeed.objects.filter(template=template, load_s__isnull=False)
        return {node: load_s or 0.0 for node, load_s in rows.values_list("node_id", "load_s")}

    @cached_property
    def late(self) -> Sequence[Late]:
        """What came too late and is kept apart."""
        rows = self.job.attempts.late().select_related("node")
        can_adopt = self.job.state in MAY_ADOPT
        return [Late(one, can_adopt) for one in rows]

    @cached_property
    def events(self) -> Sequence[JobEvent]:
        """What happened, newest first."""
        rows = self.job.events.select_related("node").order_by("-pk")
        return list(rows.only("at", "sentence", "actor", "level", "node__slug")[:MOST_EVENTS])

    @cached_property
    def outputs(self) -> Sequence[MediaFile]:
        """Its files, the picture first."""
        rows = self.job.outputs.select_related("media_file__facts").order_by("ordinal")
        return [one.media_file for one in rows]

    @cached_property
    def sent(self) -> Attempt | None:
        """The attempt whose graph is shown: the winner's, or else the last that was sent."""
        with_graph = [one for one in self.attempts if one.sent]
        if self.winner in with_graph:
            return self.winner
        return with_graph[-1] if with_graph else None

    @cached_property
    def graph(self) -> str:
        """The graph as its node got it; before that, the template's with nothing bound."""
        graph = self.sent.sent if self.sent else self.job.group.version.graph
        return json.dumps(graph, indent=2, ensure_ascii=False)

    @cached_property
    def model(self) -> str:
        """What the model family is called."""
        known = families.FAMILIES.get(self.job.group.family)
        return known.label if known else self.job.group.family

    @cached_property
    def words(self) -> list[tuple[str, str]]:
        """Prompt and negative."""
        values = self.job.values
        return [(name.capitalize(), str(values[name])) for name in _LONG if values.get(name)]

    @cached_property
    def facts(self) -> list[tuple[str, str]]:
        """Label and value of everything else that was asked for."""
        job, group = self.job, self.job.group
        values = [
            (_LABELS.get(name, name.replace("_", " ").capitalize()), str(value))
            for name, value in job.values.items()
            if name not in (*_LONG, "seed") and value not in (None, "")
        ]
        at = timezone.localtime(job.created)
        found = [
            ("Seed", grouped(job.seed)),
            ("Model family", self.model),
            *values,
            ("Workflow", f"{group.version.template.slug}, version {group.version.number}"),
            ("Node", self._node_wish()),
            ("Time limit", Patience.with_template(group.version.template).sentence),
            ("Priority", Priority(job.class_now).label),
            ("Asked for", f"{at:%d %b %Y, %H:%M:%S}"),
            ("Goes to", f"{job.library}: {job.destination}"),
        ]
        return [(label, value) for label, value in found if value]

    def _node_wish(self) -> str:
        group = self.job.group
        if group.node is None:
            return ""
        return f"{group.node.slug}{' only' if group.node_mode == 'only' else ' preferred'}"

    @cached_property
    def can(self) -> frozenset[str]:
        """What can be done to it now."""
        state = self.job.state
        found = set()
        if state in MAY_BE_ASKED_AGAIN:
            found.add("retry")
        if state == JobState.RUNNING:
            found.add("requeue")
        if state not in (JobState.DONE, JobState.CANCELLED, JobState.FAILED, JobState.CANCELLING):
            found.add("cancel")
        if state in (JobState.QUEUED, JobState.WAITING, JobState.ATTENTION):
            found.add("resume" if self.job.is_paused or self.job.group.is_paused else "pause")
        if state == JobState.QUEUED:
            found |= {"front", "priority"}
        return frozenset(found)

    @property
    def priorities(self) -> list[tuple[int, str, bool]]:
        """Value, label, and whether it is the job's, of each class."""
        return [(one.value, one.label, one == self.job.class_now) for one in Priority]


def _try(one: Attempt, free_since: datetime, load_s: float | None, winner_id: Any) -> Try:
    on_node = _between(one.started, one.produced or one.ended)
    load = ""
    if one.was_cold and load_s and (one.node_seconds or load_s) >= load_s:
        load = f"about {spell_seconds(load_s)}"
    elif one.was_cold:
        load = "included"
    return Try(
        attempt=one,
        queued=spell_seconds(_between(free_since, one.reserved)),
        sending=spell_seconds(_between(one.submitted, one.started)),
        load=load,
        on_node=spell_seconds(one.node_seconds if one.node_seconds is not None else on_node),
        storing=spell_seconds(_between(one.produced, one.ended)),
        is_winner=one.pk == winner_id,
    )


def _between(since: datetime | None, until: datetime | None) -> float | None:
    return None if since is None or until is None else (until - since).total_seconds()
