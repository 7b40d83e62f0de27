"""Following one prompt on a node to its end: events are hints, history and queue decide.

Every connection has a fresh client id, so after a reconnect what was sent under the old one is asked for
instead of listened to.
"""

import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from django.utils import timezone

from eliot.statements import Given, Question
from farm_app import claiming, gaps, health, metrics, stopping
from farm_app.comfy.client import Absent, ComfyClient, Fate, Finished, HistoryEntry, Running
from farm_app.comfy.errors import ComfyError, Unreachable
from farm_app.comfy.events import (
    Event,
    Executing,
    Failed,
    Interrupted,
    Preview,
    ProgressState,
    Started,
    Succeeded,
)
from farm_app.comfy.monitors import Monitored
from farm_app.comfy.pace import Pace
from farm_app.comfy.progress import Progress
from farm_app.comfy.watch import Watch
from farm_app.models import Attempt
from farm_app.models.states import HOLDING, AttemptState, JobState
from farm_app.patience import Patience, spell_minutes
from farm_app.planner import is_slow
from farm_app.progress import Teller
from farm_app.timers import (
    ASK_DEAF_S,
    ASK_QUIET_S,
    BREATH_S,
    FACTOR,
    FASTER_LOOK_S,
    GIVE_UP_S,
    HISTORY_LAG_S,
    LOOK_TWICE_S,
    PROGRESS_S,
    RECONNECT_S,
    REQUEUE_S,
    SILENT_S,
    STOPPED_S,
)
from farm_app.verdicts import Verdict, judge

logger = logging.getLogger(__name__)

TICK_S: Final = 0.25
# The end was heard: the history has it in a moment.
END_TICK_S: Final = 0.02
# After the success event the server writes the history, and then says that nothing runs any more.
END_HINT_S: Final = 0.05
# The phases after the last step: time to see what comes next.
NEARLY_DONE: Final = ("decoding", "saving")
# An accepted prompt that does not start within this waits in the node's own queue.
START_S: Final = 0.3
# No round of asking takes as long as this.
OWN_LAG_S: Final = 40.0

_cancelling: Final[Question[Any]] = Question(
    lambda: (
        Attempt.objects.filter(pk=Given("pk", Attempt._meta.pk), job__state=JobState.CANCELLING)
        .order_by()
        .values_list("pk")
    )
)


class NodeGone(Exception):
    """Its port refuses: the process is gone, and with it all that it was doing."""

    @property
    def sentence(self) -> str:
        """Why, for people."""
        return str(self)


class NodeSilent(Exception):
    """It does not answer, and its work is better done elsewhere."""

    @property
    def sentence(self) -> str:
        """Why, for people."""
        return str(self)


class LeaseGone(Exception):
    """Somebody else feeds this node now."""


def new_client_id() -> str:
    """Return an id under which no socket was opened before."""
    return f"eliot-{uuid.uuid4().hex}"


class Follower:
    """Holds the socket to one node and follows one prompt after the other."""

    def __init__(
        self, origin: str, looks: ComfyClient, keep_lease: Callable[[], bool], *, first_id: str
    ) -> None:
        """Prepare; `connect` opens the socket.

        Args:
            origin: The node's address.
            looks: Asks the node; its time-outs are short.
            keep_lease: Says whether the node is still ours to feed.
            first_id: The client id of the first socket; each later one makes its own.
        """
        self.origin = origin
        self.looks = looks
        self.keep_lease = keep_lease
        self.watch: Watch | None = None
        self.client_id = ""
        self._first_id = first_id
        self._next_try_s = 0.0

    def __enter__(self) -> Self:
        """Enter without connecting."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the socket."""
        self.hang_up()

    def hang_up(self) -> None:
        """Close the socket; a next one has another client id."""
        if self.watch is not None:
            self.watch.close()
            self.watch = None
            self.client_id = ""

    def connect(self) -> str:
        """Open the socket unless it is open; return its client id.

        Where something in between lets HTTP pass but no sockets, prompts are asked for instead of listened to.

        Raises:
            NodeGone: The port refuses.
            Unreachable: No answer in time.
            ComfyError: What answers there is no ComfyUI.
        """
        is_deaf = bool(self.client_id) and time.monotonic() < self._next_try_s
        if self.watch is None and not is_deaf:
            self._open()
        return self.client_id

    def _open(self) -> None:
        self.client_id, self._first_id = self._first_id or new_client_id(), ""
        self._next_try_s = time.monotonic() + RECONNECT_S
        try:
            self.watch = Watch(self.origin, self.client_id)
        except Unreachable as fault:
            if fault.refused:
                raise NodeGone(fault.sentence) from fault
            raise
        except ComfyError as fault:
            logger.info("no event socket: %s", fault.sentence)
            # A proxy lets no sockets pass; a printer that was given the address takes no prompts either.
            self.looks.system_stats()

    def reconnect(self) -> None:
        """Open a new socket for what comes after this prompt, unless that was tried a moment ago.

        Raises:
            NodeGone: The port refuses.
        """
        if self.watch is not None or time.monotonic() < self._next_try_s:
            return
        with suppress(ComfyError):
            self._open()

    def follow(self, attempt: Attempt, *, rejoin: bool = False, accepted: bool = True) -> Verdict:
        """Watch ``attempt`` to its end.

        Args:
            attempt: What was sent, by this holder or by an earlier one.
            rejoin: An earlier holder sent it: its events go to a socket that is no more, so it is asked for.
            accepted: The node said that it has it. If not, it is asked for at once.

        Raises:
            NodeGone: The port refuses now.
            NodeSilent: No answer for a while, and another node could do it.
            LeaseGone: Another holder feeds this node now.
            Stopping: This process stops.
        """
        return _Watching(self, attempt, is_deaf=rejoin, is_sure=accepted).to_the_end()


class _Watching:
    """The state of following one attempt."""

    def __init__(
        self, follower: Follower, attempt: Attempt, *, is_deaf: bool, is_sure: bool
    ) -> None:
        self.follower = follower
        self.attempt = attempt
        self.progress = Progress.begin(attempt.sent or {})
        self.pace = Pace()
        self.teller = Teller(
            attempt.job, attempt.node.slug, attempt.expected_s, is_cold=attempt.was_cold
        )
        self.is_deaf = is_deaf or follower.watch is None  # no events will come: ask
        # Seen on the node at least once: then it cannot be missing without a reason.
        self.is_sure = is_sure or attempt.state in (AttemptState.ACCEPTED, AttemptState.RUNNING)
        self.was_cut = self.has_looked_ahead = self.has_copy = False
        self.ended_hint: float | None = None
        self.answered = 0.0
        self.unanswered_since: float | None = None
        self.missing_since: float | None = None
        self.running_at: float | None = None
        self.told_to_stop: float | None = None
        self.why_stopped = ""
        self.patience = Patience.with_template(
            attempt.job.group.version.template, attempt.expected_s
        )
        self.is_unwanted = False
        self.state_at = self.compared_at = 0.0
        now = time.monotonic()
        self.began = self.last_event = self.began_to_end = self.ticked = now
        self.last_asked = 0.0 if is_deaf or not is_sure else now

    def to_the_end(self) -> Verdict:
        self.teller.tell(self.progress, now=True)
        while True:
            stopping.check()
            self._forgive_own_lag()
            if not self.follower.keep_lease():
                raise LeaseGone
            self._hear()
            verdict = self._ask_if_due()
            if verdict is not None:
                return verdict
            self._note_accepted()
            self._stop_if_too_long()
            self._hand_on_if_slow()

    def _forgive_own_lag(self) -> None:
        """After this process slept, as a laptop does, no node has been silent on its own account."""
        now = time.monotonic()
        if now - self.ticked > OWN_LAG_S:
            self.unanswered_since, self.last_event, self.began = None, now, now
        self.ticked = now

    # Listening

    def _hear(self) -> None:
        """Take the next event, or notice that the socket is gone."""
        watch = self.follower.watch
        if watch is None:
            stopping.pause(TICK_S)
            self.follower.reconnect()
            return
        try:
            event = watch.next_event(TICK_S if self.ended_hint is None else END_TICK_S)
        except Unreachable:
            self.follower.hang_up()
            self.is_deaf = self.was_cut = True
            self.last_asked = 0.0
            return
        if isinstance(event, Monitored):  # tells of the machine, not of this prompt
            metrics.note(self.attempt.node_id, event)
        elif event is not None:
            self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, Preview):
            self._take_preview(event)
            return
        if event.prompt_id != self.attempt.prompt_id:
            return
        self.last_event = time.monotonic()
        if isinstance(event, ProgressState) and not self._is_worth_reading():
            return
        if isinstance(event, Started):
            self._started()
        elif isinstance(event, (Succeeded, Failed, Interrupted)):
            self._ending(END_HINT_S)
        elif isinstance(event, Executing) and event.node is None:
            self._ending(0.0)
        self.progress = self.progress.after(event)
        self.pace.see(self.progress.step, self.progress.steps, self.last_event)
        self.teller.tell(self.progress, now=isinstance(event, Started))
        if self.progress.phase in NEARLY_DONE and not self.has_looked_ahead:
            self.has_looked_ahead = True
            claiming.look_ahead(self.attempt.node, client_id=self.follower.client_id)

    def _is_worth_reading(self) -> bool:
        """Each step has a state, and says the same by itself: no more of them are read than pages are told."""
        if self.last_event - self.state_at < PROGRESS_S:
            return False
        self.state_at = self.last_event
        return True

    def _ending(self, in_s: float) -> None:
        now = time.monotonic()
        if self.ended_hint is None:
            self.began_to_end = now
            gaps.opened(self.attempt.node_id)
        self.ended_hint = min(self.ended_hint or now + in_s, now + in_s)

    def _take_preview(self, event: Preview) -> None:
        # A frame without an id belongs to what runs: ours, once it has started.
        is_ours = event.prompt_id == self.attempt.prompt_id
        if is_ours or (event.prompt_id is None and self.attempt.state == AttemptState.RUNNING):
            self.last_event = time.monotonic()
            self.teller.show(event.content_type, event.image)

    def _started(self) -> None:
        self.is_sure = True
        self.running_at = self.running_at or time.monotonic()
        if self.attempt.state == AttemptState.RUNNING or self.is_unwanted:
            return
        if not self.attempt.move(AttemptState.RUNNING, started=timezone.now()):
            self.is_unwanted = True
        elif self._is_cancelled():
            self._stop()  # the cancel came while it was being sent

    def _note_accepted(self) -> None:
        """Write down that the node has it, if it does not start at once, which says so too."""
        if self.is_sure and time.monotonic() - self.began > START_S:
            self._accepted()

    def _accepted(self) -> None:
        if self.attempt.state == AttemptState.SUBMITTING:
            self.is_unwanted = not self.attempt.move(AttemptState.ACCEPTED)

    def _hand_on_if_slow(self) -> None:
        """Have an idle node render a copy where this one turns out so much slower that the copy comes first."""
        started, expected_s = self.attempt.started, self.attempt.expected_s
        now = time.monotonic()
        is_over = self.has_copy or self.ended_hint is not None or self.told_to_stop is not None
        if is_over or not started or not expected_s or now - self.compared_at < FASTER_LOOK_S:
            return
        self.compared_at = now
        took_s = (timezone.now() - started).total_seconds()
        left_s = self.pace.left_s(now)
        if left_s is None:
            left_s = max(took_s - expected_s, 0.0)  # who is late is given as long again
        else:
            self.teller.lasts(left_s)
        if is_slow(expected_s, took_s + left_s) and claiming.copy_of_slow(self.attempt, left_s):
            self.has_copy = True
            self.teller.fall_silent()

    # Asking

    def _ask_if_due(self) -> Verdict | None:
        if self.is_unwanted:
            return self._drop()
        now = time.monotonic()
        if self.ended_hint is not None:
            # It left the queue, and the history may lag: nowhere to be found is not lost yet.
            return self._read_history() if now >= self.ended_hint else None
        if self.is_deaf or not self.is_sure:
            is_due = now - self.last_asked >= ASK_DEAF_S
        else:
            is_due = now - max(self.last_event, self.last_asked) >= ASK_QUIET_S
        return self._ask() if is_due else None

    def _read_history(self) -> Verdict | None:
        asked = time.monotonic()
        try:
            entry = self.follower.looks.history(self.attempt.prompt_id)
        except ComfyError as fault:
            return self._unanswered(fault, asked)
        self._has_answered()
        if entry is not None:
            return self._judge(entry)
        late_s = asked - self.began_to_end
        self.ended_hint = asked + late_s  # the later it is, the less often it is asked for
        if late_s > HISTORY_LAG_S:
            self.ended_hint, self.is_deaf = None, True
        return None

    def _ask(self) -> Verdict | None:
        asked = self.last_asked = time.monotonic()
        try:
            fate = self.follower.looks.look_up(self.attempt.prompt_id, marker=str(self.attempt.pk))
        except ComfyError as fault:
            return self._unanswered(fault, asked)
        self._has_answered()
        if isinstance(fate, Absent):
            return self._absent()
        self._adopt(fate)
        if isinstance(fate, Finished):
            return self._judge(fate.entry)
        return self._under_way(fate)

    def _under_way(self, fate: Fate) -> Verdict | None:
        """It waits or runs there: see that this is still wanted, and that it gets on."""
        if not self._is_wanted():
            return self._drop()
        if isinstance(fate, Running):
            self._started()
            self._stop_if_stalled()
        else:
            self._accepted()
            self.began = self.last_event = time.monotonic()  # others' prompts come first
        return None

    def _adopt(self, fate: Fate) -> None:
        """Note that it is there, and under which id: some servers make their own."""
        self.is_sure, self.missing_since = True, None
        found = (
            fate.entry.prompt_id if isinstance(fate, Finished) else getattr(fate, "prompt_id", "")
        )
        if found and found != self.attempt.prompt_id:
            self.attempt.node_prompt_id = found
            Attempt.objects.filter(pk=self.attempt.pk).update(node_prompt_id=found)

    def _absent(self) -> Verdict | None:
        """Believe that it is gone: at once if it was there, else when it is missing twice, some time apart."""
        now = time.monotonic()
        self.missing_since = self.missing_since or now
        if self.is_sure or now - self.missing_since >= LOOK_TWICE_S:
            return Verdict("absent", has_restarted=self.is_sure and self.was_cut)
        return None

    def _judge(self, entry: HistoryEntry) -> Verdict:
        if entry.outcome == "interrupted" and self.told_to_stop:
            return Verdict("error", reason=self.why_stopped, evidence="stalled")
        return judge(entry, self.attempt.sent or {})

    # Trouble

    def _has_answered(self) -> None:
        self.answered, self.unanswered_since = time.monotonic(), None

    def _unanswered(self, fault: ComfyError, asked: float) -> Verdict | None:
        """Bear with a silent node for a while; meanwhile let another one render a copy.

        Raises:
            NodeGone: Its port refuses.
            NodeSilent: It was silent for long enough, given who else could do the work.
        """
        if isinstance(fault, Unreachable) and fault.refused:
            raise NodeGone(fault.sentence) from fault
        self._forgive_own_lag()  # the question itself may have slept
        is_loading = self.attempt.was_cold and self.progress.phase == "loading"
        if self.unanswered_since is None:
            self.unanswered_since = max(self.last_event, asked if is_loading else self.answered)
        silent_s = time.monotonic() - self.unanswered_since
        if silent_s < (BREATH_S if is_loading else SILENT_S):
            return None
        if not self._is_wanted():
            return Verdict("superseded")
        health.note_fault(self.attempt.node, fault)
        others_could = claiming.copy_elsewhere(self.attempt)
        patience_s = REQUEUE_S if others_could else GIVE_UP_S
        if self._is_cancelled() or silent_s > patience_s:
            raise NodeSilent(fault.sentence) from fault
        return None

    def _stop_if_stalled(self) -> None:
        """A prompt that runs without any sign of progress for very long is told to stop."""
        limit_s, since = self.patience.stall_s, self.last_event
        if self.is_deaf:
            limit_s, since = self.patience.deaf_s, self.began
        if time.monotonic() - since > limit_s:
            minutes = spell_minutes(limit_s / FACTOR)
            self._tell_to_stop(f"It showed no progress for {minutes} and was stopped.")

    def _stop_if_too_long(self) -> None:
        """One that renders on and on is told to stop as well.

        Raises:
            NodeSilent: It does not stop.
        """
        now = time.monotonic()
        if self.told_to_stop and now - self.told_to_stop > STOPPED_S:
            raise NodeSilent("It should end and cannot be stopped.")
        if self.running_at is not None and now - self.running_at > self.patience.cap_s:
            minutes = spell_minutes(self.patience.cap_s / FACTOR)
            said = (
                f"It rendered for {minutes} and was stopped. Its workflow's limit is in the admin."
            )
            self._tell_to_stop(said)

    def _tell_to_stop(self, why: str) -> None:
        if self.told_to_stop or self.ended_hint is not None:
            return
        self.told_to_stop, self.why_stopped = time.monotonic(), why
        slug, job_id = self.attempt.node.slug, self.attempt.job_id
        logger.warning("node %s: job %s is told to stop: %s", slug, job_id, why)
        self._stop()

    def _drop(self) -> Verdict:
        """Nobody waits for it any more: tell the node, and leave it."""
        self._stop()
        return Verdict("superseded")

    def _stop(self) -> None:
        try:
            self.follower.looks.cancel(self.attempt.prompt_id, version=self.attempt.node.version)
        except ComfyError as fault:
            logger.info("node %s was not stopped: %s", self.attempt.node.slug, fault)

    def _is_wanted(self) -> bool:
        return Attempt.objects.filter(pk=self.attempt.pk, state__in=HOLDING).exists()

    def _is_cancelled(self) -> bool:
        return bool(_cancelling(pk=self.attempt.pk))
