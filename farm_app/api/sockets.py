"""Sockets that tell programs how a job or a job group gets on: one JSON object in each message.

Built on the same nudges as live pages. Events have an id; who comes back with ``?since=`` that id gets what happened
since. Progress has none: only the latest counts.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db.models import QuerySet
from ninja.responses import NinjaJSONEncoder

from eliot.live import LivePage, News
from eliot.policy import pass_of
from farm_app.api.jobs import LARGEST_ID
from farm_app.api.schemas import Counts
from farm_app.api.showing import counts_of, event_said, output_said, progress_said
from farm_app.deadlines import BY_DEADLINE
from farm_app.models import ApiToken, Job, JobEvent, JobGroup, JobOutput
from farm_app.models.jobs import share_group
from farm_app.models.requests import Kind
from farm_app.models.states import JobState
from farm_app.progress import glimpses

# So many events are told at once; who asks for more gets them in the next rounds.
MOST_EVENTS: Final = 500
MOST_KEPT: Final = 10_000
_ENDS: Final = {
    JobState.DONE: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
_ENDINGS: Final = frozenset({*_ENDS.values(), "timeout"})


class ProgramSocket(LivePage):
    """A socket about some jobs."""

    shares: Sequence[str] = ()

    async def send_fragments(self, fragments: Sequence[str]) -> None:
        """Send each object as a message of its own."""
        for one in fragments:
            await self.send(text_data=one)

    def group_names(self) -> Sequence[str]:
        """Hear the shares of these jobs."""
        return [share_group(key) for key in self.shares]

    def prepare(self) -> bool:
        """Find what the address names."""
        self.told: dict[int, None] = {}
        self.cursor_told = self.cursor
        self.job_ids: frozenset[int] = frozenset()
        groups = self.job_groups()
        self.shares = sorted(set(groups.values_list("share_key", flat=True)))
        self.job_ids = frozenset(self.jobs().values_list("pk", flat=True))
        return bool(self.job_ids)

    @property
    def pk(self) -> int:
        """The id in the address."""
        pk = int(self.scope["url_route"]["kwargs"]["pk"])
        return pk if pk <= LARGEST_ID else 0  # there is none

    def jobs(self) -> QuerySet[Job]:
        """Return the jobs that it is about."""
        raise NotImplementedError

    def job_groups(self) -> QuerySet[JobGroup]:
        """Return the groups of these jobs."""
        return JobGroup.objects.filter(jobs__in=self.jobs())

    def news(self, cursor: int) -> News:
        """Tell the events since the cursor, each once.

        A round that nobody asked for goes back a little: of two events the one with the lower id may be committed
        last.
        """
        said, has_more = self.new_events(cursor)
        return News([_text(one) for one in said], self.cursor_told, has_more)

    def new_events(self, cursor: int) -> tuple[list[dict[str, Any]], bool]:
        """Return what has not been told, and whether there is still more."""
        moved = JobEvent.objects.filter(job__in=self.jobs(), pk__gt=cursor).order_by("pk")
        unknown = moved.exclude(pk__in=[pk for pk in self.told if pk > cursor])
        events = list(unknown.select_related("node")[:MOST_EVENTS])
        for event in events:
            self.told[event.pk] = None
            self.cursor_told = max(self.cursor_told, event.pk)
        while len(self.told) > MOST_KEPT:
            del self.told[next(iter(self.told))]
        return list(_told(events)), len(events) == MOST_EVENTS

    def progress(self, jobs: frozenset[int]) -> Sequence[str]:
        """Tell how far those of them are that a node is at."""
        seen = glimpses(sorted(jobs & self.job_ids))
        return [
            _text({"event": "progress", "job": pk, **progress_said(glimpse).model_dump()})
            for pk, glimpse in seen.items()
        ]

    def around(self) -> Sequence[str]:
        """Tell nothing more."""
        return ()

    def may_stay(self) -> bool:
        """Say whether the token by which it came, if any, opens the door still."""
        found = pass_of(self.scope)
        return found is None or ApiToken.objects.live().filter(pk=found.token_id).exists()


class JobSocket(ProgramSocket):
    """How one job gets on."""

    def jobs(self) -> QuerySet[Job]:
        """Return it."""
        return Job.objects.filter(pk=self.pk)


class GroupSocket(ProgramSocket):
    """How the children of a job group get on, and when all have ended."""

    def jobs(self) -> QuerySet[Job]:
        """Return the children."""
        return Job.objects.filter(group__request=self.pk, group__request__kind=Kind.GROUP)

    def job_groups(self) -> QuerySet[JobGroup]:
        """Return the groups of the children."""
        return JobGroup.objects.filter(request=self.pk)

    def prepare(self) -> bool:
        """Find it."""
        self._last_end: Counts | None = None
        return super().prepare()

    def new_events(self, cursor: int) -> tuple[list[dict[str, Any]], bool]:
        """Return them, and after the last child's end that the group is complete.

        Who connects when it is complete already is told so too: it may have missed it. Counts are read before the
        events: what ended between the two is told now, and counted in the next round.
        """
        counts = counts_of([self.pk]).get(self.pk)
        said, has_more = super().new_events(cursor)
        if has_more or counts is None or counts.open:
            self._last_end = None
        elif counts != self._last_end or any(one["event"] in _ENDINGS for one in said):
            self._last_end = counts
            facts = {"id": self.cursor_told, "group": self.pk, **counts.model_dump()}
            said.append({"event": "group_complete", **facts})
        return said, has_more


def _told(events: Sequence[JobEvent]) -> Iterable[dict[str, Any]]:
    """Return what is told of events; of the end of a job what came of it."""
    done = [one.job_id for one in events if one.after == JobState.DONE]
    outputs = JobOutput.objects.filter(job__in=done).select_related("media_file__facts")
    files: dict[int, list[dict[str, Any]]] = {}
    for output in outputs:
        files.setdefault(output.job_id, []).append(output_said(output).model_dump())
    for one in events:
        name = name_of(one)
        said = {"event": name, "job": one.job_id, **event_said(one).model_dump()}
        yield said | ({"outputs": files.get(one.job_id or 0, [])} if name == "completed" else {})


def name_of(event: JobEvent) -> str:
    """Return what programs call an event: how the job ended, ``state`` for other moves, ``note`` without any."""
    if event.before == event.after:
        return "note"
    if event.after == JobState.FAILED and event.actor == BY_DEADLINE:
        return "timeout"
    return _ENDS.get(JobState(event.after), "state")


def _text(said: dict[str, Any]) -> str:
    return json.dumps(said, cls=NinjaJSONEncoder)
